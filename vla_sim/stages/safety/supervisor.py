"""What may move now: watchdogs, latched emergency stop, spoken stop and the velocity gate together; and which
command it was that moved first, the end of the latency chain, for the trace."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.contract.limits import MAX_SPEED
from vla_sim.contract.records import STOP_SAID, Plan, SafetyState, Status, Verdict
from vla_sim.stages.safety.fall import FallWatch
from vla_sim.stages.safety.gate import gate
from vla_sim.stages.safety.surroundings import Surroundings
from vla_sim.stages.safety.trust import MOST_AHEAD, Freshness, OdometryTrust, ScanTrust, sees, valid_beams

ODOM_TIMEOUT, SCAN_TIMEOUT = 0.1, 0.2
"""[s] of silence after which the robot is made to stand, as after `COMMAND_TIMEOUT`."""
DEPTH_TIMEOUT = 1.0
"""[s] after which no step ahead is made: what is low there is not known. It may be longer, for what is low
stands still and is kept in mind; perception has at least 5 images a second."""
ODOM_AGE, SCAN_AGE, DEPTH_AGE = 0.2, 0.5, 1.0
"""[s] that a message's stamp may be old when it comes."""
BACK = 0.05
"""[s] by which the ROS clock may step back before time counts as begun anew."""
MOST_COMMANDS = 256
"""That are remembered."""
COMMAND_TIMEOUT = 0.1
"""[s] without a velocity after which the robot is made to stand: the performance chapter's 100 ms."""

CALM = 0.3
"""[s] for which nothing may have forbidden to walk before a robot that was made to stand walks on. Each start
takes it some centimetres to the side, and what comes and goes five times a second would make it start as
often."""

STAND = (0.0, 0.0, 0.0)


