"""What the planner must know beside the words: what is held, what was mentioned, what was seen."""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace

from vla_sim.contract.records import DetectedObject, ObjectQuery, Plan, Point, SafetyState, Status, Step
from vla_sim.world.semantic_map import World, surface_below

REMEMBERED_PLANS = 64


@dataclass(frozen=True)
class Context:
    """held: the object in the hand, None if empty. mentioned: the object mentioned last ("it").
    mentioned_place: the place mentioned last ("there"). place: where the robot is, "" if at no known place.
    objects: what perception has seen. pose: x, y [m] and yaw [rad] of the robot in map, None if unknown.
    safety: what it last said. now: [s, ROS clock]."""

    held: ObjectQuery | None = None
    mentioned: ObjectQuery | None = None
    mentioned_place: str = ""
    place: str = ""
    objects: tuple[DetectedObject, ...] = ()
    pose: Point | None = None
    safety: SafetyState | None = None
    now: float = 0.0


class DialogueTracker:
    """Keeps the context up to date from the plans that were sent and the executive's status of them.

    A step counts as done when a later one runs or the command succeeds.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._plans: OrderedDict[str, tuple[tuple[Step, ...], int]] = OrderedDict()
        start = nearest_place(world, world.start[0], world.start[1])
        self.context = Context(place=start)

    def mention(self, mentioned: ObjectQuery | None, place: str) -> None:
        """A command was understood that mentioned these (None and "" change nothing)."""
        self.context = replace(
            self.context,
            mentioned=mentioned or self.context.mentioned,
            mentioned_place=place or self.context.mentioned_place,
        )

    def on_plan(self, plan: Plan) -> None:
        self._plans[plan.command_id] = (tuple(plan.steps), 0)
        while len(self._plans) > REMEMBERED_PLANS:
            self._plans.popitem(last=False)

    def on_status(self, status: Status) -> None:
        """The executive's status: learn what is held and where the robot is."""
        steps, done = self._plans.get(status.command_id, ((), 0))
        reached = len(steps) if status.state == "succeeded" else min(max(status.step, 0), len(steps))
        for step in steps[done:reached]:
            self._did(step)
        if status.state in ("succeeded", "failed", "rejected", "cancelled"):
            self._plans.pop(status.command_id, None)
            if status.state in ("failed", "cancelled") and reached < len(steps):
                self._began(steps[reached])
        elif steps:
            self._plans[status.command_id] = (steps, max(done, reached))
            if status.state == "running" and reached < len(steps):
                self._began(steps[reached])

    def _did(self, step: Step) -> None:
        if step.skill == "pick":
            self.context = replace(self.context, held=step.object)
        elif step.skill == "place":
            self.context = replace(self.context, held=None)
        self._began(step)
        if step.place and step.skill in ("navigate", "carry", "place", "find"):
            surfaces = {surface.name: surface.place for surface in self._world.surfaces}
            place = "" if step.place == "user" else surfaces.get(step.place, step.place)
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
