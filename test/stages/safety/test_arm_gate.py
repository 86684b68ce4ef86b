"""The gate of the arms: what may not pass never does, and what manipulation plans may."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_sim.contract.limits import MAX_JOINT_SPEED
from vla_sim.robot import facts
from vla_sim.robot.arm_body import BodyModel
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.trajectory import HOME, READY, joint_motion, rounded
from vla_sim.stages.safety import arm_gate
from vla_sim.stages.safety.arm_gate import ArmGate

KINEMATICS = Kinematics.load()
MODEL = BodyModel(KINEMATICS)
CHAIN = KINEMATICS.arm["right"]
NAMES = facts.ARM_JOINTS["right"]
WAIST = np.zeros(3)
FAR = np.array([[3.0, 0.0, 0.0]])
NOW = 10.0


def gate(points=FAR, joints=facts.DEFAULT_POSE):
    made = ArmGate(KINEMATICS)
    made.on_joints(joints.copy(), NOW)
    made.on_points(points, NOW)
    return made


def ask(made, path, seconds=2.0, side="right", stamp=NOW, velocities=None):
    path = np.atleast_2d(np.asarray(path, dtype=float))
    times = np.linspace(seconds / len(path), seconds, len(path))
    return made.arm(side, facts.ARM_JOINTS[side], times, path, velocities, stamp, NOW)


def test_the_motions_of_manipulation_pass():
    for begin, end in ((HOME, READY), (READY, HOME)):
        joints = facts.DEFAULT_POSE.copy()
        for side in facts.SIDES:
            joints[facts.ARM_INDEX[side]] = begin[side]
        made = gate(joints=joints)
        for side in facts.SIDES:
            times, positions = joint_motion(rounded([begin[side], end[side]]))
            assert made.arm(side, facts.ARM_JOINTS[side], times, positions, None, NOW, NOW) == ""


def test_a_joint_past_its_limit_or_too_fast_is_refused():
    beyond = HOME["right"].copy()
    beyond[3] = CHAIN.high[3] + 0.01
    assert "right_elbow_joint would pass its limit" in ask(gate(), beyond)
    assert "rad/s" in ask(gate(), READY["right"], 0.3)
    assert "rad/s" in ask(gate(), HOME["right"], velocities=np.full((1, 7), 1e6))
    assert "m/s" in ask(gate(), HOME["right"] - [1.8, 0, 0, 1.5, 0, 0, 0], 0.95)


def test_what_is_of_before_a_stop_or_comes_under_the_emergency_stop_is_refused():
    made = gate()
    made.stop_stamp = NOW - 0.1
    assert ask(made, READY["right"]) == ""
    assert ask(made, READY["right"], stamp=NOW - 0.2) == "stop was said after that"
    assert ask(made, READY["right"], stamp=0.0) == "it does not say of when it is"
    made.estop = True
    assert "emergency stop" in ask(made, READY["right"])
    assert "emergency stop" in made.gripper("right", ["right_gripper"], np.array([[0.05]]), NOW, NOW)
    assert made.refused == 4


def test_what_is_of_before_the_clock_was_set_back_is_refused_and_under_way_no_more():
    made = gate()
    opened = ["right_gripper"], np.array([[0.05]])
    assert "set back" in ask(made, READY["right"], stamp=NOW + 600.0)
    assert "set back" in made.gripper("right", *opened, NOW + 600.0, NOW)
    assert ask(made, READY["right"], stamp=NOW + 0.2) == "", "its clock is a message ahead"
    assert made.gripper("right", *opened, NOW + 0.2, NOW) == ""
    assert made._plans["right"].over(NOW - 600.0)
    assert not made._plans["right"].over(NOW - 0.1)


def test_without_senses_nothing_moves():
    assert "feel" in ask(ArmGate(KINEMATICS), READY["right"])
    made = gate()
    made.on_points(np.full((5, 3), np.nan), NOW + 1.0)  # no measurement
    made.on_joints(np.full(33, np.nan), NOW + 1.0)
    late = NOW + arm_gate.JOINTS_TIMEOUT + 0.01
    times = np.array([2.0])
    assert "feel" in made.arm("right", NAMES, times, READY["right"][None], None, late, late)
    made.on_joints(facts.DEFAULT_POSE.copy(), NOW + 1.0)
    assert "lidar" in made.arm("right", NAMES, times, READY["right"][None], None, NOW + 1.0, NOW + 1.0)
    back = NOW - 5.0  # the clock went back
    assert "feel" in made.arm("right", NAMES, times, READY["right"][None], None, back, back)


def test_an_arm_does_not_go_through_the_own_body_or_the_other_arm():
    across = HOME["right"].copy()
    across[[0, 1, 2, 3]] = (-0.3, 0.6, 1.3, 0.2)
    assert KINEMATICS.arm["right"].forward(across, WAIST)[1, 3] > 0.0  # the hand on the other side
    inward = HOME["right"].copy()
    inward[2] = 1.6
    assert ask(gate(), inward) == "my arm would touch my own body"
    joints = facts.DEFAULT_POSE.copy()
    ahead = READY["left"].copy()
    ahead[[0, 1, 2, 3]] = (-0.9, -0.1, -0.6, 0.3)
    joints[facts.ARM_INDEX["left"]] = ahead
    mirrored = ahead * np.array([1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    gaps = [ask(gate(joints=one), mirrored, 3.0) for one in (joints, facts.DEFAULT_POSE)]
    assert gaps == ["my arm would touch my own body", ""]


def test_both_arms_on_their_way_are_held_against_each_other():
    ahead = READY["left"].copy()
    ahead[[0, 1, 2, 3]] = (-0.9, -0.1, -0.6, 0.3)
    mirrored = ahead * np.array([1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    made = gate()
    assert ask(made, ahead, 3.0, side="left") == ""
    assert ask(made, mirrored, 3.0) == "my arm would touch my own body"
    made.halt()  # a stop: the left arm has stayed where it was
    assert ask(made, mirrored, 3.0) == ""


def test_they_are_until_both_are_at_rest_and_while_one_of_them_waits():
    ahead = READY["left"].copy()
    ahead[[0, 1, 2, 3]] = (-0.9, -0.1, -0.6, 0.3)
    mirrored = ahead * np.array([1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    home = {side: facts.DEFAULT_POSE[facts.ARM_INDEX[side]] for side in facts.SIDES}
    for there, here, times in (
        ([home["left"], ahead], [mirrored], [3.0]),
        ([home["left"], ahead, home["left"]], [mirrored, mirrored, home["right"]], [3.0, 11.0, 14.0]),
        ([home["left"], ahead, home["left"]], [0.999 * mirrored, mirrored], [3.0, 11.0]),
    ):
        made = gate()
        began = [4.0, 7.0, 10.0][: len(there)]
        left = facts.ARM_JOINTS["left"]
        assert made.arm("left", left, np.array(began), np.array(there), None, NOW, NOW) == ""
        refused = made.arm("right", NAMES, np.array(times), np.array(here), None, NOW, NOW)
        assert refused == "my arm would touch my own body"


@given(
    st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=20),
    st.lists(st.floats(1e-2, 1.0), min_size=1, max_size=20),
    st.floats(-5.0, 5.0),
)
def test_looks_at_both_arms_are_apart_and_those_at_the_own_way_are_kept(own, other, begin):
    at, theirs = np.concatenate([[0.0], np.cumsum(own)]), begin + np.cumsum(other)
    found = arm_gate.merged(at, theirs)
    assert set(at) <= set(found)
    assert found[0] == 0.0
    assert (np.diff(found) >= 0.9 * arm_gate.CLOSE).all()
    for one in theirs[theirs > 0.0]:
        assert np.abs(found - one).min() <= arm_gate.CLOSE


def wall(x, y=(-0.6, 0.0), z=(-0.2, 0.6), noise=0.01):
    """Lidar points on an upright plate at `x` [m] ahead, as dense as the lidar's."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid([x], np.arange(*y, 0.02), np.arange(*z, 0.04)), -1).reshape(-1, 3)
    return grid + noise * rng.standard_normal(grid.shape)