@dataclass
class Supervisor:
    """Pure core of the safety node. now, stamp: seconds of the ROS clock; mono: of the steady one. limits:
    the largest speeds that pass: forward, lateral [m/s], turn [rad/s]."""

    limits: tuple[float, float, float] = MAX_SPEED
    odom: Freshness = field(default_factory=lambda: Freshness(ODOM_AGE, ODOM_TIMEOUT))
    scan: Freshness = field(default_factory=lambda: Freshness(SCAN_AGE, SCAN_TIMEOUT))
    depth: Freshness = field(default_factory=lambda: Freshness(DEPTH_AGE, DEPTH_TIMEOUT))
    kept: Freshness = field(default_factory=lambda: Freshness(DEPTH_AGE, math.inf))
    """Of what lies near the robot: the last that came holds until the next."""
    command: Freshness = field(default_factory=lambda: Freshness(math.inf, COMMAND_TIMEOUT))
    """Of navigation's velocities, which count from when they come."""
    steps: OdometryTrust = field(default_factory=OdometryTrust)
    beams: ScanTrust = field(default_factory=ScanTrust)
    fall: FallWatch = field(default_factory=FallWatch)
    estop: bool = False
    epoch: int = 0
    """How many stops there were: see `SafetyState`."""
    stop_stamp: float = 0.0
    halted: bool = False
    """A stop holds until the next plan is allowed."""
    fault: str = ""
    """Why safety itself is not to be relied upon now."""
    asked: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """The epoch in which a command was last heard, by its id."""
    around: Surroundings = field(default_factory=Surroundings)
    beyond: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)
    """See `ArmGate.beyond`."""
    velocity: tuple[float, float, float] = STAND
    bad_velocities: int = 0
    factor: float = 1.0
    """Of the wanted velocity that passed last; 0 where none may."""
    _now: float = -math.inf
    _forbidden: float = -math.inf
    """When it was made to stand last, or kept standing, although it was to walk [s]."""
    _why: list[str] = field(default_factory=list)
    _walks: bool = False
    """Whether the velocity that passed last is one."""
    _reasons: list[str] = field(default_factory=list)
    _level: Literal["ok", "slowed", "stopped", "estop"] = "ok"

    def on_odom(self, x: float, y: float, yaw: float, stamp: float, now: float, mono: float) -> bool:
        """Take the pelvis's pose in `odom`; False (and no new freshness) if it is not finite or not of now.
        After one that the robot cannot have walked to, nothing is known of what surrounds it."""
        self._follow(now)
        if not all(map(math.isfinite, (x, y, yaw))) or not self.odom.take(stamp, now, mono):
            return False
        if not self.steps.take(stamp, x, y, yaw):
            self._look_anew()
        self.around.odometry(stamp, x, y, yaw)
        return True

    def on_scan(
        self, ranges: NDArray[np.float32], angle_min: float, step: float, stamp: float, now: float,
        mono: float,
    ) -> bool:  # fmt: skip
        """Take a scan in base_link; False (and no new freshness) if too few of its beams are numbers, its
        angles are none, it is not of now, or no odometry says from where it is.

        ranges: (n,) [m]. NaN and negative values are no measurement; inf means free.
        """
        self._follow(now)
        if not (self.around.placeable and sees(ranges, angle_min, step, around=True)):
            return False
        if not self.scan.take(stamp, now, mono):
            return False
        x, y = self.around.at(stamp)[:2]
        self.beams.take(ranges, x, y, self._walks)
        self.around.scan(stamp, ranges, angle_min, step)
        return True

    def on_depth_scan(
        self, ranges: NDArray[np.float32], angle_min: float, step: float, stamp: float, now: float,
        mono: float, at_arms: NDArray[np.float32] | None = None,
    ) -> bool:  # fmt: skip
        """Take the depth camera's flattened scan, as `on_scan`. at_arms: (n,) ranges [m] of what stands at
        the height of the arms; where they are no ranges, everything may."""
        self._follow(now)
        if not (self.around.placeable and sees(ranges, angle_min, step)):
            return False
        if not self.depth.take(stamp, now, mono):
            return False
        if at_arms is None or at_arms.shape != ranges.shape:
            at_arms = ranges
        at_arms = np.where(valid_beams(at_arms), at_arms, ranges)
        self.around.depth_scan(stamp, ranges, angle_min, step, at_arms)
        return True

    def on_low_obstacles(self, points: Array, stamp: float, now: float, mono: float) -> bool:
        """Take what perception keeps in mind of the floor near the robot; False if it is not of now.

        points: (n, 3) x, y in `odom`, and height [m]; those that are no numbers are none."""
        self._follow(now)
        if not self.kept.take(stamp, now, mono):
            return False
        self.around.low_obstacles(points[np.isfinite(points).all(axis=1)])
        return True

    def on_velocity(self, vx: float, vy: float, wz: float, now: float, mono: float) -> bool:
        """Take a velocity; False if it is not finite (then the robot stops)."""
        self._follow(now)
        if not all(map(math.isfinite, (vx, vy, wz))):
            self.bad_velocities += 1
            self.velocity = STAND
            return False
        self.velocity = (vx, vy, wz)
        self.command.taken, self.command.received = now, mono
        return True

    def _follow(self, now: float) -> None:
        """Time that goes back begins anew: nothing that was taken before it has an age."""
        if now < self._now - BACK:
            self._look_anew()
            self.steps, self.velocity, self._forbidden = OdometryTrust(), STAND, -math.inf
            for one in (self.odom, self.scan, self.depth, self.kept, self.command):
                one.forget()
        if now < self.stop_stamp - MOST_AHEAD:  # else nothing would be of after the stop for as long
            self.stop_stamp = now
        self._now = now

    def _look_anew(self) -> None:
        self.around, self.beams = Surroundings(), ScanTrust()
        self.scan.forget()
        self.depth.forget()

    def on_command(self, command_id: str) -> None:
        """A command was heard."""
        self.asked[command_id] = self.epoch
        self.asked.move_to_end(command_id)
        if len(self.asked) > MOST_COMMANDS:
            self.asked.popitem(last=False)

    def on_stop(self, now: float) -> None:
        """Stop was said, or asked for in another way: all that was asked for before is void."""
        self.halted, self.stop_stamp = True, now
        self.epoch += 1

    def on_estop(self, latched: bool, now: float) -> str:
        """The emergency stop is latched, which is a stop as well, or released, which starts nothing. Returns
        why it is not released; "" if it is."""
        if latched:
            self.on_stop(now)
        elif not self.fall.release():
            return "the robot lies; set it up first"
        self.estop = latched
        return ""

    def on_imu(self, stamp: float, orientation: Sequence[float], now: float) -> bool:
        """An attitude (w, x, y, z) of the pelvis; True if it tells that the robot has just fallen, which is a
        stop, and holds like an emergency stop until the robot is set up and that is released."""
        before = self.fall.fallen
        self.fall.take(stamp, orientation)
        fell = self.fall.fallen and not before
        if fell:
            self.on_stop(now)
        return fell

    def void(self, plan: Plan) -> str:
        """Why a plan is not to be run although it is a good one; "" if it may."""
        if not plan.steps or plan.priority == "stop":
            return ""
        if self.fall.fallen:
            return "I have fallen; set me up and release the emergency stop"
        if self.estop:
            return "the emergency stop is on; release it first"
        # A plan for what was never heard here is taken as asked for now.
        if self.asked.get(plan.command_id, self.epoch) < self.epoch:
            return f"{STOP_SAID} after that"
        return ""

    def output(self, now: float, mono: float) -> tuple[float, float, float]:
        """The velocity that may pass now, (vx, vy, wz)."""
        self._follow(now)
        passed = self._passed(now, mono)
        self.around.gait.command(np.array(passed))
        self._walks = passed != STAND
        self.steps.legs(self._walks, self.velocity != STAND, now)
        return passed

    def _passed(self, now: float, mono: float) -> tuple[float, float, float]:
        wanted = self.velocity
        moving = wanted != STAND
        self._level, self._reasons = "ok", []
        self.factor = 0.0
        if self.fall.fallen:
            self._level = "estop"
            self._reasons = ["the robot has fallen; set it up and release it with /safety/estop false"]
            return STAND
        if self.estop:
            self._level = "estop"
            self._reasons = ["emergency stop is latched; release it with /safety/estop false"]
            return STAND
        for forbids, reason in (
            (bool(self.fault), self.fault),
            (self.halted, STOP_SAID),
            (not self.odom.fresh(now, mono), "no odometry"),
            (not self.steps.consistent, "odometry jumps"),
            (self.steps.frozen, "odometry is frozen"),
            (not self.scan.fresh(now, mono), "no lidar scan"),
            (self.beams.frozen, "the lidar is frozen"),
            (wanted[0] > 0.0 and not self.depth.fresh(now, mono), "no depth scan"),
            (moving and not self.command.fresh(now, mono), "no new velocity from navigation"),
        ):
            if forbids:
                self._level = "stopped"
                self._reasons.append(reason)
        if self._level != "ok":
            if moving and not (self.halted or self.fault):  # which hold for a time of their own
                self._forbidden, self._why = now, self._reasons
            return STAND
        if not moving:
            self.factor = 1.0
            return wanted
        if now - self._forbidden < CALM:
            self._level = "stopped"
            self._reasons = [f"{why} a moment ago" for why in self._why]
            return STAND
        vx, vy, wz = (max(-most, min(most, v)) for v, most in zip(wanted, self.limits, strict=True))
        points, low, at_arms = self.around.points()
        self.factor, reason = gate(points, vx, vy, wz, low, at_arms, self.beyond())
        factor = self.factor
        self._level = "ok" if factor == 1.0 else "slowed" if factor > 0.0 else "stopped"
        self._reasons = [reason] if reason else []
        return factor * vx, factor * vy, factor * wz

    def state(self) -> SafetyState:
        """What the last `output` did and why."""
        return SafetyState(
            level=self._level, reasons=self._reasons, stop_epoch=self.epoch, stop_stamp=self.stop_stamp,
            fallen=self.fall.fallen,
        )  # fmt: skip


