"""Runs language-model requests beside the node: bounded in time and number, and nothing waits for
another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from vla_sim import clock
from vla_sim.language.context import Context
from vla_sim.language.llm_format import LlmError
from vla_sim.language.rules import Understood

Ask = Callable[[str, Context], Understood]
"""Blocks until the model answered; raises `LlmError`."""


@dataclass(frozen=True)
class Answer:
    """`understood` is None if the model gave no plan; then `reason` says why."""

    command_id: str
    understood: Understood | None
    reason: str = ""
    asked: float = field(default_factory=clock.mono)
    """When the request was made (`clock.mono`)."""


class LlmWorker:
    """Each command gets a thread of its own; one that takes longer than `timeout` [s] is answered as
    failed and its thread's late word is dropped. `on_ready` is called from another thread when
    `finished` has something new. In lock-step a request is answered before `submit` returns, and what it
    took, `timeout` at most, is charged as planning."""

    def __init__(self, ask: Ask, timeout: float, on_ready: Callable[[], None], most: int = 4) -> None:
        self._ask = ask
        self._timeout = timeout
        self._on_ready = on_ready
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[str, threading.Timer] = {}
        self._threads = 0
        self._done: SimpleQueue[Answer] = SimpleQueue()

    def submit(self, command_id: str, text: str, context: Context) -> None:
        """Start a request; its `Answer` comes through `finished`."""
        with self._lock:
            busy = self._threads >= self._most
            if not busy:
                self._threads += 1
                late = Answer(command_id, None, f"no plan within {self._timeout:g} s")
                timer = threading.Timer(self._timeout, self._finish, (late,))
                timer.daemon = True
                self._waiting[command_id] = timer
                if not clock.lockstep():
                    timer.start()
        if busy:
            self._put(Answer(command_id, None, f"{self._most} commands wait for the model already"))
        elif clock.lockstep():
            began = time.perf_counter()
            self._run(command_id, text, context)
            clock.charge("planning", time.perf_counter() - began)
        else:
            run = threading.Thread(target=self._run, args=(command_id, text, context), daemon=True)
            run.start()

    def finished(self) -> list[Answer]:
        """The answers since the last call."""
        out = []
        while True:
            try:
                out.append(self._done.get_nowait())
            except Empty:
                return out

    def drop(self) -> list[str]:
        """Forget all requests under way (a stop was said); their command ids."""
        with self._lock:
            dropped = list(self._waiting)
            for timer in self._waiting.values():
                timer.cancel()
            self._waiting.clear()
        return dropped + [answer.command_id for answer in self.finished()]

    def close(self) -> None:
        self.drop()

    def _run(self, command_id: str, text: str, context: Context) -> None:
        asked = clock.mono()
        try:
            answer = Answer(command_id, self._ask(text, context), asked=asked)
        except LlmError as error:
            answer = Answer(command_id, None, str(error), asked=asked)
        except Exception as error:  # a planner must not die of a model's answer
            answer = Answer(command_id, None, f"{type(error).__name__}: {error}", asked=asked)
        with self._lock:
            self._threads -= 1
        self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        """The first word on a command counts; a later one, or one after a stop, is dropped."""
        with self._lock:
            timer = self._waiting.pop(answer.command_id, None)
        if timer is not None:
            timer.cancel()
            self._put(answer)

    def _put(self, answer: Answer) -> None:
        self._done.put(answer)
        self._on_ready()
