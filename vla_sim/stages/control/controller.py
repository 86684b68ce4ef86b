"""Joint-level control at 50 Hz: the walking policy, two arm followers, two grippers.

    controller = Controller(Kinematics.load().arm, load_policy())
    controller.velocity.ask(0.3, 0.0, 0.0, state.time)
    body.command(controller.update(body.state()))

It knows nothing of ROS or of the body: states in, commands out.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, gravity_in_base
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, JointCommand, RobotState
from vla_sim.robot.kinematics import ArmChain
from vla_sim.stages.control.arm import Anchor, ArmFollower, pelvis_in_odom
from vla_sim.stages.control.gripper import STIFFNESS as FINGER_STIFFNESS
from vla_sim.stages.control.gripper import make_hand
from vla_sim.stages.control.path import joint_path
from vla_sim.stages.control.policy import BODY, WalkingPolicy
from vla_sim.stages.control.velocity import IDENTITY, VelocityCalibration, VelocityCommand

KNEE = 2.2
"""Radians of both knees at once: the robot has collapsed on its heels (walking stays under 1.3)."""
_KNEES = [facts.INDEX[getattr(facts.PROFILE.legs.knees, side)] for side in facts.SIDES]


class FallDetector:
    """From the IMU's attitude and the legs' pose, without ground truth; `fallen` stays true until `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.fallen = False
        self._since = 0.0

    def update(self, state: RobotState) -> bool:
        upright = -gravity_in_base(state.orientation)[2]
        down = upright < math.cos(facts.FALLEN_TILT) or bool((state.joint_position[_KNEES] > KNEE).all())
        self._since = self._since + CONTROL_PERIOD if down else 0.0
        self.fallen = self.fallen or self._since >= facts.FALL_TIME
        return self.fallen


MEMORY = 5.0
"""Seconds that a stamp of a world-held trajectory may lie back."""


class Controller:
    """velocity: what the legs are asked for. hand: the grippers by side. fallen: the robot lies; its joints
    are limp (damped) until `reset`."""

    def __init__(
        self, arms: Mapping[str, ArmChain], policy: WalkingPolicy, calibration: VelocityCalibration = IDENTITY
    ) -> None:
        self.arm = {side: ArmFollower(side, arms[side]) for side in facts.SIDES}
        self.hand = {side: make_hand() for side in facts.SIDES}
        self.velocity = VelocityCommand()
        self._models = arms
        self._policy = policy
        self._calibration = calibration
        self._fall = FallDetector()
        self._stood = -math.inf
        """When the legs last stood."""
        self._mask = np.zeros(BODY)
        self._past: deque[tuple[float, Anchor]] = deque(maxlen=round(MEMORY / CONTROL_PERIOD))
        self._state: RobotState | None = None

    def reset(self, hands: bool = True) -> None:
        """As new, for a robot that was put back to its start. hands: False has them go on as they are: what
        they hold does not depend on the legs."""
        for part in (*self.arm.values(), self.velocity, self._policy, self._fall):
            part.reset()  # type: ignore[attr-defined]
        for hand in self.hand.values() if hands else ():
            hand.reset()
        self._past.clear()
        self._state = None
        self._stood = -math.inf

    @property
    def fallen(self) -> bool:
        return self._fall.fallen

    @property
    def phases(self) -> list[float]:
        """Of the left and the right foot [rad], both pi while standing."""
        return [float(one) for one in self._policy.phases]

    @property
    def walking(self) -> bool:
        """Whether the legs are asked to move now."""
        return bool(self.velocity.value.any())

    def arm_trajectory(
        self, side: str, joints: Sequence[str], times: ArrayLike, positions: Array,
        velocities: Array | None = None, frame: str = "base_link", stamp: float = 0.0,
    ) -> None:  # fmt: skip
        """Take a trajectory for one arm: see `topics.ARM_TRAJECTORY`.

        joints: all seven names of `facts.ARM_JOINTS[side]` in any order, which is the order of the
        columns of positions and velocities (n, 7). times (n,) [s]. frame: "base_link" or "odom". stamp
        [s]: for "odom", when the pelvis was where the path was meant from; 0 is now. Without points the arm
        holds where it comes to rest.
        Raises `InputError`, and the arm goes on as before, if anything of this is wrong.
        """
        if self._state is None:
            raise InputError("the robot's state is not known yet; send the trajectory after the first tick")
        if self.fallen:
            raise InputError("the robot has fallen; reset it first")
        names = facts.ARM_JOINTS[side]
        if sorted(joints) != sorted(names):
            odd = sorted(set(joints) ^ set(names)) or list(joints)
            raise InputError(f"the {side} arm's trajectory must name its 7 joints; wrong: {', '.join(odd)}")
        if not len(positions):
            self.arm[side].halt()
            return
        order = [list(joints).index(name) for name in names]
        model = self._models[side]
        q, v = positions[:, order], None if velocities is None else velocities[:, order]
        path = joint_path(times, q, model.low, model.high, v)
        if frame not in ("", "base_link", "odom"):
            raise InputError(f"trajectory frame {frame!r} must be base_link or odom")
        anchor = self._anchor_at(stamp) if frame == "odom" and not self.walking else None
        self.arm[side].follow(path, self._state, anchor)

    def halt(self) -> None:
        """A stop: the legs come to stand, the arms hold, the grippers keep what they hold."""
        if self._state is not None:
            self.velocity.ask(0.0, 0.0, 0.0, self._state.time)
        for arm in self.arm.values():
            arm.halt()

    def update(self, state: RobotState, arms_held: bool = False, driven: Array | None = None) -> JointCommand:
        """The command for the next control period. arms_held: no arm goes on along its path now. driven:
        (body,) share in 0..1 of each joint that somebody else drives; the policy balances without it."""
        self._state = state
        base = pelvis_in_odom(state)
        self._past.append((state.time, Anchor(base, state.joint_position[facts.WAIST_INDEX])))
        size = len(facts.JOINTS)
        command = JointCommand(state.joint_position.copy(), np.zeros(size), np.zeros(size))
        if self._fall.update(state):
            return command
        velocity = self.velocity.update(state.time)
        command.base_velocity = velocity.copy()
        for side, arm in self.arm.items():
            if self.walking:
                arm.freeze()
            arm.update(state, base, arms_held)
            self._mask[facts.ARM_INDEX[side]] = arm.share
        if not self.walking:
            self._stood = state.time
        asked = self._calibration.command(velocity, state.time - self._stood)
        mask = self._mask if driven is None else np.maximum(self._mask, driven)
        target = self._policy.step(state, asked, mask)
        command.position[:BODY] = target
        command.stiffness[:BODY] = self._policy.stiffness
        for side in facts.SIDES:
            i = facts.ARM_INDEX[side]
            command.position[i], command.stiffness[i], command.effort[i] = self.arm[side].blend(
                target[i], self._policy.stiffness[i]
            )
            fingers = facts.FINGER_INDEX[side]
            command.position[fingers] = self.hand[side].update(state.joint_position[fingers])
            command.stiffness[fingers] = FINGER_STIFFNESS
        return command

    def _anchor_at(self, stamp: float) -> Anchor:
        """Pelvis and waist at `stamp`. Raises `InputError` if that is forgotten or still to come."""
        newest = self._past[-1][0]
        if stamp <= 0.0:
            return self._past[-1][1]
        if not self._past[0][0] - CONTROL_PERIOD <= stamp <= newest + 0.5:
            raise InputError(
                f"stamp {stamp:.2f} s must lie between {self._past[0][0]:.2f} and now ({newest:.2f} s)"
            )
        return min(self._past, key=lambda one: abs(one[0] - stamp))[1]
