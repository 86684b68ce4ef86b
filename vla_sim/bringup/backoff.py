"""When a node that has died is started again."""

from collections import deque

FIRST_DELAY, LONGEST_DELAY = 1.0, 8.0
"""[s] Before the first start again, and before any: each time it is doubled."""
MOST, WINDOW = 5, 60.0
"""A node that dies so often within so many seconds is given up: what kills it lasts."""


class Backoff:
    """Of one node."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=MOST)

    def died(self, now: float) -> float | None:
        """Seconds until it is to be started again; None: it is given up. now: [s, any clock]."""
        self._deaths.append(now)
        recent = sum(now - one <= WINDOW for one in self._deaths)
        return None if recent == MOST else min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (recent - 1))


def crashed(code: int) -> bool:
    """Whether a process with this exit code died; else it said itself that it cannot work, and would
    again."""
    return code < 0 or code == 1 or code > 128  # by a signal, by an exception, as shells tell a signal
