"""One arm between the walking policy and joint trajectories.

The arm hangs on the policy until a trajectory comes; then the follower takes it over, holds the last
point for as long as nothing else comes, and gives it back after a trajectory that ends at the policy's
default pose. Gains, targets and what the policy sees change over smoothly (`share`).

A trajectory may hold its tool in the world: the path that the tool would have drawn from the pelvis
pose at its stamp stays where it is while the pelvis sways, by one differential step a tick.
"""

from dataclasses import dataclass

import numpy as np
from ruckig import (
    ControlInterface,
    InputParameter,
    OutputParameter,
    Result,
    Ruckig,
    RuckigError,
    Synchronization,
)

from vla_sim.common.geometry import STANDARD_GRAVITY, Array, gravity_in_base, inverse, transform
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, RobotState
from vla_sim.robot.kinematics import ArmChain
from vla_sim.stages.control.path import JointPath

STIFFNESS = np.array(facts.PROFILE.arms.stiffness)
"""[Nm/rad]"""
DAMPING = np.array(facts.PROFILE.arms.damping)
"""[Nm s/rad] of the SDF's arm joints; fed forward, so that the damping does not drag the arm behind."""
VELOCITY = np.array(facts.PROFILE.arms.speed)
"""[rad/s]"""
ACCELERATION = np.full(7, 8.0)
JERK = np.full(7, 120.0)

HANDOVER = 0.5
"""Seconds of the change between policy and follower."""
HOME_TOLERANCE = 0.02
"""Radians from the default pose within which a trajectory's end hands the arm back."""
LEAD_TOLERANCE = 0.02
"""Radians from where the arm is to a first point at time 0, beyond which it gets time to go there."""
SETTLE = 0.4
"""Seconds over which a world-held tool takes up the pelvis's motion since the stamp."""
MOST_SWAY = 0.15
"""Metres by which a tool is corrected for the pelvis's motion at the most: what is more is a step, or
odometry that jumps, and the joints stay as they are."""
INTEGRAL_RATE = 1.5
"""[1/s]; takes out what gravity compensation does not know: friction and what the hand holds."""
INTEGRAL_LIMIT = 0.06
"""Radians of target offset, so that a blocked arm does not push ever harder."""


@dataclass(frozen=True)
class Anchor:
    """The pelvis in `odom`, (4, 4), and the waist joints (3,) [rad] at a trajectory's stamp."""

    base: Array
    waist: Array


