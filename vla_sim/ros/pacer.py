"""Keeps what makes the stack's time in step with the machine's clock."""

from collections import deque

import numpy as np

MOST_BEHIND = 0.1
"""Seconds of delay that are caught up; what is lost beyond that stays lost."""
WINDOW = 100
"""Ticks that the figures cover: 2 s at real time."""


class RealTimePacer:
    """Keeps simulated time in step with the clock, and measures how well.

    period: of a tick [s of simulated time]. speed: simulated seconds a second; 0 runs free. All times are
    `time.monotonic()` seconds.
    """

    def __init__(self, period: float, speed: float) -> None:
        self.period, self.speed = period, speed
        self._due: float | None = None
        self._ticks: deque[float] = deque(maxlen=WINDOW + 1)
        self._late: deque[float] = deque(maxlen=10 * WINDOW)
        self.ticks = self.missed = 0
        """Since the beginning: all, and those that began more than half a period late."""
        self.worst = 0.0
        """How late one began [s]."""

    def tick(self, now: float) -> None:
        """A control tick begins."""
        self._ticks.append(now)
        self.ticks += 1
        if self.speed <= 0.0:
            return
        if self._due is None:
            self._due = now
        late = now - self._due
        self._late.append(late)
        self.missed += late > 0.5 * self.period / self.speed
        self.worst = max(self.worst, late)
        self._due = max(self._due, now - MOST_BEHIND) + self.period / self.speed

    def remaining(self, now: float) -> float:
        """Seconds until the next tick is due; not positive if it is now."""
        return 0.0 if self._due is None else self._due - now

    @property
    def real_time_factor(self) -> float:
        """Simulated by passed time over the last `WINDOW` ticks; 0 before there are two."""
        if len(self._ticks) < 2 or self._ticks[-1] <= self._ticks[0]:
            return 0.0
        return (len(self._ticks) - 1) * self.period / (self._ticks[-1] - self._ticks[0])

    def lateness(self, share: float) -> float:
        """Quantile of how late ticks began [s]; 0 when it runs free."""
        return float(np.quantile(self._late, share)) if self._late else 0.0
