"""From a heard or typed command to the records that answer it: the node's work without ROS."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from vla_sim.common import clock
from vla_sim.contract import records, topics
from vla_sim.contract.records import (
    PRIORITIES,
    Command,
    Intent,
    Plan,
    Priority,
    Record,
    Say,
    Status,
    TraceEvent,
    Transcript,
)
from vla_sim.contract.topics import Topic
from vla_sim.stages.language.dialogue_context import Context, Memory
from vla_sim.stages.language.gathered_context import TIMEOUT, Surroundings
from vla_sim.stages.language.llm.pending_requests import Answer, LlmWorker
from vla_sim.stages.language.planning.rule_planner import RulePlanner, Understood
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding.answers import asks_what_is_seen
from vla_sim.stages.language.understanding.clarifications import Problem

Send = Callable[[Topic, Record], None]
MOST = 16
"""Commands that wait for perception at once; another one is planned with what is known."""


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

    send: publishes a record. around: what perception and safety say. worker: None without a model. mode
    "llm": the model first; "auto": the rules first, the model for what they cannot read. allowed: whether the
    model may be asked now. Whatever the model fails at, the rules answer, and `note` is told why in one line;
    a stop never waits for it. A command that needs objects waits for perception, if that is late, while
    nothing else does.
    """

    def __init__(
        self, rules: RulePlanner, memory: Memory, send: Send, around: Surroundings,
        worker: LlmWorker | None = None, mode: str = "rules", note: Callable[[str], None] = lambda _: None,
        allowed: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self.rules = rules
        self.memory = memory
        self.worker = worker
        self.mode = mode
        self.allowed = allowed
        self.counts: dict[str, int] = {}
        self._send = send
        self._note = note
        self._around = around
        self._waiting: dict[str, tuple[Request, Context, Understood]] = {}
        self._gathering: dict[str, tuple[Request, Understood, float]] = {}
        """Commands that wait for perception, and since when [s, ROS clock]."""

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

    def on_gathered(self) -> None:
        """Perception has said something, or time has gone on: plan what waited for it long enough."""
        now, fresh = self._around.now(), self._around.fresh if self._gathering else False
        for command_id, (request, understood, since) in list(self._gathering.items()):
            if not fresh and now - since < TIMEOUT:
                continue
            del self._gathering[command_id]
            old = "" if fresh else self._old_objects(command_id)
            gathered = self._trace(command_id, "perception", request.received, old)
            context = self._context()
            if understood.answer:  # which tells of what was seen
                understood = self.rules.intent(request.text, context)
            self._plan(request, understood, context, gathered)

    def _old_objects(self, command_id: str) -> str:
        age = self._around.age
        known = f"what it saw {age:.1f} s ago" if age < math.inf else "nothing seen yet"
        why = f"perception is silent, planned with {known}"
        self._count("planned with old objects")
        self._note(f"{command_id}: {why}")
        return why

    def _context(self) -> Context:
        """The memory's context with what perception has seen."""
        return replace(self.memory.context, objects=self._around.objects)

    def _handle(self, request: Request) -> None:
        context = self._context()
        began = time.perf_counter()
        words = "stop" if request.priority == "stop" else request.text
        understood = self.rules.intent(words, context)
        clock.charge("intent", time.perf_counter() - began)
        if understood.priority == "stop":
            self._drop_waiting()
            self._publish(request, understood, "rules")
        elif not self._around.fresh and len(self._gathering) < MOST and needs_objects(understood, words):
            self._trace(request.command_id, "intent", request.received)
            self._gathering[request.command_id] = (request, understood, self._around.now())
        else:
            self._plan(request, understood, context)

    def _plan(
        self, request: Request, understood: Understood, context: Context, gathered: float = 0.0
    ) -> None:
        """gathered: when perception was there, if it was waited for."""
        if self.worker is not None and self._ask_model(understood):
            if not gathered:
                self._trace(request.command_id, "intent", request.received)
            self._waiting[request.command_id] = (request, context, understood)
            priority = _stronger(understood.priority, request.priority)
            self.worker.submit(request.command_id, request.text, context, priority)
        else:
            self._publish(request, understood, "rules", context, asked=gathered)

    def _ask_model(self, understood: Understood) -> bool:
        if understood.answer or (understood.problem and understood.problem.reason == "heard"):
            return False
        strange = understood.problem is not None and understood.problem.reason in ("words", "name")
        wanted = self.mode == "llm" or (self.mode == "auto" and strange)
        if wanted and self._around.stopped:
            self._count("model spared at emergency stop")
            return False
        if wanted and not self.allowed():
            self._count("model spared under load")
            return False
        return wanted

    def _drop_waiting(self) -> None:
        """A stop was said: what the model is still thinking about must not move the robot later."""
        if self.worker is not None:
            self.worker.drop()
        for command_id in (*self._waiting, *self._gathering):
            self._status(command_id, "cancelled", "stop was said")
        self._waiting.clear()
        self._gathering.clear()

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
        """Intent, then the plan, or the question, or the answer. asked: when planning began, if not with the
        intent's end: when the model was asked, or perception was there."""
        command_id, text = request.command_id, request.text
        intent = Intent(command_id=command_id, text=text, steps=list(found.intent), question=found.question)
        self._send(topics.INTENT, intent)
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
        self._send(topics.PLAN, plan)
        self._trace(command_id, "planning", understood, detail)
        self._count(planner)
        if found.answer:
            self._send(topics.SAY, Say(command_id=command_id, text=found.answer))
            self._status(command_id, "succeeded", found.answer)
            return
        if plan.priority == "stop":
            self._count("stops")
        self.memory.spoken(found.mentioned, found.place)
        self.memory.sent(plan)

    def _ask_back(self, command_id: str, problem: Problem) -> None:
        self._count("asked back")
        self._send(topics.SAY, Say(command_id=command_id, text=problem.question))
        self._status(command_id, "asked", problem.question)

    def _status(self, command_id: str, state: records.CommandState, detail: str) -> None:
        status = Status(command_id=command_id, state=state, detail=detail, mono=clock.mono())
        self._send(topics.STATUS, status)

    def _trace(self, command_id: str, stage: records.Stage, begin: float, detail: str = "") -> float:
        end = clock.mono()
        event = TraceEvent(command_id=command_id, stage=stage, begin_mono=begin, end_mono=end, detail=detail)
        self._send(topics.TRACE, event)
        return end

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def needs_objects(understood: Understood, text: str) -> bool:
    """Whether what perception sees makes a difference: something is to be handled, or told of."""
    return any(step.object is not None for step in understood.intent) or asks_what_is_seen(text)


def _stronger(a: Priority, b: Priority) -> Priority:
    """Said and given priority: the stronger one; a given "background" weakens "normal"."""
    if b == "background" and a == "normal":
        return b
    return min(a, b, key=PRIORITIES.index)