class ArmFollower:
    """Call `update` once a tick, then read `position`, `effort` (7,) and `share`.

    share: 0 the policy drives the arm, 1 this follower does.
    position [rad], effort [Nm]: what the follower wants; see `blend`.
    """

    def __init__(self, side: str, model: ArmChain) -> None:
        self.side = side
        self._model = model
        self._joints = facts.ARM_INDEX[side]
        self._home = facts.DEFAULT_POSE[self._joints]
        self._ruckig, self._output = Ruckig(7, CONTROL_PERIOD), OutputParameter(7)
        self._input = InputParameter(7)
        self._input.max_velocity = VELOCITY.tolist()
        self._input.max_acceleration = ACCELERATION.tolist()
        self._input.max_jerk = JERK.tolist()
        # A reference that may take the whole tick meets the path's next sample instead of passing it.
        self._input.minimum_duration = CONTROL_PERIOD
        self.reset()

    def reset(self) -> None:
        """The arm is the policy's."""
        self.position = self._home.copy()
        self.effort = np.zeros(7)
        self._ramp = 0.0
        self._path: JointPath | None = None
        self._anchor: Anchor | None = None
        self._leave = self._in_motion = False
        self._clock = self._since_anchor = 0.0
        self._reference = self._home.copy()
        self._velocity, self._acceleration, self._integral = np.zeros(7), np.zeros(7), np.zeros(7)

    @property
    def share(self) -> float:
        r = self._ramp
        return r * r * (3.0 - 2.0 * r)

    def follow(self, path: JointPath, state: RobotState, anchor: Anchor | None = None) -> None:
        """Go along `path` from where the arm is now, in the world if there is an `anchor`. One that begins in
        motion goes on with the motion before: the reference meets it as soon as it may, and it is not slowed
        down for its corners, which the reference cuts."""
        if self._ramp == 0.0:
            self._begin(state.joint_position[self._joints], state.joint_velocity[self._joints])
        elif self._anchor is not None:
            # The joints left the old reference for the world's sake: go on from where they are.
            self._begin(self.position, self._velocity)
        in_motion = self._in_motion = bool(path.velocities[0].any())
        gap = float(np.abs((path.positions[0] - self._reference) / VELOCITY).max())
        if in_motion:
            pass
        elif path.times[0] > 0.0:
            path = path.after(self._reference, self._velocity, float(path.times[0]))
        elif gap * VELOCITY.min() > LEAD_TOLERANCE:
            path = path.after(self._reference, self._velocity, 1.6 * gap + 0.1)
        self._path = path.stretched(0.95 * VELOCITY, np.inf if in_motion else 0.95 * ACCELERATION)
        # A joint that cannot do what such a path wants of it must not hold the others back.
        self._input.synchronization = Synchronization.No if in_motion else Synchronization.Time
        self._clock = 0.0
        self._anchor, self._since_anchor = anchor, 0.0
        self._leave = bool(np.abs(path.positions[-1] - self._home).max() < HOME_TOLERANCE)

    def freeze(self) -> None:
        """Stop holding the tool in the world; the joints stay as they are (the robot walks off)."""
        if self._anchor is not None:
            self._begin(self.position, np.zeros(7))
            self._leave = self._leave and self._path is None  # only where it has arrived
            self._path = self._anchor = None

    def halt(self) -> None:
        """Forget the path and hold still where the arm comes to rest."""
        self.freeze()
        self._path, self._leave = None, False

    def update(self, state: RobotState, base: Array, held: bool = False) -> None:
        """One control period on. base: the pelvis in `odom` now, (4, 4). held: the path is not gone along
        now."""
        measured = state.joint_position[self._joints]
        if self._path is None and self._ramp == 0.0:
            return
        leaving = self._path is None and self._leave
        self._ramp = min(1.0, max(0.0, self._ramp + (-1.0 if leaving else 1.0) * CONTROL_PERIOD / HANDOVER))
        if leaving and self._ramp == 0.0:
            self.reset()
            return
        before = self._reference
        self._advance(held)
        waist = state.joint_position[facts.WAIST_INDEX]
        moved, tool = self._reference - before, self._tool(base, waist)
        if tool is None:
            self.position = np.clip(self._reference, self._model.low, self._model.high)
        else:
            self.position = self._in_world(tool, waist, moved)
        self._integral += INTEGRAL_RATE * CONTROL_PERIOD * self.share * (self.position - measured)
        np.clip(self._integral, -INTEGRAL_LIMIT, INTEGRAL_LIMIT, out=self._integral)
        gravity = STANDARD_GRAVITY * np.array(gravity_in_base(state.orientation))
        self.effort = self._model.gravity_torque(measured, waist, gravity)
        self.effort += DAMPING * self._velocity + STIFFNESS * self._integral

    def blend(self, position: Array, stiffness: Array) -> tuple[Array, Array, Array]:
        """Position, stiffness and effort (7,) to command, given the policy's position and stiffness:
        the torques of both, mixed by `share`."""
        w = self.share
        mixed = (1.0 - w) * stiffness + w * STIFFNESS
        target = ((1.0 - w) * stiffness * position + w * STIFFNESS * self.position) / mixed
        return target, mixed, w * self.effort

    def _begin(self, position: Array, velocity: Array) -> None:
        self._reference = np.clip(position, self._model.low, self._model.high)
        self._velocity = np.clip(velocity, -0.9 * VELOCITY, 0.9 * VELOCITY)
        self._acceleration = np.zeros(7)
        self.position = self._reference.copy()

    def _advance(self, held: bool) -> None:
        """Move the reference towards the path's next sample with bounded jerk."""
        one = self._input
        if self._path is None or held:
            if not self._velocity.any() and not self._acceleration.any():
                return
            # To rest, wherever that is: a position to come to rest at would be passed and come back to.
            one.control_interface = ControlInterface.Velocity
            target, velocity, acceleration = self._reference, np.zeros(7), np.zeros(7)
        else:
            one.control_interface = ControlInterface.Position
            self._clock += CONTROL_PERIOD
            target, velocity, acceleration = self._path.sample(self._clock)
            if self._in_motion:
                # Not so fast at the next sample that a joint would first go back to take a run-up.
                reach = np.sqrt(self._velocity**2 + ACCELERATION * np.abs(target - self._reference))
                velocity = np.clip(velocity, -reach, reach)
                acceleration = np.clip(acceleration, -ACCELERATION, ACCELERATION)
        one.current_position = self._reference.tolist()
        one.current_velocity = self._velocity.tolist()
        one.current_acceleration = self._acceleration.tolist()
        one.target_position = target.tolist()
        one.target_velocity = velocity.tolist()
        one.target_acceleration = acceleration.tolist()
        if not self._ruckig.validate_input(one, False, True):
            one.target_acceleration = [0.0] * 7  # velocity and acceleration together pass the limit
        try:
            result = self._ruckig.update(one, self._output)
        except RuckigError:
            result = Result.Error
        if result not in (Result.Working, Result.Finished):
            # Numerically out of reach: stand still here, and go on from rest at the next tick.
            self._velocity, self._acceleration = np.zeros(7), np.zeros(7)
            return
        self._reference = np.array(self._output.new_position)
        self._velocity = np.array(self._output.new_velocity)
        self._acceleration = np.array(self._output.new_acceleration)
        if self._path is not None and self._clock >= self._path.duration:
            arrived = np.abs(self._reference - target).max() < 1e-6 and np.abs(self._velocity).max() < 1e-6
            if arrived:
                self._reference = target.copy()
                self._velocity, self._acceleration = np.zeros(7), np.zeros(7)
                self._path = None

    def _tool(self, base: Array, waist: Array) -> Array | None:
        """(4, 4) Where the path has the tool, seen from the pelvis as it is now; None where it follows the
        joints, as from now on if it would be corrected by more than `MOST_SWAY`."""
        if self._anchor is None:
            return None
        stays = self._model.forward(self._reference, self._anchor.waist)
        tool: Array = inverse(base) @ self._anchor.base @ stays
        if np.linalg.norm(tool[:3, 3] - self._model.forward(self._reference, waist)[:3, 3]) <= MOST_SWAY:
            return tool
        self.freeze()
        return None

    def _in_world(self, tool: Array, waist: Array, moved: Array) -> Array:
        """Joints that bring the tool to `tool` (4, 4)."""
        self._since_anchor += CONTROL_PERIOD
        return self._model.differential_step(
            self.position + moved, waist, tool, min(1.0, self._since_anchor / SETTLE), self._reference,
            largest=0.5 * float(VELOCITY.min()) * CONTROL_PERIOD,
        )  # fmt: skip


def pelvis_in_odom(state: RobotState) -> Array:
    """(4, 4)"""
    return transform(state.odom_position, state.odom_orientation)
