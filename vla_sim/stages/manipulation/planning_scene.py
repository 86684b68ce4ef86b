"""The planning scene: perceived objects joined with what the world file says of tables and kinds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vla_sim.common.geometry import Array, inverse, wrap
from vla_sim.contract.records import Arm, DetectedObject, Point
from vla_sim.contract.surface_points import unpack
from vla_sim.robot import facts
from vla_sim.stages.manipulation.arm_collision import table_box
from vla_sim.stages.manipulation.base_placement import choose_stand
from vla_sim.stages.manipulation.grasp import Target, shape_of
from vla_sim.stages.perception.camera import Images
from vla_sim.world.objects import ObjectKind
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import Surface, surface_below

SAME = 0.20
"""[m] from where it was within which a seen object is the same one."""
NEAR = 0.8
"""[m] around an object within which other objects matter to the arm."""
IN_HAND = 0.12
"""[m] from where something is held within which a thing that looks like it is this one: on a long way it is
lost from sight and seen anew, as another one."""


@dataclass(frozen=True)
class Observation:
    """joint_position (joints,); base (4, 4): pelvis in odom; map_to_odom (4, 4): pose of odom in map;
    objects: in map. joint_effort (n,): None where no motor measures it. time [s] is the stamp of joints and
    base. images: the camera's last ones, where a learned policy wants them."""

    time: float
    joint_position: Array
    base: Array
    map_to_odom: Array
    objects: tuple[DetectedObject, ...] = ()
    joint_effort: Array | None = None
    images: Images | None = None

    @property
    def tilt(self) -> float:
        """Of the pelvis against the vertical [rad]."""
        return math.acos(min(1.0, float(self.base[2, 2])))

    @property
    def pose(self) -> tuple[float, float, float]:
        """x, y, yaw of the pelvis in map."""
        t = self.map_to_odom @ self.base
        return float(t[0, 3]), float(t[1, 3]), math.atan2(t[1, 0], t[0, 0])


@dataclass(frozen=True)
class Scene:
    """What the planner knows. base (4, 4): the pelvis in `odom` at `stamp` [s]; joint_position (joints,).

    table: (pose (4, 4) in odom, size (3,)) of the surface's box, or None. others: things to keep clear
    of, in odom."""

    stamp: float
    joint_position: Array
    base: Array
    table: tuple[Array, Array] | None = None
    others: tuple[Target, ...] = ()

    @property
    def waist(self) -> Array:
        return self.joint_position[facts.WAIST_INDEX]

    @property
    def heading(self) -> float:
        return math.atan2(self.base[1, 0], self.base[0, 0])

    def arm(self, side: str) -> Array:
        """(7,) joints of an arm."""
        return self.joint_position[facts.ARM_INDEX[side]]


@dataclass(frozen=True)
class WorldModel:
    """surfaces, kinds: of the world. grid: where the robot may stand; None: anywhere."""

    surfaces: tuple[Surface, ...] = ()
    kinds: tuple[ObjectKind, ...] = ()
    grid: Grid | None = None

    def surface_below(self, position: Point) -> Surface | None:
        """The surface on which something at `position` (map) stands."""
        return surface_below(self.surfaces, position)

    def target(self, now: Observation, item: DetectedObject, surface_height: float = 0.0) -> Target:
        """The object in odom, with its kind's true size, and standing on its surface if it is near it; one
        whose surface was measured as that is."""
        measured = unpack(item.surface)
        size = item.size if len(measured) else self._true_size(item)
        x, y, z = item.position
        if not surface_height:
            surface = self.surface_below(item.position)
            surface_height = surface.height if surface is not None else 0.0
        standing = surface_height + 0.5 * size[2]
        if surface_height and abs(z - standing) < 0.05 and not len(measured):
            z = standing
        to_odom = inverse(now.map_to_odom)
        p = to_odom @ [x, y, z, 1.0]
        yaw = item.yaw + math.atan2(to_odom[1, 0], to_odom[0, 0])
        at = (float(p[0]), float(p[1]), float(p[2]))
        if len(measured):
            return Target("measured", at, size, yaw, measured @ to_odom[:3, :3].T + p[:3])
        return Target(shape_of(item.kind), at, size, yaw)

    def _true_size(self, item: DetectedObject) -> Point:
        alike = (k.size for k in self.kinds if k.kind == item.kind and item.colour in ("", k.colour))
        return next(alike, item.size)

    def scene(
        self, now: Observation, item: DetectedObject, spot: Point | None = None,
        held: Sequence[tuple[DetectedObject, Point]] = (), container: DetectedObject | None = None,
    ) -> Scene:  # fmt: skip
        """For the planner: the table below `item` (or `spot`, map) and the other objects around it. held:
        what is in a hand, and where it is (odom): in nobody's way. container: what it goes into at `spot`,
        whose rim is."""
        place = item.position if spot is None else spot
        surface = self.surface_below(place)
        table = None
        if surface is not None:
            pose, size = table_box(surface)
            table = (inverse(now.map_to_odom) @ pose, size)
        in_hand = [(one, (now.map_to_odom @ [*at, 1.0])[:3]) for one, at in held]
        others = [
            self.target(now, other) for other in now.objects
            if _matters(other, item, place) and not any(_is_held(other, one, at) for one, at in in_hand)
        ]  # fmt: skip
        if container is not None:
            others.append(self.target(now, container))
        return Scene(now.time, now.joint_position.copy(), now.base, table, tuple(others))

    def seen(self, now: Observation, item: DetectedObject, since: float = -math.inf) -> DetectedObject | None:
        """The object as perception has it now, if it was seen after `since` [s]."""
        alike = [
            other for other in now.objects
            if (other.kind, other.colour) == (item.kind, item.colour) and other.last_seen >= since
            and math.dist(other.position, item.position) < SAME
        ]  # fmt: skip
        return min(alike, key=lambda other: math.dist(other.position, item.position), default=None)

    def better_stand(self, now: Observation, position: Point, arm: Arm | None) -> Point:
        """Where to stand instead to reach `position` (map): x, y, yaw in base_link; zeros if nowhere."""
        x, y, yaw = now.pose
        surface = self.surface_below(position)
        height = surface.height + 0.05 if surface is not None else position[2]
        stand = choose_stand((*position[:2], height), surface, self.grid, (x, y, yaw), arm)
        if stand is None:
            return (0.0, 0.0, 0.0)
        dx, dy = stand.x - x, stand.y - y
        c, s = math.cos(yaw), math.sin(yaw)
        return (c * dx + s * dy, -s * dx + c * dy, wrap(stand.yaw - yaw))


def _is_held(other: DetectedObject, held: DetectedObject, at: Array) -> bool:
    alike = (other.kind, other.colour) == (held.kind, held.colour)
    return alike and math.dist(other.position, at) < IN_HAND


def _matters(other: DetectedObject, item: DetectedObject, place: Point) -> bool:
    """Whether `other` is something to keep clear of; a second track of `item` itself is not."""
    gap = math.dist(other.position[:2], place[:2])
    if other.track_id == item.track_id or gap < 0.35 * (other.size[0] + item.size[0]):
        return False
    return gap < NEAR and abs(other.position[2] - place[2]) < 0.4
