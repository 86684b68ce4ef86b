"""Antipodal grasps of a thing that nothing is known of but the points of its surface that the camera sees.

For each direction of the approach the points are seen from the hand: where what is between the pads is narrow
enough, where it faces both pads at about the same place, and where neither finger nor palm meets a point on
the way in, there is a grasp (Nguyen, Int. J. Robotics Research 7(3), 1988; on clouds: ten Pas et al., Int. J.
Robotics Research 36, 2017). So a mug that is too wide is taken by its handle, and a bowl by its rim.

The thing's back is not seen. A grasp along the line of sight needs it least, and comes first.
"""

import math

import numpy as np
from scipy.spatial import cKDTree

from vla_sim.common.geometry import Array, wrap
from vla_sim.common.numba_cache import kernel
from vla_sim.robot import facts
from vla_sim.stages.manipulation.grasp import (
    PAD_HALF_HEIGHT,
    PAD_REACH,
    PALM,
    PALM_GAP,
    PALM_HALF_HEIGHT,
    SIDE_GAP,
    Grasp,
    Target,
)
from vla_sim.stages.manipulation.trajectory import level_pose

PITCHES = tuple(math.radians(d) for d in (15, 30, 45, 60, 75))
YAWS = tuple(math.radians(d) for d in (0, 15, -15, 30, -30, 45, -45, 65, -65, 90, -90))
STEEP = math.radians(52.0)
"""Pitch from which on the hand comes from where the camera looks down, from whichever side."""
STEP = 0.007
"""[m] between the places that are tried, across, along and up."""
FINGER = 0.014
"""[m] of a finger from its pad outwards."""
PAD_BACK = -0.030
"""The pads' rear edge, ahead of the tool's origin [m]."""
PALM_HALF_WIDTH = 0.06
"""[m]"""
WINDOWS = 3
"""Openings that are tried at each place: all, 0.7 and 0.4 of it, for what is narrow beside what is wide."""
CONTACT = 0.005
"""[m] from the outermost point between the pads within which a point touches a pad."""
BEYOND, SLANT = 0.010, 0.004
"""What grows wider than by the second on the first length [m] before or behind the pads' tips is a wedge:
closed pads push it away."""
FACING = 0.016
"""[m] by which the middles of what touches the two pads may lie apart along a pad. Friction of 1 holds where
that is less than the width; what is narrower is held by the pads' breadth."""
LEAST_TOUCH = 4
"""Points that touch each pad."""
RADIUS, FEWEST, AROUND = 0.012, 9, 24
"""[m], least and most points of the surface whose normal is a point's."""
LINE = 0.1
"""Part of their variance along that points have across, if they are in a row and no surface."""
ACROSS, ALONG = math.cos(math.radians(38.0)), math.cos(math.radians(70.0))
"""Cosines of a normal to the closing direction. From the first on a pad holds without sliding, with less
than a friction of 1. Below the second it is the rim of a face whose side is not seen, and taken to be square.
Between them the surface slants and slides out, also where two such surfaces make a corner."""
MOST_SLANTING = 0.35
"""The part of what touches a pad that may slant."""
HIDDEN = math.radians(40.0)
"""From this turn away from the line of sight on no surface that faces the farther pad can be seen: what seems
to is the near side's. The rim of a face may be."""
LEAST_WIDTH = 0.009
"""[m] that is not mistaken for nothing between the pads."""
FLOOR_GAP = 0.008
"""[m] of air between hand and support."""
BEST_OF, MOST = 12, 300
"""Grasps that are handed on: of each direction, and in all."""


@kernel
def row(rising: Array, middle: float, reach: float) -> tuple[int, int]:
    """The first of `rising` values that is nearer than `reach` to `middle`, and the one after the last."""
    first = np.searchsorted(rising, middle - reach, side="right")
    return int(first), int(np.searchsorted(rising, middle + reach, side="left"))


