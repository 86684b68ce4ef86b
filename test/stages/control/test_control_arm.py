import numpy as np
from control_arm_model import SimpleArm, standing
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ruckig import RuckigError

from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.control.arm import (
    ACCELERATION,
    DAMPING,
    JERK,
    STIFFNESS,
    VELOCITY,
    Anchor,
    ArmFollower,
    pelvis_in_odom,
)
from vla_sim.stages.control.path import joint_path

ARM = facts.ARM_INDEX["right"]
HOME = facts.DEFAULT_POSE[ARM]
LOW, HIGH = SimpleArm.low, SimpleArm.high
OUT = np.array([0.5, -0.5, 0.3, 1.0, 0.0, 0.2, -0.2])


def path_to(*points, times=None):
    return joint_path(times or np.arange(1, len(points) + 1), np.array(points), LOW, HIGH)


def run(follower, seconds, q=None, base=lambda t: (0.0, 0.0, 0.77)):
    """An arm that is always where it is sent. (positions, shares), one row a tick."""
    q = facts.DEFAULT_POSE.copy() if q is None else q
    positions, shares = [], []
    for k in range(round(seconds / 0.02)):
        state = standing(q, base=base(k * 0.02))
        follower.update(state, pelvis_in_odom(state))
        positions.append(follower.position.copy())
        shares.append(follower.share)
        q[ARM] = follower.position
    return np.array(positions), np.array(shares)


def test_an_arm_nobody_moves_is_the_policys():
    follower = ArmFollower("right", SimpleArm())
    _, shares = run(follower, 0.2)
    assert (shares == 0.0).all()
    target, stiffness, effort = follower.blend(np.ones(7), np.full(7, 14.0))
    np.testing.assert_array_equal(target, 1.0)
    np.testing.assert_array_equal(stiffness, 14.0)
    np.testing.assert_array_equal(effort, 0.0)


def test_a_trajectory_is_followed_in_time_and_its_end_is_held():
    follower = ArmFollower("right", SimpleArm())
    follower.follow(path_to(OUT, times=[2.0]), standing(facts.DEFAULT_POSE))
    positions, shares = run(follower, 6.0)
    assert np.abs(positions[120] - OUT).max() < 0.01  # 0.4 s after its end
    np.testing.assert_allclose(positions[-100:], np.tile(OUT, (100, 1)), atol=1e-6)
    assert shares[-1] == 1.0
    assert follower._path is None


def test_what_begins_in_motion_goes_on_with_it_and_is_not_slowed_down_for_its_corners():
    """Chunks of a policy, one every 0.25 s, each a straight line with a corner, as fast as it says."""
    follower, state = ArmFollower("right", SimpleArm()), standing(facts.DEFAULT_POSE)
    speed = np.where(np.arange(7) == 0, 0.8, 0.0)
    where = lambda t: HOME + np.outer(np.minimum(t, 2.0), speed)  # noqa: E731
    q, positions = facts.DEFAULT_POSE.copy(), []
    for k in range(10):
        now, times = 0.25 * k, 0.04 + 0.05 * np.arange(20)
        points = where(now + times)
        points[:, 1] += 0.02 * (np.arange(20) % 2)  # a hand that trembles
        velocities = np.gradient(points, times, axis=0)
        follower.follow(joint_path(times, points, LOW, HIGH, velocities), state)
        positions.append(run(follower, 0.24 if k % 2 else 0.26, q)[0])
    q = np.vstack(positions)[:, 0]
    behind = where(0.02 * np.arange(1, len(q) + 1))[:, 0] - q
    assert behind.max() < 0.12  # while the arm gets going
    assert np.abs(behind[40:]).max() < 0.05
    assert np.diff(q).min() > -0.002


@given(
    arrays(float, (4, 7), elements=st.floats(-1.8, 1.8)),
    st.lists(st.floats(0.02, 1.5), min_size=4, max_size=4),
    st.integers(0, 60),
)
@settings(max_examples=15, deadline=None)
def test_no_path_and_no_preemption_passes_the_limits_of_motion(points, gaps, interrupt):
    follower = ArmFollower("right", SimpleArm())
    state = standing(facts.DEFAULT_POSE)
    follower.follow(joint_path(np.cumsum(gaps), points, LOW, HIGH), state)
    q = facts.DEFAULT_POSE.copy()
    first, _ = run(follower, 0.02 * interrupt, q)
    follower.follow(joint_path([gaps[0]], points[:1], LOW, HIGH), standing(q))
    second, _ = run(follower, 4.0, q)
    positions = np.vstack([first.reshape(-1, 7), second])
    velocity = np.diff(positions, axis=0) / 0.02
    acceleration = np.diff(velocity, axis=0) / 0.02
    jerk = np.diff(acceleration, axis=0) / 0.02
    assert (np.abs(velocity) <= VELOCITY * 1.01).all()
    assert (np.abs(acceleration) <= ACCELERATION * 1.05).all()
    assert (np.abs(jerk) <= JERK * 1.1).all()
    assert (positions >= LOW - 1e-6).all()
    assert (positions <= HIGH + 1e-6).all()


def test_a_trajectory_that_ends_at_the_default_pose_gives_the_arm_back_smoothly():
    follower = ArmFollower("right", SimpleArm())
    q = facts.DEFAULT_POSE.copy()
    follower.follow(path_to(OUT), standing(q))
    run(follower, 2.0, q)
    follower.follow(path_to(HOME + 0.01), standing(q))
    _, shares = run(follower, 3.0, q)
    assert shares[-1] == 0.0
    assert np.abs(np.diff(shares)).max() < 0.07
    assert not shares.all()


