"""Docking: a pose servo that comes to stand within a few centimetres, built around the gait's behaviour.

While it steps, this humanoid follows even very small commands, so the mean of its gait cycle can be
brought to a pose within millimetres. What costs accuracy is the stop: the last step carries it on. So the
servo aims short by the shift that a stop is known to cause, stops, waits until the robot is still,
measures, and if the error is too large corrects the shift by what it saw and tries again.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.gait import compose, relative

ServoState = Literal["walking", "settling", "done", "failed"]


@dataclass(frozen=True)
class ServoSettings:
    """position, yaw: accepted error of the standing robot [m], [rad]. speed, side, turn: walked velocity
    limits [m/s], [rad/s]. line_up: distance [m] before the goal at which it is lined up first; 0: never.
    attempts: stops before it gives up."""

    position: float = 0.035
    yaw: float = 0.06
    speed: float = 0.2
    side: float = 0.10
    turn: float = 0.4
    line_up: float = 0.0
    attempts: int = 5
    acceleration: float = 0.5


@dataclass
class PoseServo:
    """Call `step` at each tick with poses in one frame, yaw unwrapped (no jump at +-pi)."""

    settings: ServoSettings
    state: ServoState = "walking"
    error: Array = field(default_factory=lambda: np.full(3, np.inf))
    """(3,) goal seen from where it stands, or will stand when it stops now."""

    def __post_init__(self) -> None:
        self._shift = np.array(gait.STOP_SHIFT)
        self._since = -math.inf
        self._good_since = math.inf
        self._before = np.zeros(3)
        self._velocity = np.zeros(3)
        self._last = -math.inf
        self._attempt = 0
        self._side = 0.0
        self._near_since = math.inf
        self._trim = np.zeros(3)

    def step(self, time: float, goal: Array, mean: Array, raw: Array, velocity: Array) -> Array:
        """The command (3,) for now.

        goal, mean (sway-free), raw: (3,) x, y, yaw. velocity: (3,) present one in base_link."""
        if self.state == "settling":
            return self._settle(time, goal, raw)
        if self.state in ("done", "failed"):
            return np.zeros(3)
        s = self.settings
        shift = self._shift.copy()
        shift[0] += gait.stop_ahead(float(velocity[0])) - gait.STOP_SHIFT[0]
        self.error = relative(compose(mean, shift), goal)
        distance, turn = math.hypot(self.error[0], self.error[1]), abs(self.error[2])
        if distance < 3.0 * s.position and turn < 3.0 * s.yaw:
            self._near_since = min(self._near_since, time)
        # The longer it hovers near the goal, the wider the band that it accepts.
        share = min(0.8, 0.4 + 0.05 * max(0.0, time - self._near_since - 2.0))
        near = max(0.010, share * min(0.10, s.position))
        straight = max(0.015, share * min(0.08, s.yaw))
        slow = s.position > 0.08 or math.hypot(velocity[0], velocity[1]) < 0.05
        if distance < near and turn < straight and slow:
            self._good_since = min(self._good_since, time)
            if self._stop_now(time, mean, raw):
                self.state, self._since, self._before = "settling", time, mean.copy()
                return np.zeros(3)
        else:
            self._good_since = math.inf
        return self._walk(time)

    def _walk(self, time: float) -> Array:
        s, e = self.settings, self.error
        want = np.array([0.8 * e[0], 0.8 * e[1], 1.0 * e[2]])
        if abs(e[2]) > 0.6:  # turn first, keep the place
            want[:2] *= 0.3
        elif e[0] < s.line_up and (abs(e[1]) > 0.06 or abs(e[2]) > 0.15):
            want[0] = min(want[0], 0.0)
        dt = min(0.2, max(0.0, time - self._last))
        self._last = time
        if time >= self._near_since:  # what the gait drifts by itself
            self._trim = np.clip(self._trim + 0.2 * e * dt, -0.04, 0.04)
            want += self._trim
        want[0] = min(max(want[0], -0.75 * s.speed), s.speed)
        want[1] = min(max(want[1], -s.side), s.side)
        want[2] = min(max(want[2], -s.turn), s.turn)
        reach = np.array([1.0, 1.0, 2.0]) * s.acceleration * dt
        # Speeding up is eased, slowing down is not: the gait's own lag eases it enough.
        grows = np.abs(want) > np.abs(self._velocity)
        eased = np.clip(want, self._velocity - reach, self._velocity + reach)
        self._velocity = np.where(grows, eased, want)
        return gait.stepping_command(self._velocity)

    def _stop_now(self, time: float, mean: Array, raw: Array) -> bool:
        """In the sway's middle, swinging left, a stop is quickest and turns the body least; that moment
        comes once a cycle, and the wait for it lasts no longer than one."""
        if self.settings.position > 0.08:
            return True
        before, self._side = self._side, float(relative(mean, raw)[1])
        if time - self._good_since < 0.25:
            return False
        middle = abs(self._side) < 0.02 and self._side > before + 0.002
        return middle or time - self._good_since > 1.4 * gait.PERIOD

    def _settle(self, time: float, goal: Array, raw: Array) -> Array:
        s = self.settings
        self.error = relative(raw, goal)
        if time - self._since < gait.SETTLE_TIME:
            return np.zeros(3)
        self._attempt += 1
        if math.hypot(self.error[0], self.error[1]) <= s.position and abs(self.error[2]) <= s.yaw:
            self.state = "done"
        elif self._attempt >= s.attempts:
            self.state = "failed"
        else:
            seen = relative(self._before, raw)
            self._shift += 0.5 * (np.clip(seen, -0.12, 0.12) - self._shift)
            self._velocity = np.zeros(3)
            self._good_since = self._near_since = math.inf
            self.state = "walking"
        return np.zeros(3)
