import numpy as np
import pytest
from control_arm_model import SimpleArm, standing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import quaternion_from_rotation, rotation_from_rpy
from vla_sim.robot import facts
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import BODY, WalkingPolicy

ARM = facts.ARM_INDEX["left"]
NAMES = list(facts.ARM_JOINTS["left"])
OUT = np.array([0.5, 0.5, 0.3, 1.0, 0.0, 0.2, -0.2])


@pytest.fixture
def controller():
    policy = WalkingPolicy(lambda o: np.zeros((1, BODY), np.float32), np.full(BODY, 20.0))
    one = Controller({side: SimpleArm() for side in facts.SIDES}, policy)
    one.update(standing(facts.DEFAULT_POSE))
    return one


def run(controller, seconds, time=0.0):
    q = facts.DEFAULT_POSE.copy()
    for k in range(1, round(seconds / 0.02) + 1):
        command = controller.update(standing(q, time + 0.02 * k))
        q = command.position.copy()
    return command


def test_standing_commands_the_policys_pose_and_gains(controller):
    command = run(controller, 0.1)
    np.testing.assert_allclose(command.position[:BODY], facts.DEFAULT_POSE[:BODY])
    np.testing.assert_array_equal(command.stiffness[:BODY], 20.0)
    assert np.isfinite(command.effort).all()


def test_an_arm_goes_where_its_trajectory_ends_with_joints_named_in_any_order(controller):
    controller.arm_trajectory("left", NAMES[::-1], [1.0], np.array([OUT[::-1]]))
    command = run(controller, 2.0)
    np.testing.assert_allclose(command.position[ARM], OUT, atol=1e-6)
    other = facts.ARM_INDEX["right"]
    np.testing.assert_allclose(command.position[other], facts.DEFAULT_POSE[other])


@pytest.mark.parametrize(
    ("names", "positions", "frame", "stamp", "text"),
    [
        (["elbow"], [OUT], "", 0.0, "wrong: elbow"),
        ([*NAMES[:6], "right_elbow_joint"], [OUT], "", 0.0, "right_elbow_joint"),
        (NAMES, [OUT * np.nan], "", 0.0, "finite"),
        (NAMES, [OUT * 9], "", 0.0, "is outside"),
        (NAMES, [OUT], "map", 0.0, "'map' must be base_link or odom"),
        (NAMES, [OUT], "odom", 77.0, "must lie between"),
    ],
)
def test_a_wrong_trajectory_is_refused_and_the_arm_stays(controller, names, positions, frame, stamp, text):
    with pytest.raises(InputError, match=text):
        controller.arm_trajectory("left", names, [1.0], np.array(positions), frame=frame, stamp=stamp)
    command = run(controller, 0.5)
    np.testing.assert_allclose(command.position[ARM], facts.DEFAULT_POSE[ARM])


def test_a_refused_trajectory_does_not_disturb_the_one_under_way(controller):
    controller.arm_trajectory("left", NAMES, [1.0], np.array([OUT]))
    with pytest.raises(InputError):
        controller.arm_trajectory("left", NAMES, [1.0], np.array([OUT + np.inf]))
    np.testing.assert_allclose(run(controller, 2.0).position[ARM], OUT, atol=1e-6)


def test_a_trajectory_without_points_makes_the_arm_hold_on_its_way(controller):
    controller.arm_trajectory("left", NAMES, [1.0], np.array([OUT]))
    before = run(controller, 0.5).position[ARM]
    controller.arm_trajectory("left", NAMES, [], np.zeros((0, 7)))
    held = run(controller, 1.0, time=0.5).position[ARM]
    assert 0.0 < np.abs(held - before).max() < 0.4
    np.testing.assert_allclose(run(controller, 1.0, time=1.5).position[ARM], held, atol=1e-9)


@given(
    st.lists(st.text(max_size=8), max_size=9),
    st.lists(st.floats(), max_size=4),
    st.lists(st.lists(st.floats(), min_size=7, max_size=7), max_size=4),
)
@example([], [5e-324], [[0.0] * 7])
@example([], [1e-9], [[1.0] * 7])
@settings(max_examples=60, deadline=None)
def test_no_trajectory_whatever_breaks_the_controller(names, times, positions):
    policy = WalkingPolicy(lambda o: np.zeros((1, BODY), np.float32), np.full(BODY, 20.0))
    one = Controller({side: SimpleArm() for side in facts.SIDES}, policy)
    one.update(standing(facts.DEFAULT_POSE))
    for given_names in (names, NAMES):
        try:
            one.arm_trajectory("left", given_names, times, np.reshape(positions, (-1, 7)))
        except InputError:
            continue
    command = run(one, 0.1)
    assert np.isfinite(command.position).all()


def test_an_arm_held_in_the_world_is_let_go_when_the_robot_walks(controller):
    controller.arm_trajectory("left", NAMES, [1.0], np.array([OUT]), frame="odom")
    run(controller, 2.0)
    assert controller.arm["left"]._anchor is not None
    controller.velocity.ask(0.3, 0.0, 0.0, 2.02)
    run(controller, 0.04, 2.0)
    assert controller.walking
    assert controller.arm["left"]._anchor is None


def test_a_fallen_robot_goes_limp_until_it_is_put_back(controller):
    lying = standing(facts.DEFAULT_POSE)
    lying.orientation = quaternion_from_rotation(rotation_from_rpy(0.0, 1.5, 0.0))
    for _ in range(10):
        command = controller.update(lying)
    assert controller.fallen
    assert not command.stiffness.any()
    assert not command.effort.any()
    with pytest.raises(InputError, match="fallen"):
        controller.arm_trajectory("left", NAMES, [1.0], np.array([OUT]))
    controller.reset()
    assert run(controller, 0.1).stiffness.any()


def test_before_the_first_state_no_trajectory_is_taken():
    policy = WalkingPolicy(lambda o: np.zeros((1, BODY), np.float32), np.full(BODY, 20.0))
    with pytest.raises(InputError, match="after the first tick"):
        Controller({s: SimpleArm() for s in facts.SIDES}, policy).arm_trajectory(
            "left", NAMES, [1.0], np.array([OUT])
        )