@kernel
def search(
    points: Array, cosines: Array, low: Array, steps: Array, step: float, floor: float, slant: Array,
    hand: Array, hidden: int, out: Array,
) -> int:  # fmt: skip
    """Grasps along one approach; their count, at most len(out).

    points (n, 3): in the hand's axes (x ahead, y from finger to finger, z up across the pads), by rising y,
    so that what is in an opening is a row of them. cosines (n,): of the angle between the surface's normal
    and y, 0 to 1. The tool's origin is tried at low (3,) + step * 0 .. steps (3,) - 1. floor [m]: the least
    height of the origin, where slant (2,) are the parts of its x and z that make its height (y is level).
    hand (8,): pads' rear and front edge and half height, palm's front with its gap, half height and half
    width; half of the opening; the side gap. hidden: the pad on whose side the thing is not seen, 0 at +y,
    1 at -y, or -1. out (m, 7): x, y, z of the tool, width, how far the contacts are apart along the pads, how
    many points touch the pad that touches less, and the part of what touches a pad that slants.
    """
    back, front, half, palm, palm_half, palm_wide, opening, gap = hand
    near = np.empty((points.shape[0], 4))
    across = np.empty((3, points.shape[0]))  # y of what is near, of what is between the pads, before the palm
    # Of each contact: sums of x and z, points, how far it reaches behind the tips, slanting.
    ends = np.empty((2, 5))
    count = 0
    for iz in range(steps[2]):
        z = low[2] + step * iz
        levels = np.flatnonzero(np.abs(points[:, 2] - z) < max(half + BEYOND, palm_half))
        for ix in range(steps[0]):
            x = low[0] + step * ix
            if slant[0] * x + slant[1] * z < floor:
                continue
            n, between, before = 0, 0, 0
            for p in levels:
                a, y, c = points[p, 0] - x, points[p, 1], abs(points[p, 2] - z)
                if c < palm_half and a < palm:
                    across[2, before] = y
                    before += 1
                elif not (c < half + BEYOND and a < front + BEYOND):
                    continue
                if c < half and back < a < front:
                    across[1, between] = y
                    between += 1
                across[0, n] = y
                near[n, 0], near[n, 1], near[n, 2], near[n, 3] = a, y, points[p, 2] - z, cosines[p]
                n += 1
            if between < 2 * LEAST_TOUCH:
                continue
            for iy in range(steps[1] * WINDOWS):
                middle = low[1] + step * (iy // WINDOWS)
                window = opening * (1.0 - 0.3 * (iy % WINDOWS))
                first, last = row(across[2, :before], middle, palm_wide)
                if first < last:
                    continue
                first, last = row(across[1, :between], middle, window)
                if first >= last:
                    continue
                right, left = across[1, first] - middle, across[1, last - 1] - middle
                if left - right < LEAST_WIDTH or left - right > 2.0 * (window - gap):
                    continue
                # The grasp is where the fingers are as far from both sides.
                y = middle + 0.5 * (left + right)
                wide = 0.5 * (left - right)
                inner, outer = wide + 0.5 * gap, wide + 1.5 * gap + FINGER
                ends[:] = 0.0
                free = True
                first, last = row(across[0, :n], y, outer)
                for i in range(first, last):
                    a, b, c = near[i, 0], near[i, 1] - y, abs(near[i, 2])
                    k, b = (0, b) if b > 0.0 else (1, -b)
                    if a >= front + BEYOND or c >= half + BEYOND:
                        continue
                    if a >= front or c >= half:
                        if b > wide + SLANT and a > back:
                            free = False
                            break
                        continue
                    if b > inner:
                        free = False
                        break
                    if back < a < front - BEYOND:
                        ends[k, 3] = max(ends[k, 3], b)
                    if a > back and b > wide - CONTACT:
                        ends[k, 0] += a
                        ends[k, 1] += near[i, 2]
                        ends[k, 2] += 1.0
                        if near[i, 3] > ALONG and (near[i, 3] < ACROSS or k == hidden):
                            ends[k, 4] += 1.0
                if not free or ends[0, 2] < LEAST_TOUCH or ends[1, 2] < LEAST_TOUCH:
                    continue
                if wide - min(ends[0, 3], ends[1, 3]) > SLANT:
                    continue
                slanting = max(ends[0, 4] / ends[0, 2], ends[1, 4] / ends[1, 2])
                if slanting > MOST_SLANTING:
                    continue
                da = ends[0, 0] / ends[0, 2] - ends[1, 0] / ends[1, 2]
                dc = ends[0, 1] / ends[0, 2] - ends[1, 1] / ends[1, 2]
                off = math.sqrt(da * da + dc * dc)
                if off > FACING:
                    continue
                one = out[count]
                one[0], one[1], one[2], one[3], one[4] = x, y, z, 2.0 * wide, off
                one[5], one[6] = min(ends[0, 2], ends[1, 2]), slanting
                count += 1
                if count == out.shape[0]:
                    return count
    return count


def normals(points: Array) -> Array:
    """(n, 3) of the surface at each of the points (n, 3), of either sign.

    The plane at a point is the flattest of those through its neighbours (Kuwahara's filter): beside an edge
    that is the face it is on, where its own neighbours would give what lies between two faces.
    """
    tree = cKDTree(points)
    off, near = tree.query(points, min(AROUND, len(points)))
    inside = off < RADIUS
    inside[:, :FEWEST] = True
    weight = inside[..., None] / inside.sum(axis=1)[:, None, None]
    around = points[near]
    around = around - (weight * around).sum(axis=1, keepdims=True)
    value, vector = np.linalg.eigh(np.einsum("nki,nkj->nij", weight * around, around))
    thick = np.where(value[:, 1] > LINE * value[:, 2], value[:, 0], np.inf)
    best = near[np.arange(len(points)), np.where(inside, thick[near], np.inf).argmin(axis=1)]
    found: Array = vector[best, :, 0]
    return found


def measured_candidates(target: Target, heading: float) -> list[Grasp]:
    """Grasps of a thing by its measured points, best first. heading [rad]: the approach that suits the arm
    best, near which the camera looks along. Empty if nothing of it fits between the pads."""
    assert target.points is not None
    points = target.points
    facing = normals(points)
    middle = np.append((points.min(axis=0)[:2] + points.max(axis=0)[:2]) / 2, points[:, 2].mean())
    out: list[Grasp] = []
    for pitch in PITCHES:
        for turn in YAWS:
            if pitch < STEEP and abs(turn) > math.radians(50.0):
                continue
            out += _along(points, facing, middle, target.bottom, wrap(heading + turn), pitch, turn)
    return sorted(out, key=lambda grasp: grasp.score)[:MOST]


def _along(
    points: Array, facing: Array, middle: Array, bottom: float, yaw: float, pitch: float, turn: float
) -> list[Grasp]:
    axes = level_pose((0.0, 0.0, 0.0), yaw, pitch)[:3, :3]
    seen = points @ axes
    order = np.argsort(seen[:, 1], kind="stable")
    seen, facing = np.ascontiguousarray(seen[order]), facing[order]
    low, high = seen.min(axis=0), seen.max(axis=0)
    # From where the pads' tips alone hold its front; the palm ends it.
    start = np.array([low[0] - PAD_REACH + 0.012, low[1], low[2]])
    extent = high - start
    extent[0] = min(extent[0], 0.10)
    steps = np.maximum(np.ceil(extent / STEP), 1).astype(np.int64)
    hand = np.array([
        PAD_BACK, PAD_REACH, PAD_HALF_HEIGHT, -PALM + PALM_GAP, PALM_HALF_HEIGHT, PALM_HALF_WIDTH,
        0.5 * facts.WIDEST, SIDE_GAP,
    ])  # fmt: skip
    below = PAD_HALF_HEIGHT * math.cos(pitch) + PAD_REACH * math.sin(pitch)
    found = np.zeros((4000, 7))
    cosines = np.abs(facing @ axes[:, 1])
    hidden = -1 if abs(turn) < HIDDEN else 0 if turn < 0.0 else 1
    floor = bottom + below + FLOOR_GAP
    n = search(seen, cosines, start, steps, STEP, floor, axes[2, ::2].copy(), hand, hidden, found)
    found = found[:n]
    at = found[:, :3] @ axes.T
    aside = np.hypot(*(at - middle)[:, :2].T)  # it would turn in the hand
    lower = np.maximum(middle[2] - at[:, 2], 0.0)
    score = (
        0.6 * turn**2 * math.cos(pitch) + 0.4 * (pitch - PITCHES[0]) ** 2 + 3.0 * aside + 2.0 * lower
        + 8.0 * found[:, 4] + 0.15 / found[:, 5] + 0.5 * found[:, 6]
    )  # fmt: skip
    order = np.argsort(score, kind="stable")
    _, first = np.unique(np.round(at[order] / STEP), axis=0, return_index=True)  # one for each place
    best = order[np.sort(first)[:BEST_OF]]
    return [
        Grasp(
            level_pose(tuple(at[i]), yaw, pitch), yaw, pitch, float(found[i, 3]), float(score[i]),
            float(found[i, 3]) + 2.0 * SIDE_GAP,
        )
        for i in best
    ]  # fmt: skip


def warm() -> None:
    """Compile the search."""
    if facts.HAND is not None:
        measured_candidates(Target("measured", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, np.zeros((4, 3))), 0.0)
