"""What the planner must know beside the words: what is held, what was mentioned, seen and asked back."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vla_sim.contract import phrases
from vla_sim.contract.records import (
    DetectedObject,
    ManipulationStatus,
    ObjectQuery,
    Plan,
    Point,
    SafetyState,
    Status,
    Step,
)
from vla_sim.stages.language.understanding.amendments import amended, put_first
from vla_sim.stages.language.understanding.clarifications import Problem
from vla_sim.stages.language.understanding.intent_extractor import Extractor
from vla_sim.stages.language.understanding.tokens import MAX_LENGTH, PAUSES, tokenise
from vla_sim.world.semantic_map import World, surface_below

_REFUSALS = phrases.NO | phrases.NEVER_MIND | phrases.FORBIDDEN
REMEMBERED_PLANS = 64
REPLY_SECONDS = 30.0
"""[s, ROS clock] in which words may answer a question, or correct a command that was given."""


@dataclass(frozen=True)
class Context:
    """held: the object in the hand, None if empty. mentioned: the object mentioned last ("it").
    mentioned_place: the place mentioned last ("there"). place: where the robot is, "" if at no known place.
    objects: what perception has seen. pose: x, y [m] and yaw [rad] of the robot in map, None if unknown.
    safety: what it last said. now: [s, ROS clock]. doing: the words of the command that runs, "" if none."""

    held: ObjectQuery | None = None
    mentioned: ObjectQuery | None = None
    mentioned_place: str = ""
    place: str = ""
    objects: tuple[DetectedObject, ...] = ()
    pose: Point | None = None
    safety: SafetyState | None = None
    now: float = 0.0
    doing: str = ""


@dataclass(frozen=True)
class Turn:
    """What was said last. text: the words. question: what was asked back, if they were. unknown: words of it
    that were no name. proposed: whether the question is "Did you say ...?". held: what it asks where to put.
    command_id: of what was begun."""

    text: str
    said: float
    question: str = ""
    unknown: str = ""
    proposed: bool = False
    held: str = ""
    command_id: str = ""


@dataclass(frozen=True)
class Reply:
    """What words mean after the last turn. text: the command they stand for; "" if nothing is to be done.
    corrects: id of the command that they take back."""

    text: str
    corrects: str = ""


def confirmed(proposed: str, reply: str) -> str | None:
    """What a reply to "Did you say ...?" stands for: `proposed` on yes, "" on no, None if it is neither."""
    tokens = spoken(reply)
    if tokens and phrases.YES.end(tokens, 0) == len(tokens):
        return proposed
    return "" if refused(tokens) else None


def _yes_or_aside(proposed: str, reply: str) -> bool:
    """Whether "right" may mean both: "Did you say "turn left"?"."""
    tokens = tokenise(proposed)
    return spoken(reply) == ["right"] and (phrases.LEFT | phrases.RIGHT).within(tokens, 0, len(tokens))


def refused(tokens: Sequence[str]) -> bool:
    """Whether all that was said is no, once or more: "no, don't"."""
    i: int | None = 0
    while i is not None and i < len(tokens):
        i = _REFUSALS.end(tokens, i)
    return bool(tokens) and i is not None


def spoken(text: str) -> list[str]:
    """The tokens of a text without pauses and courtesies."""
    return [token for token in tokenise(text[:MAX_LENGTH]) if token not in PAUSES | {"please", "robot"}]


class DialogueTracker:
    """Keeps the context up to date from the plans that were sent and the executive's status of them.

    A step counts as done when a later one runs or the command succeeds.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._plans: OrderedDict[str, tuple[Plan, int]] = OrderedDict()
        self._last: Turn | None = None
        self._start = nearest_place(world, world.start[0], world.start[1])
        self.context = Context(place=self._start)

    @property
    def under_way(self) -> tuple[str, ...]:
        """Ids of the commands that were planned and have not ended."""
        return tuple(self._plans)

    def asked(self, text: str, problem: Problem, now: float, *, proposed: bool = False) -> None:
        """A question was asked back; what is said next may answer it. One about words that mean nothing here
        leaves an earlier question open."""
        open_question = self._last is not None and bool(self._last.question)
        if proposed or not (problem.reason == "heard" or (open_question and problem.reason == "words")):
            self._last = Turn(text, now, problem.question, problem.unknown, proposed, problem.held)

    def began(self, text: str, command_id: str, now: float) -> None:
        """A command is being planned, or was; what is said next may correct it."""
        self._last = Turn(text, now, command_id=command_id)

    def reply(self, extractor: Extractor, text: str, now: float, *, waiting: bool = False) -> Reply | None:
        """What a text means as an answer to the last question, as a correction of the last command, or as a
        no to what is being done; None if it is read by itself. waiting: whether a command is on its way to
        its plan."""
        last = self._last
        if last is not None and now - last.said > REPLY_SECONDS:
            last = None
        if last is not None and last.proposed and _yes_or_aside(last.text, text):
            return None
        if last is not None and last.proposed and (agreed := confirmed(last.text, text)) is not None:
            self._last = None
            return Reply(agreed)
        tokens = spoken(text)
        if refused(tokens):
            asked = last is not None and bool(last.question)
            self._last = None if asked else self._last
            if not asked and (waiting or self._plans):
                return Reply("stop")
            return None if last is None else Reply("")
        if last is None:
            return None
        denied = phrases.CORRECTION.end(tokens, 0) if tokens else None
        rest = " ".join(tokens[denied or 0 :])
        if last.question:
            new = put_first(extractor, last.held, rest, last.text) if last.held else ""
            new = new or amended(extractor, last.text, rest, last.unknown)
            self._last = None if new else self._last
            return Reply(new) if new else None
        if denied is None and phrases.OTHER.end(tokens, 0) != len(tokens):
            return None
        new = amended(extractor, last.text, rest)
        return Reply(new, last.command_id) if new else None

    def mention(self, mentioned: ObjectQuery | None, place: str) -> None:
        """A command was understood that mentioned these (None and "" change nothing)."""
        self.context = replace(
            self.context,
            mentioned=mentioned or self.context.mentioned,
            mentioned_place=place or self.context.mentioned_place,
        )

    def on_plan(self, plan: Plan) -> None:
        self._plans[plan.command_id] = (plan, 0)
        while len(self._plans) > REMEMBERED_PLANS:
            self._plans.popitem(last=False)

    def on_status(self, status: Status) -> None:
        """The executive's status: learn what is held and where the robot is."""
        plan, done = self._plans.get(status.command_id, (None, 0))
        if plan is None:
            return
        steps = plan.steps
        reached = len(steps) if status.state == "succeeded" else min(max(status.step, 0), len(steps))
        for step in steps[done:reached]:
            self._did(step)
        if status.state in ("succeeded", "failed", "rejected", "cancelled"):
            self._plans.pop(status.command_id, None)
            if self.context.doing == plan.text:
                self.context = replace(self.context, doing="")
            if status.state in ("failed", "cancelled") and reached < len(steps):
                self._began(steps[reached])
        else:
            self._plans[status.command_id] = (plan, max(done, reached))
            if status.state == "running" and reached < len(steps):
                self.context = replace(self.context, doing=plan.text)
                self._began(steps[reached])

    def on_manipulation(self, status: ManipulationStatus) -> None:
        """The arms' word: a hand may lose what the plans believe in it."""
        if status.state != "active" and not status.holding:
            self.context = replace(self.context, held=None)

    def _did(self, step: Step) -> None:
        if step.skill == "pick":
            self.context = replace(self.context, held=step.object)
        elif step.skill == "place":
            self.context = replace(self.context, held=None)
        self._began(step)
        if step.place and step.skill in ("navigate", "carry", "place", "find"):
            surfaces = {surface.name: surface.place for surface in self._world.surfaces}
            known = surfaces | {"user": "", "start": self._start}
            place = known.get(step.place, step.place)
            self.context = replace(self.context, place=place)

    def _began(self, step: Step) -> None:
        """These skills leave the place where the robot was, or may have."""
        if step.skill in ("navigate", "carry", "place", "find", "move"):
            self.context = replace(self.context, place="")


def nearest_place(world: World, x: float, y: float, within: float = 2.0) -> str:
    """The place nearest to (x, y) [m] in map, "" if none is `within` [m]."""
    near = [(math.hypot(p.x - x, p.y - y), p.name) for p in world.places]
    distance, name = min(near, default=(math.inf, ""))
    return name if distance <= within else ""


def place_of(world: World, seen: DetectedObject) -> str:
    """The place that a seen object belongs to: that of the surface under it, else the nearest."""
    surface = surface_below(world.surfaces, seen.position, rim=0.0)
    return surface.place if surface else nearest_place(world, *seen.position[:2], within=math.inf)
