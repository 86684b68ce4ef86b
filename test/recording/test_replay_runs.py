"""Recorded runs of the whole stack, played to it again: the same data, the same decisions."""

from __future__ import annotations

import functools

import pytest

pytest.importorskip("rclpy")

from vla_sim.cli.main import main
from vla_sim.contract import topics
from vla_sim.recording.reader import Recording
from vla_sim.recording.replay import replay

pytestmark = [pytest.mark.ros, pytest.mark.scenario]
SHORT = ("nonsense", "turn_left")
LONGER = (
    "stop_while_walking", "object_missing", "urgent_command", "pick_on_tabletop", "command_while_busy",
    "two_red_objects", "person_crossing", "go_to_kitchen",
)  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recorded run of a scenario, in lock-step."""

    @functools.cache
    def play(scenario):
        folder = tmp_path_factory.mktemp(scenario)
        assert main(["play", scenario, "--record", "all", "--out", str(folder)]) == 0
        return Recording(folder)

    return play


def apart(found):
    return [(one.topic, one.recorded, one.replayed) for one in found.compared if not one.same]


@pytest.mark.parametrize(
    "scenario", [*SHORT, *(pytest.param(one, marks=pytest.mark.variant) for one in LONGER)]
)
def test_a_run_that_is_played_again_decides_the_same(scenario, recorded, tmp_path):
    found = replay(recorded(scenario), tmp_path)
    assert apart(found) == []
    assert len(found.compared) > 5


def test_what_a_changed_parameter_changes_is_named(recorded, tmp_path):
    found = replay(recorded("turn_left"), tmp_path, settings=["voice.confidence=1.0"])
    (topic, before, after), *_ = apart(found)
    assert topic == topics.TRANSCRIPT.name
    assert before.text == "turn left ninety degrees"
    assert after.text.startswith("turn left ninety degrees; not complete")
