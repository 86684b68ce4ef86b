"""What moves a simulated G1: its own motion controller, or a program that commands the motors after that
controller was released.

Numbers of states and errors are the vendor's (unitree_sdk2_python at 37116c5, and `g1_loco_error.hpp` of its
unitree_sdk2). How the vendor's controller walks is not public: here our walking policy does, and what the
policy cannot do is refused.
"""

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, gravity_in_base
from vla_sim.hardware.unitree.gestures import GESTURES
from vla_sim.hardware.unitree.wire import ARM_SDK_WEIGHT, JOINTS, LowCommand
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, JointCommand, RobotState
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.gripper import STIFFNESS as FINGER_STIFFNESS

TICK = 0.002
"""[s] from one state and command of the motors to the next."""
TICKS = round(CONTROL_PERIOD / TICK)
"""Of them to one step of the walking policy."""
OK, NOT_AVAILABLE, UNKNOWN_STATE, UNKNOWN_TASK = 0, 7301, 7302, 7303
"""Codes of the service "sport"."""
SILENCE = 0.1
"""[s] without a message after which it is not obeyed any more."""
UPRIGHT = 0.5
"""[rad] of the pelvis's tilt from which it does not stand up by itself."""
RISE_TIME = 3.0
"""[s] from a squat to standing, and back."""
SETTLE_TIME = 1.5
"""[s] after which a robot that walked has both feet where they stay: in a posture before that it falls."""
GESTURE_SPEED, SHORTEST = 0.8, 0.3
"""[rad/s] on average of the fastest joint, and [s] from one posture to the next at least."""
FULL_STICK = np.array([0.6, 0.3, 0.8])
"""Forward, left [m/s] and turn [rad/s] of a stick that is pushed all the way. The vendor's are not public."""
KNEES, ANKLES = 1.1, -0.5
"""[rad] by which knees and ankles bend in a squat; the hips make up for both, so that feet and trunk stay
level. The robot's centre of mass stays 0.03 m before the ankles, in the middle of the feet."""
ANKLE_GAIN, ANKLE_RATE_GAIN = 1.0, 0.15
"""[rad/rad] and [rad/(rad/s)] by which the ankles push back when the trunk tilts."""
ANKLE_PITCH, ANKLE_ROLL = [4, 10], [5, 11]
WAIST_YAW, ARMS = 12, slice(15, JOINTS)
"""What `rt/arm_sdk` may drive. The rest of the waist balances."""


def _of_groups(leg: list[float], waist: float, arm: float, wrist: float) -> Array:
    """(29,) from the values of a leg's six joints, and of each joint elsewhere."""
    one_arm = [arm] * 4 + [wrist] * 3
    return np.array(leg * 2 + [waist] * 3 + one_arm * 2)


DAMPED = _of_groups([10.0, 10.0, 6.0, 15.0, 10.0, 4.0], 8.0, 2.0, 0.5)
"""(29,) [Nms/rad] of a damped robot: it sinks slowly."""
LIMP = np.full(JOINTS, 0.1)
"""(29,) [Nms/rad] of motors without current: their gears' friction."""
STANCE = _of_groups([200.0, 200.0, 100.0, 300.0, 150.0, 100.0], 200.0, 60.0, 30.0)
"""(29,) [Nm/rad] while it stands up or squats, when no policy balances it."""
STANCE_DAMPING = _of_groups([6.0, 6.0, 3.0, 8.0, 4.0, 3.0], 6.0, 2.0, 0.6)
"""(29,) [Nms/rad] with that."""


class State(IntEnum):
    """Of the motion controller ("FSM id")."""

    ZERO_TORQUE = 0
    DAMP = 1
    SQUAT = 2
    SIT = 3
    STAND = 4
    WALK = 500
    WALK_RUN = 501
    LIE_TO_STAND = 702
    SQUAT_TO_STAND = 706


WALKING = (State.WALK, State.WALK_RUN)
REMOTE = {
    frozenset({"L2", "B"}): State.DAMP, frozenset({"L2", "up"}): State.SQUAT_TO_STAND,
    frozenset({"R2", "A"}): State.WALK,
}  # fmt: skip
"""What keys of the remote control ask for, as in the vendor's manual."""


def squatting(depth: float) -> Array:
    """(29,) joints [rad] of standing (0) to squatting (1)."""
    out: Array = facts.DEFAULT_POSE[:JOINTS].copy()
    for first in (0, 6):
        out[first + 3] += KNEES * depth
        out[first + 4] += ANKLES * depth
        out[first] -= (KNEES + ANKLES) * depth
    return out


PARALLEL = 1
"""`mode_pr` of ankles that are commanded by their two motors A and B instead of pitch and roll."""


