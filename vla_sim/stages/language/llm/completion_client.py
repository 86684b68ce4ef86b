"""A model's answers at a bounded price: cached, one request shared by all who ask the same, rate limited,
batched, repeated where that may help, and given up in time."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from vla_sim.common import clock, secrets
from vla_sim.common.errors import MissingError
from vla_sim.contract.records import Priority
from vla_sim.stages.language.llm.answer import Answer
from vla_sim.stages.language.llm.errors import LlmError, RefusedError, ServerError, WrongAnswerError
from vla_sim.stages.language.llm.prompt import Message
from vla_sim.stages.language.llm.request_batcher import QueuedRequest, RequestBatcher
from vla_sim.stages.language.llm.response_cache import ResponseCache
from vla_sim.stages.language.llm.way import Question
from vla_sim.stages.language.params import LlmSettings

if TYPE_CHECKING:
    from vla_sim.stages.language.llm.chat_client import ChatServer

MAX_RETRIES = 2
"""How often a request that the server refused or lost is repeated."""
BACKOFF = 0.2
"""[s] before the first repetition, about twice as long before each further one."""
LOCKSTEP_TIMEOUT = 60.0
"""[s] of the machine's clock for an answer in lock-step, where a slow machine must not change the result:
less than the conductor's, and as much as the longest `LlmSettings.timeout`."""


@dataclass
class Statistics:
    """asked: replies wanted; remembered, shared: from the cache, or from a request already under way;
    sent: HTTP requests; repeated: those that were repetitions; failed: by the server's fault; wrong: answers
    that were no plan, the model's fault; refused: not sent at all; abandoned: all callers cancelled.
    unmetered: requests whose tokens the server did not report, mostly since they were given up; the pieces
    received count as tokens instead. milliseconds: of the last hundred answers of the server."""

    asked: int = 0
    remembered: int = 0
    shared: int = 0
    sent: int = 0
    repeated: int = 0
    failed: int = 0
    wrong: int = 0
    refused: int = 0
    abandoned: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    unmetered: int = 0
    cost: float = 0.0
    milliseconds: deque[float] = field(default_factory=lambda: deque(maxlen=100))

    def values(self) -> dict[str, str]:
        """For the node's diagnostics."""
        out = {f"llm.{f.name}": str(getattr(self, f.name)) for f in fields(self) if f.type == "int"}
        out["llm.hit_rate"] = f"{self.remembered / self.asked if self.asked else 0.0:.2f}"
        out["llm.cost"] = f"{self.cost:.4f}"
        if self.milliseconds:
            p50, p95 = np.percentile(list(self.milliseconds), (50, 95))
            out |= {"llm.p50_ms": f"{p50:.0f}", "llm.p95_ms": f"{p95:.0f}"}
        return out


@dataclass(frozen=True)
class Reply:
    """content: the model's words; remembered: from the cache."""

    content: str
    remembered: bool = False


