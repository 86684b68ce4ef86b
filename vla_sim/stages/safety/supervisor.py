"""What may move now: watchdogs, latched emergency stop, spoken stop and the velocity gate together; and which
command it was that moved first, the end of the latency chain, for the trace."""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.contract.limits import MAX_SPEED
from vla_sim.contract.records import SafetyState, Status, Verdict
from vla_sim.stages.safety.gate import gate

ODOM_TIMEOUT, SCAN_TIMEOUT = 0.1, 0.2
"""[s] of silence after which the robot is made to stand, as after `COMMAND_TIMEOUT`."""
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
    stop_command_id: str = ""
    stop_mono: float = 0.0
    halted: bool = False
    """A spoken stop holds until the next plan is allowed."""
    points: Array = field(default_factory=lambda: np.zeros((0, 2)))
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bad_velocities: int = 0
    factor: float = 1.0
    """Of the wanted velocity that passed last; 0 where none may."""
    _reasons: list[str] = field(default_factory=list)
    _level: Literal["ok", "slowed", "stopped", "estop"] = "ok"

    def on_scan(self, ranges: NDArray[np.float32], angle_min: float, step: float, now: float) -> bool:
        """Take a scan in base_link; False (and no new freshness) if it holds no number at all.

        ranges: (n,) [m]. NaN and negative values are dropped; inf means free.
        """
        valid = ~np.isnan(ranges) & (ranges > 0.0)
        if ranges.size == 0 or not valid.any():
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

    def on_stop(self, command_id: str, mono: float) -> None:
        """Stop was said."""
        self.halted, self.stop_command_id, self.stop_mono = True, command_id, mono

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
            level=self._level, reasons=self._reasons, stop_command_id=self.stop_command_id,
            stop_mono=self.stop_mono,
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
