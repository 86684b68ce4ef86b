"""The rule planner: from a text to a plan or a question, in less than a millisecond."""

from dataclasses import dataclass, replace

from vla_sim.contract.records import ObjectQuery, Priority, Step
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.planning.plan_expander import Expander
from vla_sim.stages.language.understanding.answers import answer_to
from vla_sim.stages.language.understanding.clarifications import Problem
from vla_sim.stages.language.understanding.intent_extractor import Extractor
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reference_resolver import Resolver, Unresolved
from vla_sim.world.semantic_map import World


@dataclass(frozen=True)
class Understood:
    """intent: what was said. steps: the plan. problem: what to ask back instead (no steps then).
    answer: words that answer a question (no steps then). mentioned, place: what was mentioned.
    remembered: a model understood it so before, and was not asked again."""

    intent: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    problem: Problem | None = None
    priority: Priority = "normal"
    answer: str = ""
    mentioned: ObjectQuery | None = None
    place: str = ""
    remembered: bool = False

    @property
    def question(self) -> str:
        return self.problem.question if self.problem else ""


class RulePlanner:
    """Pure and stateless: all that may change comes with the context."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lexicon = Lexicon.of(world)
        self._extractor = Extractor(self.lexicon)

    def plan(self, text: str, context: Context | None = None) -> Understood:
        """The plan of a text. Never raises."""
        return self.finish(self.intent(text, context), context)

    def intent(self, text: str, context: Context | None = None) -> Understood:
        """The first half: what is wanted, without the plan's steps."""
        context = context or Context()
        answer = answer_to(text, self.lexicon, context)
        if answer:
            return Understood(answer=answer)
        found = self._extractor.extract(text)
        if found.problem is not None:
            return Understood(problem=found.problem)
        if found.stop and not found.said:
            return Understood(intent=(Step(skill="stop"),), priority="stop")
        resolver = Resolver(self.lexicon, context)
        try:
            steps = tuple(resolver.resolve(one) for one in found.said)
        except Unresolved as error:
            return Understood(problem=error.problem)
        priority: Priority = "urgent" if found.urgent else "normal"
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
