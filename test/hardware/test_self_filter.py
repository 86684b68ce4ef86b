"""Which points of a cloud are the robot's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_sim.hardware.self_filter import others
from vla_sim.robot import facts
from vla_sim.robot.body_size import TRUNK
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.depth_scan import own_capsules

KINEMATICS = Kinematics.load()
CAPSULES = own_capsules(KINEMATICS, facts.DEFAULT_POSE)


def own(p):
    if TRUNK[0] < p[0] < TRUNK[1] and TRUNK[2] < p[1] < TRUNK[3]:
        return True
    for *ends, radius in CAPSULES:
        a, b = np.array(ends[:3]), np.array(ends[3:])
        share = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
        if np.linalg.norm(p - a - share * (b - a)) < radius:
            return True
    return False


@given(arrays(float, (20, 3), elements=st.floats(-0.8, 0.8)))
def test_they_are_those_of_its_trunk_and_its_limbs(points):
    assert others(points, CAPSULES).tolist() == [not own(p) for p in points]


def test_its_hands_are_its_own_and_what_lies_before_them_is_not():
    hand = KINEMATICS.frame(facts.TOOL_FRAME["right"], facts.DEFAULT_POSE)[:3, 3]
    before = hand + np.array([0.4, 0.0, 0.0])
    assert others(np.array([hand, before]), CAPSULES).tolist() == [False, True]
