"""How old messages are when they arrive: what tells of another machine whose clock is not this one's."""

import math

MOST_AHEAD = 0.02
"""[s] by which a stamp may lie in the future."""
MOST_BEHIND = 0.5
"""[s] of age of every message in `WINDOW` at which something is wrong: a clock, or the way here."""
WINDOW = 5.0
"""[s]"""


class StampAge:
    """Of one topic's messages. least: the smallest age [s] of those of the last `WINDOW`, NaN without one:
    what making and sending them takes, less how far their writer's clock is ahead of ours."""

    def __init__(self) -> None:
        self._began = -math.inf
        self._now = self._before = math.inf
        """The smallest since `_began`, and in the window before."""

    def hear(self, stamp: float, now: float) -> None:
        """A message of `stamp` arrives at `now` [s], by its writer's clock and by ours."""
        if stamp == 0.0:  # its writer has none
            return
        if not 0.0 <= now - self._began < WINDOW:
            self._began, self._before, self._now = now, self._now, math.inf
        self._now = min(self._now, now - stamp)

    @property
    def least(self) -> float:
        found = min(self._now, self._before)
        return found if math.isfinite(found) else math.nan

    def alarm(self) -> str:
        """What is wrong, in words; "" if nothing is."""
        least = self.least
        if least < -MOST_AHEAD:
            return (
                f"stamped {-least:.3g} s in the future: the clocks of two machines differ; have one follow "
                "the other (chrony, PTP)"
            )
        if least > MOST_BEHIND:
            return (
                f"{least:.3g} s old when it arrives: its machine's clock is behind, or the way here is slow"
            )
        return ""
