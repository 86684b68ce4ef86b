"""Limits how many requests a minute go to a language model's server."""

ROUNDING = 1e-9
"""Of a token: what is missing after the wait that was told, since times are rounded."""


class RateLimiter:
    """A token bucket: at most `per_minute` requests in any minute, a tenth of them at once. Times [s] are the
    caller's.

    Not aiolimiter: its bucket lets twice the limit pass in one minute, reads the event loop's clock and not
    ours, and cannot say how long a wait would be. Not pyrate-limiter: it keeps the time of every request
    instead of a bucket, and a thread to forget them.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = max(1.0, per_minute / 10.0)
        self._rate = max(per_minute - self._most, 0.5) / 60.0
        self._tokens, self._filled = self._most, -float("inf")

    def can_make_request(self, now: float) -> bool:
        """Whether a request may be made now: then it is counted."""
        if self.wait(now) > 0.0:
            return False
        self._tokens -= 1.0
        return True

    def wait(self, now: float) -> float:
        """Until a request may be made [s]; 0: now."""
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        missing = 1.0 - self._tokens
        return missing / self._rate if missing > ROUNDING else 0.0