def test_policy_and_follower_torques_are_mixed_by_the_share():
    follower = ArmFollower("right", SimpleArm())
    q = facts.DEFAULT_POSE.copy()
    follower.follow(path_to(OUT), standing(q))
    run(follower, 0.2, q)
    w = follower.share
    assert 0.0 < w < 1.0
    target, stiffness, effort = follower.blend(np.full(7, 0.3), np.full(7, 14.0))
    torque = stiffness * (target - q[ARM]) + effort
    alone = STIFFNESS * (follower.position - q[ARM]) + follower.effort
    np.testing.assert_allclose(torque, (1 - w) * 14.0 * (0.3 - q[ARM]) + w * alone)


def test_the_tool_stays_in_the_world_while_the_pelvis_sways():
    arm = SimpleArm()
    follower = ArmFollower("right", arm)
    q = facts.DEFAULT_POSE.copy()
    state = standing(q)
    follower.follow(path_to(OUT), state, Anchor(pelvis_in_odom(state), np.zeros(3)))

    def sway(t):
        return (0.01 * np.sin(3.0 * t), 0.01 * np.sin(2.0 * t), 0.77)

    positions, _ = run(follower, 4.0, q, sway)
    tools = np.array([0.1 * p[:3] + sway(0.02 * k) for k, p in enumerate(positions)])
    goal = 0.1 * OUT[:3] + (0.0, 0.0, 0.77)
    assert np.abs(tools[100:] - goal).max() < 1e-3
    assert np.ptp(positions[100:], axis=0)[:2].min() > 0.1  # the joints did move for it


def test_odometry_that_jumps_takes_no_arm_along():
    model = Kinematics.load().arm["right"]
    follower = ArmFollower("right", model)
    state = standing(facts.DEFAULT_POSE)
    ahead = np.array([-0.6, -0.3, 0.0, 0.3, 0.0, 0.0, 0.0])
    path = joint_path([2.0], ahead[None], model.low, model.high)
    follower.follow(path, state, Anchor(pelvis_in_odom(state), np.zeros(3)))
    positions, _ = run(follower, 6.0, base=lambda t: (0.0, 0.0, 0.77) if t < 3.0 else (-0.3, 0.2, 0.77))
    assert np.abs(positions[140] - ahead).max() < 0.01
    assert np.abs(positions[150:] - ahead).max() < 0.01


def test_walking_off_lets_go_of_the_world_but_not_of_the_pose():
    follower = ArmFollower("right", SimpleArm())
    q = facts.DEFAULT_POSE.copy()
    state = standing(q)
    follower.follow(path_to(OUT), state, Anchor(pelvis_in_odom(state), np.zeros(3)))
    run(follower, 2.0, q)
    follower.freeze()
    positions, shares = run(follower, 1.0, q, lambda t: (0.5 * t, 0.0, 0.77))
    np.testing.assert_allclose(positions, np.tile(OUT, (50, 1)), atol=1e-2)
    assert shares[-1] == 1.0


def test_an_arm_that_is_let_go_of_the_world_on_its_way_home_is_held_and_not_given_back():
    follower = ArmFollower("right", SimpleArm())
    q = facts.DEFAULT_POSE.copy()
    follower.follow(path_to(OUT), standing(q))
    run(follower, 2.0, q)
    for arrives in (False, True):
        state = standing(q)
        follower.follow(path_to(HOME, times=[2.0]), state, Anchor(pelvis_in_odom(state), np.zeros(3)))
        run(follower, 3.0 if arrives else 1.0, q)
        follower.freeze()
        positions, shares = run(follower, 1.0, q)
        assert shares[-1] == (0.0 if arrives else 1.0)
        np.testing.assert_allclose(positions[-1], HOME if arrives else positions[0], atol=1e-6)


def test_a_blocked_arm_does_not_push_ever_harder():
    follower = ArmFollower("right", SimpleArm())
    q = facts.DEFAULT_POSE.copy()
    follower.follow(path_to(HOME + 0.3), standing(q))
    efforts = []
    for _ in range(1000):
        state = standing(q)
        follower.update(state, pelvis_in_odom(state))
        efforts.append(follower.effort.copy())
    gravity = SimpleArm().gravity_torque(q, 0, (0, 0, -9.80665))
    assert (np.abs(efforts[-1] - gravity) <= 0.0601 * STIFFNESS).all()


def test_the_damping_that_is_fed_forward_is_the_models():
    model = Kinematics.load().model
    for side in facts.SIDES:
        in_sdf = [model.joint(name).axis.damping for name in facts.ARM_JOINTS[side]]
        np.testing.assert_allclose(in_sdf, DAMPING)


class FindsNone:
    """Ruckig as it is now and then for a joint that brakes with all that it may."""

    def __init__(self, real):
        self.real, self.asked = real, 0

    def validate_input(self, *given):
        return self.real.validate_input(*given)

    def update(self, *given):
        self.asked += 1
        if self.asked == 10:
            raise RuckigError("error in step 1, dof: 3")
        return self.real.update(*given)


def test_where_no_motion_is_found_the_arm_rests_for_a_tick_and_goes_on():
    follower = ArmFollower("right", SimpleArm())
    follower._ruckig = FindsNone(follower._ruckig)
    follower.follow(path_to(OUT, times=[2.0]), standing(facts.DEFAULT_POSE))
    positions, _ = run(follower, 6.0)
    np.testing.assert_array_equal(positions[9], positions[8])
    np.testing.assert_allclose(positions[-1], OUT, atol=1e-6)
