"""A model's answers at a bounded price: remembered, asked once for many, at a bounded rate, given up in time.

What is remembered are the model's words, under everything that they depend on: the prompt, in which the
world's names, what is held and what was spoken of stand, the model and its parameters. Whoever asks reads
them anew in the world as it is, so that a plan that was made for another world is never served.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from cachetools import TTLCache

from vla_sim.common import clock
from vla_sim.common.caches import shrink
from vla_sim.common.errors import MissingError
from vla_sim.contract.records import Priority
from vla_sim.stages.language.llm.errors import LlmError, RefusedError, ServerError, WrongAnswerError
from vla_sim.stages.language.llm.prompt import Message
from vla_sim.stages.language.llm.request_batcher import Admission, Turn
from vla_sim.stages.language.llm.statistics import Statistics

if TYPE_CHECKING:
    from vla_sim.stages.language.llm.chat_client import ChatServer

RETRIES = 2
"""How often a request that the server refused or lost is made again."""
BACKOFF = 0.2
"""[s] before the first repetition, about twice as long before each further one."""
MOST_CHARACTERS = 8000
"""Of an answer; the longest plan has a quarter of it."""
PATIENCE = 60.0
"""[s] of the machine's clock for an answer in lock-step, where a slow machine must not change the verdict:
less than the conductor's, and as much as the longest timeout."""


@dataclass(frozen=True)
class LlmSettings:
    """base_url: of the server, ending in /v1. api_key_env: environment variable with the key (a local
    server needs none). timeout: for the whole plan, repetitions and a repair included [s]. grounded: refuse
    a plan with names or amounts that the text does not speak of, or without a name that it speaks of.
    per_minute: most requests in any minute. batch: most under way at once; batch_wait: longest wait for one
    of them to end [s]. cache_entries, cache_seconds: what is remembered, and how long [s]. price_in,
    price_out: of a million tokens."""

    base_url: str
    model: str = "local"
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 4.0
    temperature: float = 0.1
    max_tokens: int = 1000
    grounded: bool = True
    per_minute: int = 100
    batch: int = 3
    batch_wait: float = 2.0
    cache_entries: int = 50
    cache_seconds: float = 300.0
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(frozen=True)
class Reply:
    """content: the model's words; remembered: not asked for anew."""

    content: str
    remembered: bool = False


@dataclass(eq=False)
class _UnderWay:
    """A request, its place in the line, and how many wait for its answer."""

    task: asyncio.Task[str]
    turn: Turn
    askers: int = 0


