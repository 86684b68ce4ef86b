"""What a skill knows and can do: the latest of every stage, and an outbox of requests."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from vla_sim.common.geometry import Pose2, wrap
from vla_sim.contract import records, topics
from vla_sim.contract.ids import Ids
from vla_sim.contract.records import DetectedObject, ObjectQuery, Record
from vla_sim.contract.stop_epoch import NOW, StopEpoch
from vla_sim.contract.topics import Topic
from vla_sim.contract.vocabulary import SIDES
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import Surface, World, surface_below

MIN_CONFIDENCE = 0.5
SAME_PLACE = 0.06
"""[m] from where a thing was within which another track is the same thing."""
SEARCH_TIME = 240.0
"""[s] for one thing: a search of a shipped home ends sooner, unless walking is disturbed."""


@dataclass
class SkillContext:
    """Callbacks store here, skills read here; times are seconds of the ROS clock, `mono` of the steady
    one."""

    world: World
    grid: Grid
    now: float = 0.0
    mono: float = 0.0
    pose: Pose2 = (0.0, 0.0, 0.0)
    objects: list[DetectedObject] = field(default_factory=list)
    objects_stamp: float = -math.inf
    navigation: records.NavigationStatus | None = None
    manipulation: records.ManipulationStatus | None = None
    navigation_received: float = math.inf
    manipulation_received: float = math.inf
    """When the stage last spoke."""
    user_pose: Pose2 = (0.0, 0.0, 0.0)
    target: DetectedObject | None = None
    """The object that was found last."""
    holding: DetectedObject | None = None
    holding_arm: records.Arm | None = None
    picking: records.ManipulationRequest | None = None
    """The last one that was asked for."""
    heading: float = 0.0
    """The pose's yaw [rad], counted on beyond a whole turn."""
    walking_from: Pose2 | None = None
    """Where the move or the turn that runs began to walk, with that heading."""
    docked: bool = False
    """Stands close to furniture: steps back before it walks or turns."""
    arms_home: bool = True
    search_time: float = SEARCH_TIME
    """[s] after which a search for one thing goes to no further view."""
    background: bool = True
    """Whether commands of that priority may run: not while the machine is under load."""
    outbox: list[tuple[Topic, Record]] = field(default_factory=list)
    stops: StopEpoch = field(default_factory=StopEpoch)
    """As safety says; goals carry it, so that those of an earlier one are void."""
    goal_ids: Ids = field(default_factory=lambda: Ids("executive"))

    def send(self, topic: Topic, record: Record) -> None:
        self.outbox.append((topic, record))

    def say(self, text: str) -> None:
        self.send(topics.SAY, records.Say(text=text, stop_epoch=self.stops.value or NOW))

    def on_manipulation(self, status: records.ManipulationStatus, now: float) -> DetectedObject | None:
        """Take manipulation's word; what was held and is not any more. What a hand has closed on is held also
        where a stop has ended the pick. now: [s]."""
        self.manipulation, self.manipulation_received = status, now
        held, picking = self.holding, self.picking
        if status.state == "active":
            return None
        if held is not None and not status.holding:
            self.holding = self.holding_arm = None
            return held
        if held is None and status.holding and picking is not None and status.goal_id == picking.goal_id:
            self.holding, self.holding_arm = picking.object, status.arm
        return None

    def has(self, plan: records.Plan, step: records.Step) -> bool:
        """Whether this step is part of fetching what is in the hand already: a stop came when it had closed
        on it, which nobody was told."""
        wanted, held = step.object, self.holding
        if wanted is None or held is None or step.skill not in ("find", "approach", "pick"):
            return False
        picked = [one.object for one in plan.steps if one.skill == "pick"]
        return wanted in picked and wanted.matches(held)

    def resolve(self, name: str) -> Pose2 | None:
        """The standing pose of a place ("kitchen"), of "user" (where the command was received) or "start"."""
        if name == "user":
            return self.user_pose
        begun = self.world.start if name == "start" else None
        return next(((p.x, p.y, p.yaw) for p in self.world.places if p.name == name), begun)

    def surface(self, name: str) -> Surface | None:
        return next((s for s in self.world.surfaces if s.name == name), None)

    def surface_below(self, position: records.Point) -> Surface | None:
        """The surface on which something at `position` (map) stands."""
        return surface_below(self.world.surfaces, position)

    def in_sight(
        self, query: ObjectQuery, since: float, on: Collection[Surface] | None = None
    ) -> list[DetectedObject]:
        """The objects that match and were seen after `since`, on one of these surfaces or on any. A held one
        does not count."""
        on = self.world.surfaces if on is None else on
        return [
            o
            for o in self.objects
            if query.matches(o)
            and o.confidence >= MIN_CONFIDENCE
            and o.last_seen >= since
            and o.sightings >= 2
            and self.surface_below(o.position) in on
        ]

    def visible(
        self, query: ObjectQuery, since: float, near: DetectedObject | None = None,
        on: Collection[Surface] | None = None,
    ) -> DetectedObject | None:  # fmt: skip
        """Of the objects `in_sight` the nearest, or the one on the side that the query says, or the nearest
        to where `near` was; if it was chosen by its side, that one alone."""
        found = self.in_sight(query, since, on)
        sided = not set(SIDES).isdisjoint(query.traits)
        if near is not None:
            if sided:
                found = [o for o in found if o.track_id == near.track_id or _apart(o, near) < SAME_PLACE]
            return min(found, key=lambda one: _apart(one, near), default=None)
        if sided:
            order = max if "left" in query.traits else min
            return order(found, key=self.bearing_of, default=None)
        return min(found, key=self.distance_to, default=None)

    def bearing_of(self, item: DetectedObject) -> float:
        """[rad] to the left of straight ahead."""
        x, y, yaw = self.pose
        return wrap(math.atan2(item.position[1] - y, item.position[0] - x) - yaw)

    def distance_to(self, item: DetectedObject | Surface) -> float:
        x, y = (item.x, item.y) if isinstance(item, Surface) else item.position[:2]
        return math.hypot(x - self.pose[0], y - self.pose[1])


def _apart(a: DetectedObject, b: DetectedObject) -> float:
    return math.dist(a.position, b.position)