REACHED = np.array([-0.9, -0.2, 0.0, 0.2, 0.0, 0.0, 0.0])


def test_an_arm_does_not_go_through_what_the_lidar_sees():
    tip = CHAIN.forward(REACHED, WAIST)[0, 3]
    assert ask(gate(), REACHED) == ""
    assert ask(gate(wall(tip - 0.15)), REACHED) == "something that I see is in the way of my arm"
    assert ask(gate(wall(tip + 0.2)), REACHED) == ""


def test_nor_through_what_only_the_depth_camera_sees_as_long_as_that_is_new():
    tip = CHAIN.forward(REACHED, WAIST)[0, 3]
    made = gate()
    made.on_near_points(np.vstack([wall(tip - 0.15, noise=0.002), np.full((1, 3), np.nan)]), NOW)
    assert ask(made, REACHED) == "something that I see is in the way of my arm"
    late = NOW + arm_gate.NEAR_TIMEOUT + 0.1
    made.on_joints(facts.DEFAULT_POSE.copy(), late)
    made.on_points(FAR, late)
    assert made.arm("right", NAMES, np.array([2.0]), REACHED[None], None, late, late) == ""


def test_a_table_that_the_forearm_rests_close_above_is_no_obstacle():
    frames = CHAIN.frames(REACHED, WAIST)
    body = MODEL.arm["right"]
    lowest = min((frames[j][:3, :3] @ c + frames[j][:3, 3])[2] - r for j, c, r, *_ in zip(*body, strict=True))
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(0.2, 0.7, 0.02), np.arange(-0.5, 0.1, 0.02)), -1).reshape(-1, 2)
    table = np.column_stack([grid, np.full(len(grid), lowest - 0.007)])
    raised = facts.DEFAULT_POSE.copy()
    raised[facts.ARM_INDEX["right"]] = READY["right"]
    assert ask(gate(table + 0.01 * rng.standard_normal(table.shape), raised), REACHED) == ""
    # From below it would go through the table.
    assert ask(gate(table), REACHED) == "something that I see is in the way of my arm"


