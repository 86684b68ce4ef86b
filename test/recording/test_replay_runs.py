"""Recorded runs of the whole stack, played to it again: the same data, the same decisions."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy")

from vla_sim.cli.main import main
from vla_sim.recording.reader import Recording
from vla_sim.recording.replay import replay

pytestmark = [pytest.mark.ros, pytest.mark.scenario]
LONGER = (
    "stop_while_walking", "object_missing", "urgent_command", "pick_on_tabletop", "command_while_busy",
    "two_red_objects", "person_crossing", "go_to_kitchen",
)  # fmt: skip


@pytest.mark.parametrize(
    "scenario", ["nonsense", *(pytest.param(one, marks=pytest.mark.variant) for one in LONGER)]
)
def test_a_run_that_is_played_again_decides_the_same(scenario, tmp_path):
    folder = tmp_path / "run"
    assert main(["play", scenario, "--record", "all", "--pictures", "none", "--out", str(folder)]) == 0
    found = replay(Recording(folder), tmp_path / "again")
    assert [(one.topic, one.recorded, one.replayed) for one in found.compared if not one.same] == []
    assert len(found.compared) > 5
