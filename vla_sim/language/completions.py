"""A model's answers at a bounded price: remembered, asked once for many, at a bounded rate, given up in time.

What is remembered are the model's words, under everything that they depend on: the prompt, in which the
world's names, what is held and what was spoken of stand, the model and its parameters. Whoever asks reads
them anew in the world as it is, so that a plan that was made for another world is never served.

Requests are not gathered into batches. Each goes out at once on a connection of its own, and the server
batches what it has: to wait for others would cost a command more time than it saves.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from cachetools import TTLCache

from vla_sim import clock
from vla_sim.errors import MissingError
from vla_sim.language.llm_format import LlmError, WrongAnswerError
from vla_sim.language.prompt import Message

ENTRIES, SECONDS = 50, 300.0
"""What is remembered, and how long [s]."""
RETRIES = 2
"""How often a request that the server refused or lost is made again."""
BACKOFF = 0.2
"""[s] before the first repetition, about twice as long before each further one."""
FAILURES, REST = 3, 10.0
"""After so many failures one after another the server is left alone for this long [s]."""
PERMANENT = range(400, 500)
"""Statuses that no repetition mends, but for 408, 409 and 429."""


@dataclass(frozen=True)
class LlmSettings:
    """base_url: of the server, ending in /v1. api_key_env: environment variable with the key (a local
    server needs none). timeout: for the whole plan, repetitions and a repair included [s]. grounded: refuse
    a plan with names or amounts that the text does not speak of, or without a name that it speaks of.
    per_minute: most requests in any minute. price_in, price_out: of a million tokens."""

    base_url: str
    model: str = "local"
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 4.0
    temperature: float = 0.1
    max_tokens: int = 1000
    grounded: bool = True
    per_minute: int = 100
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(frozen=True)
class Reply:
    """content: the model's words; remembered: not asked for anew."""

    content: str
    remembered: bool = False


@dataclass
class Statistics:
    """asked: replies wanted; remembered, shared: had from memory, or from a request already under way;
    sent: HTTP requests; repeated: those that were repetitions; failed; refused: not sent at all.
    milliseconds: of the last hundred answers of the server."""

    asked: int = 0
    remembered: int = 0
    shared: int = 0
    sent: int = 0
    repeated: int = 0
    failed: int = 0
    refused: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    milliseconds: deque[float] = field(default_factory=lambda: deque(maxlen=100))

    def values(self) -> dict[str, str]:
        """As the node's diagnostics tell them."""
        names = "asked", "remembered", "shared", "sent", "repeated", "failed", "refused"
        out = {f"llm.{name}": str(getattr(self, name)) for name in (*names, "tokens_in", "tokens_out")}
        out["llm.hit_rate"] = f"{self.remembered / self.asked if self.asked else 0.0:.2f}"
        out["llm.cost"] = f"{self.cost:.4f}"
        if self.milliseconds:
            p50, p95 = np.percentile(list(self.milliseconds), (50, 95))
            out |= {"llm.p50_ms": f"{p50:.0f}", "llm.p95_ms": f"{p95:.0f}"}
        return out


class TokenBucket:
    """At most `per_minute` in any minute, a tenth of them at once. Times [s] are the caller's."""

    def __init__(self, per_minute: int) -> None:
        self._most = max(1.0, per_minute / 10.0)
        self._rate = max(per_minute - self._most, 0.5) / 60.0
        self._tokens, self._filled = self._most, -float("inf")
        self._closed_until = -float("inf")

    def take(self, now: float) -> float:
        """0 and a token is taken, or how long it is until there is one [s]."""
        if now < self._closed_until:
            return self._closed_until - now
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self._rate
        self._tokens -= 1.0
        return 0.0

    def close(self, until: float) -> None:
        """The server asked for a pause."""
        self._closed_until = max(self._closed_until, until)


