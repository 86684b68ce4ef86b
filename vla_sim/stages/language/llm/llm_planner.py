"""A planner that asks a language model behind an OpenAI-compatible server. What it returns has been checked
as strictly as the rules' own plans."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeVar

from vla_sim.common import clock
from vla_sim.common.errors import VlaSimError
from vla_sim.contract.records import Priority
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.completion_client import CompletionClient
from vla_sim.stages.language.llm.errors import (
    LlmError,
    RefusedError,
    SaidNoError,
    ServerError,
    WrongAnswerError,
)
from vla_sim.stages.language.llm.grounding import forgotten, negation, ungrounded
from vla_sim.stages.language.llm.plan_format import check_beginning, read, schema
from vla_sim.stages.language.llm.prompt import Message, head, messages
from vla_sim.stages.language.params import LlmSettings
from vla_sim.stages.language.rule_planner import RulePlanner, Understood
from vla_sim.stages.language.understanding.reference_resolver import Unresolved

T = TypeVar("T")
LOADING_PAUSE = 1.0
"""[s] before a server that is still loading its model is asked again."""
MAX_QUOTED = 1000
"""Characters of a wrong answer that go back to the model."""


class LlmPlanner(AbstractContextManager["LlmPlanner"]):
    """Thread-safe. Shares vocabulary and expansion with the rule planner. tell: takes one line on how the
    server is asked. Use it in a `with`."""

    def __init__(
        self, rules: RulePlanner, settings: LlmSettings, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self.rules = rules
        self.settings = settings
        self._head = head(rules.lexicon)
        self.completions = CompletionClient(settings, schema(rules.lexicon), tell=tell)
        self.connect = self.completions.connect
        self._loop = EventLoopThread("language model")

    def set(self, settings: LlmSettings) -> None:
        """Other settings from the next request on; those of the server and of what is kept stay."""
        self.settings = self.completions.settings = settings

    def disturb(self, url: str, delay: float) -> None:
        """From now on ask the server at `url` instead, "" for its own, and each time `delay` [s] later."""
        self._loop.start(self.completions.disturb(url, delay)).result()

    def warm(self, timeout: float = 60.0) -> None:
        """Let the server load the model and read the prompt once; a local one keeps it and is then several
        times faster. Raises `LlmError`, `InputError`, `MissingError`."""
        self.connect()
        self._loop.start(self._warm(timeout)).result()

    def plan(self, text: str, context: Context, priority: Priority = "normal") -> Understood:
        """The model's plan for a text. A wrong answer goes back to it once, with the mistake.

        Raises `LlmError` if there is no valid plan within the timeout, for any cause.
        """
        return self.begin(text, context, priority).result()

    def begin(self, text: str, context: Context, priority: Priority = "normal") -> Future[Understood]:
        """`plan` without waiting for it. To cancel it closes its connection to the server."""
        try:
            self.connect()
        except VlaSimError as error:
            raise LlmError(str(error)) from None
        deadline = clock.mono() + self.settings.timeout
        return self._loop.start(self._plan(text, context, priority, deadline))

    def cleanup(self) -> str:
        """Memory is short: drop some cached answers; returns which."""

        async def forget() -> str:
            return self.completions.cache.clear_old_entries()

        return self._loop.start(forget()).result()

    def close(self) -> None:
        """Give up what is under way and close the connections. Idempotent."""
        self._loop.close(self.completions.close)

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _warm(self, timeout: float) -> None:
        try:
            await asyncio.wait_for(self._first_answer(clock.mono() + timeout + LOADING_PAUSE), timeout)
        except asyncio.TimeoutError:
            raise ServerError(f"no answer within {timeout:g} s") from None

    async def _first_answer(self, deadline: float) -> None:
        said = messages(self._head, self.rules.world, Context(), "Stop")
        while True:
            try:
                await self.completions.ask(said, deadline, lambda _: None, "background")
                return
            except RefusedError:  # after some errors
                pass
            except SaidNoError as error:
                if error.status != 503:
                    raise
            await asyncio.sleep(LOADING_PAUSE)

    async def _plan(self, text: str, context: Context, priority: Priority, deadline: float) -> Understood:
        if self.settings.grounded and (word := negation(text)):
            raise RefusedError(f'the command says "{word}", and a plan cannot hold what is not to be done')
        said = messages(self._head, self.rules.world, context, text)
        try:
            return await self._ask(text, context, said, deadline, priority)
        except WrongAnswerError as wrong:
            if not wrong.answer or clock.mono() >= deadline:
                raise
            repair = f"That is wrong: {wrong}. Answer again with corrected JSON only."
            answer = wrong.answer[:MAX_QUOTED]
            said += [{"role": "assistant", "content": answer}, {"role": "user", "content": repair}]
        return await self._ask(text, context, said, deadline, priority)

    async def _ask(
        self, text: str, context: Context, said: list[Message], deadline: float, priority: Priority
    ) -> Understood:
        def check(beginning: str) -> None:
            check_beginning(beginning, self.rules.lexicon, context)

        try:
            reply = await self.completions.ask(said, deadline, check, priority)
            began = time.perf_counter()
            try:
                found = self._understood(text, reply.content, context)
            except WrongAnswerError as wrong:
                wrong.answer = reply.content
                raise
            finally:
                clock.charge("planning", time.perf_counter() - began)
        except WrongAnswerError:
            self.completions.statistics.wrong += 1
            raise
        if found.problem is None:
            self.completions.remember(said, reply.content)
        return replace(found, remembered=reply.remembered)

    def _understood(self, text: str, answer: str, context: Context) -> Understood:
        try:
            intent = tuple(read(answer, self.rules.lexicon, context))
        except Unresolved as question:
            if question.problem.reason == "limit" and self.rules.intent(text, context).problem is None:
                raise WrongAnswerError(f"the command asks for no such amount: {question}") from None
            return Understood(problem=question.problem)
        if self.settings.grounded and (what := ungrounded(text, intent, self.rules.lexicon, context)):
            raise WrongAnswerError(f"the command does not speak of {what}")
        if self.settings.grounded and (what := forgotten(text, intent, self.rules.lexicon)):
            raise WrongAnswerError(f'the plan forgets the "{what}" of the command')
        mentioned = next((step.object for step in reversed(intent) if step.object), None)
        place = next((s.place for s in reversed(intent) if s.place and s.place != "user"), "")
        priority: Priority = "stop" if intent[0].skill == "stop" else "normal"
        wanted = Understood(intent=intent, priority=priority, mentioned=mentioned, place=place)
        return self.rules.finish(wanted, context)


class EventLoopThread:
    """An asyncio event loop in a thread of its own, for a program that is not asynchronous itself. Starts
    with the first work. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin `work`; cancel the future to end it."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel all work, do `last`, end the thread. Idempotent."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await last()
            await loop.shutdown_asyncgens()

        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
