"""Files that are written while something runs, read back by the public reader of MCAP files."""

import contextlib

import numpy as np
from mcap.exceptions import EndOfFile
from mcap.reader import NonSeekingReader, make_reader
from mcap_ros2.decoder import DecoderFactory

from vla_sim.common.mcap_file import Channel, McapFile

DOUBLES = Channel("numbers", "cdr", "a/msg/Number", "ros2msg", "float64 x\n")
NAME = Channel("name", "cdr", "a/msg/Number", "ros2msg", "float64 x\n", kept=True)


def number(value):
    return b"\x00\x01\x00\x00" + np.float64(value).tobytes()


def messages(path):
    """(topic, value, sequence) of a whole file."""
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        return [
            (channel.topic, message.x, raw.sequence)
            for _, channel, raw, message in reader.iter_decoded_messages()
        ]


def test_what_was_flushed_is_in_a_file_without_its_end(tmp_path):
    path = tmp_path / "log.mcap"
    out = McapFile(path, largest=1 << 30, chunk=1 << 20)
    channel = out.add(DOUBLES)
    for k in range(500):
        out.write(channel, k, number(k))
        if k % 100 == 99 and k < 400:
            out.flush()
    seen = []
    with path.open("rb") as file:
        reader = NonSeekingReader(file, decoder_factories=[DecoderFactory()])
        with contextlib.suppress(EndOfFile):  # its end is missing
            seen.extend(m.x for _, _, _, m in reader.iter_decoded_messages(log_time_order=False))
    assert seen == list(range(400))
    out.close()
    assert [x for _, x, _ in messages(path)] == list(range(500))


def test_a_file_that_is_large_is_followed_by_another_which_begins_with_what_is_kept(tmp_path):
    begun = []
    out = McapFile(tmp_path / "log.mcap", largest=10_000, chunk=1_000, begin=begun.append)
    name, channel = out.add(NAME), out.add(DOUBLES)
    out.write(name, 0, number(7.0), 3)
    numbers = np.random.default_rng(0).random(5000)
    for k, x in enumerate(numbers):
        out.write(channel, k, number(x))
    out.close()
    assert [path.name for path in out.files] == ["log.before.mcap", "log.mcap"]
    assert sorted(tmp_path.iterdir()) == out.files
    assert len(begun) > 2
    got = []
    for file in ("log.before.mcap", "log.mcap"):
        first, *rest = messages(tmp_path / file)
        assert first == ("name", 7.0, 3)
        got += [x for _, x, _ in rest]
    np.testing.assert_array_equal(got, numbers[-len(got) :])
    assert 10_000 < (tmp_path / "log.before.mcap").stat().st_size < 20_000
