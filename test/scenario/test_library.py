"""The shipped scenarios, in lock-step: the same on any machine, and faster than real time on most.

They are played as `vla-sim test` does it, on MuJoCo or the engine that `VLA_SIM_ENGINE` names; a failure
names the folder with the run's files. `make test` plays those that prove something unique, `make scenarios`
all of them. What is played at the clock's pace is in `test_clock_pace.py`.
"""

import os

import pytest

from vla_sim.scenario import load
from vla_sim.scenario.sweep.processes import Processes
from vla_sim.scenario.sweep.tasks import Task

VARIANTS = {
    "background_waits": "urgent_command preempts what runs in the same way",
    "bring_box_back": "place_on_counter walks with an object in the hand",
    "carry_through_door": "place_on_counter walks with an object in the hand",
    "charging_station": "fetch_cup walks to a named place",
    "cluttered_room": "blocked_door and person_crossing meet what no map knows",
    "command_while_busy": "urgent_command has two commands in the queue",
    "dropped_object": "dropped_while_carrying notices the same loss; test_manipulator has it during a reach",
    "fast_speech": "noisy_room is harder to understand",
    "find_ball_and_grasp": "fetch_cup finds and grasps",
    "go_to_kitchen": "fetch_cup goes there first; test_second_robot_walks plays it with the T1",
    "long_mission": "each of its commands has a scenario of its own",
    "low_light": "object_moved picks up the same cup",
    "move_forward": "urgent_command and turn_left move by a measure that was said",
    "move_from_to": "place_on_counter takes a thing from one table to another",
    "narrow_door": "fetch_cup passes the same door",
    "nonsense": "test_replay_runs plays it, and what was recorded of it again",
    "object_missing": "blocked_door fails and says why; fetch_cup looks for the cup",
    "other_voice": "noisy_room is harder to understand",
    "out_of_reach": "dropped_while_carrying ends without the cup",
    "pick_on_tabletop": "object_moved picks up the same cup",
    "planner_freezes": "navigation_dies stops the robot in the same way",
    "put_next_to": "put_into_basket looks for the other thing and puts down by it in the same way",
    "put_on_box": "put_into_basket looks for the other thing and puts down by it in the same way",
    "slow_speech": "noisy_room is harder to understand",
    "two_red_objects": "fetch_cup leaves the other cup alone",
    "unknown_obstacle": "person_crossing walks around what no map knows",
}
"""Longer or easier variants of what another scenario proves, named here: `make scenarios` plays them too."""


LIBRARY = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.variant] if path.stem in VARIANTS else [])
    for path in load.shipped() if load.load(path).scenario.pace != "clock"
]  # fmt: skip


def test_each_variant_is_in_the_library():
    assert VARIANTS.keys() <= {one.id for one in LIBRARY}


@pytest.mark.scenario
@pytest.mark.ros
@pytest.mark.gl
@pytest.mark.parametrize("path", LIBRARY)
def test_scenario(path, tmp_path):
    task = Task(str(path), path.stem, os.environ.get("VLA_SIM_ENGINE", "mujoco"), 0, 1, tmp_path)
    record = Processes().play(task, 1, ["--no-reserve", "--pictures", "failures"])
    found = "\n".join(
        [*record.reasons, f"kept in {record.folder}", f"again: {record.again}", *record.log[-5:]]
    )
    assert record.passed, found
