"""Is a plan one that this robot may run in this world?"""

import math

from vla_sim.contract.limits import MAX_ANGLE, MAX_DISTANCE, MAX_SPEED, MAX_STEPS, MAX_WAIT
from vla_sim.contract.records import MANNER, POSES, STEP_FIELDS, ObjectQuery, Plan, Step
from vla_sim.contract.vocabulary import THING
from vla_sim.robot import facts
from vla_sim.stages.navigation.costmap import RESOLUTION, StaticMap
from vla_sim.stages.navigation.distance_field import DistanceField
from vla_sim.stages.navigation.global_planner import NoPath, plan_path
from vla_sim.world.semantic_map import World

NEEDS = {
    "a place": (("navigate", "carry"), {"place"}), "an angle": (("turn",), {"angle"}),
    "a place or an object": (("place",), {"place", "object"}),
    "an object": (("find", "pick", "approach"), {"object"}),
    "a distance": (("move",), {"distance", "lateral"}), "a name": (("remember",), {"text"}),
}  # fmt: skip
"""What -> the skills that need it, and the fields of which one must be given."""
WITH_HAND = ("approach", "pick", "carry", "place")
"""Skills of a robot that has a hand."""


class PlanChecker:
    """Checks plans against a world: known skills and targets, limits, forbidden zones, reachability.

    Reachable means that navigation's own planner finds a way there from the world's start: what is let pass
    here is not given up there. That is computed once, so a check takes microseconds.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        clearance = StaticMap.from_grids(world.rasterise(RESOLUTION), forbidden=world.forbidden).clearance
        self.targets = {p.name: self._reason(p.name, p.x, p.y, clearance) for p in world.places}
        """Reason why a place or surface cannot be a target; empty if it can."""
        self.targets |= {s.name: self.targets.get(s.place, "") for s in world.surfaces}

    def _reason(self, name: str, x: float, y: float, clearance: DistanceField) -> str:
        for x0, y0, x1, y1 in self.world.forbidden:
            if x0 <= x <= x1 and y0 <= y <= y1:
                return f"the {name} lies in a forbidden zone"
        found = plan_path(clearance, self.world.start[:2], (x, y))
        return f"there is no way to the {name}" if isinstance(found, NoPath) else ""

    def check(self, plan: Plan) -> list[str]:
        """Reasons against the plan, each once and fit for speaking; empty if it may run."""
        if len(plan.steps) > MAX_STEPS:
            return [f"the plan has {len(plan.steps)} steps; {MAX_STEPS} are allowed"]
        if facts.HAND is None and any(step.skill in WITH_HAND for step in plan.steps):
            return [facts.NO_HAND]
        # Several steps of one place have the same reason against them.
        return list(dict.fromkeys(reason for step in plan.steps for reason in self._check(step)))

    def _check(self, step: Step) -> list[str]:
        if step.skill not in STEP_FIELDS:
            return [f"I have no skill {step.skill}"]
        fields = ("object", "distance", "lateral", "angle", "seconds", "place", "text", "relation", *MANNER)
        given = {name for name in fields if getattr(step, name) not in (None, "")}
        strange = given - set(STEP_FIELDS[step.skill])
        reasons = [f"{step.skill} takes no {name}" for name in fields if name in strange]
        for what, (skills, names) in NEEDS.items():
            if step.skill in skills and not given & names:
                reasons.append(f"{step.skill} needs {what}")
        if step.skill == "place" and (step.object is None) != (step.relation == ""):
            reasons.append(
                "place needs to know where, seen from the object: next to it, on top of it or into it"
            )
        if step.place and step.place not in POSES:
            known = ", ".join(sorted(self.targets))
            unknown = f'I do not know a place called "{step.place}"; I know: {known}'
            reasons += filter(None, [self.targets.get(step.place, unknown)])
        if step.object is not None and not self._may_exist(step.object):
            known = ", ".join(f"{k.colour} {k.kind}" for k in self.world.objects)
            reasons.append(f"I do not know a {step.object}; I know: {known}")
        for value in (step.distance, step.lateral):
            if value is not None and not abs(value) <= MAX_DISTANCE:  # not a number is no limit kept
                reasons.append(f"I move at most {MAX_DISTANCE:g} metres at once, not {abs(value):g}")
        if step.speed is not None and not 0.0 < step.speed <= MAX_SPEED[0]:
            reasons.append(f"I walk at most {MAX_SPEED[0]:g} metres a second, not {step.speed:g}")
        if not abs(step.angle or 0.0) <= MAX_ANGLE:
            reasons.append(f"I turn at most {math.degrees(MAX_ANGLE):g} degrees at once")
        if not 0.0 <= (step.seconds or 0.0) <= MAX_WAIT:
            reasons.append(f"I wait at most {MAX_WAIT:g} seconds")
        return reasons

    def _may_exist(self, query: ObjectQuery) -> bool:
        """Whether the world has such an object; what has no name, or was given one, is in no list."""
        nameless = bool(query.given_name) or query.kind in (THING, *self.world.words)
        return nameless or any(query.matches(one) for one in self.world.objects)
