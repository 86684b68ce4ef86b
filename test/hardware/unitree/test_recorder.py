"""The driver's log, read back by the public reader of MCAP files."""

import io
import json
import os
import signal
import time

import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="CycloneDDS is not installed")
pytest.importorskip("mcap_ros2", reason="mcap is not installed")
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

from vla_sim.hardware.unitree import dds_types, message_schema, recorder
from vla_sim.hardware.unitree.recorder import Channel, Recorder, records
from vla_sim.hardware.unitree.wire import LowState

DOUBLES = Channel("numbers", "cdr", "a/msg/Number", "ros2msg", "float64 x\n", {})


def number(value):
    return b"\x00\x01\x00\x00" + np.float64(value).tobytes()


def read(path):
    """(topic, message) of all that is in a file."""
    cdr, found = DecoderFactory(), []
    with path.open("rb") as file:
        for schema, channel, message in make_reader(file).iter_messages():
            decode = cdr.decoder_for(channel.message_encoding, schema) or json.loads
            found.append((channel.topic, decode(message.data)))
    return found


def read_when_whole(path):
    """As `read`, once its writer has ended it."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            return read(path)
        except Exception:  # it has not yet
            assert time.monotonic() < deadline
            time.sleep(0.05)


def written_by(out):
    """A state as the robot sends it, a hand's, and a request; each as it came or would come from the wire."""
    state = LowState()
    state.tick, state.motors["q"][7] = 1234, 0.5
    state.motors["temperature"][28] = 31, 41
    state.remote[2] = 7
    state.seal()
    header = dds_types.RequestHeader(
        dds_types.RequestIdentity(5, 7105), dds_types.RequestLease(0), dds_types.RequestPolicy(0, True)
    )
    samples = {
        "rt/lowstate": dds_types.LowState.of(state),
        "rt/dex3/left/state": dds_types.hand_state(np.linspace(0.0, 0.6, 7)),
        "rt/api/sport/request": dds_types.Request(header, '{"data": 1}', []),
    }
    for topic, sample in samples.items():
        kind = type(sample)
        schema = message_schema.ros2msg(kind)
        take = out.channel(Channel(topic, "cdr", message_schema.ros_name(kind), "ros2msg", schema, {}))
        take(dds_types.cdr(kind.deserialize(sample.serialize())))
    return state


@pytest.mark.integration
def test_what_was_handed_over_is_read_back_number_by_number(tmp_path):
    out = Recorder(tmp_path / "log.mcap")
    state = written_by(out)
    out.close()
    got = dict(read(tmp_path / "log.mcap"))
    low = got["rt/lowstate"]
    assert (low.tick, low.crc, low.wireless_remote[2]) == (1234, state.crc, 7)
    assert low.motor_state[7].q == 0.5
    assert list(low.motor_state[28].temperature) == [31, 41]
    hand = got["rt/dex3/left/state"]
    assert [m.q for m in hand.motor_state] == pytest.approx(np.linspace(0.0, 0.6, 7))
    request = got["rt/api/sport/request"]
    assert (request.header.identity.api_id, request.parameter) == (7105, '{"data": 1}')
    assert request.header.policy.noreply


@pytest.mark.integration
def test_a_driver_that_is_killed_leaves_a_whole_file(tmp_path):
    """Up to what it handed over last."""
    path = tmp_path / "log.mcap"
    child = os.fork()
    if child == 0:
        take = Recorder(path)
        write = take.channel(DOUBLES)
        for k in range(2000):
            write(number(k))
        while take._pending:
            take.flush()
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    got = read_when_whole(path)
    assert [message.x for _, message in got] == list(range(2000))


def test_records_are_found_in_pieces_of_any_size():
    data = b"".join(recorder._HEADER.pack(k, 10 * k, k) + bytes([k] * k) for k in range(50))
    for size in (1, 7, 100, 5000):
        stream = io.BytesIO(data)
        found = list(records(lambda most, stream=stream, size=size: stream.read(size)))
        assert found == [(k, 10 * k, bytes([k] * k)) for k in range(50)]
    assert len(list(records(io.BytesIO(data[:-1]).read))) == 49


@pytest.mark.integration
def test_a_writer_that_is_behind_costs_messages_and_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "MOST_PENDING", 1000)
    out = Recorder(tmp_path / "log.mcap")
    write = out.channel(DOUBLES)
    for k in range(1000):
        write(number(k))
    assert out.lost > 900
    out.close()
    assert len(read(tmp_path / "log.mcap")) == 1000 - out.lost


@pytest.mark.integration
def test_where_the_log_cannot_be_written_that_is_said_and_the_driver_goes_on(tmp_path, capfd):
    out = Recorder(tmp_path / "no" / "log.mcap")
    out._writer.wait(60)
    write = out.channel(DOUBLES)
    write(number(1.0))
    out.flush()
    out.close()
    assert "the driver's log ends" in capfd.readouterr().out
