"""What may move now: watchdogs, latched emergency stop, spoken stop and the velocity gate together."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.arrays import Array
from vla_sim.contract.limits import MAX_SPEED
from vla_sim.contract.records import SafetyState
from vla_sim.stages.safety.gate import gate

COMMAND_TIMEOUT = 0.1
"""[s] without a velocity after which the robot is made to stand: the performance chapter's 100 ms."""


@dataclass(frozen=True)
class Limits:
    """Largest speeds that pass: [m/s], [m/s], [rad/s]."""

    forward: float = MAX_SPEED[0]
    lateral: float = MAX_SPEED[1]
    turn: float = MAX_SPEED[2]


@dataclass
class Watchdog:
    """A source that must not fall silent: `period` is how often it speaks [s]."""

    period: float
    timeout: float
    last: float = -math.inf

    def age(self, now: float) -> float:
        return now - self.last


@dataclass
class Supervisor:
    """Pure core of the safety node. Times are seconds of the ROS clock."""

    limits: Limits = field(default_factory=Limits)
    odom: Watchdog = field(default_factory=lambda: Watchdog(0.02, 0.1))
    scan: Watchdog = field(default_factory=lambda: Watchdog(0.1, 0.2))
    command: Watchdog = field(default_factory=lambda: Watchdog(0.05, COMMAND_TIMEOUT))
    estop: bool = False
    stop_command_id: str = ""
    stop_mono: float = 0.0
    halted: bool = False
    """A spoken stop holds until the next plan is allowed."""
    points: Array = field(default_factory=lambda: np.zeros((0, 2)))
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bad_velocities: int = 0
    _reasons: list[str] = field(default_factory=list)
    _level: str = "ok"

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
        self.scan.last = now
        return True

    def on_velocity(self, vx: float, vy: float, wz: float, now: float) -> bool:
        """Take a velocity; False if it is not finite (then the robot stops)."""
        if not (math.isfinite(vx) and math.isfinite(vy) and math.isfinite(wz)):
            self.bad_velocities += 1
            self.velocity = (0.0, 0.0, 0.0)
            return False
        self.velocity = (vx, vy, wz)
        self.command.last = now
        return True

    def on_stop(self, command_id: str, mono: float) -> None:
        """Stop was said."""
        self.halted, self.stop_command_id, self.stop_mono = True, command_id, mono

    def output(self, now: float) -> tuple[float, float, float]:
        """The velocity that may pass now, (vx, vy, wz)."""
        wanted = self.velocity
        reasons: list[str] = []
        level = "ok"
        moving = wanted != (0.0, 0.0, 0.0)
        if self.estop:
            level, reasons = "estop", ["emergency stop is latched; release it with /safety/estop false"]
        else:
            if self.halted:
                reasons.append("stop was said")
            if self.odom.age(now) > self.odom.timeout:
                reasons.append("no odometry")
            if self.scan.age(now) > self.scan.timeout:
                reasons.append("no lidar scan")
            if moving and self.command.age(now) > self.command.timeout:
                reasons.append("no new velocity from navigation")
            if reasons:
                level = "stopped"
        if level != "ok":
            self._level, self._reasons = level, reasons
            return 0.0, 0.0, 0.0
        if not moving:
            self._level, self._reasons = "ok", []
            return wanted
        vx, vy, wz = self._limited(*wanted)
        factor, reason = gate(self.points, vx, vy, wz)
        self._level = "ok" if factor == 1.0 else "slowed" if factor > 0.0 else "stopped"
        self._reasons = [reason] if reason else []
        return factor * vx, factor * vy, factor * wz

    def _limited(self, vx: float, vy: float, wz: float) -> tuple[float, float, float]:
        def clip(value: float, limit: float) -> float:
            return max(-limit, min(limit, value))

        limits = self.limits
        return clip(vx, limits.forward), clip(vy, limits.lateral), clip(wz, limits.turn)

    def state(self) -> SafetyState:
        """What the last `output` did and why."""
        return SafetyState(
            level=self._level,  # type: ignore[arg-type]
            reasons=self._reasons,
            stop_command_id=self.stop_command_id,
            stop_mono=self.stop_mono,
        )
