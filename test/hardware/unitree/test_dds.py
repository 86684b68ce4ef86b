"""The robot's topics, without a network."""

import pytest

dds = pytest.importorskip("vla_sim.hardware.unitree.dds", reason="CycloneDDS is not installed")
from vla_sim.hardware.unitree import dds_types, wire  # noqa: E402


class Odd:
    """A reader to which something comes that is no state, and then one that is."""

    def __init__(self, *_, **__):
        self.sizes = [10, wire.LowState.size]

    def take(self, most):
        return [dds_types.LowState.deserialize(bytes(4 + self.sizes.pop(0)))]


def test_what_is_none_of_its_type_costs_itself(monkeypatch):
    monkeypatch.setattr(dds, "DataReader", Odd)
    monkeypatch.setattr(dds, "Topic", lambda *_: None)
    bus = dds.Bus.__new__(dds.Bus)
    bus._participant = bus._recorder = None
    take = bus.reader("rt/lowstate", dds_types.LowState)
    assert take() == []
    assert len(take()) == 1
