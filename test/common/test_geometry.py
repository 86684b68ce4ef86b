"""Attitudes in one form and another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_sim.common.geometry import quaternion_from_rotation, rotation_from_rpy, rpy_from_quaternion, towards

ANGLE = st.floats(-3.1, 3.1)


@given(ANGLE, st.floats(-1.5, 1.5), ANGLE)
def test_roll_pitch_and_yaw_come_back(roll, pitch, yaw):
    q = quaternion_from_rotation(rotation_from_rpy(roll, pitch, yaw))
    np.testing.assert_allclose(rpy_from_quaternion(q), (roll, pitch, yaw), atol=1e-6)


@given(arrays(float, 3, elements=st.floats(-1.0, 1.0)).filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_z_is_turned_to_a_direction_by_the_shortest_way(direction):
    rotation = towards(direction)
    unit = direction / np.linalg.norm(direction)
    np.testing.assert_allclose(rotation @ (0.0, 0.0, 1.0), unit, atol=1e-8)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.trace(rotation) == pytest.approx(1.0 + 2.0 * unit[2], abs=1e-8)  # by the angle between both
