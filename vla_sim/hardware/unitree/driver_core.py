"""What a driver of the G1 does with each state and each command, without its network: what the robot feels in
our terms, what may be sent to it, and why not.

Two modes. "sport": the vendor's controller walks by our velocities, and our arms go by `rt/arm_sdk`. "low":
our policy commands every motor by `rt/lowcmd`.
"""

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from vla_sim.common.geometry import Array, gravity_in_base
from vla_sim.hardware.unitree import remote
from vla_sim.hardware.unitree.motion import ARMS, DAMPED, WAIST_YAW
from vla_sim.hardware.unitree.wire import ARM_SDK_WEIGHT, JOINTS, LowCommand, LowState
from vla_sim.robot import facts
from vla_sim.robot.body import RobotState
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.leg_odometry import LegOdometry

Mode = Literal["sport", "low"]
SILENCE = 0.1
"""[s] without a state of the robot, or a command of the body, after which that is lost."""
RAMP_TIME = 2.0
"""[s] from being obeyed, at first or again, until commands count whole."""
RELEASE_TIME = 1.0
"""[s] in which the arms are given back, or the motors damped before nothing is sent any more."""
HOTTEST = 85.0
"""[°C] of a motor's winding: the vendor switches off at 120."""
LOWEST_VOLTAGE = 40.0
"""[V] of the battery of 13 cells: 3.1 V a cell."""
FASTEST = 10.0
"""[rad/s] of a joint, at which something is wrong."""
FALLEN = "the robot has fallen"


@dataclass
class Feeling:
    """The newest of what the robot says. received: when its state came [s, steady clock]. origin (3,): where
    its own odometry was when it was heard first [m]; ours, by `legs`, begins there. fingers (4,) [m]."""

    legs: LegOdometry
    state: LowState | None = None
    received: float = -math.inf
    origin: Array = field(default_factory=lambda: np.zeros(3))
    fingers: Array = field(default_factory=lambda: np.zeros(len(facts.JOINTS) - JOINTS))

    def hear(self, state: LowState, now: float) -> None:
        """Take a state that came at `now` [s, steady clock]. One that holds something that is no number, or
        no attitude, or that has been heard before, is as good as none."""
        motors, imu = state.motors[:JOINTS], state.imu[:10]
        numbers = (imu, *(motors[name] for name in ("q", "dq", "tau_est", "vol")))
        known = all(np.isfinite(one).all() for one in numbers) and abs(float(imu[:4] @ imu[:4]) - 1.0) < 0.1
        if not known or (self.state is not None and state.tick == self.state.tick):
            return
        self.state, self.received = state, now
        self.legs.update(1e-3 * state.tick, self.joint_position, state.imu[:4].astype(float))

    @property
    def joint_position(self) -> Array:
        """(joints,) in the order of `facts.JOINTS`."""
        assert self.state is not None
        return np.concatenate([self.state.motors["q"][:JOINTS].astype(float), self.fingers])

    def robot_state(self) -> RobotState | None:
        """In our order, units and frames; None before the first state."""
        if self.state is None:
            return None
        m, imu = self.state.motors[:JOINTS], self.state.imu.astype(float)
        rest = np.zeros(len(self.fingers))
        return RobotState(
            1e-3 * self.state.tick, self.joint_position, np.concatenate([m["dq"].astype(float), rest]),
            np.concatenate([m["tau_est"].astype(float), rest]), imu[:4], imu[4:7], imu[7:10],
            self.origin + self.legs.position, imu[:4].copy(), self.legs.velocity.copy(),
        )  # fmt: skip


class Orders(NamedTuple):
    """What to send now. velocity: (3,) to the vendor's controller, or None. arms: for `rt/arm_sdk`. low: for
    `rt/lowcmd`. damp: ask the vendor's controller to damp the robot. claim: ask who has the motors, and that
    one to release them."""

    velocity: tuple[float, float, float] | None = None
    arms: LowCommand | None = None
    low: LowCommand | None = None
    damp: bool = False
    claim: bool = False


