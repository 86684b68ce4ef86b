"""What may move now: watchdogs, latched emergency stop, spoken stop and the velocity gate together; and which
command it was that moved first, the end of the latency chain, for the trace."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.contract.limits import MAX_SPEED
from vla_sim.contract.records import Plan, SafetyState, Status, Verdict
from vla_sim.stages.safety.gate import gate

ODOM_TIMEOUT, SCAN_TIMEOUT = 0.1, 0.2
"""[s] of silence after which the robot is made to stand, as after `COMMAND_TIMEOUT`."""
LEAST_VALID = 0.5
"""Share of a scan's beams that must be numbers: a lidar that is nearly blind is a blind one."""
MOST_COMMANDS = 256
"""That are remembered."""
COMMAND_TIMEOUT = 0.1
"""[s] without a velocity after which the robot is made to stand: the performance chapter's 100 ms."""


@dataclass
class Supervisor:
    """Pure core of the safety node. Times are seconds of the ROS clock. limits: the largest speeds that pass:
    forward, lateral [m/s], turn [rad/s]."""

    limits: tuple[float, float, float] = MAX_SPEED
    last_odom: float = -math.inf
    last_scan: float = -math.inf
    last_command: float = -math.inf
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
    points: Array = field(default_factory=lambda: np.zeros((0, 2)))
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bad_velocities: int = 0
    factor: float = 1.0
    """Of the wanted velocity that passed last; 0 where none may."""
    _reasons: list[str] = field(default_factory=list)
    _level: Literal["ok", "slowed", "stopped", "estop"] = "ok"

    def on_scan(self, ranges: NDArray[np.float32], angle_min: float, step: float, now: float) -> bool:
        """Take a scan in base_link; False (and no new freshness) if too few of its beams are numbers, or its
        angles are none.

        ranges: (n,) [m]. NaN and negative values are dropped; inf means free.
        """
        valid = ~np.isnan(ranges) & (ranges > 0.0)
        angled = math.isfinite(angle_min) and math.isfinite(step) and step != 0.0
        if not angled or ranges.size == 0 or valid.mean() < LEAST_VALID:
            return False
        near = valid & (ranges < 2.0)
        angles = angle_min + step * np.flatnonzero(near)
        r = ranges[near].astype(np.float64)
        self.points = np.ascontiguousarray(np.column_stack((r * np.cos(angles), r * np.sin(angles))))
        self.last_scan = now
        return True

    def on_velocity(self, vx: float, vy: float, wz: float, now: float) -> bool:
        """Take a velocity; False if it is not finite (then the robot stops)."""
        if not all(map(math.isfinite, (vx, vy, wz))):
            self.bad_velocities += 1
            self.velocity = (0.0, 0.0, 0.0)
            return False
        self.velocity = (vx, vy, wz)
        self.last_command = now
        return True

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

    def on_estop(self, latched: bool, now: float) -> None:
        """The emergency stop is latched, which is a stop as well, or released, which starts nothing."""
        if latched:
            self.on_stop(now)
        self.estop = latched

    def void(self, plan: Plan) -> str:
        """Why a plan is not to be run although it is a good one; "" if it may."""
        if not plan.steps or plan.priority == "stop":
            return ""
        if self.estop:
            return "the emergency stop is on; release it first"
        # A plan for what was never heard here is taken as asked for now.
        if self.asked.get(plan.command_id, self.epoch) < self.epoch:
            return "stop was said after that"
        return ""

    def output(self, now: float) -> tuple[float, float, float]:
        """The velocity that may pass now, (vx, vy, wz)."""
        wanted, still = self.velocity, (0.0, 0.0, 0.0)
        moving = wanted != still
        self._level, self._reasons = "ok", []
        self.factor = 0.0
        if self.estop:
            self._level = "estop"
            self._reasons = ["emergency stop is latched; release it with /safety/estop false"]
            return still
        for forbids, reason in (
            (bool(self.fault), self.fault),
            (self.halted, "stop was said"),
            (now - self.last_odom > ODOM_TIMEOUT, "no odometry"),
            (now - self.last_scan > SCAN_TIMEOUT, "no lidar scan"),
            (moving and now - self.last_command > COMMAND_TIMEOUT, "no new velocity from navigation"),
        ):
            if forbids:
                self._level = "stopped"
                self._reasons.append(reason)
        if self._level != "ok":
            return still
        if not moving:
            self.factor = 1.0
            return wanted
        vx, vy, wz = (max(-most, min(most, v)) for v, most in zip(wanted, self.limits, strict=True))
        self.factor, reason = gate(self.points, vx, vy, wz)
        factor = self.factor
        self._level = "ok" if factor == 1.0 else "slowed" if factor > 0.0 else "stopped"
        self._reasons = [reason] if reason else []
        return factor * vx, factor * vy, factor * wz

    def state(self) -> SafetyState:
        """What the last `output` did and why."""
        return SafetyState(
            level=self._level, reasons=self._reasons, stop_epoch=self.epoch, stop_stamp=self.stop_stamp,
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
