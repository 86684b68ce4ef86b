"""Base placement: where the pelvis should stand to grasp, to set something down, to look at a surface.

What the arms reach is the robot's profile's to say.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Pose2, wrap
from vla_sim.contract.records import Arm, DetectedObject, Point
from vla_sim.robot import body_size, facts
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import Surface

_REACH = facts.HAND.reach if facts.HAND else None
_NOWHERE = (math.inf, -math.inf)
"""What a robot without a hand reaches."""
AHEAD = _REACH.ahead if _REACH else 0.0
"""Object ahead of the pelvis [m] that the arms like best."""
AHEAD_MIN, AHEAD_MAX = _REACH.ahead_range if _REACH else _NOWHERE
LATERAL = _REACH.side if _REACH else 0.0
"""Object to the arm's side of the pelvis [m] that the arms like best."""
EDGE_MIN, EDGE_MAX = _REACH.edge if _REACH else _NOWHERE
"""Pelvis to the table's edge [m]."""
HEIGHT_MIN, HEIGHT_MAX = _REACH.height if _REACH else _NOWHERE
"""Object centres above the floor [m] that a standing robot reaches."""
RUN_UP = 0.40
"""Distance behind the stand [m] that must be free too: the robot docks straight ahead."""
VIEW_EDGE = 0.45
"""Pelvis to the edge [m] when looking: the hands hang 0.25 ahead of it, the camera sees 0.2 to 1.15."""
VIEW_DEPTH = 0.70
"""How far past the edge the camera sees from `VIEW_EDGE` [m]."""
VIEW_WIDTH = 0.80
"""Width of a table's strip that one view covers [m]."""
PLACE_INSET = 0.13
"""Where things are set down: this far from the edge [m]."""
PLACE_FREE = 0.16
"""Distance [m] to every other object where something is set down."""


STANDING = 0.08
"""[m] by which the foot of what stands on a surface may seem to be above or below it."""
BESIDE = 0.26
"""Distance [m] at the most to what something is set down next to."""


@dataclass(frozen=True)
class Stand:
    """A pelvis pose in map and the arm that it suits."""

    x: float
    y: float
    yaw: float
    arm: Arm


@dataclass(frozen=True)
class _Edge:
    """One edge of a surface. yaw: heading of a robot that stands before it and faces it."""

    yaw: float
    length: float
    depth: float
    """Of the surface, seen from this edge [m]."""
    x: float
    y: float
    """Its middle."""

    def inside(self, x: float, y: float) -> float:
        """How far past this edge a point lies [m]."""
        return (x - self.x) * math.cos(self.yaw) + (y - self.y) * math.sin(self.yaw)


def choose_stand(
    position: Sequence[float], surface: Surface | None, grid: Grid | None, pose: Pose2 | None = None,
    arm: Arm | None = None,
) -> Stand | None:  # fmt: skip
    """Where to stand to grasp something at `position` (x, y, z in map), or None if nowhere.

    surface: what it stands on; None means that the robot may come from anywhere. pose: where the
    robot is now: of equal stands the nearer one wins. arm: the one that must be used.
    """
    x, y, z = position
    if not HEIGHT_MIN <= z <= HEIGHT_MAX:
        return None
    best, best_cost = None, math.inf
    arms: tuple[Arm, ...] = ("right", "left") if arm is None else (arm,)
    for yaw, ahead in _approaches(x, y, surface, pose):
        for side in arms:
            for lateral in (LATERAL, LATERAL - 0.04, LATERAL + 0.04):
                left = lateral if side == "left" else -lateral
                c, s = math.cos(yaw), math.sin(yaw)
                stand = Stand(float(x - c * ahead + s * left), float(y - s * ahead - c * left), yaw, side)
                cost = 40.0 * (ahead - AHEAD) ** 2 + 10.0 * (lateral - LATERAL) ** 2
                if pose is not None:
                    cost += 0.05 * math.hypot(stand.x - pose[0], stand.y - pose[1])
                    cost += 0.02 * abs(wrap(yaw - pose[2]))
                if cost < best_cost and _is_free(grid, stand):
                    best, best_cost = stand, cost
    return best


def _approaches(
    x: float, y: float, surface: Surface | None, pose: Pose2 | None
) -> Iterator[tuple[float, float]]:
    """(yaw, distance ahead) from which an object could be reached."""
    if surface is None:
        first = 0.0 if pose is None else math.atan2(y - pose[1], x - pose[0])
        for turn in np.linspace(0.0, 2 * math.pi, 16, endpoint=False):
            yield wrap(first + float(turn)), AHEAD
        return
    for edge in _edges(surface):
        past = edge.inside(x, y)
        gap = min(max(AHEAD - past, EDGE_MIN), EDGE_MAX)
        if AHEAD_MIN <= past + gap <= AHEAD_MAX:
            yield edge.yaw, past + gap


def _edges(surface: Surface) -> list[_Edge]:
    """The four edges of a surface, long ones first."""
    out = []
    for turn in (0.0, math.pi, math.pi / 2, -math.pi / 2):
        across = abs(math.sin(turn)) > 0.5
        depth, length = (surface.width, surface.length) if across else (surface.length, surface.width)
        yaw = wrap(surface.yaw + turn)
        x, y = surface.x - math.cos(yaw) * depth / 2, surface.y - math.sin(yaw) * depth / 2
        out.append(_Edge(yaw, length, depth, x, y))
    return sorted(out, key=lambda edge: -edge.length)


