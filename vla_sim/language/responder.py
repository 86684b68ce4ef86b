"""From a heard or typed command to the records that answer it: the node's work without ROS."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vla_sim import clock, contract
from vla_sim.contract import (
    PRIORITIES,
    Command,
    Intent,
    Plan,
    Priority,
    Record,
    Say,
    Status,
    Topic,
    TraceEvent,
    Transcript,
)
from vla_sim.language import questions as ask
from vla_sim.language.context import Context, Memory
from vla_sim.language.questions import Problem
from vla_sim.language.rules import RulePlanner, Understood
from vla_sim.language.worker import Answer, LlmWorker

Send = Callable[[Topic, Record], None]


@dataclass(frozen=True)
class Request:
    """One command on its way. received: when it arrived; speech_end: when its last word was spoken
    [s, monotonic clock]."""

    command_id: str
    text: str
    received: float
    speech_end: float
    priority: Priority = "normal"


class Responder:
    """Answers commands by the rules, by a language model, or by the model where the rules fail.

    send: publishes a record. context: the memory's, with what perception sees. worker: None without a
    model. mode "llm": the model first; "auto": the rules first, the model for what they cannot read.
    Whatever the model fails at, the rules answer, and `note` is told why in one line; a stop never waits
    for it.
    """

    def __init__(
        self, rules: RulePlanner, memory: Memory, send: Send, context: Callable[[], Context],
        worker: LlmWorker | None = None, mode: str = "rules", note: Callable[[str], None] = lambda _: None,
        allowed: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        """allowed: whether the model may be asked now."""
        self.rules = rules
        self.memory = memory
        self.worker = worker
        self.mode = mode
        self.allowed = allowed
        self.counts: dict[str, int] = {}
        self._send = send
        self._note = note
        self._context = context
        self._waiting: dict[str, tuple[Request, Context, Understood]] = {}

    def on_transcript(self, heard: Transcript) -> None:
        """Speech: half a sentence or noise is answered, never acted on, unless it says stop."""
        request = Request(heard.command_id, heard.text, clock.mono(), heard.speech_end_mono)
        if heard.complete:
            self._handle(request)
            return
        understood = self.rules.intent(heard.text, self._context())
        if understood.priority == "stop":
            self._handle(request)
            return
        if heard.reason == "noise":
            problem = ask.noise_heard()
        elif heard.reason == "silence" or not heard.text.strip():
            problem = ask.nothing_said()
        else:
            problem = ask.half_heard(heard.text)
        self._publish(request, Understood(problem=problem), "rules")

    def on_command(self, command: Command) -> None:
        """Text, typed or sent by a program."""
        now = clock.mono()
        self._handle(Request(command.command_id, command.text, now, command.sent_mono, command.priority))

    def on_answers(self) -> None:
        """The language model has answered something."""
        if self.worker is None:
            return
        for answer in self.worker.finished():
            waiting = self._waiting.pop(answer.command_id, None)
            if waiting is not None:
                self._finish(answer, *waiting)

    def _handle(self, request: Request) -> None:
        context = self._context()
        began = time.perf_counter()
        words = "stop" if request.priority == "stop" else request.text
        understood = self.rules.intent(words, context)
        clock.charge("intent", time.perf_counter() - began)
        if understood.priority == "stop":
            self._drop_waiting()
            self._publish(request, understood, "rules")
        elif self.worker is not None and self._ask_model(understood):
            self._trace(request.command_id, "intent", request.received)
            self._waiting[request.command_id] = (request, context, understood)
            priority = _stronger(understood.priority, request.priority)
            self.worker.submit(request.command_id, request.text, context, priority)
        else:
            self._publish(request, understood, "rules", context)

    def _ask_model(self, understood: Understood) -> bool:
        if understood.answer or (understood.problem and understood.problem.reason == "heard"):
            return False
        strange = understood.problem is not None and understood.problem.reason in ("words", "name")
        wanted = self.mode == "llm" or (self.mode == "auto" and strange)
        if wanted and not self.allowed():
            self._count("model spared under load")
            return False
        return wanted

    def _drop_waiting(self) -> None:
        """A stop was said: what the model is still thinking about must not move the robot later."""
        if self.worker is not None:
            self.worker.drop()
        for command_id in self._waiting:
            self._status(command_id, "cancelled", "stop was said")
        self._waiting.clear()

    def _finish(self, answer: Answer, request: Request, context: Context, by_rules: Understood) -> None:
        found = answer.understood
        if found is None or (found.problem is not None and self.mode == "auto"):
            self._count("model failed" if found is None else "model asked")
            if found is None:
                self._note(f"the rules answer {answer.command_id}, not the model: {answer.reason}")
            self._publish(request, by_rules, "rules", context, detail=answer.reason, asked=answer.asked)
            return
        if found.priority == "stop":
            self._drop_waiting()
        self._publish(request, found, "cache" if found.remembered else "llm", context, asked=answer.asked)

    def _publish(
        self, request: Request, found: Understood, planner: str, context: Context | None = None,
        detail: str = "", asked: float = 0.0,
    ) -> None:  # fmt: skip
        """Intent, then the plan, or the question, or the answer. asked: when the model was, if it was;
        its time counts as planning."""
        command_id, text = request.command_id, request.text
        intent = Intent(command_id=command_id, text=text, steps=list(found.intent), question=found.question)
        self._send(contract.INTENT, intent)
        understood = asked or self._trace(command_id, "intent", request.received)
        if found.problem is None and planner == "rules":
            began = time.perf_counter()
            found = self.rules.finish(found, context)
            clock.charge("planning", time.perf_counter() - began)
        if found.problem is not None:
            if asked:
                self._trace(command_id, "planning", asked, detail)
            self._ask_back(command_id, found.problem)
            return
        plan = Plan(
            command_id=command_id, text=text, steps=list(found.steps), planner=planner,  # type: ignore[arg-type]
            priority=_stronger(found.priority, request.priority), answer=found.answer,
            speech_end_mono=request.speech_end,
        )  # fmt: skip
        self._send(contract.PLAN, plan)
        self._trace(command_id, "planning", understood, detail)
        self._count(planner)
        if found.answer:
            self._send(contract.SAY, Say(command_id=command_id, text=found.answer))
            self._status(command_id, "succeeded", found.answer)
            return
        if plan.priority == "stop":
            self._count("stops")
        self.memory.spoken(found.mentioned, found.place)
        self.memory.sent(plan)

    def _ask_back(self, command_id: str, problem: Problem) -> None:
        self._count("asked back")
        self._send(contract.SAY, Say(command_id=command_id, text=problem.question))
        self._status(command_id, "asked", problem.question)

    def _status(self, command_id: str, state: contract.CommandState, detail: str) -> None:
        status = Status(command_id=command_id, state=state, detail=detail, mono=clock.mono())
        self._send(contract.STATUS, status)

    def _trace(self, command_id: str, stage: contract.Stage, begin: float, detail: str = "") -> float:
        end = clock.mono()
        event = TraceEvent(
            command_id=command_id, stage=stage, begin_mono=begin, end_mono=end, detail=detail
        )
        self._send(contract.TRACE, event)
        return end

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _stronger(a: Priority, b: Priority) -> Priority:
    """Said and given priority: the stronger one; a given "background" weakens "normal"."""
    if b == "background" and a == "normal":
        return b
    return min(a, b, key=PRIORITIES.index)
