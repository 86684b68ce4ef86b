"""A policy's answers as motion."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from policy_senses import senses

from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.policy import chunk
from vla_sim.stages.policy.chunk import BLEND, LEAD, STEP, Chunk, Motion
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.mapping import Actions, Entry, Mapping

CHAINS = Kinematics.load().arm
RIGHT = facts.ARM_INDEX["right"]
HERE = senses().joint_position[RIGHT]
MAPPING = Mapping(
    version=1, about="one of a test", rate=20.0, execute=5,
    observation=[Entry(key="state", values=["joints"])],
    actions=Actions(parts=["right_arm", "right_gripper"]),
)  # fmt: skip


def spaced(**values: object) -> Mapping:
    return msgspec.structs.replace(MAPPING, actions=msgspec.structs.replace(MAPPING.actions, **values))


def read(mapping: Mapping, numbers: np.ndarray) -> Chunk:
    return chunk.read(mapping, {"actions": numbers}, senses(), CHAINS)


def rows(arm: np.ndarray, n: int = 4, opening: float = 1.0) -> np.ndarray:
    return np.column_stack([np.tile(arm, (n, 1)), np.full(n, opening)])


def test_positions_come_one_period_after_the_other():
    found = read(MAPPING, rows(HERE + 0.1))
    np.testing.assert_allclose(found.times, 10.0 + 0.05 * np.arange(1, 5))
    np.testing.assert_allclose(found.arms["right"], np.tile(HERE + 0.1, (4, 1)))
    np.testing.assert_allclose(found.openings["right"], 2.0 * facts.FINGER_STROKE)


def test_degrees_and_deltas_are_the_same_motion():
    steps = 0.01 * np.arange(1, 5)[:, None] * np.ones(7)
    wanted = HERE + steps
    degrees = msgspec.structs.replace(MAPPING, angles="degrees")
    same = [
        read(degrees, np.column_stack([np.degrees(wanted), np.zeros(4)])),
        read(spaced(space="joint_deltas"), np.column_stack([steps, np.zeros(4)])),
        read(spaced(space="joint_deltas", since="previous"), rows(np.full(7, 0.01), opening=0.0)),
        read(spaced(space="joint_deltas", scale=0.1), np.column_stack([10.0 * steps, np.zeros(4)])),
    ]
    for one in same:
        np.testing.assert_allclose(one.arms["right"], wanted, atol=1e-9)


@pytest.mark.parametrize("frame", ["base_link", "tool"])
@pytest.mark.parametrize("since", ["observation", "previous"])
def test_a_tool_goes_by_its_deltas(frame, since):
    mapping = spaced(space="tool_deltas", since=since, tool_frame=frame)
    forward = np.array([0.01, 0.0, 0.0, 0.0, 0.0, 0.0])
    count = np.arange(1, 5)[:, None] if since == "observation" else np.ones((4, 1))
    found = read(mapping, np.column_stack([count * forward, np.ones(4)])).arms["right"]
    waist = senses().joint_position[facts.WAIST_INDEX]
    begin, end = (CHAINS["right"].forward(q, waist) for q in (HERE, found[-1]))
    axis = begin[:3, 0] if frame == "tool" else np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(end[:3, 3] - begin[:3, 3], 0.04 * axis, atol=0.003)
    np.testing.assert_allclose(end[:3, :3], begin[:3, :3], atol=0.03)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "has no actions, but nothing"),
        ({"action": np.zeros((4, 8))}, "has no actions, but action"),
        ({"actions": "none"}, "no array of numbers"),
        ({"actions": np.array([["a"]])}, "no array of numbers"),
        ({"actions": np.zeros((4, 7))}, r"shape \(4, 7\); 1 to 1000 of 8 numbers"),
        ({"actions": np.zeros((1, 4, 8))}, r"shape \(1, 4, 8\)"),
        ({"actions": np.zeros((0, 8))}, r"shape \(0, 8\)"),
        ({"actions": np.full((4, 8), np.nan)}, "not a finite number"),
        ({"actions": np.full((4, 8), np.inf)}, "not a finite number"),
        ({"actions": np.float32(1.0)}, "no array of numbers"),
    ],
)  # fmt: skip
def test_what_is_no_chunk_is_told_in_one_line(answer, why):
    with pytest.raises(PolicyError, match=why):
        chunk.read(MAPPING, answer, senses(), CHAINS)


def test_several_arrays_make_one_chunk_side_by_side():
    mapping = spaced(keys=["arm", "hand"])
    one = chunk.read(mapping, {"hand": np.ones((4, 1)), "arm": rows(HERE)[:, :7]}, senses(), CHAINS)
    np.testing.assert_allclose(one.arms["right"], np.tile(HERE, (4, 1)))
    np.testing.assert_allclose(one.openings["right"], 2.0 * facts.FINGER_STROKE)
    for answer, why in (
        ({"arm": np.zeros((4, 7))}, "has no hand, but arm"),
        ({"arm": np.zeros((4, 7)), "hand": np.zeros((3, 1))}, r"shape \(4, 7\), \(3, 1\); 1 to 1000 of 8"),
        ({"arm": np.zeros((4, 7)), "hand": np.zeros(4)}, r"shape \(4, 7\), \(4,\)"),
    ):
        with pytest.raises(PolicyError, match=why):
            chunk.read(mapping, answer, senses(), CHAINS)


def test_how_the_body_is_to_walk_is_not_gone_along():
    mapping = spaced(parts=["walk", "right_arm", "right_gripper"])
    found = read(mapping, np.column_stack([np.full((4, 3), 9.0), rows(HERE)]))
    assert set(found.arms) == {"right"}
    np.testing.assert_allclose(found.arms["right"], np.tile(HERE, (4, 1)))


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=9), elements=st.floats(width=64)))
def test_any_array_is_a_motion_within_the_joints_limits_or_one_line(numbers):
    for space in ("joint_positions", "joint_deltas", "tool_deltas"):
        try:
            found = read(spaced(space=space), numbers)
        except PolicyError:
            continue
        q = found.arms["right"]
        assert np.isfinite(q).all()
        assert (q >= CHAINS["right"].low).all()
        assert (q <= CHAINS["right"].high).all()


def line(begin: float, speed: float, n: int = 20, at: float = 0.0) -> Chunk:
    """A chunk seen at `begin` [s] whose first joint goes on from `at` at `speed`."""
    times = begin + 0.05 * np.arange(1, n + 1)
    q = np.tile(HERE, (n, 1))
    q[:, 0] += at + speed * (times - begin)
    return Chunk(times, {"right": q}, {"right": np.zeros(n)})


def at(angle: float) -> np.ndarray:
    """Joints with the first one of the right arm gone on by so much [rad]."""
    out = senses().joint_position
    out[RIGHT[0]] += angle
    return out


def test_actions_whose_time_is_past_are_dropped():
    motion = Motion()
    motion.take(line(10.0, 0.1), 10.0, at(0.0))
    assert motion.take(line(10.1, 0.1, at=0.01), 10.42, at(0.042))
    assert motion.chunk is not None
    assert motion.chunk.times[0] >= 10.42 + LEAD
    assert len(motion.chunk.times) == 13
    np.testing.assert_allclose(motion.chunk.arms["right"][0, 0], HERE[0] + 0.1 * 0.5, atol=1e-9)


def test_a_motion_that_came_to_rest_goes_on_from_there():
    """Nothing is left out for the time in which the arm rested."""
    motion = Motion()
    assert motion.take(line(10.0, 0.4, n=4), 10.5, at(0.0))  # the first one comes late: the arm has not moved
    assert motion.chunk is not None
    np.testing.assert_allclose(motion.chunk.times, 10.54 + 0.05 * np.arange(3), atol=STEP)
    np.testing.assert_allclose(motion.chunk.arms["right"][:, 0] - HERE[0], [0.0, 0.03, 0.06])
    motion.take(line(10.7, 0.4, at=0.08), 11.5, at(0.08))  # at rest since 10.64
    assert motion.chunk.times[0] <= 11.54 + 0.05
    assert motion.chunk.arms["right"][0, 0] - HERE[0] == pytest.approx(0.06)


def test_an_arm_that_was_told_to_rest_goes_along_all_of_what_follows():
    """The chunk before has not ended, but says that the arm stays: nothing of the new one was gone along."""
    motion = Motion()
    motion.take(line(9.0, 0.4, n=10), 9.0, at(0.0))
    motion.take(line(10.0, 0.0, n=40, at=0.2), 10.0, at(0.2))
    motion.take(line(10.5, 0.9, at=0.2), 11.0, at(0.2))  # by its time, it would begin at 0.65
    assert motion.chunk is not None
    q = motion.chunk.arms["right"][:, 0] - HERE[0]
    assert q[0] == pytest.approx(0.2, abs=0.04)
    assert q[-1] == pytest.approx(0.2 + 0.9)
    assert np.diff(q).max() / 0.05 < 1.3


@given(st.floats(-0.4, 0.4), st.floats(0.0, 1.0))
def test_no_change_to_another_chunk_is_too_fast(off, latency):
    motion = Motion()
    motion.take(line(10.0, 0.5, n=60), 10.0, at(0.0))
    now = 11.0 + latency
    motion.take(line(11.0, 0.5, n=60, at=0.5 + off), now, at(0.5 * (now - 10.0)))
    assert motion.chunk is not None
    begin = np.interp(now, 10.0 + 0.05 * np.arange(1, 61), 0.5 * 0.05 * np.arange(1, 61))
    q = np.concatenate([[begin], motion.chunk.arms["right"][:, 0] - HERE[0]])
    assert np.abs(np.diff(q) / np.diff(np.concatenate([[now], motion.chunk.times]))).max() < 2.0


def test_the_motion_changes_smoothly_from_one_chunk_to_the_next():
    motion = Motion()
    motion.take(line(10.0, 0.4), 10.0, senses().joint_position)
    motion.take(line(10.2, 0.4, at=-0.05), 10.3, at(0.1))
    assert motion.chunk is not None
    times, q = motion.chunk.times, motion.chunk.arms["right"][:, 0] - HERE[0]
    old, new = 0.4 * (times - 10.0), 0.4 * (times - 10.2) - 0.05
    assert abs(q[0] - old[0]) < abs(q[0] - new[0])
    np.testing.assert_allclose(q[times > 10.3 + BLEND], new[times > 10.3 + BLEND], atol=1e-9)
    assert (np.diff(np.abs(q - old)) >= -1e-9).all()


def test_a_chunk_of_which_nothing_is_left_changes_nothing():
    motion = Motion()
    motion.take(line(10.0, 0.1, n=100), 10.0, at(0.0))
    before = motion.chunk
    assert not motion.take(line(10.1, 0.1, n=10), 12.0, at(0.2))
    assert motion.chunk is before


def test_an_arm_that_is_asked_to_stay_is_left_alone_until_it_is_asked_to_move():
    motion = Motion()
    motion.take(line(10.0, 0.0), 10.0, senses().joint_position)
    assert motion.chunk is not None
    assert not motion.chunk.arms
    motion.take(line(10.1, 0.4), 10.1, senses().joint_position)
    assert set(motion.chunk.arms) == {"right"}
    motion.take(line(10.2, 0.0), 10.2, senses().joint_position)  # to stop is a motion too
    assert set(motion.chunk.arms) == {"right"}


def test_a_motion_that_begins_elsewhere_is_given_its_time_or_refused():
    motion = Motion()
    assert motion.take(line(10.0, 0.0, at=0.3), 10.0, senses().joint_position)
    assert motion.chunk is not None
    q = motion.chunk.arms["right"][:, 0] - HERE[0]
    assert q[0] < 0.05
    assert q[-1] == pytest.approx(0.3)
    assert np.diff(q).max() / 0.05 <= chunk.CATCH_UP + 1e-6
    with pytest.raises(PolicyError, match=r"begins 1\.3 rad from where my arm is; at most 0.5 "):
        Motion().take(line(10.0, 0.0, at=1.3), 10.0, senses().joint_position)


def test_an_arm_that_lags_behind_its_motion_is_waited_for():
    motion = Motion()
    motion.take(line(10.0, 0.4), 10.0, at(0.0))
    motion.take(line(10.2, 0.4, at=0.08), 10.5, at(-0.1))  # the motion is at 0.2
    assert motion.chunk is not None
    gap = float(motion.chunk.arms["right"][0, 0] - HERE[0]) + 0.1
    assert motion.chunk.times[0] - 10.5 == pytest.approx(gap / chunk.MEET)
    with pytest.raises(PolicyError, match="rad from where my arm is"):
        motion.take(line(10.3, 0.4, at=0.12), 10.6, at(-0.6))