class CompletionClient:
    """Belongs to one event loop, but for `connect`. schema: of the JSON that answers are; None: they are any
    text. tell: takes one line on how the server is asked. seed: of the random pauses before repetitions.
    """

    def __init__(
        self, settings: LlmSettings, schema: dict[str, Any] | None, seed: int = 0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.statistics = Statistics()
        self.batcher = RequestBatcher(settings.per_minute, settings.batch, settings.batch_wait)
        self._question = Question(settings.model, settings.temperature, settings.max_tokens, schema)
        self._tell = tell
        self.cache = ResponseCache(settings.cache_entries, settings.cache_seconds, self._question)
        self._random = random.Random(seed)
        self._under_way: dict[bytes, tuple[asyncio.Task[str], QueuedRequest]] = {}
        self._connecting = threading.Lock()
        self._server: ChatServer | None = None
        self._stand_in: ChatServer | None = None
        self._delay = 0.0

    def connect(self) -> None:
        """Import and make the client (about 1 s at the first call). Raises `MissingError`, `InputError`."""
        with self._connecting:
            if self._server is not None:
                return
            try:
                from vla_sim.stages.language.llm.chat_client import ChatServer
            except ImportError:
                raise MissingError(
                    'the "httpx2" package is not installed; pip install httpx2, or use planner:=rules'
                ) from None
            key = secrets.read_key(self.settings.api_key_env)
            self._server = ChatServer(self.settings.base_url, key, self._question, self._tell)

    async def disturb(self, url: str, delay: float) -> None:
        """From now on ask the server at `url` instead, "" for its own, and each time `delay` [s] later."""
        stand_in, self._stand_in, self._delay = self._stand_in, None, delay
        if url and self._server is not None:
            self._stand_in = type(self._server)(url, "", self._question)
        if stand_in is not None:
            await stand_in.close()

    async def close(self) -> None:
        for server in (self._server, self._stand_in):
            if server is not None:
                await server.close()

    async def ask(
        self, said: list[Message], deadline: float, check: Callable[[str], None],
        priority: Priority = "normal",
    ) -> Reply:  # fmt: skip
        """The model's answer. check: raises `WrongAnswerError` for a beginning of it that leads nowhere,
        which ends the request, as does a cancellation by the last who waits for it. Raises `LlmError` if
        there is no answer by the deadline (`clock.mono`), for any cause."""
        self.statistics.asked += 1
        key = self.cache.generate_cache_key(said)
        content = self.cache.get(key)
        if content is not None:
            self.statistics.remembered += 1
            return Reply(content, remembered=True)
        if key in self._under_way:
            task, queued = self._under_way[key]
            self.statistics.shared += 1
            self.batcher.promote(queued, priority)
        else:
            queued = QueuedRequest(priority)
            task = asyncio.create_task(self._fetch(said, queued, deadline, check))
            self._under_way[key] = task, queued
        queued.askers += 1
        try:
            return Reply(await asyncio.shield(task))
        finally:
            queued.askers -= 1
            if queued.askers == 0:
                task.cancel()
                del self._under_way[key]
            # An error's traceback knows this frame, and the task knows the error: without the circle, the
            # answer's generators end here and now, and not in whichever thread next collects garbage.
            del task

    def remember(self, said: list[Message], content: str) -> None:
        """The answer proved good: cache it."""
        self.cache.put(self.cache.generate_cache_key(said), content)

    async def _fetch(
        self, said: list[Message], queued: QueuedRequest, deadline: float, check: Callable[[str], None]
    ) -> str:
        """Asks the server, and again where that may help and there is time."""
        attempt = 0
        while True:
            try:
                async with self.batcher.slot(queued, deadline):
                    return await self._judged(said, deadline, check)
            except RefusedError:
                self.statistics.refused += 1
                raise
            except ServerError as error:
                pause = max(error.pause or 0.0, BACKOFF * 2.0**attempt * self._random.uniform(0.5, 1.5))
                if not error.again or attempt == MAX_RETRIES or clock.mono() + pause >= deadline:
                    raise
            attempt += 1
            self.statistics.repeated += 1
            await _sleep(pause)

    async def _judged(self, said: list[Message], deadline: float, check: Callable[[str], None]) -> str:
        """One request, and what it says of the server's health."""
        breaker = self.batcher.breaker
        self.statistics.sent += 1
        began = clock.mono()
        try:
            content = await self._in_time(said, deadline, check)
        except ServerError as error:
            self.statistics.failed += 1
            if error.pause is not None:
                self.batcher.pause(error.pause)  # it works, and says what it wants
            else:
                breaker.on_result(False, clock.mono())
            raise
        except WrongAnswerError:
            breaker.on_result(True, clock.mono())
            raise
        except asyncio.CancelledError:
            self.statistics.abandoned += 1
            raise
        breaker.on_result(True, clock.mono())
        self.statistics.milliseconds.append(1e3 * (clock.mono() - began))
        return content

    async def _in_time(self, said: list[Message], deadline: float, check: Callable[[str], None]) -> str:
        """One request until the deadline. `clock.charge` decides whether it was kept."""
        late = ServerError(f"no plan within {self.settings.timeout:g} s")
        if self._delay:
            await _sleep(min(self._delay, max(0.0, deadline - clock.mono())))
        left = deadline - clock.mono()
        if left <= 0.0:
            raise late
        began = time.perf_counter()
        try:
            content = await asyncio.wait_for(
                self._stream(said, check), LOCKSTEP_TIMEOUT if clock.lockstep() else left
            )
        except asyncio.TimeoutError:
            clock.spend(left)
            raise late from None
        except LlmError:
            if clock.charge("llm", time.perf_counter() - began, left) > left:
                raise late from None
            raise
        if clock.charge("llm", time.perf_counter() - began, left) > left:
            raise late
        return content

    async def _stream(self, said: list[Message], check: Callable[[str], None]) -> str:
        server = self._stand_in or self._server
        assert server is not None, "connect first"
        answer = Answer()
        try:
            async with aclosing(server.deltas(said)) as stream:
                async for delta in stream:
                    answer.take(delta)
                    try:
                        check(answer.text)
                    except WrongAnswerError as wrong:
                        wrong.answer = answer.text
                        raise
            return answer.whole(self.settings.max_tokens)
        finally:
            tokens_in, tokens_out = answer.tokens or (0, answer.pieces)
            s = self.statistics
            s.unmetered += answer.tokens is None
            s.tokens_in += tokens_in
            s.tokens_out += tokens_out
            s.cost += 1e-6 * (tokens_in * self.settings.price_in + tokens_out * self.settings.price_out)


async def _sleep(seconds: float) -> None:
    if clock.lockstep():
        clock.spend(seconds)
    else:
        await asyncio.sleep(seconds)
