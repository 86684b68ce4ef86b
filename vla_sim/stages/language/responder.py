"""From a spoken or typed command to the records that answer it: the node's work without ROS."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from vla_sim.common import clock
from vla_sim.contract import records, topics
from vla_sim.contract.records import FINAL_STATES, PRIORITIES, SILENT, Intent, Plan, Priority, TraceEvent
from vla_sim.contract.topics import Topic
from vla_sim.stages.language.answers import intention
from vla_sim.stages.language.dialogue_context import Context, DialogueTracker
from vla_sim.stages.language.gathered_context import PERCEPTION_TIMEOUT, GatheredContext
from vla_sim.stages.language.llm.errors import LlmError
from vla_sim.stages.language.rule_planner import RulePlanner, Understood
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.safety.stop_detection import is_stop

Send = Callable[[Topic, records.Record], None]
Begin = Callable[[str, Context, Priority], "Future[Understood]"]
"""Starts a request for a plan and returns at once; it ends in bounded time. Raises `LlmError`."""
MAX_ASKED = 8
"""Commands that may wait for the model at once; the rules answer a further one."""
MAX_GATHERING = 16
"""Commands that may wait for perception at once; a further one is planned with what is known."""
EXECUTIVE_TIMEOUT = 5.0
"""[s] for a first word on a plan: safety has 2 s of it, and the executive says when these are over."""
LEFT = Understood(answer="All right.")
"""After a "no" to what was asked back."""
MISTAKE = "I could not work that out: my planner made a mistake."
LONG = 0.7
"""[s] of silence before an answer in which the robot should say that it heard."""
MOMENT_AFTER = 0.4
"""[s] after which it says so where it could not know before; `check` comes within 0.2 s of it."""
ONE_MOMENT = "One moment."
MOST_LATE = 64
"""Commands that were answered before they were read here, which are remembered."""


@dataclass(frozen=True)
class Request:
    """One command on its way. received: when it arrived; speech_end: when its last word was spoken
    [s, monotonic clock]."""

    command_id: str
    text: str
    received: float
    speech_end: float
    priority: Priority = "normal"


@dataclass(frozen=True)
class Asked:
    """A command that waits for the model, what the rules make of it, and when the model was asked."""

    request: Request
    context: Context
    by_rules: Understood
    answer: Future[Understood]
    since: float = field(default_factory=clock.mono)


class Responder:
    """Answers commands by the rules, by a language model, or by the model where the rules fail.

    send: publishes a record. gathered: what perception and safety say. begin: asks the model; None without
    one. on_ready: called from any thread when `on_answers` has something to do. settle: waits for the end of
    a request where it must not go on beside the node. mode "llm": the model first; "auto": the rules first,
    the model for what they cannot read. allowed: whether the model may be asked now. talk: how much is said,
    one of `TALK`. Where the model fails, the rules answer, and `note` is called with the reason in one line;
    a stop never waits for the model.
    Only a command that needs objects waits for a late perception.
    """

    def __init__(
        self, rules: RulePlanner, dialogue: DialogueTracker, send: Send, gathered: GatheredContext,
        begin: Begin | None = None, mode: str = "rules", note: Callable[[str], None] = lambda _: None,
        allowed: Callable[[], bool] = lambda: True, on_ready: Callable[[], None] = lambda: None,
        talk: str = "normal", settle: Callable[[Future[Any]], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.rules = rules
        self.dialogue = dialogue
        self.mode = mode
        self.allowed = allowed
        self.talk = talk
        self.counts: Counter[str] = Counter()
        self._send = send
        self._note = note
        self._gathered = gathered
        self._begin, self._on_ready, self._settle = begin, on_ready, settle
        self._waiting: dict[str, Asked] = {}
        self._gathering: dict[str, tuple[Request, Understood, float]] = {}
        """Commands that wait for perception, and since when [s, ROS clock]."""
        self._planned: dict[str, float] = {}
        """Plans that neither safety nor the executive has said a word on, and since when [s, monotonic]."""
        self._told: set[str] = set()
        """Commands that wait and whose speaker has been told so."""
        self._took = 0.0
        """[s] that the model took for its last answer."""
        self._late: dict[str, float] = {}
        """Commands that the executive has answered since nothing came from here, and when [s, monotonic]."""

    def on_transcript(self, transcript: records.Transcript) -> None:
        """Speech: half a sentence or noise is answered, never acted on, unless it is a stop."""
        with self._answered(transcript.command_id, transcript.speech_end_mono) as to_do:
            if to_do:
                self._on_transcript(transcript)

    def on_command(self, command: records.Command) -> None:
        """Text, typed or sent by a program."""
        with self._answered(command.command_id, command.sent_mono) as to_do:
            if to_do:
                now = clock.mono()
                self._handle(
                    Request(command.command_id, command.text, now, command.sent_mono, command.priority)
                )

    def on_status(self, status: records.Status) -> None:
        """Anyone's word on a command."""
        command_id = status.command_id
        self._planned.pop(command_id, None)
        if status.state in FINAL_STATES and status.detail == SILENT["language"]:
            self._forget(command_id)
            self._late[command_id] = status.mono
            while len(self._late) > MOST_LATE:
                self._late.pop(next(iter(self._late)))

    def check(self) -> None:
        """To be called some ten times a second: answer what the executive says nothing of."""
        now = clock.mono()
        for command_id in [c for c, since in self._planned.items() if now - since > EXECUTIVE_TIMEOUT]:
            del self._planned[command_id]
            self._note(f"{command_id}: the executive does not answer")
            self._speak(command_id, "failed", SILENT["executive"])
        waiting = {one.request.command_id: one.since for one in self._waiting.values()}
        waiting |= {request.command_id: request.received for request, _, _ in self._gathering.values()}
        self._told &= waiting.keys()
        for command_id, since in waiting.items():
            if now - since > MOMENT_AFTER:
                self._one_moment(command_id)

    @contextmanager
    def _answered(self, command_id: str, asked: float) -> Iterator[bool]:
        """Whether a command that was given at `asked` [s, monotonic] is still to be worked on; a mistake in
        that work is its answer."""
        if asked <= self._late.pop(command_id, -math.inf):
            yield False
            return
        try:
            yield True
        except Exception:
            self._speak(command_id, "failed", MISTAKE)
            raise

    def _on_transcript(self, transcript: records.Transcript) -> None:
        request = Request(transcript.command_id, transcript.text, clock.mono(), transcript.speech_end_mono)
        if transcript.complete:
            self._handle(request)
            return
        understood = self.rules.intent(transcript.text, self._context())
        if understood.priority == "stop":
            self._handle(request)
            return
        if transcript.reason == "noise":
            problem = ask.NOISE_HEARD
        elif transcript.reason == "silence" or not transcript.text.strip():
            problem = ask.NOTHING_HEARD
        elif understood.steps or understood.intent:
            problem = ask.did_you_say(transcript.text)
            self.dialogue.asked(transcript.text, problem, self._gathered.now(), proposed=True)
        else:
            problem = ask.half_heard(transcript.text)
        self._publish(request, Understood(problem=problem), "rules")

    def on_answers(self) -> None:
        """The language model has answered."""
        for command_id, asked in list(self._waiting.items()):
            if asked.answer.done() and self._waiting.pop(command_id, None) is not None:
                with self._answered(command_id, math.inf):
                    self._finish(asked)

    def on_gathered(self) -> None:
        """Perception has answered, or time has passed: plan what waited for it long enough."""
        now, fresh = self._gathered.now(), self._gathered.fresh if self._gathering else False
        for command_id, (request, understood, since) in list(self._gathering.items()):
            if not fresh and now - since < PERCEPTION_TIMEOUT:
                continue
            del self._gathering[command_id]
            with self._answered(command_id, math.inf):
                self._plan_gathered(request, understood, fresh)

    def _plan_gathered(self, request: Request, understood: Understood, fresh: bool) -> None:
        command_id = request.command_id
        old = "" if fresh else self._old_objects(command_id)
        gathered = self._trace(command_id, "perception", request.received, old)
        context = self._context()
        if understood.answer:  # it speaks of what was seen
            understood = self.rules.intent(request.text, context)
        self._plan(request, understood, context, gathered)

    def _old_objects(self, command_id: str) -> str:
        age = self._gathered.age
        known = f"what it saw {age:.1f} s ago" if age < math.inf else "nothing seen yet"
        why = f"perception is silent, planned with {known}"
        self.counts["planned with old objects"] += 1
        self._note(f"{command_id}: {why}")
        return why

    def _context(self) -> Context:
        """The memory's context with what perception has seen, where the robot is and what safety says."""
        g = self._gathered
        return replace(self.dialogue.context, objects=g.objects, pose=g.pose(), safety=g.safety, now=g.now())

    def _handle(self, request: Request) -> None:
        context = self._context()
        began = time.perf_counter()
        words = "stop" if request.priority == "stop" else request.text
        understood = self.rules.intent(words, context)
        if understood.priority != "stop":
            waiting = bool(self._waiting or self._gathering)
            reply = self.dialogue.reply(self.rules.extractor, words, self._gathered.now(), waiting=waiting)
            if reply is not None:
                request = replace(request, text=reply.text)
                understood = self.rules.intent(reply.text, context) if reply.text else LEFT
                if reply.corrects in self._open and understood.problem is None:
                    self._forget(reply.corrects)
                    self._status(reply.corrects, "cancelled", "you corrected it")
        clock.charge("intent", time.perf_counter() - began)
        if understood.priority == "stop" or understood.instead:
            self._drop_waiting()
        if understood.instead and not is_stop(words):  # at that safety stops what runs
            for command_id in self.dialogue.under_way:
                self._status(command_id, "cancelled", records.STOP_SAID)
        if understood.priority == "stop":
            self._publish(request, understood, "rules")
        elif not self._gathered.fresh and len(self._gathering) < MAX_GATHERING and needs_objects(understood):
            self._trace(request.command_id, "intent", request.received)
            self._gathering[request.command_id] = (request, understood, self._gathered.now())
            self.dialogue.began(request.text, request.command_id, self._gathered.now())
        else:
            self._plan(request, understood, context)

    def _plan(
        self, request: Request, understood: Understood, context: Context, gathered: float = 0.0
    ) -> None:
        """gathered: when perception was there, if it was waited for."""
        if self._ask_model(understood):
            if not gathered:
                self._trace(request.command_id, "intent", request.received)
            self._ask(request, context, understood)
        else:
            self._publish(request, understood, "rules", context, asked=gathered)

    def _ask(self, request: Request, context: Context, by_rules: Understood) -> None:
        assert self._begin is not None
        priority = _stronger(by_rules.priority, request.priority)
        answer: Future[Understood] = Future()
        since = clock.mono()
        try:
            if len(self._waiting) >= MAX_ASKED:
                raise LlmError(f"{MAX_ASKED} commands wait for the model already")
            answer = self._begin(request.text, context, priority)
        except LlmError as error:
            answer.set_exception(error)
        asked = self._waiting[request.command_id] = Asked(request, context, by_rules, answer, since)
        self.dialogue.began(request.text, request.command_id, self._gathered.now())
        if self._took > LONG and not answer.done():
            self._one_moment(request.command_id)
        self._settle(answer)

        def ready(_: Future[Understood]) -> None:
            if self._waiting.get(request.command_id) is asked:  # not after a stop
                self._on_ready()

        answer.add_done_callback(ready)

    def _ask_model(self, understood: Understood) -> bool:
        heard = understood.problem is not None and understood.problem.reason == "heard"
        if self._begin is None or understood.answer or heard:
            return False
        strange = understood.problem is not None and understood.problem.reason in ("words", "name")
        wanted = self.mode == "llm" or (self.mode == "auto" and strange)
        if wanted and self._gathered.stopped:
            self.counts["model spared at emergency stop"] += 1
            return False
        if wanted and not self.allowed():
            self.counts["model spared under load"] += 1
            return False
        return wanted

    def cancel(self) -> None:
        """Give up what the model is asked."""
        asked, self._waiting = self._waiting, {}
        for one in asked.values():
            one.answer.cancel()

    def _drop_waiting(self) -> None:
        """On a stop: what the model is still planning must not move the robot later."""
        dropped = (*self._waiting, *self._gathering)
        self.cancel()
        self._gathering.clear()
        for command_id in dropped:
            self._status(command_id, "cancelled", records.STOP_SAID)

    @property
    def _open(self) -> tuple[str, ...]:
        """Ids of the commands that wait for their plan, or for the end of it."""
        return (*self._waiting, *self._gathering, *self.dialogue.under_way)

    def _forget(self, command_id: str) -> None:
        """What waits to be planned is not wanted any more."""
        self._gathering.pop(command_id, None)
        if (asked := self._waiting.pop(command_id, None)) is not None:
            asked.answer.cancel()

    def _one_moment(self, command_id: str) -> None:
        if command_id not in self._told and self.talk != "little":
            self._told.add(command_id)
            self._send(topics.SAY, records.Say(command_id=command_id, text=ONE_MOMENT))

    def _finish(self, asked: Asked) -> None:
        self._took = clock.mono() - asked.since
        request, context, found, reason = asked.request, asked.context, None, ""
        try:
            found = asked.answer.result()
        except Exception as error:  # a model's answer must not stop the planner
            known = isinstance(error, LlmError)
            reason = str(error if known else LlmError(f"{type(error).__name__}: {error}"))
        if found is None or (found.problem is not None and self.mode == "auto"):
            self.counts["model failed" if found is None else "model asked"] += 1
            if found is None:
                self._note(f"the rules answer {request.command_id}, not the model: {reason}")
            self._publish(request, asked.by_rules, "rules", context, detail=reason, asked=asked.since)
            return
        if found.priority == "stop":
            self._drop_waiting()
        self._publish(request, found, "cache" if found.remembered else "llm", context, asked=asked.since)

    def _publish(
        self, request: Request, found: Understood, planner: records.Planner, context: Context | None = None,
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
            self.counts["asked back"] += 1
            self.dialogue.mention(found.mentioned, found.place)
            self.dialogue.asked(text, found.problem, self._gathered.now())
            self._speak(command_id, "asked", found.question)
            return
        plan = Plan(
            command_id=command_id, text=text, steps=list(found.steps), planner=planner,
            priority=_stronger(found.priority, request.priority), answer=found.answer,
            speech_end_mono=request.speech_end,
        )  # fmt: skip
        self._send(topics.PLAN, plan)
        self._trace(command_id, "planning", understood, detail)
        self.counts[planner] += 1
        self.dialogue.mention(found.mentioned, found.place)
        if found.answer:
            self._speak(command_id, "succeeded", found.answer)
            return
        if plan.steps:
            self._planned[command_id] = clock.mono()
        if plan.priority == "stop":
            self.counts["stops"] += 1
        if self.talk == "much" and plan.priority != "stop":
            self._send(topics.SAY, records.Say(command_id=command_id, text=intention(found.intent)))
        self.dialogue.on_plan(plan)
        self.dialogue.began(text, command_id, self._gathered.now())

    def _speak(self, command_id: str, state: records.CommandState, text: str) -> None:
        self._send(topics.SAY, records.Say(command_id=command_id, text=text))
        self._status(command_id, state, text)

    def _status(self, command_id: str, state: records.CommandState, detail: str) -> None:
        status = records.Status(command_id=command_id, state=state, detail=detail, mono=clock.mono())
        self._send(topics.STATUS, status)

    def _trace(self, command_id: str, stage: records.Stage, begin: float, detail: str = "") -> float:
        end = clock.mono()
        event = TraceEvent(command_id=command_id, stage=stage, begin_mono=begin, end_mono=end, detail=detail)
        self._send(topics.TRACE, event)
        return end


def needs_objects(understood: Understood) -> bool:
    """Whether what perception sees makes a difference: something is to be handled or described."""
    return understood.about_seen or any(step.object is not None for step in understood.intent)


def _stronger(a: Priority, b: Priority) -> Priority:
    """Of the priority in the words and the given one the stronger; a given "background" weakens "normal"."""
    if b == "background" and a == "normal":
        return b
    return min(a, b, key=PRIORITIES.index)
