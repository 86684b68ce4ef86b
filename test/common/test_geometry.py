"""Attitudes in one form and another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.geometry import quaternion_from_rotation, rotation_from_rpy, rpy_from_quaternion

ANGLE = st.floats(-3.1, 3.1)


@given(ANGLE, st.floats(-1.5, 1.5), ANGLE)
def test_roll_pitch_and_yaw_come_back(roll, pitch, yaw):
    q = quaternion_from_rotation(rotation_from_rpy(roll, pitch, yaw))
    np.testing.assert_allclose(rpy_from_quaternion(q), (roll, pitch, yaw), atol=1e-6)