def test_what_the_hand_holds_or_touches_now_does_not_stop_it():
    joints = facts.DEFAULT_POSE.copy()
    joints[facts.ARM_INDEX["right"]] = REACHED
    held = CHAIN.forward(REACHED, WAIST)[:3, 3] + 0.02 * np.random.default_rng(0).standard_normal((60, 3))
    assert ask(gate(held, joints), HOME["right"]) == ""


NUMBERS = st.one_of(
    st.floats(-3.0, 3.0), st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, math.inf, 1e200, -1e6]),
)  # fmt: skip


@st.composite
def anything(draw):
    n = draw(st.integers(1, 5))
    times = draw(st.lists(NUMBERS, min_size=n, max_size=n))
    if draw(st.booleans()):
        times = np.cumsum(np.clip(np.nan_to_num(np.abs(times)), 0.05, 3.0))
    positions = draw(arrays(float, (n, 7), elements=NUMBERS))
    if draw(st.booleans()):
        share = draw(st.floats(0.0, 1.3))
        positions = HOME["right"] + share * (np.clip(np.nan_to_num(positions), -1.5, 1.5) - HOME["right"])
    velocities = draw(st.none() | arrays(float, (n, 7), elements=NUMBERS))
    return np.array(times), positions, velocities


@settings(deadline=None, max_examples=300)
@given(
    anything(), st.booleans(), st.sampled_from([0.0, NOW - 1.0, NOW]), st.sampled_from([0.0, NOW - 0.5]),
    st.permutations(NAMES),
)  # fmt: skip
def test_nothing_forbidden_is_ever_let_through(wish, estop, stamp, stopped, names):
    times, positions, velocities = wish
    made = gate()
    made.estop, made.stop_stamp = estop, stopped
    with np.errstate(all="ignore"):
        reason = made.arm("right", names, times, positions, velocities, stamp, NOW)
    assert made.refused == bool(reason)
    if reason:
        return
    assert not estop
    assert stamp > 0.0
    assert stamp >= stopped
    q = positions[:, [names.index(name) for name in NAMES]]
    for one in (times, q, *([] if velocities is None else [velocities])):
        assert np.isfinite(one).all()
    assert (q >= CHAIN.low - arm_gate.ROUNDING).all()
    assert (q <= CHAIN.high + arm_gate.ROUNDING).all()
    if len(times) > 1:
        assert (np.abs(np.diff(q, axis=0)) <= MAX_JOINT_SPEED * np.diff(times)[:, None] * (1 + 1e-9)).all()
    if velocities is not None:
        assert (np.abs(velocities) <= MAX_JOINT_SPEED).all()


@settings(deadline=None)
@given(
    st.lists(NUMBERS, max_size=4), st.lists(st.sampled_from(["right_gripper", "left_gripper"]), max_size=2)
)
def test_a_gripper_opens_no_wider_than_it_can(openings, names):
    made = gate()
    positions = np.array(openings, dtype=float).reshape(-1, 1)
    if made.gripper("right", names, positions, NOW, NOW) == "":
        assert names == ["right_gripper"]
        assert len(openings) > 0
        assert all(-0.003 < one < 0.103 for one in openings)


