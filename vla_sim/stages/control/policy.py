"""The G1's walking policy: observation in, joint targets out, 50 times a second.

The network is the one its authors deploy on the robot. It comes as data in the `holosoma-inference`
wheel (Apache-2.0) and is found without importing that package, whose dependencies are heavy. The
observation's terms stand in alphabetical order of their names, as the network was trained.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.compute_threads import onnx_session
from vla_sim.common.errors import MissingError
from vla_sim.common.geometry import Array, gravity_in_base
from vla_sim.robot import g1
from vla_sim.robot.body import CONTROL_PERIOD, RobotState

PolicyName = Literal["fastsac", "ppo"]
Infer = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Observation (1, 100) to action (1, 29)."""

BODY = len(g1.BODY_JOINTS)
OBSERVATION_SIZE = 100
ACTION_SCALE = 0.25
ACTION_LIMIT = 100.0
GAIT_PERIOD = 1.0
"""Seconds of one full stride (left and right step)."""
STAND_BELOW = 0.01
"""Commands under this, [m/s] and [rad/s], mean standing: the deployed policy's threshold."""

# Where each term lies in the observation.
ACTIONS = slice(0, 29)
ANGULAR_VELOCITY = slice(29, 32)
COMMAND_YAW = slice(32, 33)
COMMAND_LINEAR = slice(33, 35)
COS_PHASE = slice(35, 37)
POSITIONS = slice(37, 66)
VELOCITIES = slice(66, 95)
GRAVITY = slice(95, 98)
SIN_PHASE = slice(98, 100)


def find_policy(name: PolicyName = "fastsac") -> Path:
    """Path of the ONNX file. Raises `MissingError` if the wheel that carries it is not installed."""
    how = "run `make setup`, or: pip install --no-deps holosoma-inference==0.1.3"
    spec = importlib.util.find_spec("holosoma_inference")
    if spec is None or not spec.submodule_search_locations:
        raise MissingError(f"the walking policy is missing (package holosoma-inference); {how}")
    path = Path(spec.submodule_search_locations[0]) / f"models/loco/g1_29dof/{name}_g1_29dof.onnx"
    if not path.is_file():
        raise MissingError(f"walking policy {name!r} is missing at {path}; {how}")
    return path


def load_policy(name: PolicyName = "fastsac") -> WalkingPolicy:
    """The policy of a network with its gains, run on one thread.

    Raises `MissingError` if onnxruntime or the file is missing, or the file is for other joints.
    """
    path = find_policy(name)
    session = onnx_session(path)
    metadata = session.get_modelmeta().custom_metadata_map
    joints = tuple(json.loads(metadata["dof_names"]))
    if joints != g1.BODY_JOINTS:
        raise MissingError(
            f"{path} drives {len(joints)} other joints than robot.BODY_JOINTS; use holosoma-inference 0.1.3"
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

    infer: the network. stiffness: (29,) [Nm/rad] of the joints in `g1.BODY_JOINTS` order; the damping that
    belongs to it is in the SDF. phases (2,): of the left and right foot in [-pi, pi], half a stride apart
    while walking, both pi while standing; walking starts again at (0, pi), as the policy was trained.
    """

    def __init__(self, infer: Infer, stiffness: Array) -> None:
        self.stiffness, self.infer = stiffness, infer
        self._observation = np.zeros((1, OBSERVATION_SIZE), dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        self.phases, self.action = np.full(2, math.pi), np.zeros(BODY)
        self._standing = True

    def step(self, state: RobotState, command: Array, mask: Array) -> Array:
        """Joint targets (29,) [rad] for this control period.

        command: (3,) forward, left [m/s] and turn [rad/s]. mask: (29,) share in 0..1 of each joint that
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
        return self.action * ACTION_SCALE + g1.DEFAULT_POSE[:BODY]


def observe(
    out: NDArray[np.float32], state: RobotState, command: Array, mask: Array, phases: Array, action: Array
) -> None:
    """Fill the observation `out` (100,): see `WalkingPolicy.step`; action (29,) is the last one."""
    seen = 1.0 - mask
    out[ACTIONS] = action
    out[ANGULAR_VELOCITY] = state.angular_velocity_base * 0.25
    out[COMMAND_YAW] = command[2]
    out[COMMAND_LINEAR] = command[:2]
    out[COS_PHASE] = np.cos(phases)
    relative = state.joint_position[:BODY] - g1.DEFAULT_POSE[:BODY]
    out[POSITIONS] = seen * relative + mask * (action * ACTION_SCALE)
    out[VELOCITIES] = seen * (state.joint_velocity[:BODY] * 0.05)
    out[GRAVITY] = gravity_in_base(state.orientation)
    out[SIN_PHASE] = np.sin(phases)