def _is_free(grid: Grid | None, stand: Stand) -> bool:
    """The body has room at the stand and on the way straight ahead to it."""
    behind, ahead, side = -body_size.DOCKED_BACK, body_size.DOCKED_FRONT, body_size.SWATH
    return free(grid, (stand.x, stand.y, stand.yaw), behind - RUN_UP, ahead, side)


def free(grid: Grid | None, pose: Pose2, behind: float, ahead: float, side: float) -> bool:
    """No occupied cell in a rectangle around a pose; outside of the map is not free."""
    if grid is None:
        return True
    step = grid.resolution / 2
    along = np.arange(behind, ahead + 1e-9, step)
    across = np.arange(-side, side + 1e-9, step)
    u, v = np.meshgrid(along, across)
    c, s = math.cos(pose[2]), math.sin(pose[2])
    column = np.floor((pose[0] + c * u - s * v - grid.x0) / grid.resolution).astype(int)
    row = np.floor((pose[1] + s * u + c * v - grid.y0) / grid.resolution).astype(int)
    rows, columns = grid.occupied.shape
    inside: NDArray[np.bool_] = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return bool(inside.all()) and not bool(grid.occupied[row, column].any())


def view_stands(surface: Surface, grid: Grid | None, pose: Pose2 | None = None) -> list[Pose2]:
    """Poses from which the head camera together sees a whole surface, in the order to visit them.

    One side is enough where the camera sees across; the nearest one to `pose` (default: the longest
    free side). Empty if no side can be stood at.
    """
    sides: list[tuple[bool, float, list[Pose2], _Edge]] = []
    for edge in _edges(surface):
        poses, wanted = _views(edge, grid)
        if poses:
            near = 0.0
            if pose is not None:
                near = min(math.hypot(p[0] - pose[0], p[1] - pose[1]) for p in poses)
            sides.append((len(poses) < wanted or edge.depth > VIEW_DEPTH, near, poses, edge))
    if not sides:
        return []
    sides.sort(key=lambda side: side[:2])
    partial, _, poses, edge = sides[0]
    if partial:  # look from the other sides too, the opposite one first
        others = sorted(sides[1:], key=lambda side: -abs(wrap(side[3].yaw - edge.yaw)))
        for other in others:
            poses = poses + other[2]
    elif pose is not None and len(poses) > 1:
        start, end = poses[0], poses[-1]
        if math.dist(end[:2], pose[:2]) < math.dist(start[:2], pose[:2]):
            poses = poses[::-1]
    return poses


def _views(edge: _Edge, grid: Grid | None) -> tuple[list[Pose2], int]:
    """Free poses along one edge, and how many would see all of it."""
    count = max(1, math.ceil(edge.length / VIEW_WIDTH))
    c, s = math.cos(edge.yaw), math.sin(edge.yaw)
    out: list[Pose2] = []
    for i in range(count):
        along = ((i + 0.5) / count - 0.5) * edge.length
        for shift in (0.0, 0.15, -0.15):
            for gap in (VIEW_EDGE, VIEW_EDGE + 0.12):
                pose = (
                    edge.x - c * gap - s * (along + shift), edge.y - s * gap + c * (along + shift), edge.yaw,
                )  # fmt: skip
                if free(grid, pose, -0.25, 0.30, 0.30):
                    out.append(pose)
                    break
            else:
                continue
            break
    return out, count


def choose_place_spot(
    surface: Surface, objects: Sequence[DetectedObject], grid: Grid | None, pose: Pose2 | None = None,
    beside: Point | None = None,
) -> Point | None:  # fmt: skip
    """A free spot (x, y, height of the surface; map) near a rim that can be stood at, or None.

    objects: everything known; from what of it stands on the surface the spot keeps its distance. pose: where
    the robot is; the nearest spot wins. beside: what it shall be next to (map).
    """
    best, best_cost = None, math.inf
    for edge in _edges(surface):
        inset = min(PLACE_INSET, edge.depth / 2)
        c, s = math.cos(edge.yaw), math.sin(edge.yaw)
        reach = edge.length / 2 - min(PLACE_INSET, edge.length / 2)
        for along in np.arange(0.0, reach + 1e-9, 0.05):
            for sign in (1.0, -1.0):
                x = edge.x + c * inset - s * along * sign
                y = edge.y + s * inset + c * along * sign
                gap = min(
                    (math.dist((x, y), o.position[:2]) for o in objects
                     if abs(o.position[2] - o.size[2] / 2 - surface.height) < STANDING),
                    default=math.inf,
                )  # fmt: skip
                if gap < PLACE_FREE or (beside is not None and math.dist((x, y), beside[:2]) > BESIDE):
                    continue
                cost = 0.0 if pose is None else math.hypot(x - pose[0], y - pose[1])
                cost += 0.2 * float(along) - 0.2 * min(gap, 0.3)
                if cost >= best_cost:
                    continue
                if choose_stand((x, y, surface.height + 0.05), surface, grid, pose) is not None:
                    best, best_cost = (float(x), float(y), surface.height), cost
    return best
