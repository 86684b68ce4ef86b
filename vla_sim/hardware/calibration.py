"""Whether the sensors sit where the robot believes: known things measured, and what to change.

Everything is measured in the level frame: below the pelvis on the floor, x ahead, y left, z up. The robot
stands still and square before a wall, and before a table for its camera. A floor or a table's top shows a
sensor's height, roll and pitch; a wall ahead or a table's edge its distance and its turn; a wall beside it
or a cup what is left.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, inverse, moved, rotation_from_rpy, transform
from vla_sim.hardware.self_filter import others
from vla_sim.robot import level_scan
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.extrinsics import CAMERA, LIDAR
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.depth_scan import own_capsules
from vla_sim.stages.perception.detector import Detector

LENGTH, ANGLE = 0.02, math.radians(1.0)
"""[m], [rad] by which a measure may be off."""
ROUNDS = 3
"""A sensor that sits elsewhere sees other parts of a thing: measured anew with each correction."""
FOLLOW = 0.15
"""[m] from where a plane is stated within which its points are looked for."""
TILTED = math.radians(15.0)
"""By which a plane may be turned from how it is stated."""
THICK = 0.02
"""[m] from a plane up to which a point is of it."""


@dataclass(frozen=True)
class Known:
    """What is known of the place, in the level frame [m]; None where it is not looked for.

    wall: distance straight ahead, to be seen by the lidar at 0.3 to 1.3 m of height. side_wall: to the left
    (negative: to the right). table: distance of its edge, height of its top. cup: x, y of its middle.
    """

    wall: float | None = None
    side_wall: float | None = None
    table: tuple[float, float] | None = None
    cup: tuple[float, float] | None = None


@dataclass(frozen=True)
class Measure:
    """measured, stated: [m], or [rad] where `turn`."""

    what: str
    measured: float
    stated: float
    turn: bool = False

    @property
    def good(self) -> bool:
        return abs(self.measured - self.stated) <= (ANGLE if self.turn else LENGTH)


@dataclass(frozen=True)
class Report:
    """Of one sensor. pose: (4, 4) where it seems to sit, in the link that carries it; of what was not
    measured it keeps what was believed."""

    sensor: str
    measures: list[Measure]
    pose: Array

    @property
    def good(self) -> bool:
        return all(one.good for one in self.measures)


@dataclass(frozen=True)
class Stance:
    """How the robot stands. attitude (4,): the IMU's. joint_position (joints,)."""

    kinematics: Kinematics
    attitude: Array
    joint_position: Array

    @property
    def pelvis(self) -> Array:
        """(4, 4) in the level frame."""
        height = level_scan.pelvis_above_floor(self.attitude, self.joint_position, self.kinematics)
        return transform((0.0, 0.0, height), level_scan.level_rotation(self.attitude))

    def sensor(self, name: str) -> Array:
        """(4, 4) in the level frame, where it is believed to be."""
        return self.pelvis @ self.kinematics.frame(name, self.joint_position)

    def in_link(self, name: str, pose: Array) -> Array:
        """(4, 4) of a sensor's `pose` (4, 4) in the level frame, in the link that carries it."""
        link = self.kinematics.model.frame_link(name)
        return inverse(self.sensor(link)) @ pose

    def foreign(self, points: Array) -> Array:
        """Of points (n, 3) in the level frame those that are not the robot's own."""
        own = own_capsules(self.kinematics, self.joint_position)
        keep: Array = points[others(moved(points, inverse(self.pelvis)), own)]
        return keep


Correction = tuple[Array, Array]
"""Rotation vector (3,) [rad] about the sensor and shift (3,) [m], in the level frame."""


def check_lidar(stance: Stance, points: Array, known: Known) -> Report:
    """points: (n, 3) [m] in the lidar's frame. Raises `InputError` for what is not found."""

    def look(pose: Array) -> Iterator[tuple[Measure, Correction]]:
        seen = moved(points, pose)
        seen = stance.foreign(seen[np.isfinite(seen).all(axis=1)])
        far = np.hypot(seen[:, 0], seen[:, 1])
        yield from _level(seen[(far > 0.6) & (far < 4.0)], 0.0, pose[:3, 3], "floor")
        upright = seen[(seen[:, 2] > 0.3) & (seen[:, 2] < 1.3)]
        if known.wall is not None:
            yield from _upright(upright, 0, known.wall, pose[:3, 3], "wall ahead", turns=True)
        if known.side_wall is not None:
            yield from _upright(upright, 1, known.side_wall, pose[:3, 3], "wall beside", turns=False)

    return _check(stance, LIDAR, look)