def from_parallel(motors: Array) -> Array:
    """(29,) with the ankles' pitch and roll from their motors B and A. A plain differential: the geometry of
    the robot's rods is not public."""
    out = motors.copy()
    b, a = motors[ANKLE_PITCH], motors[ANKLE_ROLL]
    out[ANKLE_PITCH], out[ANKLE_ROLL] = 0.5 * (a + b), 0.5 * (a - b)
    return out


def to_parallel(joints: Array) -> Array:
    """The inverse of `from_parallel`."""
    out = joints.copy()
    pitch, roll = joints[ANKLE_PITCH], joints[ANKLE_ROLL]
    out[ANKLE_PITCH], out[ANKLE_ROLL] = pitch - roll, pitch + roll
    return out


def torque_from_parallel(motors: Array) -> Array:
    """(29,) with the ankles' torques about pitch and roll from their motors': those that do the same work."""
    out = motors.copy()
    b, a = motors[ANKLE_PITCH], motors[ANKLE_ROLL]
    out[ANKLE_PITCH], out[ANKLE_ROLL] = a + b, a - b
    return out


def torque_to_parallel(joints: Array) -> Array:
    """The inverse of `torque_from_parallel`."""
    out = joints.copy()
    pitch, roll = joints[ANKLE_PITCH], joints[ANKLE_ROLL]
    out[ANKLE_PITCH], out[ANKLE_ROLL] = 0.5 * (pitch - roll), 0.5 * (pitch + roll)
    return out


def gain_from_parallel(motors: Array) -> Array:
    """(29,) with the ankles' gains from their motors': both push against either angle. What two that differ
    would have pitch do to roll is left out."""
    out = motors.copy()
    out[ANKLE_PITCH] = out[ANKLE_ROLL] = motors[ANKLE_PITCH] + motors[ANKLE_ROLL]
    return out


class Torques(NamedTuple):
    """What the motors do: kp (q - position) - kd velocity + tau; (29,) each."""

    q: Array
    kp: Array
    kd: Array
    tau: Array

    @classmethod
    def free(cls, damping: Array) -> "Torques":
        """No stiffness."""
        zero = np.zeros(JOINTS)
        return cls(zero, zero, damping, zero)

    @classmethod
    def of(cls, message: LowCommand) -> "Torques":
        """Of a program. A motor that it switches off is limp; so is one of which a number is not finite."""
        m = message.motors[:JOINTS]
        numbers = np.array([m[name] for name in ("q", "dq", "tau", "kp", "kd")], dtype=float)
        on = (
            (message.modes[:JOINTS] != 0)
            & np.isfinite(numbers).all(axis=0)
            & (numbers[3:] >= 0.0).all(axis=0)
        )
        q, dq, tau, kp, kd = np.where(on, numbers, 0.0)
        if message.mode_pr == PARALLEL:
            q, dq, tau = from_parallel(q), from_parallel(dq), torque_from_parallel(tau)
            kp, kd = gain_from_parallel(kp), gain_from_parallel(kd)
        # kd (dq - velocity) is kd dq, a torque of its own, and damping.
        return cls(q, kp, np.maximum(kd, LIMP), tau + kd * dq)

    def mixed(self, other: "Torques", share: Array) -> "Torques":
        """With `share` (29,) in 0..1 of another's."""
        kp = (1.0 - share) * self.kp + share * other.kp
        push = (1.0 - share) * self.kp * self.q + share * other.kp * other.q
        q = np.divide(push, kp, out=self.q.copy(), where=kp > 0.0)
        kd, tau = ((1.0 - share) * a + share * b for a, b in ((self.kd, other.kd), (self.tau, other.tau)))
        return Torques(q, kp, kd, tau)


class Heard:
    """The newest message of a program, and when it came [s]."""

    def __init__(self) -> None:
        self.message: LowCommand | None = None
        self._time = -math.inf

    def take(self, message: LowCommand, time: float) -> None:
        self.message, self._time = message, time

    def at(self, time: float) -> LowCommand | None:
        """None if it is too old."""
        return self.message if time - self._time <= SILENCE else None


class _Way(NamedTuple):
    """From one posture to another: since when [s], joints (29,), depth and state at its end."""

    since: float
    begin: Array
    depth: float
    then: State

    def at(self, time: float) -> Array:
        share = min(1.0, (time - self.since) / RISE_TIME)
        eased = share * share * (3.0 - 2.0 * share)
        out: Array = self.begin + eased * (squatting(self.depth) - self.begin)
        return out