STILL = ("stop", "wait", "say")

Begun = tuple[str, float]
"""A command id, and the monotonic time [s] at which its control began."""


class FirstMotion:
    """Remembers the last allowed plan that moves, until a motion is let through for it.

    A plan that is allowed while the robot already walks for another one counts from when the executive
    begins it, for only then is it its turn.
    """

    def __init__(self) -> None:
        self._waiting: Begun | None = None
        self._queued = False
        self._walks = False

    def verdict(self, verdict: Verdict) -> None:
        """A verdict is sent: an allowed plan's first motion comes after it."""
        if verdict.allowed and any(step.skill not in STILL for step in verdict.plan.steps):
            self._waiting = (verdict.command_id, verdict.mono)
            self._queued = self._walks

    def status(self, status: Status) -> None:
        if self._waiting is None or status.command_id != self._waiting[0]:
            return
        if status.state == "running" and self._queued:
            self._waiting, self._queued = (status.command_id, status.mono), False
        elif status.state not in ("accepted", "running"):
            self._waiting = None

    def velocity(self, walks: bool) -> Begun | None:
        """A velocity was let through, other than zero if it `walks`; the command that first moves by it."""
        self._walks = walks
        return self.trajectory() if walks else None

    def trajectory(self) -> Begun | None:
        """An arm or gripper trajectory was sent; the command that first moves by it."""
        if self._waiting is None or self._queued:
            return None
        begun, self._waiting = self._waiting, None
        return begun
