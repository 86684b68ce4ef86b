"""The rule planner: from a text to what is wanted (the intent's steps) and on to the skills that bring it
about, to a question or to an answer, in less than a millisecond."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vla_sim.contract.records import Arm, ObjectQuery, Priority, Step
from vla_sim.stages.language.answers import Questions
from vla_sim.stages.language.dialogue_context import Context, place_of
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding.clarifications import Problem
from vla_sim.stages.language.understanding.intent_extractor import Extraction, Extractor
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reference_resolver import Resolver, Unresolved
from vla_sim.world.semantic_map import World


@dataclass(frozen=True)
class Understood:
    """intent: what was said. steps: the plan. problem: what to ask back instead (no steps then).
    answer: words that answer a question (no steps then). mentioned, place: what was mentioned.
    about_seen: whether the answer depends on what perception sees.
    instead: it is to be done in place of all that was to be done before.
    remembered: a model understood it so before, and was not asked again."""

    intent: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    problem: Problem | None = None
    priority: Priority = "normal"
    answer: str = ""
    about_seen: bool = False
    instead: bool = False
    mentioned: ObjectQuery | None = None
    place: str = ""
    remembered: bool = False

    @property
    def question(self) -> str:
        return self.problem.question if self.problem else ""


STOP = Understood(intent=(Step(skill="stop"),), priority="stop")


class RulePlanner:
    """Pure and stateless: all that may change comes with the context."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lexicon = Lexicon.of(world)
        self.extractor = Extractor(self.lexicon)
        self._questions = Questions(world, self.lexicon)

    def plan(self, text: str, context: Context | None = None) -> Understood:
        """The plan of a text. Never raises."""
        return self.finish(self.intent(text, context), context)

    def intent(self, text: str, context: Context | None = None) -> Understood:
        """The first half: what is wanted, without the plan's steps."""
        context = context or Context()
        answer = self._questions.answer(text, context)
        if answer is not None:
            return Understood(answer=answer.text, about_seen=answer.about_seen, mentioned=answer.mentioned)
        found = self.extractor.extract(text)
        if found.problem is not None:
            return Understood(problem=found.problem)
        if found.stop and not found.said:
            return STOP
        wanted = replace(self._resolved(found, context), instead=found.stop)
        # What cannot be done after a stop must not cost the stop.
        return STOP if found.stop and self.finish(wanted, context).problem is not None else wanted

    def _resolved(self, found: Extraction, context: Context) -> Understood:
        resolver = Resolver(self.lexicon, context)
        try:
            steps = tuple(step for one in found.said for step in resolver.resolve(one))
        except Unresolved as error:  # "the left one" says the rest of it
            return Understood(problem=error.problem, mentioned=resolver.mentioned)
        wait_now = all(step.skill == "wait" for step in steps)  # what runs goes on after it
        priority: Priority = "urgent" if found.urgent or wait_now else "normal"
        if len(steps) == 1 and steps[0].skill == "stop":
            priority = "stop"
        return Understood(
            intent=steps, priority=priority, mentioned=resolver.mentioned, place=resolver.spoken_place
        )

    def finish(self, wanted: Understood, context: Context | None = None) -> Understood:
        """The second half: the plan's steps, or a question if the hand is full."""
        if wanted.problem is not None or not wanted.intent:
            return wanted
        try:
            steps = Expander(self.world, self.lexicon, context or Context()).expand(wanted.intent)
        except Unresolved as error:
            return Understood(problem=error.problem)
        return replace(wanted, steps=tuple(steps))


class Expander:
    """Walks through the intent's steps and keeps account of hand, place and what was found, so that
    nothing is looked for twice and nothing is grasped with a full hand. here: the place where the plan has
    gone to look for things; "" if nowhere in particular."""

    def __init__(self, world: World, lexicon: Lexicon, context: Context) -> None:
        self.world, self.lexicon, self.context = world, lexicon, context
        self.steps: list[Step] = []
        self.found: ObjectQuery | None = None
        self.near: ObjectQuery | None = None
        self.held, self.here = context.held, ""
        owners = lexicon.surface_place
        self._searchable = {*owners, *owners.values()}  # somewhere else there is nothing to look at

    def expand(self, intent: Sequence[Step]) -> list[Step]:
        """The plan's steps. Raises `Unresolved` if the hand is full when something is to be grasped."""
        for step in intent:
            query = step.object or ObjectQuery()
            with_object = {"find": self._find, "approach": self._approach, "pick": self._pick}
            if step.skill == "navigate":
                self._go(step.place, step.speed)
            elif step.skill in with_object:
                with_object[step.skill](query, step.place, step.arm)
            elif step.relation:
                self._put_by(step)
            elif step.skill in ("carry", "place"):
                self._bring(step, query)
            else:
                if step.skill in ("move", "turn"):
                    self.near = None
                if step.skill == "move":
                    self.here, self.found = "", None
                self.steps.append(step)
        if not self.steps and self.held is not None:
            self.steps.append(Step(skill="say", text=f"I am already holding the {self.held}."))
        return self.steps

    def _go(self, place: str, speed: float | None = None) -> None:
        if not (self.steps and self.here == place):
            self.steps.append(Step(skill="navigate", place=place, speed=speed))
        self.here, self.found, self.near = place, None, None

    def _find(self, query: ObjectQuery, place: str, arm: Arm | None = None) -> None:
        room = self.lexicon.surface_place.get(place, place)
        if room and self.lexicon.surface_place.get(self.here, self.here) != room:
            self._go(room)
        elif not place and not self.here and (known := self._seen_at(query)):
            self._go(known)
        implied = self.here if self.here in self._searchable else ""
        self.steps.append(Step(skill="find", object=query, place=place or implied))
        self.found, self.near = query, None

    def _approach(self, query: ObjectQuery, place: str, arm: Arm | None = None) -> None:
        if self.found != query or (place and place != self.here):
            self._find(query, place)
        self.steps.append(Step(skill="approach", object=query, arm=arm))
        self.near = query

    def _pick(self, query: ObjectQuery, place: str, arm: Arm | None = None) -> None:
        if self.held is not None:
            if query.matches(self.held) and not place:
                return
            raise Unresolved(ask.hand_is_full(self.held, query))
        if self.near != query or arm is not None:
            self._approach(query, place, arm)
        self.steps.append(Step(skill="pick", object=query, arm=arm))
        self.held, self.found, self.near = query, None, None

    def _bring(self, wanted: Step, query: ObjectQuery) -> None:
        if self.held is None or not query.matches(self.held):
            self._pick(query, "")
        self.steps.append(Step(skill=wanted.skill, place=wanted.place, speed=wanted.speed))
        self.here, self.found, self.near = "", None, None
        if wanted.skill == "place":
            self.held = None
        elif wanted.place == "user":
            self.steps.append(Step(skill="say", text=f"Here is the {query}."))

    def _put_by(self, step: Step) -> None:
        """What is held goes next to an object, or on it; a step that says so follows one that picks."""
        self.steps.append(step)
        self.held, self.here, self.found, self.near = None, "", None, None

    def _seen_at(self, query: ObjectQuery) -> str:
        """The one other place at which perception has seen such objects; "" if there is none, or one
        is here."""
        if not self.context.place:
            return ""
        places = {place_of(self.world, seen) for seen in self.context.objects if query.matches(seen)}
        return places.pop() if len(places) == 1 and self.context.place not in places else ""