class Breaker:
    """Open after `FAILURES` in a row, for `REST`; then one request may try."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = -float("inf")

    def left(self, now: float) -> float:
        """How long it stays open [s]; 0 lets a request pass, and the next only once that one is judged."""
        if self._failures < FAILURES:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        self._open_until = now + REST
        return 0.0

    def judge(self, good: bool, now: float) -> None:
        self._failures = 0 if good else self._failures + 1
        self._open_until = now + REST


class Completions:
    """Thread-safe. response_format: what the server constrains its answers to. now, sleep: the clock of
    deadlines [s]; seed: of the pauses before repetitions."""

    def __init__(
        self, settings: LlmSettings, response_format: dict[str, Any],
        now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep, seed: int = 0,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.statistics = Statistics()
        self._parameters = {
            "model": settings.model, "temperature": settings.temperature, "max_tokens": settings.max_tokens,
            "response_format": response_format,
        }  # fmt: skip
        self._now, self._sleep = now, sleep
        self._random = random.Random(seed)
        self._remembered: TTLCache[bytes, str] = TTLCache(ENTRIES, SECONDS, timer=clock.mono)
        self._under_way: dict[bytes, Future[str]] = {}
        self._bucket, self._breaker = TokenBucket(settings.per_minute), Breaker()
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._client: Any = None
        self._errors: type[Exception] = Exception

    def connect(self) -> None:
        """Import and make the client (about 1 s at the first call). Raises `MissingError`."""
        with self._connecting:
            if self._client is not None:
                return
            try:
                import openai
            except ImportError:
                raise MissingError(
                    'the "openai" package is not installed; pip install openai, or use planner:=rules'
                ) from None
            key = os.environ.get(self.settings.api_key_env) or "none"
            self._errors = openai.OpenAIError
            self._client = openai.OpenAI(base_url=self.settings.base_url, api_key=key, max_retries=0)

    def ask(self, said: list[Message], deadline: float, check: Callable[[str], None]) -> Reply:
        """The model's answer. check: raises `LlmError` for a beginning of it that leads nowhere, which ends
        the request. Raises `LlmError` if there is no answer by the deadline, whatever the cause."""
        key = self._key(said)
        with self._lock:
            self.statistics.asked += 1
            content = self._remembered.get(key)
            if content is not None:
                self.statistics.remembered += 1
                return Reply(content, remembered=True)
            others = self._under_way.get(key)
            if others is None:
                mine = self._under_way[key] = Future()
            else:
                self.statistics.shared += 1
        if others is not None:
            try:
                return Reply(others.result(max(0.0, deadline - self._now())))
            except TimeoutError:
                raise self._too_late() from None
        try:
            mine.set_result(self._fetch(said, deadline, check))
        except BaseException as error:
            mine.set_exception(error)
        finally:
            with self._lock:
                del self._under_way[key]
        return Reply(mine.result())

    def remember(self, said: list[Message], content: str) -> None:
        """What was a good answer is one again."""
        with self._lock:
            self._remembered[self._key(said)] = content

    def _key(self, said: list[Message]) -> bytes:
        return msgspec.json.encode([said, self._parameters])

    def _too_late(self) -> LlmError:
        return LlmError(f"no plan within {self.settings.timeout:g} s")

    def _fetch(self, said: list[Message], deadline: float, check: Callable[[str], None]) -> str:
        """Asks the server, and again where that may help and there is time."""
        attempt = 0
        while True:
            self._admit(deadline)
            began = self._now()
            if began >= deadline:
                raise self._too_late()
            try:
                content = self._stream(said, deadline, check)
            except self._errors as error:
                pause = self._judge(error, attempt)
                if pause is None or attempt == RETRIES or self._now() + pause >= deadline:
                    raise LlmError(f"{type(error).__name__}: {str(error)[:200]}") from None
            except WrongAnswerError:
                with self._lock:
                    self._breaker.judge(True, self._now())
                raise
            except LlmError:  # the server talks nonsense
                with self._lock:
                    self.statistics.failed += 1
                    self._breaker.judge(False, self._now())
                raise
            else:
                with self._lock:
                    self._breaker.judge(True, self._now())
                    self.statistics.milliseconds.append(1e3 * (self._now() - began))
                return content
            attempt += 1
            with self._lock:
                self.statistics.repeated += 1
            self._sleep(pause)

    def _admit(self, deadline: float) -> None:
        """Wait for a place within the rate limit. Raises `LlmError` if there is none in time."""
        with self._lock:
            left = self._breaker.left(self._now())
            if left > 0.0:
                self.statistics.refused += 1
                raise LlmError(f"the server failed {FAILURES} times in a row; next try in {left:.0f} s")
        while True:
            with self._lock:
                now = self._now()
                wait = self._bucket.take(now)
                if wait <= 0.0:
                    self.statistics.sent += 1
                    return
                if now + wait >= deadline:
                    self.statistics.refused += 1
                    limit = self.settings.per_minute
                    raise LlmError(f"the limit is {limit} requests a minute; the next in {wait:.1f} s")
            self._sleep(wait)

    def _judge(self, error: Exception, attempt: int) -> float | None:
        """Seconds until a repetition; None if that would not help."""
        status = getattr(error, "status_code", None)
        with self._lock:
            self.statistics.failed += 1
            self._breaker.judge(False, self._now())
            if status in PERMANENT and status not in (408, 409, 429):
                return None
            asked = _retry_after(error)
            if asked is not None:
                self._bucket.close(self._now() + asked)
                return asked
            return BACKOFF * 2.0**attempt * self._random.uniform(0.5, 1.5)

    def _stream(self, said: list[Message], deadline: float, check: Callable[[str], None]) -> str:
        content, came = "", False
        try:
            with self._client.chat.completions.create(
                messages=said, timeout=deadline - self._now(), stream=True,
                stream_options={"include_usage": True}, **self._parameters,
            ) as stream:  # fmt: skip
                for chunk in stream:
                    came = True
                    if chunk.usage is not None:
                        self._count(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
                    if chunk.choices and (more := chunk.choices[0].delta.content):
                        content += more
                        check(content)
                    if self._now() >= deadline:
                        raise self._too_late()
        except (AttributeError, IndexError, TypeError, ValueError) as error:  # not OpenAI's form at all
            raise LlmError(f"the server's answer is no chat completion: {error}") from None
        if not came:
            raise LlmError("the server's answer is no chat completion")
        if not content.strip():
            raise LlmError("the model answered nothing")
        return content

    def _count(self, tokens_in: int, tokens_out: int) -> None:
        s = self.settings
        with self._lock:
            self.statistics.tokens_in += tokens_in
            self.statistics.tokens_out += tokens_out
            self.statistics.cost += 1e-6 * (tokens_in * s.price_in + tokens_out * s.price_out)


def _retry_after(error: Exception) -> float | None:
    """Seconds that the server asks for; a date is not understood and counts as none."""
    response = getattr(error, "response", None)
    try:
        return max(0.0, float(response.headers["retry-after"])) if response is not None else None
    except (KeyError, ValueError):
        return None
