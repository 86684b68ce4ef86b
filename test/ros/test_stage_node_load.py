"""A stage obeys the monitor's load level until the monitor falls silent."""

import pytest

from vla_sim.contract.limits import LOAD_LEVELS, LOAD_SILENCE
from vla_sim.contract.records import Load
from vla_sim.ros import stage_node
from vla_sim.ros.stage_node import LoadFollower

TOP = len(LOAD_LEVELS) - 1


def load(level):
    return Load(
        level=level, name=LOAD_LEVELS[level].name, since=0.0, stamp=0.0, mono=0.0, cpu=30.0, memory=30.0,
        missed=0.0,
    )  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    """Turned by hand: its only item is what `time.monotonic` gives [s]."""
    now = [50.0]
    monkeypatch.setattr(stage_node.time, "monotonic", lambda: now[0])
    return now


def test_a_stage_works_in_full_before_it_receives_anything(clock):
    assert LoadFollower(print).level is LOAD_LEVELS[0]


@pytest.mark.parametrize("level", range(TOP + 1))
def test_a_stage_obeys_until_the_monitor_is_silent(level, clock):
    logged = []
    follower = LoadFollower(logged.append)
    follower.on_load(load(level))
    clock[0] += LOAD_SILENCE - 0.01
    assert follower.level is LOAD_LEVELS[level]
    clock[0] += 0.02
    assert follower.level is LOAD_LEVELS[0]
    follower.check()
    assert len(logged) == (2 if level else 0)
    follower.on_load(load(level))
    assert follower.index == level
