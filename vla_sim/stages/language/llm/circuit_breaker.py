"""Leaves a server that keeps failing alone for a while."""

from __future__ import annotations

MAX_FAILURES = 3
"""Consecutive failures that open the circuit."""
OPEN_SECONDS = 10.0


class CircuitBreaker:
    """Open for `OPEN_SECONDS` after `MAX_FAILURES` in a row; then a single request may try. Times [s] are the
    caller's.

    Not pybreaker or circuitbreaker: they read the machine's clock, which lock-step replaces; the first of
    them reads its date, which may jump, and needs Tornado for asynchronous calls.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = -float("inf")

    def remaining(self, now: float) -> float:
        """How long it stays open [s]; 0: a request may pass."""
        return max(0.0, self._open_until - now) if self._failures >= MAX_FAILURES else 0.0

    def on_request(self, now: float) -> None:
        """A request was sent; if it is the one that tries, the next waits for its result."""
        self._open_until = now + OPEN_SECONDS

    def on_result(self, good: bool, now: float) -> None:
        self._failures = 0 if good else self._failures + 1
        self._open_until = now + OPEN_SECONDS
