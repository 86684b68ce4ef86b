"""What outlives a node."""

import msgspec
import numpy as np
import pytest

from vla_sim.ros.kept_state import FOLDER, KeptState


class Memory(msgspec.Struct, frozen=True):
    names: tuple[str, ...] = ()
    width: float = 0.0


decoder = msgspec.json.Decoder(Memory)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def kept(told=None):
    return KeptState("node", decoder, (told if told is not None else []).append)


def test_the_next_process_finds_what_was_saved_last(folder):
    assert kept().load() is None
    first = kept()
    first.save(Memory(("a",)))
    first.save(Memory(("b", "c")))
    assert kept().load() == Memory(("b", "c"))


def test_numbers_of_numpy_are_numbers(folder):
    kept().save(Memory((), np.float64(0.066)))
    assert kept().load() == Memory((), 0.066)


def test_nothing_is_kept_where_nobody_starts_nodes_again(tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    kept().save(Memory(("a",)))
    assert kept().load() is None


def test_what_cannot_be_written_or_read_is_told_and_the_node_goes_on(folder):
    told: list[str] = []
    (folder / "node.json").write_text("{")
    assert kept(told).load() is None
    (folder / "node.json").unlink()
    (folder / "node.json").mkdir()
    kept(told).save(Memory(("a",)))
    assert len(told) == 2
