"""When a request may go to the model's server: how many at once, how many a minute, and not to a broken one.

A server that batches continuously answers a few requests in about the time of one, so `batch` go out side by
side, and whoever finds the line free goes at once: nobody waits for a batch to fill. Who finds it taken waits
for a place, the strongest priority first, but no longer than `batch_wait`; a request that hangs holds up
nobody for good. Weaker requests under way take no place from a stronger one.

All of it belongs to one event loop, and counts on `vla_sim.common.clock`: in lock-step to wait is to be
charged.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from vla_sim.common import clock
from vla_sim.contract.records import PRIORITIES, Priority
from vla_sim.stages.language.llm.errors import RefusedError

FAILURES, REST = 3, 10.0
"""After so many failures one after another the server is left alone for this long [s]."""

_number = itertools.count()


class TokenBucket:
    """At most `per_minute` in any minute, a tenth of them at once. Times [s] are the caller's.

    Not aiolimiter: its bucket lets twice the limit pass in one minute, reads the event loop's clock and not
    ours, and cannot say how long a wait would be. Not pyrate-limiter: it keeps no bucket but every request's
    time, and a thread to forget them.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = max(1.0, per_minute / 10.0)
        self._rate = max(per_minute - self._most, 0.5) / 60.0
        self._tokens, self._filled = self._most, -float("inf")

    def take(self, now: float) -> float:
        """0 and a token is taken, or how long it is until there is one [s]."""
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self._rate
        self._tokens -= 1.0
        return 0.0


class Breaker:
    """Open after `FAILURES` in a row, for `REST`; then one request may try.

    Not pybreaker or circuitbreaker: they read the machine's clock, which lock-step has not, and the first
    its date, which may jump, and Tornado for what waits.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = -float("inf")

    def left(self, now: float) -> float:
        """How long it stays open [s]; 0: a request may pass."""
        return max(0.0, self._open_until - now) if self._failures >= FAILURES else 0.0

    def passed(self, now: float) -> None:
        """A request was sent: if it is one that tries, the next waits until it is judged."""
        self._open_until = now + REST

    def judge(self, good: bool, now: float) -> None:
        self._failures = 0 if good else self._failures + 1
        self._open_until = now + REST


@dataclass(eq=False)
class Turn:
    """A request's place in the line."""

    priority: Priority = "normal"
    since: float = field(default_factory=clock.mono)
    number: int = field(default_factory=_number.__next__)

    @property
    def rank(self) -> int:
        return PRIORITIES.index(self.priority)


class Admission:
    """per_minute: most requests in any minute. batch: most under way at once; batch_wait: longest wait for a
    place among them [s]."""

    def __init__(self, per_minute: int, batch: int, batch_wait: float) -> None:
        self.breaker = Breaker()
        self._per_minute, self._batch, self._batch_wait = per_minute, batch, batch_wait
        self._bucket = TokenBucket(per_minute)
        self._paused_until = -float("inf")
        self._waiting: list[Turn] = []
        self._under_way: list[Turn] = []
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def pause(self, seconds: float) -> None:
        """The server asked to be left alone."""
        self._paused_until = max(self._paused_until, clock.mono() + seconds)

    def promote(self, turn: Turn, priority: Priority) -> None:
        """Somebody else waits for the same request."""
        turn.priority = min(turn.priority, priority, key=PRIORITIES.index)
        self._change()

    @contextlib.asynccontextmanager
    async def place(self, turn: Turn, deadline: float) -> AsyncIterator[None]:
        """Wait for a place and hold it. Raises `RefusedError` as soon as it is clear that there is none by
        the deadline (`clock.mono`)."""
        self._waiting.append(turn)
        try:
            while (wait := self._wait(turn, deadline)) > 0.0:
                await self._until_change(wait)
            self._under_way.append(turn)
        finally:
            self._waiting.remove(turn)
            self._change()
        try:
            yield
        finally:
            self._under_way.remove(turn)
            self._change()

    def _wait(self, turn: Turn, deadline: float) -> float:
        """0 and the turn has come, or seconds after which to ask again."""
        now = clock.mono()
        if now >= deadline:
            raise RefusedError(f"no turn within {now - turn.since:.1f} s: {len(self._under_way)} under way")
        if (left := self.breaker.left(now)) > 0.0:
            raise RefusedError(f"the server failed {FAILURES} times in a row; next try in {left:.0f} s")
        if (left := self._paused_until - now) > 0.0:
            if now + left >= deadline:
                raise RefusedError(f"the server asked for a pause; the next request in {left:.0f} s")
            return left
        if turn is not min(self._waiting, key=lambda one: (one.rank, one.number)):
            return deadline - now
        rivals = sum(one.rank <= turn.rank for one in self._under_way)
        if rivals >= self._batch and (left := turn.since + self._batch_wait - now) > 0.0:
            return min(left, deadline - now)
        wait = self._bucket.take(now)
        if now + wait >= deadline:
            raise RefusedError(f"the limit is {self._per_minute} requests a minute; the next in {wait:.1f} s")
        if wait <= 0.0:
            self.breaker.passed(now)
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