class Driver:
    """Decides, `TICK` by `TICK`, what is sent. why: for what reason the body's commands are not obeyed; "" if
    they are. holder: name of the vendor's controller that has the motors, by its own service; "" if none has;
    None: not known since the robot was armed. claims: whether they have to be asked for; else nobody has
    them."""

    def __init__(self, mode: Mode, kinematics: Kinematics, *, claims: bool = True) -> None:
        self.mode, self.why = mode, "not armed"
        self.holder: str | None = None
        self._claims = claims
        self.feels = Feeling(LegOdometry(kinematics))
        self._low, self._high = (kinematics.of_joints(end)[:JOINTS] for end in ("lower", "upper"))
        self._command: np.ndarray | None = None
        self._obeyed: np.ndarray | None = None
        """The last command that was obeyed: arms that are given back go nowhere else meanwhile."""
        self._commanded = -math.inf
        self._armed_since = math.inf
        self._latched = ""
        """A reason that holds until the body disarms."""
        self._share = 0.0
        """Of the arms, or of all motors, that is ours."""
        self._ours = False
        """Whether the motors were released to us since the robot was armed."""

    def command(self, record: np.ndarray, now: float) -> None:
        """A command of the body, `link.COMMAND`; one that holds something that is no number is dropped."""
        fields = ("position", "stiffness", "effort", "damping", "base_velocity")
        if not all(np.isfinite(record[name]).all() for name in fields):
            return
        if not record["armed"]:
            self._armed_since, self._latched, self._ours = math.inf, "", False
        elif self._armed_since == math.inf:
            self._armed_since = now
            self.holder = None if self._claims else ""
        self._command, self._commanded = record, now

    def left(self) -> None:
        """The body has gone: what it commanded last is not obeyed any more."""
        self._commanded = -math.inf

    def _trouble(self, now: float) -> str:
        """What is wrong with the robot, for which it is damped or stops, until it is armed again."""
        state = self.feels.state
        if state is None or now - self.feels.received > SILENCE:
            return "the robot is silent"
        if remote.pressed(state.remote) >= remote.STOP:
            return "stopped by the remote control"
        down = gravity_in_base(state.imu[:4].astype(float))[2]
        if down > -math.cos(facts.FALLEN_TILT):
            return FALLEN
        if self._ours and self.holder:
            return f"the controller {self.holder} has taken the motors"
        motors = state.motors[:JOINTS]
        if np.abs(motors["dq"]).max() > FASTEST:
            return "a joint is too fast"
        if motors["temperature"].max() > HOTTEST:
            hot = int(motors["temperature"].max(axis=1).argmax())
            return f"{facts.BODY_JOINTS[hot]} is {int(motors['temperature'][hot].max())} degrees hot"
        if 0.0 < motors["vol"].max() < LOWEST_VOLTAGE:
            return f"the battery is at {motors['vol'].max():.1f} V"
        return ""

    def orders(self, now: float, period: float) -> Orders:
        """now [s, steady clock]; period: since the last call [s]."""
        trouble = self._trouble(now)
        if trouble and self._armed_since < math.inf and not self._latched:
            self._latched = trouble
        silent = now - self._commanded > SILENCE
        if trouble or self._latched:
            self.why = trouble or self._latched
        elif self._armed_since == math.inf:
            self.why = "not armed"
        elif self.mode == "low" and self.holder != "":
            self.why = "the robot's own controller has the motors"
        else:
            self._ours = self.mode == "low"
            self.why = "no commands" if silent else ""
        obeys = not self.why
        if obeys:
            self._obeyed = self._command
        self._share = (
            min(1.0, self._share + period / RAMP_TIME)
            if obeys
            else (max(0.0, self._share - period / RELEASE_TIME))
        )
        if self.mode == "low":
            return self._low_orders(obeys)
        fallen = self.why in (FALLEN, "stopped by the remote control")
        if self._command is None or self.feels.state is None:
            return Orders()
        v = self._command["base_velocity"]
        velocity = (float(v[0]), float(v[1]), float(v[2])) if obeys else None
        return Orders(
            velocity, self._arms() if self._share > 0.0 else None, None, fallen and bool(self._latched)
        )

    def _arms(self) -> LowCommand:
        """The arms' command with our share of them."""
        assert self._obeyed is not None
        out = self._motors(self._obeyed, 1.0)
        off = np.ones(JOINTS, dtype=bool)
        off[ARMS] = off[WAIST_YAW] = False
        for name in ("q", "tau", "kp", "kd"):
            out.motors[name][:JOINTS][off] = 0.0
        out.motors["q"][ARM_SDK_WEIGHT] = self._share
        out.seal()
        return out

    def _low_orders(self, obeys: bool) -> Orders:
        """Who is not armed sends nothing at all, once the last that the motors have heard is to be damped."""
        state, armed = self.feels.state, self._armed_since < math.inf
        claim = armed and not self._latched
        if state is None or self.holder != "" or not (armed or self._share > 0.0):
            return Orders(claim=claim)
        if not obeys or self._command is None:
            out = LowCommand()
            out.set_modes(1)
            out.motors["kd"][:JOINTS] = DAMPED
        else:
            out = self._motors(self._command, self._share)
        out.mode_machine, out.mode_pr = state.mode_machine, 0
        out.seal()
        return Orders(low=out, claim=claim)

    def _motors(self, command: np.ndarray, share: float) -> LowCommand:
        """Of every motor: from where it is to what is commanded, by `share` in 0..1, within its limits."""
        assert self.feels.state is not None
        here = self.feels.state.motors["q"][:JOINTS].astype(float)
        q = np.clip(command["position"][:JOINTS], self._low, self._high)
        out = LowCommand()
        out.set_modes(1)
        m = out.motors[:JOINTS]
        m["q"], m["kp"] = here + share * (q - here), command["stiffness"][:JOINTS]
        m["kd"], m["tau"] = command["damping"][:JOINTS], share * command["effort"][:JOINTS]
        return out