class Completions:
    """Belongs to one event loop, but for `connect`. response_format: what the server constrains its answers
    to. seed: of the pauses before repetitions."""

    def __init__(self, settings: LlmSettings, response_format: dict[str, Any], seed: int = 0) -> None:
        self.settings = settings
        self.statistics = Statistics()
        self.admission = Admission(settings.per_minute, settings.batch, settings.batch_wait)
        self._parameters = {
            "model": settings.model, "temperature": settings.temperature, "max_tokens": settings.max_tokens,
            "response_format": response_format,
        }  # fmt: skip
        self._random = random.Random(seed)
        self._remembered: TTLCache[bytes, str] = TTLCache(
            settings.cache_entries, settings.cache_seconds, timer=clock.mono
        )
        self._under_way: dict[bytes, _UnderWay] = {}
        self._connecting = threading.Lock()
        self._server: ChatServer | None = None

    def connect(self) -> None:
        """Import and make the client (about 1 s at the first call). Raises `MissingError`."""
        with self._connecting:
            if self._server is not None:
                return
            try:
                from vla_sim.stages.language.llm.chat_client import ChatServer
            except ImportError:
                raise MissingError(
                    'the "openai" package is not installed; pip install openai, or use planner:=rules'
                ) from None
            key = os.environ.get(self.settings.api_key_env) or "none"
            self._server = ChatServer(self.settings.base_url, key, self._parameters)

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()

    async def ask(
        self, said: list[Message], deadline: float, check: Callable[[str], None],
        priority: Priority = "normal",
    ) -> Reply:  # fmt: skip
        """The model's answer. check: raises `WrongAnswerError` for a beginning of it that leads nowhere,
        which ends the request, as does a cancellation by the last who waits for it. Raises `LlmError` if
        there is no answer by the deadline (`clock.mono`), whatever the cause."""
        self.statistics.asked += 1
        key = self._key(said)
        content = self._remembered.get(key)
        if content is not None:
            self.statistics.remembered += 1
            return Reply(content, remembered=True)
        request = self._under_way.get(key)
        if request is None:
            turn = Turn(priority)
            task = asyncio.create_task(self._fetch(said, turn, deadline, check))
            request = self._under_way[key] = _UnderWay(task, turn)
        else:
            self.statistics.shared += 1
            self.admission.promote(request.turn, priority)
        request.askers += 1
        try:
            return Reply(await asyncio.shield(request.task))
        finally:
            request.askers -= 1
            if request.askers == 0:
                request.task.cancel()
                del self._under_way[key]
            # An error's traceback knows this frame, and the task knows the error: without the circle, the
            # answer's generators end here and now, and not in whichever thread next collects garbage.
            del request

    def remember(self, said: list[Message], content: str) -> None:
        """What was a good answer is one again."""
        self._remembered[self._key(said)] = content

    async def cleanup(self) -> str:
        """Forget some of what is remembered; what that was."""
        return shrink(self._remembered)

    def _key(self, said: list[Message]) -> bytes:
        return msgspec.json.encode([said, self._parameters])

    async def _fetch(
        self, said: list[Message], turn: Turn, deadline: float, check: Callable[[str], None]
    ) -> str:
        """Asks the server, and again where that may help and there is time."""
        attempt = 0
        while True:
            try:
                async with self.admission.place(turn, deadline):
                    return await self._judged(said, deadline, check)
            except RefusedError:
                self.statistics.refused += 1
                raise
            except ServerError as error:
                pause = max(error.pause or 0.0, BACKOFF * 2.0**attempt * self._random.uniform(0.5, 1.5))
                if not error.again or attempt == RETRIES or clock.mono() + pause >= deadline:
                    raise
            attempt += 1
            self.statistics.repeated += 1
            await _sleep(pause)

    async def _judged(self, said: list[Message], deadline: float, check: Callable[[str], None]) -> str:
        """One request, and what it says of the server's health."""
        breaker = self.admission.breaker
        self.statistics.sent += 1
        began = clock.mono()
        try:
            content = await self._in_time(said, deadline, check)
        except ServerError as error:
            self.statistics.failed += 1
            if error.pause is not None:
                self.admission.pause(error.pause)  # it is well, and says what it wants
            else:
                breaker.judge(False, clock.mono())
            raise
        except WrongAnswerError:
            breaker.judge(True, clock.mono())
            raise
        except asyncio.CancelledError:
            self.statistics.abandoned += 1
            raise
        breaker.judge(True, clock.mono())
        self.statistics.milliseconds.append(1e3 * (clock.mono() - began))
        return content

    async def _in_time(self, said: list[Message], deadline: float, check: Callable[[str], None]) -> str:
        """One request until the deadline. Whether that was kept is the clock's word (`clock.charge`)."""
        left = deadline - clock.mono()
        began = time.perf_counter()
        try:
            content = await asyncio.wait_for(
                self._stream(said, check), PATIENCE if clock.lockstep() else left
            )
        except asyncio.TimeoutError:
            clock.spend(left)
            raise self._late() from None
        except LlmError:
            if clock.charge("llm", time.perf_counter() - began, left) > left:
                raise self._late() from None
            raise
        if clock.charge("llm", time.perf_counter() - began, left) > left:
            raise self._late()
        return content

    def _late(self) -> ServerError:
        return ServerError(f"no plan within {self.settings.timeout:g} s")

    async def _stream(self, said: list[Message], check: Callable[[str], None]) -> str:
        from vla_sim.stages.language.llm.chat_client import Usage

        assert self._server is not None, "connect first"
        content, pieces, usage = "", 0, Usage()
        try:
            async with aclosing(self._server.pieces(said, usage)) as stream:
                async for piece in stream:
                    content += piece
                    pieces += 1
                    if len(content) > MOST_CHARACTERS:
                        raise WrongAnswerError(f"longer than {MOST_CHARACTERS} characters", content)
                    check(content)
        finally:
            self._count(usage.tokens_in, usage.tokens_out if usage.known else pieces, usage.known)
        if not content.strip():
            raise WrongAnswerError("the model answered nothing", content)
        return content

    def _count(self, tokens_in: int, tokens_out: int, known: bool) -> None:
        s = self.settings
        self.statistics.unmetered += not known
        self.statistics.tokens_in += tokens_in
        self.statistics.tokens_out += tokens_out
        self.statistics.cost += 1e-6 * (tokens_in * s.price_in + tokens_out * s.price_out)


async def _sleep(seconds: float) -> None:
    if clock.lockstep():
        clock.spend(seconds)
    else:
        await asyncio.sleep(seconds)
