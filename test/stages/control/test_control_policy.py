import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.errors import MissingError
from vla_sim.common.geometry import rotation_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.body import RobotState
from vla_sim.stages.control import policy
from vla_sim.stages.control.policy import WalkingPolicy, find_policy, load_policy

DEFAULT = facts.DEFAULT_POSE[:29]


def some_state(seed=0, **changes):
    rng = np.random.default_rng(seed)
    q = rng.normal(size=4)
    fields = {
        "time": 0.0,
        "joint_position": rng.normal(size=33),
        "joint_velocity": rng.normal(size=33),
        "joint_effort": np.zeros(33),
        "orientation": q / np.linalg.norm(q),
        "angular_velocity_base": rng.normal(size=3),
        "linear_acceleration_base": np.zeros(3),
        "odom_position": np.zeros(3),
        "odom_orientation": np.array([1.0, 0.0, 0.0, 0.0]),
        "odom_velocity_base": np.zeros(3),
    }
    return RobotState(**{**fields, **changes})


class Recorder:
    """Stands for the network: keeps what it saw, answers a fixed action."""

    def __init__(self, action):
        self.action = np.asarray(action, dtype=np.float32).reshape(1, 29)
        self.seen = []

    def __call__(self, observation):
        self.seen.append(observation[0].copy())
        return self.action


def reference(state, command, phases, action):
    """The observation as the policy's authors define it: terms in alphabetical order."""
    terms = {
        "actions": action,
        "base_ang_vel": 0.25 * state.angular_velocity_base,
        "command_ang_vel": [command[2]],
        "command_lin_vel": command[:2],
        "cos_phase": np.cos(phases),
        "dof_pos": state.joint_position[:29] - DEFAULT,
        "dof_vel": 0.05 * state.joint_velocity[:29],
        "projected_gravity": rotation_from_quaternion(state.orientation).T @ [0.0, 0.0, -1.0],
        "sin_phase": np.sin(phases),
    }
    return np.concatenate([np.asarray(terms[name]) for name in sorted(terms)])


@pytest.mark.parametrize("seed", range(5))
def test_the_observation_is_the_one_the_policy_was_trained_with(seed):
    state, network = some_state(seed), Recorder(np.linspace(-1, 1, 29))
    walker = WalkingPolicy(network, np.ones(29))
    command = np.array([0.3, -0.1, 0.2])
    walker.step(state, command, np.zeros(29))
    walker.step(state, command, np.zeros(29))
    first = reference(state, command, np.array([0.0, math.pi]), np.zeros(29))
    step = 2 * math.pi * 0.02
    second = reference(state, command, np.array([step, step - math.pi]), np.linspace(-1, 1, 29))
    np.testing.assert_allclose(network.seen[0], first, atol=1e-6)
    np.testing.assert_allclose(network.seen[1], second, atol=1e-6)


def test_the_target_is_the_default_pose_and_a_quarter_of_the_action():
    network = Recorder(np.linspace(-2, 2, 29))
    target = WalkingPolicy(network, np.ones(29)).step(some_state(), np.zeros(3), np.zeros(29))
    np.testing.assert_allclose(target, DEFAULT + 0.25 * np.linspace(-2, 2, 29), atol=1e-6)


def test_a_masked_arm_is_shown_where_the_policy_asked_for_it_and_at_rest():
    network = Recorder(np.linspace(-1, 1, 29))
    walker = WalkingPolicy(network, np.ones(29))
    arm = facts.ARM_INDEX["right"]
    mask = np.zeros(29)
    mask[arm] = 1.0
    for _ in range(2):
        walker.step(some_state(), np.zeros(3), mask)
    seen = network.seen[1]
    np.testing.assert_allclose(seen[policy.POSITIONS][arm], 0.25 * np.linspace(-1, 1, 29)[arm], atol=1e-6)
    np.testing.assert_array_equal(seen[policy.VELOCITIES][arm], 0.0)
    legs = slice(0, 12)
    relative = (some_state().joint_position[:29] - DEFAULT)[legs]
    np.testing.assert_allclose(seen[policy.POSITIONS][legs], relative, atol=1e-6)


def test_the_feet_are_in_phase_while_standing_and_half_a_stride_apart_while_walking():
    walker, walk = WalkingPolicy(Recorder(np.zeros(29)), np.ones(29)), np.array([0.3, 0.0, 0.0])

    def phases(command):
        walker.step(some_state(), command, np.zeros(29))
        return walker.phases

    np.testing.assert_array_equal(phases(np.zeros(3)), [math.pi, math.pi])
    np.testing.assert_array_equal(phases(walk), [0.0, math.pi])
    for _ in range(50):
        left, right = phases(walk)
        assert abs(abs(left - right) - math.pi) < 1e-9
    np.testing.assert_allclose(np.cos(walker.phases), [1.0, -1.0], atol=1e-9)  # one stride a second
    phases(np.zeros(3))
    np.testing.assert_array_equal(phases(walk), [0.0, math.pi])


@given(st.lists(st.floats(-0.0099, 0.0099), min_size=3, max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_command_next_to_zero_means_standing(command):
    network = Recorder(np.zeros(29))
    walker = WalkingPolicy(network, np.ones(29))
    walker.step(some_state(), np.array(command) * 0.7, np.zeros(29))
    np.testing.assert_allclose(network.seen[0][policy.COS_PHASE], -1.0, atol=1e-6)


@pytest.mark.parametrize("name", ["fastsac", "ppo"])
def test_the_shipped_networks_drive_our_joints_in_our_order(name):
    file = load_policy(name)
    assert file.stiffness.shape == (29,)
    assert file.step(some_state(), np.zeros(3), np.zeros(29)).shape == (29,)


def test_the_policy_is_found_without_importing_the_package_around_it():
    find_policy()
    assert "holosoma_inference" not in sys.modules


def test_a_missing_policy_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(policy.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"make setup.*pip install --no-deps holosoma-inference==0\.1\.3"):
        find_policy()
