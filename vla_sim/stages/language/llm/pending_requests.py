"""Language-model requests under way beside the node: bounded in number, none waits for another."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from vla_sim.common import clock
from vla_sim.contract.records import Priority
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.errors import LlmError
from vla_sim.stages.language.planning.rule_planner import Understood

Begin = Callable[[str, Context, Priority], "Future[Understood]"]
"""Starts a request for a plan and returns at once; it ends in bounded time. Raises `LlmError`."""


@dataclass(frozen=True)
class Answer:
    """`understood` is None if the model gave no plan; then `reason` says why."""

    command_id: str
    understood: Understood | None
    reason: str = ""
    asked: float = field(default_factory=clock.mono)
    """When the request was made (`clock.mono`)."""


class PendingRequests:
    """most: requests under way; a command beyond them fails at once. `on_ready` is called from another thread
    when `finished` has something new. settle: waits for the end of a request where `submit` must not return
    before."""

    def __init__(
        self, begin: Begin, on_ready: Callable[[], None],
        settle: Callable[[Future[Any]], None] = lambda _: None, most: int = 8,
    ) -> None:  # fmt: skip
        self._begin = begin
        self._on_ready = on_ready
        self._settle = settle
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[Understood]] = {}
        self._done: SimpleQueue[Answer] = SimpleQueue()

    def submit(self, command_id: str, text: str, context: Context, priority: Priority = "normal") -> None:
        """Start a request; its `Answer` comes through `finished`."""
        asked = clock.mono()
        if len(self._waiting) >= self._most:
            self._put(Answer(command_id, None, f"{self._most} commands wait for the model already", asked))
            return
        try:
            request = self._begin(text, context, priority)
        except LlmError as error:
            self._put(Answer(command_id, None, str(error), asked))
            return
        with self._lock:
            self._waiting[command_id] = request
        self._settle(request)
        request.add_done_callback(lambda _: self._finish(command_id, request, asked))

    def finished(self) -> list[Answer]:
        """The answers since the last call."""
        return [self._done.get_nowait() for _ in range(self._done.qsize())]

    def drop(self) -> list[str]:
        """Give up all requests under way (on a stop); their command ids."""
        with self._lock:
            dropped, self._waiting = self._waiting, {}
        for request in dropped.values():
            request.cancel()
        return list(dropped) + [answer.command_id for answer in self.finished()]

    def _finish(self, command_id: str, request: Future[Understood], asked: float) -> None:
        """A request has ended; after a stop its answer is dropped."""
        with self._lock:
            if self._waiting.get(command_id) is not request:
                return
            del self._waiting[command_id]
        error = CancelledError("closed") if request.cancelled() else request.exception()
        if error is None:
            self._put(Answer(command_id, request.result(), asked=asked))
            return
        if not isinstance(error, LlmError):  # a model's answer must not stop the planner
            error = LlmError(f"{type(error).__name__}: {error}")
        self._put(Answer(command_id, None, str(error), asked))

    def _put(self, answer: Answer) -> None:
        self._done.put(answer)
        self._on_ready()
