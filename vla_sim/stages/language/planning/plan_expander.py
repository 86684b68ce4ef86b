"""Planning: from what is wanted (the intent's steps) to the skills that bring it about."""

from collections.abc import Sequence

from vla_sim.contract.records import ObjectQuery, Step
from vla_sim.stages.language.dialogue_context import Context, place_of
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reference_resolver import Unresolved
from vla_sim.world.semantic_map import World


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
                self._go(step.place)
            elif step.skill in with_object:
                with_object[step.skill](query, step.place)
            elif step.skill in ("carry", "place"):
                self._bring(step.skill, query, step.place)
            else:
                if step.skill in ("move", "turn"):
                    self.near = None
                if step.skill == "move":
                    self.here, self.found = "", None
                self.steps.append(step)
        if not self.steps and self.held is not None:
            self.steps.append(Step(skill="say", text=f"I am already holding the {self.held}."))
        return self.steps

    def _go(self, place: str) -> None:
        if not (self.steps and self.here == place):
            self.steps.append(Step(skill="navigate", place=place))
        self.here, self.found, self.near = place, None, None

    def _find(self, query: ObjectQuery, place: str) -> None:
        room = self.lexicon.surface_place.get(place, place)
        if room and self.lexicon.surface_place.get(self.here, self.here) != room:
            self._go(room)
        elif not place and not self.here and (known := self._seen_at(query)):
            self._go(known)
        implied = self.here if self.here in self._searchable else ""
        self.steps.append(Step(skill="find", object=query, place=place or implied))
        self.found, self.near = query, None

    def _approach(self, query: ObjectQuery, place: str) -> None:
        if self.found != query or (place and place != self.here):
            self._find(query, place)
        self.steps.append(Step(skill="approach", object=query))
        self.near = query

    def _pick(self, query: ObjectQuery, place: str) -> None:
        if self.held is not None:
            if query.matches(self.held) and not place:
                return
            raise Unresolved(ask.hand_is_full(self.held, query))
        if self.near != query:
            self._approach(query, place)
        self.steps.append(Step(skill="pick", object=query))
        self.held, self.found, self.near = query, None, None

    def _bring(self, skill: str, query: ObjectQuery, place: str) -> None:
        if self.held is None or not query.matches(self.held):
            self._pick(query, "")
        self.steps.append(Step(skill="place" if skill == "place" else "carry", place=place))
        self.here, self.found, self.near = "", None, None
        if skill == "place":
            self.held = None
        elif place == "user":
            self.steps.append(Step(skill="say", text=f"Here is the {query}."))

    def _seen_at(self, query: ObjectQuery) -> str:
        """The one other place at which perception has seen such objects; "" if there is none, or one
        is here."""
        if not self.context.place:
            return ""
        places = {place_of(self.world, seen) for seen in self.context.objects if query.matches(seen)}
        return places.pop() if len(places) == 1 and self.context.place not in places else ""
