"""Grasp candidates: ways to close the gripper on an object, before reachability is checked.

A grasp is a tool pose: x is the direction of the approach, y the direction in which the fingers close.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.contract.records import Point
from vla_sim.robot import facts
from vla_sim.stages.manipulation.trajectory import level_pose

Shape = Literal["cylinder", "sphere", "box", "bottle", "measured"]

_HAND = facts.HAND
PALM = -_HAND.palm.reach if _HAND else 0.0
"""Palm's front behind the tool's origin [m]."""
PALM_HALF_HEIGHT = _HAND.palm.half_height if _HAND else 0.0
PALM_GAP, PALM_GAP_LEAST = 0.014, 0.008
"""Wanted and least air between palm and object [m]: what the estimate's depth may be off."""
PAD_REACH = _HAND.pads.reach if _HAND else 0.0
"""Pads' tip ahead of the tool's origin [m]."""
PAD_HALF_HEIGHT = _HAND.pads.half_height if _HAND else 0.0
SIDE_GAP = 0.010
"""Least air between each finger and the object on the way in [m]."""
PITCHES = tuple(math.radians(d) for d in (15.0, 25.0, 5.0, 35.0, 45.0))
YAWS = tuple(math.radians(d) for d in (0, 15, -15, 30, -30, 45, -45, 60, -60))
BOTTLE_BODY = 0.60
"""Share of a bottle's height below its shoulder."""


@dataclass(frozen=True)
class Target:
    """What to grasp. position: centre; size: extents along x, y, z turned by yaw; any level frame. points (n,
    3): of its surface, in the same frame, where its shape is "measured"."""

    shape: Shape
    position: Point
    size: Point
    yaw: float = 0.0
    points: Array | None = field(default=None, compare=False)

    @property
    def bottom(self) -> float:
        return self.position[2] - 0.5 * self.size[2]


@dataclass(frozen=True)
class Grasp:
    """pose: (4, 4) of the tool. yaw, pitch [rad] of the approach, pitch downwards. width [m] between the
    fingers when they hold the object. score: smaller is better, before reachability is known. opening: the
    widest [m] on the way in."""

    pose: Array
    yaw: float
    pitch: float
    width: float
    score: float
    opening: float = facts.WIDEST

    def backed(self, distance: float) -> Array:
        """The tool pose `distance` [m] before this one along the approach."""
        out = self.pose.copy()
        out[:3, 3] -= distance * out[:3, 0]
        return out


def shape_of(kind: str) -> Shape:
    """The shape of an object that is only known by its kind."""
    words: dict[str, Shape] = {"ball": "sphere", "box": "box", "bottle": "bottle", "book": "box"}
    return words.get(kind, "cylinder")


def candidates(target: Target, heading: float) -> list[Grasp]:
    """Grasps of an object, best first. heading [rad]: the approach that suits the arm best.

    Empty if the object is wider than the gripper opens.
    """
    out: list[Grasp] = []
    for yaw, width, off in _sides(target, heading):
        if width + 2.0 * SIDE_GAP > facts.WIDEST:
            continue
        depth = _thickness(target, yaw) / 2.0
        for pitch in PITCHES:
            ahead = _ahead(target.shape == "sphere", target.size[2], round(depth, 4), pitch)
            if ahead is None:
                continue
            for height, miss in _heights(target, pitch, ahead * math.tan(pitch)):
                x, y, _ = target.position
                # The tool's x axis meets the object's axis `ahead` of the tool's origin.
                position = (x - ahead * math.cos(yaw), y - ahead * math.sin(yaw), height)
                score = 1.2 * off**2 + 1.5 * (pitch - PITCHES[0]) ** 2 + miss
                out.append(Grasp(level_pose(position, yaw, pitch), yaw, pitch, width, score))
    return sorted(out, key=lambda grasp: grasp.score)


def _sides(target: Target, heading: float) -> list[tuple[float, float, float]]:
    """(yaw of the approach, width between the fingers, distance from the wanted heading)."""
    if target.shape != "box":
        return [(wrap(heading + d), target.size[1], abs(d)) for d in YAWS]
    out = []
    for quarter in range(4):
        width = target.size[1] if quarter % 2 == 0 else target.size[0]
        for skew in (0.0, math.radians(10.0), -math.radians(10.0)):
            yaw = wrap(target.yaw + quarter * math.pi / 2 + skew)
            off = abs(wrap(yaw - heading))
            if off < math.radians(75.0):
                out.append((yaw, width, off + 2.0 * abs(skew)))
    return out


@lru_cache(maxsize=512)
def _ahead(sphere: bool, height: float, depth: float, pitch: float) -> float | None:
    """How far ahead of the tool's origin the object's axis has to be so that the palm stays clear of
    the object's near side; None if the pads would not reach around it then."""
    best = None
    for ahead in np.arange(0.0, PAD_REACH - 0.011, 0.002):
        near, gap = ahead - depth, math.inf
        for up in np.linspace(-0.5, 0.5, 9) * height:
            if sphere:
                near = ahead - math.sqrt(max(depth**2 - up**2, 0.0))
            rise = up - ahead * math.tan(pitch)  # of the point over the tool's origin
            x = near * math.cos(pitch) - rise * math.sin(pitch)
            z = near * math.sin(pitch) + rise * math.cos(pitch)
            if abs(z) < PALM_HALF_HEIGHT:
                gap = min(gap, x + PALM)
        if gap >= PALM_GAP_LEAST:
            best = float(ahead)
        if gap >= PALM_GAP:
            break
    return best


def _thickness(target: Target, yaw: float) -> float:
    """Extent along the approach [m]."""
    if target.shape != "box":
        return target.size[0]
    turn = wrap(yaw - target.yaw)
    return abs(math.cos(turn)) * target.size[0] + abs(math.sin(turn)) * target.size[1]


def _heights(target: Target, pitch: float, above: float) -> list[tuple[float, float]]:
    """(height of the tool, penalty): as near to the best height as the pads clear the support.

    above: the tool's origin over the point of the object's axis that it points at [m].
    """
    tilted = PAD_HALF_HEIGHT * math.cos(pitch) + PAD_REACH * math.sin(pitch)
    lowest = target.bottom + tilted + 0.008
    middle = target.position[2]
    top = target.bottom + target.size[2]
    if target.shape == "sphere":
        height = max(middle + above, lowest)  # off the equator the ball slips out
        return [(height, 0.0)] if height - above - middle < 0.08 * target.size[2] else []
    if target.shape == "bottle":
        middle = target.bottom + 0.45 * target.size[2]
        top = target.bottom + BOTTLE_BODY * target.size[2]
    out = []
    for rise in (0.0, 0.010, 0.020):
        height = max(middle + rise + above, lowest)
        if height - above + 0.6 * PAD_HALF_HEIGHT < top:
            out.append((height, 4.0 * rise))
    return out