@pytest.mark.parametrize("broken", [
    {"names": NAMES[:6]}, {"names": facts.ARM_JOINTS["left"]}, {"names": ()}, {"times": np.zeros(0)},
    {"positions": np.zeros((1, 6))}, {"velocities": np.zeros((2, 7))}, {"times": np.array([-1.0])},
    {"times": np.array([1e9])},
])  # fmt: skip
def test_what_is_malformed_is_refused_with_the_reason(broken):
    wish = {"names": NAMES, "times": np.array([1.0]), "positions": HOME["right"][None], "velocities": None}
    wish |= broken
    reason = gate().arm("right", *wish.values(), NOW, NOW)
    assert reason
    assert len(reason) < 200


def test_arms_that_walk_or_carry_reach_no_farther_and_others_do():
    def reach(**arms):
        joints = facts.DEFAULT_POSE.copy()
        for side, pose in arms.items():
            joints[facts.ARM_INDEX[side]] = pose
        return gate(joints=joints).beyond()

    assert ArmGate(KINEMATICS).beyond() == (0.0, 0.0)
    assert reach() == reach(**READY) == (0.0, 0.0)
    ahead, aside = reach(right=HOME["right"] - [1.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert ahead > 0.1
    assert aside == 0.0
    ahead, aside = reach(left=HOME["left"] + [0.0, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert ahead == 0.0
    assert aside > 0.1


def test_to_hold_needs_no_position_and_ends_what_was_under_way():
    made = gate()
    assert not ask(made, READY["right"])
    assert made.doubt_joints() == ["right"]
    assert "feel" in ask(made, READY["right"])
    assert not made.arm("right", NAMES, np.zeros(0), np.zeros((0, 7)), None, NOW, NOW)
    made.estop = True
    assert made.arm("right", NAMES, np.zeros(0), np.zeros((0, 7)), None, NOW, NOW)


# ------------------------------------------------------------------ kernels against numpy


def spheres(q, side="right"):
    frames, body = KINEMATICS.arm[side].frames(q, WAIST), MODEL.arm[side]
    return np.array([frames[j][:3, :3] @ c + frames[j][:3, 3] for j, c, *_ in zip(*body, strict=True)])


def to_segment(p, a, b):
    d = b - a
    share = min(max(float((p - a) @ d / max(float(d @ d), 1e-24)), 0.0), 1.0)
    return float(np.linalg.norm(p - a - share * d))


POSTURES = arrays(float, 7, elements=st.floats(-0.9, 0.9))


@settings(deadline=None, max_examples=20)
@given(POSTURES, POSTURES)
def test_the_gap_to_the_own_body_is_the_smallest_of_all_pairs(q, other):
    made, trunk = gate(), MODEL.trunk(facts.DEFAULT_POSE)
    right, left = (
        arm_gate.sphere_path(made._chain[side], made._body[side], WAIST, one[None])
        for side, one in (("right", q), ("left", other))
    )
    [found] = arm_gate.self_gap(right, made._body["right"], left, made._body["left"], trunk)
    np.testing.assert_allclose(right[0, -1], CHAIN.forward(q, WAIST)[:3, 3], atol=1e-9)
    mine, limb, radius = spheres(q), MODEL.arm["right"].limb, MODEL.arm["right"].radius
    theirs, their = spheres(other, "left"), MODEL.arm["left"]
    gaps = [
        to_segment(p, c[:3], c[3:6]) - c[6] - r
        for p, r in zip(mine[limb], radius[limb], strict=True)
        for c in trunk
    ]
    gaps += [
        float(np.linalg.norm(p - o)) - r - s
        for p, r in zip(mine[limb], radius[limb], strict=True)
        for o, s in zip(theirs[their.limb], their.radius[their.limb], strict=True)
    ]
    assert found == pytest.approx(min(gaps), abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(POSTURES, POSTURES, arrays(float, (12, 3), elements=st.floats(-0.5, 0.7)))
def test_the_points_that_are_passed_are_those_of_numpy(q, end, points):
    made, body = gate(), MODEL.arm["right"]
    way = np.array([q, 0.5 * (q + end), end])
    tools = [CHAIN.forward(one, WAIST)[:3, 3] for one in way]
    hits = set()
    for k in (1, 2):
        a, b = spheres(way[k - 1]), spheres(way[k])
        free = min(np.linalg.norm(tools[k] - tools[0]), np.linalg.norm(tools[k] - tools[2])) > 0.05
        for i, r in enumerate(body.radius):
            hand = body.joint[i] >= arm_gate.WRIST
            core = r - (0.01 if hand else 0.005)
            if core > 0.0 and (free or not hand):
                hits |= {n for n, p in enumerate(points) if to_segment(p, a[i], b[i]) < core}
    rests = facts.DEFAULT_POSE[facts.ARM_INDEX["left"]]
    for n, p in enumerate(points):
        for side, now in (("right", q), ("left", rests)):
            tool = KINEMATICS.arm[side].forward(now, WAIST)[:3, 3]
            gaps = np.linalg.norm(spheres(now, side) - p, axis=1) - MODEL.arm[side].radius
            if gaps.min() < 0.03 or np.linalg.norm(p - tool) < 0.13:
                hits.discard(n)
    mine, other = (
        arm_gate.sphere_path(made._chain[side], made._body[side], WAIST, one)
        for side, one in (("right", way), ("left", rests[None]))
    )
    args = mine, made._body["right"], other[0], made._body["left"], points
    assert arm_gate.passed_points(*args, arm_gate.WRIST, 0.005, 0.01, 0.05, 0.03, 0.13) == len(hits)


COORDINATES = st.floats(-2.0, 2.0) | st.sampled_from([np.nan, np.inf, -np.inf])


@settings(deadline=None, max_examples=50)
@given(arrays(float, (12, 3), elements=COORDINATES))
def test_what_is_within_reach_is_kept_and_nothing_that_is_not_finite(points):
    kept = np.linalg.norm(points - arm_gate.SHOULDERS, axis=1) <= arm_gate.AROUND
    np.testing.assert_array_equal(arm_gate.within(points, arm_gate.SHOULDERS, arm_gate.AROUND), points[kept])


def test_no_part_of_an_arm_comes_near_to_what_is_left_out():
    made, rng = gate(), np.random.default_rng(0)
    for side in facts.SIDES:
        chain, radius = KINEMATICS.arm[side], MODEL.arm[side].radius
        for _ in range(300):
            waist = rng.uniform([-2.6, -0.52, -0.52], [2.6, 0.52, 0.52])
            way = rng.uniform(chain.low, chain.high)[None]
            [found] = arm_gate.sphere_path(made._chain[side], made._body[side], waist, way)
            far = np.linalg.norm(found[:-1] - arm_gate.SHOULDERS, axis=1) + radius
            assert far.max() < arm_gate.AROUND


def test_an_arm_on_its_way_holds_when_something_comes_into_it():
    made = gate()
    path = np.linspace(facts.DEFAULT_POSE[facts.ARM_INDEX["right"]], READY["right"], 20)
    assert ask(made, path, 4.0) == ""
    wall = spheres(path[12])[-3] + np.random.default_rng(0).normal(0.0, 0.004, (60, 3))
    assert made.obstructed(NOW + 0.1) == []
    for k, expected in enumerate(([], ["right"], [])):  # seen twice in a row; then nothing is under way
        made.on_points(np.vstack([FAR, wall]), NOW + 0.2 + 0.1 * k)
        assert made.obstructed(NOW + 0.2 + 0.1 * k) == expected


def test_what_came_into_the_way_once_or_lies_behind_the_arm_does_not_stop_it():
    made = gate()
    path = np.linspace(facts.DEFAULT_POSE[facts.ARM_INDEX["right"]], READY["right"], 20)
    assert ask(made, path, 4.0) == ""
    wall = spheres(path[12])[-3] + np.random.default_rng(0).normal(0.0, 0.004, (60, 3))
    for points in (np.vstack([FAR, wall]), FAR, np.vstack([FAR, wall]), FAR):
        made.on_points(points, NOW + 0.2)
        assert made.obstructed(NOW + 0.2) == []
    joints = facts.DEFAULT_POSE.copy()
    joints[facts.ARM_INDEX["right"]] = path[18]
    made.on_joints(joints, NOW + 3.8)
    for _ in range(3):
        made.on_points(np.vstack([FAR, wall]), NOW + 3.8)
        assert made.obstructed(NOW + 3.8) == []
