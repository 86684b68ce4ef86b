"""A closed gripper holds what it has."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mujoco_rig import Hanging

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("name", "mass"),
    [("red_cup", 0.05), ("red_cup", 0.15), ("red_ball", 0.5), ("blue_box", 0.5), ("green_bottle", 0.25)],
)
def test_a_shaken_hand_holds_its_object_for_ten_seconds(name: str, mass: float) -> None:
    rig = Hanging(name, mass)
    before, turned_before = rig.held_pose()
    rig.run(10.0, shake=0.8)
    after, turned = rig.held_pose()
    assert np.linalg.norm(after - before) < 0.008
    cosine = (np.trace(turned_before.T @ turned) - 1) / 2
    assert math.degrees(math.acos(min(1.0, cosine))) < 3.0