class Motion:
    """state: of the motion controller. released: motors obey `rt/lowcmd` alone. low, arms: what came on
    `rt/lowcmd` and `rt/arm_sdk`. hands: the grippers by side.

    damping: (29,) [Nms/rad] with which the controller's policy was trained.
    """

    def __init__(self, controller: Controller, damping: Array) -> None:
        self.state, self.released = State.WALK, False
        self.low, self.arms = Heard(), Heard()
        self.controller = controller
        self.hands = controller.hand
        self._damping = damping[:JOINTS]
        self._depth = 0.0
        self._keys: frozenset[str] = frozenset()
        self._velocity, self._until = np.zeros(3), -math.inf
        self._stick_velocity = np.zeros(3)
        self._walked = -math.inf
        """When it last walked [s]."""
        self._way: _Way | None = None
        self._sensed: RobotState | None = None
        self._ticks = 0
        self._own = Torques.free(DAMPED)
        """The policy's, in force until its next step."""
        self._fingers = facts.DEFAULT_POSE[JOINTS:].copy()

    def on_keys(self, keys: frozenset[str]) -> None:
        """The keys of the remote control that are down: see `REMOTE`."""
        pressed, self._keys = keys - self._keys, keys
        if not pressed or self.released:
            return
        for both, state in REMOTE.items():
            if keys >= both:
                self.set_state(state)

    def on_sticks(self, lx: float, ly: float, rx: float) -> None:
        """How far the remote control's sticks are pushed, right and up, -1 to 1. They have it walk while no
        program does."""
        self._stick_velocity[:] = np.array([ly, -lx, -rx]) * FULL_STICK

    # What services ask for. The answer is a code.

    def set_state(self, number: int) -> int:
        """To another state ("FSM id")."""
        if number not in list(State):
            return UNKNOWN_STATE
        wanted = State(number)
        if self.released or self._sensed is None:
            return NOT_AVAILABLE
        if wanted in (State.ZERO_TORQUE, State.DAMP):
            self._enter(wanted)
            return OK
        if wanted in (State.SIT, State.LIE_TO_STAND) or not self._upright(self._sensed):
            return NOT_AVAILABLE
        if self._steps and wanted not in WALKING:
            return NOT_AVAILABLE
        up = self.state in WALKING or self.state is State.STAND
        if wanted is State.SQUAT or (wanted is State.SQUAT_TO_STAND and up):  # 706 is both ways
            self._begin(1.0, State.SQUAT)
        elif self.state is State.SQUAT or self._depth > 0.0:
            self._begin(0.0, wanted if wanted in WALKING else State.WALK)
        elif not up:  # it may be falling, against which only the policy can step
            self._enter(wanted if wanted in WALKING else State.WALK)
        else:
            self.state = wanted
        return OK

    def set_velocity(self, velocity: tuple[float, float, float], duration: float) -> int:
        """Forward, left [m/s] and turn [rad/s], for so many seconds."""
        if not self.balances:
            return NOT_AVAILABLE
        assert self._sensed is not None
        self._velocity, self._until = np.array(velocity), self._sensed.time + duration
        return OK

    def set_height(self, height: float) -> int:
        """Stand low (0) to upright (1)."""
        if self.released or self.state not in WALKING or self._way is not None or self._steps:
            return NOT_AVAILABLE
        self._begin(0.5 * (1.0 - height), self.state)
        return OK

    def gesture(self, name: str) -> bool:
        """Begin one of `GESTURES`; False if it walks, something else has the arms, or the policy has not seen
        the robot yet."""
        assert self._sensed is not None
        if not self.balances or self.walks or self.arms.at(self._sensed.time) is not None:
            return False
        for side, path in GESTURES[name].paths().items():
            here = self._sensed.joint_position[facts.ARM_INDEX[side]]
            steps = np.abs(np.diff(np.vstack([here, path]), axis=0)).max(axis=1)
            times = np.cumsum(np.maximum(steps / GESTURE_SPEED, SHORTEST))
            try:
                self.controller.arm_trajectory(side, facts.ARM_JOINTS[side], times, path)
            except InputError:
                return False
        return True

    def take_over(self) -> int:
        """The motion controller has the robot again, damped."""
        if self.released:
            self.released = False
            self._enter(State.DAMP)
        return OK

    def release(self) -> int:
        """From now on motors obey `rt/lowcmd` alone."""
        if not self.released:
            self.released = True
            self._enter(State.ZERO_TORQUE)
        return OK

    @property
    def walks(self) -> bool:
        """Whether a velocity is asked for now."""
        return bool(self._asked.any())

    @property
    def _asked(self) -> Array:
        """(3,) forward, left [m/s] and turn [rad/s]: a program's velocity while it is in force, else the
        remote control's."""
        in_force = self._sensed is not None and self._sensed.time < self._until
        return self._velocity if in_force else self._stick_velocity

    @property
    def _steps(self) -> bool:
        """Whether a foot may be on its way."""
        since = math.inf if self._sensed is None else self._sensed.time - self._walked
        return self.balances and (self.walks or since < SETTLE_TIME)

    @property
    def balances(self) -> bool:
        """Whether the policy has the robot: it may walk, and its arms may move."""
        known = self._sensed is not None and not self.released
        return known and self.state in WALKING and self._way is None and self._depth == 0.0

    @property
    def height(self) -> float:
        """As of `set_height`."""
        return 1.0 - 2.0 * min(self._depth, 0.5)

    @staticmethod
    def _upright(state: RobotState) -> bool:
        return bool(-gravity_in_base(state.orientation)[2] > math.cos(UPRIGHT))

    def _enter(self, state: State) -> None:
        self.state, self._way, self._depth, self._until = state, None, 0.0, -math.inf
        self.controller.reset(hands=False)
        self._ticks = 0

    def _begin(self, depth: float, then: State) -> None:
        assert self._sensed is not None
        if self._way is not None:
            begin = self._way.at(self._sensed.time)
        elif self._depth > 0.0:  # not where the joints are, which its weight bends away from there
            begin = squatting(self._depth)
        else:
            begin = self._sensed.joint_position[:JOINTS].copy()
        self._until = -math.inf
        self._way = _Way(self._sensed.time, begin, depth, then)
        self.state = then

    # What the motors do.

    def update(self, state: RobotState) -> JointCommand:
        """The command for the next `TICK`."""
        self._sensed = state
        torques = self._torques(state)
        if self._ticks % TICKS == 0 and not self.balances:  # else the controller has moved them
            self._fingers = np.concatenate(
                [
                    self.hands[side].update(state.joint_position[facts.FINGER_INDEX[side]])
                    for side in facts.SIDES
                ]
            )
        self._ticks += 1
        return _command(torques, self._fingers)

    def _torques(self, state: RobotState) -> Torques:
        if self.released:
            message = self.low.at(state.time)
            return Torques.free(DAMPED) if message is None else Torques.of(message)
        if self.state is State.ZERO_TORQUE:
            return Torques.free(LIMP)
        if self.state is State.DAMP:
            return Torques.free(DAMPED)
        if self._way is not None:
            return self._along(state, self._way)
        if self.state not in WALKING or self._depth > 0.0:
            return self._stance(state, squatting(self._depth))
        return self._walk(state)

    def _along(self, state: RobotState, way: _Way) -> Torques:
        if state.time - way.since < RISE_TIME:
            return self._stance(state, way.at(state.time))
        self._enter(way.then)
        self._depth = way.depth
        return self._torques(state)

    @staticmethod
    def _stance(state: RobotState, q: Array) -> Torques:
        """A posture, with the ankles against what tilts the trunk."""
        x, y, _ = gravity_in_base(state.orientation)
        roll_rate, pitch_rate, _ = state.angular_velocity_base
        q = q.copy()
        q[ANKLE_PITCH] += ANKLE_GAIN * x + ANKLE_RATE_GAIN * pitch_rate
        q[ANKLE_ROLL] += -ANKLE_GAIN * y + ANKLE_RATE_GAIN * roll_rate
        return Torques(q, STANCE, STANCE_DAMPING, np.zeros(JOINTS))

    def _walk(self, state: RobotState) -> Torques:
        """The policy's torques, which it gives anew every `TICKS`, with what a program wants of the arms."""
        message, share = self.arms.at(state.time), np.zeros(JOINTS)
        if message is not None:
            weight = float(message.motors["q"][ARM_SDK_WEIGHT])
            share[ARMS] = share[WAIST_YAW] = min(max(weight, 0.0), 1.0) if math.isfinite(weight) else 0.0
        if self._ticks % TICKS == 0:
            vx, vy, wz = self._asked.tolist()
            self._walked = state.time if self.walks else self._walked
            self.controller.velocity.ask(vx, vy, wz, state.time)
            command = self.controller.update(state, driven=share)
            if self.controller.fallen:
                self._enter(State.DAMP)
                return Torques.free(DAMPED)
            self._fingers = command.position[JOINTS:]
            self._own = Torques(
                command.position[:JOINTS], command.stiffness[:JOINTS], self._damping, command.effort[:JOINTS]
            )
        return self._own if message is None else self._own.mixed(Torques.of(message), share)


FINGER_DAMPING = 15.0
"""[Ns/m] of the SDF's fingers."""


def _command(torques: Torques, fingers: Array) -> JointCommand:
    """With the fingers' targets (4,) [m]."""
    n = len(fingers)
    return JointCommand(
        np.concatenate([torques.q, fingers]), np.concatenate([torques.kp, np.full(n, FINGER_STIFFNESS)]),
        np.concatenate([torques.tau, np.zeros(n)]),
        damping=np.concatenate([torques.kd, np.full(n, FINGER_DAMPING)]),
    )  # fmt: skip
