import math

import numpy as np
import pytest

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import quaternion_from_yaw, transform
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand, checked, planar_base_in_map


def test_the_planar_pose_is_that_of_the_whole_one():
    odom = transform((1.0, 2.0, 0.0), quaternion_from_yaw(math.pi / 2))
    base = transform((0.5, 0.0, 0.77), quaternion_from_yaw(0.3))
    np.testing.assert_allclose((odom @ base)[:3, 3], (1.0, 2.5, 0.77))
    assert planar_base_in_map(odom, base) == pytest.approx((1.0, 2.5, math.pi / 2 + 0.3))


def test_a_checked_command_is_a_copy_and_says_what_is_wrong():
    size = len(facts.JOINTS)
    given = JointCommand(np.zeros(size), np.ones(size), np.zeros(size), damping=np.full(size, 2.0))
    copy = checked(given)
    given.position[0] = given.damping[0] = 9.0
    assert (copy.position[0], copy.damping[0]) == (0.0, 2.0)
    assert checked(JointCommand(np.zeros(size), np.ones(size), np.zeros(size))).damping is None
    given.damping = np.full(size, np.nan)
    with pytest.raises(EngineError, match="damping"):
        checked(given)
