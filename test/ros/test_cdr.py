"""A trajectory read from bytes is what rclpy reads from them; no bytes break the reader."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.ros import cdr, conversions

pytest.importorskip("rclpy")
from rclpy.serialization import deserialize_message, serialize_message
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

pytestmark = pytest.mark.ros

NUMBERS = st.lists(st.floats(allow_nan=False), max_size=3)
POINTS = st.builds(
    lambda a, b, c, d: JointTrajectoryPoint(positions=a, velocities=b, accelerations=c, effort=d),
    NUMBERS, NUMBERS, st.just([]) | NUMBERS, st.just([]),
)  # fmt: skip


def message(names, points, frame, seconds):
    out = JointTrajectory(joint_names=names, points=points)
    out.header.frame_id, out.header.stamp.sec = frame, seconds
    for k, point in enumerate(out.points):
        point.time_from_start.sec, point.time_from_start.nanosec = k - 1, 250_000_000
    return out


@given(
    st.lists(st.text("ab_\u00fc", max_size=7), max_size=4), st.lists(POINTS, max_size=4),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9), st.integers(-9, 9),
)  # fmt: skip
def test_it_reads_what_rclpy_reads(names, points, frame, seconds):
    data = serialize_message(message(names, points, frame, seconds))
    try:
        expected = conversions.trajectory(deserialize_message(data, JointTrajectory))
    except InputError:
        with pytest.raises(InputError):
            cdr.joint_trajectory(data)
        return
    try:
        found = cdr.joint_trajectory(data)
    except InputError:  # which rclpy's reader takes for a trajectory without velocities
        others = [one for point in points for one in (point.velocities, point.accelerations)]
        assert any(len(one) not in (0, len(names)) for one in others)
        return
    assert (found.stamp, found.frame) == (seconds, frame)
    assert cdr.stamp(data) == seconds
    for one, other in zip(found[2:], expected, strict=True):
        if one is None or other is None:
            assert one is other or not names  # without joints there are no velocities either way
        else:
            np.testing.assert_array_equal(one, other)


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_no_bytes_break_the_reader(tail, place, value):
    points = [JointTrajectoryPoint(positions=[0.1, 0.2], velocities=[1.0, 2.0]) for _ in range(3)]
    whole = serialize_message(message(["a", "b"], points, "base_link", 1))
    damaged = bytearray(whole)
    damaged[place % len(whole)] = value
    for data in (tail, b"\0\1\0\0" + tail, whole[: place % len(whole)], bytes(damaged)):
        with contextlib.suppress(InputError):
            cdr.joint_trajectory(data)


def test_a_message_that_asks_for_more_than_there_is_is_refused_at_once():
    whole = bytearray(serialize_message(message(["a"], [JointTrajectoryPoint(positions=[0.0])], "", 1)))
    huge = whole.copy()
    where = bytes(whole).index(b"\1\0\0\0", 4 + 8 + 8)
    huge[where : where + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(InputError, match=r"at most|damaged"):
        cdr.joint_trajectory(bytes(huge))
    with pytest.raises(InputError, match="little-endian"):
        cdr.joint_trajectory(b"\0\0" + bytes(whole[2:]))