def check_camera(
    stance: Stance, rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics,
    detector: Detector, known: Known,
) -> Report:  # fmt: skip
    """rgb (h, w, 3), depth (h, w) [m] of one instant. detector: knows cups. Raises `InputError` for what is
    not found."""
    v, u = np.nonzero(np.isfinite(depth))
    z = depth[v, u].astype(float)
    optical = np.stack([(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z], axis=1)

    def look(pose: Array) -> Iterator[tuple[Measure, Correction]]:
        seen = stance.foreign(moved(optical, pose @ SENSOR_FROM_OPTICAL))
        edge, top = known.table or (0.0, 0.0)
        before = seen[(seen[:, 0] > edge - FOLLOW) & (np.abs(seen[:, 1]) < 0.5)]
        yield from _level(before, top, pose[:3, 3], "table's top" if known.table else "floor")
        if known.table is not None:
            yield from _edge(before, edge, top, pose[:3, 3], with_x=known.cup is None)
        if known.cup is not None:
            cups = [
                one.position
                for one in detector.detect(rgb, depth, camera, pose @ SENSOR_FROM_OPTICAL)
                if one.kind == "cup" and math.dist(one.position[:2], known.cup) < 2.0 * FOLLOW
            ]
            if not cups:
                raise InputError(f"no cup is seen within {2.0 * FOLLOW:g} m of {known.cup}")
            cup = min(cups, key=lambda at: math.dist(at[:2], known.cup or ()))
            for axis, name in enumerate("xy"):
                off = np.zeros(3)
                off[axis] = known.cup[axis] - cup[axis]
                yield Measure(f"cup's {name}", float(cup[axis]), known.cup[axis]), (np.zeros(3), off)

    return _check(stance, CAMERA, look)


def _check(
    stance: Stance, sensor: str, look: Callable[[Array], Iterator[tuple[Measure, Correction]]]
) -> Report:
    """look: what is measured from a sensor's pose (4, 4) in the level frame."""
    pose = stance.sensor(sensor)
    first = list(look(pose))
    found = first
    for _ in range(ROUNDS):
        turn = np.sum([correction[0] for _, correction in found], axis=0)
        shift = np.sum([correction[1] for _, correction in found], axis=0)
        pose = transform(pose[:3, 3] + shift, rotation_from_rpy(*turn) @ pose[:3, :3])
        found = list(look(pose))
    return Report(sensor, [measure for measure, _ in first], stance.in_link(sensor, pose))


def _level(points: Array, height: float, at: Array, name: str) -> Iterator[tuple[Measure, Correction]]:
    """A level plane at `height` [m]; at (3,): the sensor."""
    near = points[np.abs(points[:, 2] - height) < FOLLOW]
    normal, through = plane(near, np.array([0.0, 0.0, 1.0]), name)
    slope_x, slope_y = -normal[0] / normal[2], -normal[1] / normal[2]
    below = through[2] + slope_x * (at[0] - through[0]) + slope_y * (at[1] - through[1])
    # A sensor that is pitched down too far sees what is level rise ahead.
    pitch, roll = math.atan(slope_x), -math.atan(slope_y)
    none = np.zeros(3)
    yield Measure(f"{name}'s height", float(through[2]), height), (none, np.array([0, 0, height - below]))
    yield Measure(f"{name}'s slope ahead", pitch, 0.0, turn=True), (np.array([0.0, pitch, 0.0]), none)
    yield Measure(f"{name}'s slope to the left", -roll, 0.0, turn=True), (np.array([roll, 0.0, 0.0]), none)


def _upright(
    points: Array, axis: int, stated: float, at: Array, name: str, *, turns: bool
) -> Iterator[tuple[Measure, Correction]]:
    """A wall across axis 0 (ahead) or 1 (beside) at `stated` [m]. turns: whether it shows the turn."""
    near = points[np.abs(points[:, axis] - stated) < 2.0 * FOLLOW]
    near = near[np.abs(near[:, 1 - axis]) < max(1.0, abs(stated))]
    normal, through = plane(near, np.eye(3)[axis], name)
    across, along = normal[axis], normal[1 - axis]
    here = through[axis] + along / across * (through[1 - axis] - at[1 - axis])
    measured = through[axis] + along / across * through[1 - axis]
    shift = np.zeros(3)
    shift[axis] = stated - here
    yield Measure(name, float(measured), stated), (np.zeros(3), shift)
    if turns:
        turn = math.atan2(along, across)
        yield Measure(f"{name}, turned", turn, 0.0, turn=True), (np.array([0.0, 0.0, -turn]), np.zeros(3))


def _edge(
    points: Array, stated: float, height: float, at: Array, *, with_x: bool
) -> Iterator[tuple[Measure, Correction]]:
    """The near edge of a table's top. with_x: whether its distance corrects the sensor's."""
    top = points[np.abs(points[:, 2] - height) < 0.5 * FOLLOW]
    normal, through = plane(top, np.array([0.0, 0.0, 1.0]), "table's top")
    top = top[np.abs((top - through) @ normal) < THICK]
    strips = np.floor(top[:, 1] / 0.02).astype(int)
    first = [top[strips == strip][:, :2] for strip in np.unique(strips)]
    # Of each strip the nearest points but a few, which may be mixed with what is behind the edge.
    edge = np.array([one[np.argsort(one[:, 0])[len(one) // 50]] for one in first if len(one) >= 25])
    if len(edge) < 8:
        raise InputError(f"the table's edge is not seen {stated:g} m ahead, {height:g} m high")
    slope, distance = 0.0, float(np.median(edge[:, 0]))
    for _ in range(5):
        keep = np.abs(edge[:, 0] - distance - slope * edge[:, 1]) < THICK
        if keep.sum() < 8:
            break
        slope, distance = (float(value) for value in np.polyfit(edge[keep, 1], edge[keep, 0], 1))
    none, shift = np.zeros(3), np.array([stated - (distance + slope * at[1]), 0.0, 0.0])
    yield Measure("table's edge", distance, stated), (none, shift if with_x else none)
    turn = -math.atan(slope)
    yield Measure("table's edge, turned", turn, 0.0, turn=True), (np.array([0.0, 0.0, -turn]), none)


def plane(points: Array, about: Array, name: str = "plane") -> tuple[Array, Array]:
    """(3,) unit normal and (3,) a point of the plane that most of `points` (n, 3) lie in, turned from `about`
    (3,) by `TILTED` at the most. Raises `InputError` without one."""
    least = 50
    best = np.zeros(len(points), dtype=bool)
    if len(points) >= least:
        rng = np.random.default_rng(0)
        for a, b, c in points[rng.integers(len(points), size=(200, 3))]:
            normal = np.cross(b - a, c - a)
            length = float(np.linalg.norm(normal))
            if length < 1e-6 or abs(float(normal @ about)) < math.cos(TILTED) * length:
                continue
            inside = np.abs((points - a) @ (normal / length)) < THICK
            if inside.sum() > best.sum():
                best = inside
    if best.sum() < least:
        raise InputError(f"no {name} is seen where it is said to be")
    for _ in range(3):
        through = points[best].mean(axis=0)
        normal = np.linalg.svd(points[best] - through, full_matrices=False)[2][2]
        best = np.abs((points - through) @ normal) < THICK
    return normal * math.copysign(1.0, float(normal @ about)), through


def mean_depth(images: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(h, w) [m] median of depth images of one size, NaN where few of them measured. Raises `InputError` for
    images of several sizes."""
    if len({image.shape for image in images}) != 1:
        raise InputError("the depth images are of several sizes: the camera's resolution changed meanwhile")
    stack = np.stack(images)
    few = np.isnan(stack).mean(axis=0) > 0.5
    out = np.nanmedian(np.where(few, np.float32(0.0), stack), axis=0).astype(np.float32)
    out[few] = np.nan
    return out
