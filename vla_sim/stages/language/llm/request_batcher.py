"""Batches requests to the model's server: how many are under way at once, in which order, and when.

A server that batches continuously answers a few requests in about the time of one, so up to `batch` go out
side by side, and a request that finds a free slot goes at once instead of waiting for a batch to fill. One
that finds none waits for a slot, the strongest priority first, but no longer than `batch_wait`: a request
that hangs never blocks the others for good. Weaker requests under way take no slot from a stronger one.

All of it belongs to one event loop, and counts on `vla_sim.common.clock`: in lock-step a wait is charged to
simulated time.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from vla_sim.common import clock
from vla_sim.contract.records import PRIORITIES, Priority
from vla_sim.stages.language.llm.errors import RefusedError
from vla_sim.stages.language.llm.rate_limiter import RateLimiter

MAX_FAILURES = 3
"""Consecutive failures that open the circuit."""
OPEN_SECONDS = 10.0


class CircuitBreaker:
    """Leaves a server that keeps failing alone: open for `OPEN_SECONDS` after `MAX_FAILURES` in a row; then a
    single request may try. Times [s] are the caller's.

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


@dataclass(eq=False)
class QueuedRequest:
    """A request's place in the queue, and how many wait for its answer."""

    priority: Priority = "normal"
    since: float = field(default_factory=clock.mono)
    askers: int = 0

    @property
    def rank(self) -> int:
        return PRIORITIES.index(self.priority)


class RequestBatcher:
    """per_minute: most requests in any minute. batch: most under way at once; batch_wait: longest wait for a
    slot among them [s]."""

    def __init__(self, per_minute: int, batch: int, batch_wait: float) -> None:
        self.breaker = CircuitBreaker()
        self._per_minute, self._batch, self._batch_wait = per_minute, batch, batch_wait
        self._limiter = RateLimiter(per_minute)
        self._paused_until = -float("inf")
        self._waiting: list[QueuedRequest] = []
        self._under_way: list[QueuedRequest] = []
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def pause(self, seconds: float) -> None:
        """The server asked for a pause."""
        self._paused_until = max(self._paused_until, clock.mono() + seconds)

    def promote(self, request: QueuedRequest, priority: Priority) -> None:
        """A further caller waits for the same request."""
        request.priority = min(request.priority, priority, key=PRIORITIES.index)
        self._change()

    @contextlib.asynccontextmanager
    async def slot(self, request: QueuedRequest, deadline: float) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises `RefusedError` as soon as it is clear that there is none by the
        deadline (`clock.mono`)."""
        self._waiting.append(request)
        try:
            while (wait := self._wait(request, deadline)) > 0.0:
                await self._until_change(wait)
            self._under_way.append(request)
        finally:
            self._waiting.remove(request)
            self._change()
        try:
            yield
        finally:
            self._under_way.remove(request)
            self._change()

    def _wait(self, request: QueuedRequest, deadline: float) -> float:
        """0 if the request may go now, else seconds after which to ask again."""
        now = clock.mono()
        if now >= deadline:
            raise RefusedError(
                f"no slot within {now - request.since:.1f} s: {len(self._under_way)} under way"
            )
        if (left := self.breaker.remaining(now)) > 0.0:
            raise RefusedError(f"the server failed {MAX_FAILURES} times in a row; next try in {left:.0f} s")
        if (left := self._paused_until - now) > 0.0:
            if now + left >= deadline:
                raise RefusedError(f"the server asked for a pause; the next request in {left:.0f} s")
            return left
        if request is not min(self._waiting, key=lambda one: (one.rank, one.since)):
            return deadline - now
        competing = sum(one.rank <= request.rank for one in self._under_way)
        if competing >= self._batch and (left := request.since + self._batch_wait - now) > 0.0:
            return min(left, deadline - now)
        if self._limiter.can_make_request(now):
            self.breaker.on_request(now)
            return 0.0
        wait = self._limiter.wait(now)
        if now + wait >= deadline:
            raise RefusedError(f"the limit is {self._per_minute} requests a minute; the next in {wait:.1f} s")
        return wait

    async def _until_change(self, seconds: float) -> None:
        if clock.lockstep():
            clock.spend(seconds)
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
