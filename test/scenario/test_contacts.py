"""Which contacts are part of the job, and which are not."""

import pytest

from vla_sim.contract.records import ContactPair, Contacts
from vla_sim.scenario.judge import forbidden_contacts
from vla_sim.scenario.recording import Recording

PAIRS = [
    ("g1::left_ankle_roll_link::sole", "floor::link::collision", set(), True),
    ("g1::left_ankle_roll_link::sole", "ground_plane::link::collision", set(), True),
    ("g1::left_ankle_roll_link::sole", "aws_robomaker_residential_FloorB_01::link::c", set(), True),
    ("g1::left_ankle_roll_link::sole", "floor_lamp::link::pole", set(), False),
    ("g1::left_knee_link::shin", "floor::link::collision", set(), False),
    ("g1::torso_link::chest", "table::link::top", set(), False),
    ("g1::right_finger_left_link::pad", "red_cup::link::body", {"red_cup"}, True),
    ("g1::right_finger_left_link::pad", "red_cup::link::body", set(), False),
    ("g1::right_elbow_link::forearm", "red_cup::link::body", {"red_cup"}, False),
    ("g1::right_finger_left_link::pad", "g1::right_finger_right_link::pad", set(), True),
    ("g1::right_elbow_link::forearm", "g1::torso_link::chest", set(), False),
    ("red_cup::link::body", "table::link::top", set(), True),
]


@pytest.mark.parametrize(("a", "b", "held", "allowed"), PAIRS)
@pytest.mark.parametrize("swap", [False, True])
def test_only_feet_with_floor_and_gripper_with_the_wanted_object_may_touch(a, b, held, allowed, swap):
    recording = Recording()
    pair = ContactPair(a=b, b=a, force=3.0) if swap else ContactPair(a=a, b=b, force=3.0)
    recording.on_contacts(Contacts(stamp=1.0, pairs=[pair]))
    touches = forbidden_contacts(recording, held)
    assert bool(touches) is not allowed
