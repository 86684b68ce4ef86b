"""An SDF world as a run needs it: with a robot, and with places that it can be sent to.

A world made for Gazebo often has neither. Its places then come from a side file `<world>.places.yaml` (or
`places.yaml`) beside it, of the form in `map_file`; without one they are found: in front of what stands on
the floor, named by its models and links, and where the robot starts. The robot stands at the first place of
the side file, else in the middle of the widest free floor that walls enclose.
"""

import math
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from vla_sim.common import assets
from vla_sim.common.geometry import Array, quaternion_from_yaw, transform
from vla_sim.world import map_file
from vla_sim.world.occupancy_grid import Grid, entered, outline, rasterise, shadow
from vla_sim.world.sdf import elements, reader
from vla_sim.world.sdf.values import SdfWarning
from vla_sim.world.solids import Solid, half_extent, solids_of, underside

PLACE = "place/"
START = "start"
OBSTACLE_HEIGHTS = (0.05, 1.40)
"""Heights above the floor [m] between which a solid is in the robot's way."""
CELL = 0.05
"""[m] of the map in which places are looked for."""
ROOM, WAY = 0.45, 0.40
"""[m] that the middle of a robot keeps from what it stands beside, and from what it passes: a little more,
and a little less, than navigation wants."""
REACH = 1.2
"""[m] at the most from a thing to the place in front of it."""
FOOTPRINT = (0.25, 4.0)
"""[m] Width of what a place is named by: less is clutter, more a wall."""
MOST_PLACES = 40
NO_NAMES = frozenset({
    "wall", "walls", "floor", "ground", "plane", "ceiling", "roof", "window", "door", "curtain", "light",
    "portrait", "picture", "carpet", "rug", "handle", "sun", "obstacle", "box", "cube", "cylinder", "sphere",
})  # fmt: skip
"""What a place is not named by."""
NO_WORDS = frozenset({
    "link", "visual", "collision", "model", "body", "base", "main", "frame", "aws", "robomaker",
    "residential", "retail", "warehouse", "hospital", "turtlebot", "room", "house", "world",
})  # fmt: skip
"""Words in names of models and links that nobody says: parts of a model, and who made it."""
ROOMS = {
    "kitchen": ("refrigerator", "fridge", "kitchen", "cooking", "stove", "oven", "sink"),
    "bedroom": ("bed",), "living room": ("sofa", "couch", "tv"), "bathroom": ("toilet", "bath", "shower"),
    "office": ("desk",),
}  # fmt: skip
"""A room is where its furniture is: it is named after the first thing that only such a room has."""


@dataclass(frozen=True)
class _Thing:
    """name: in words. (x0, y0, x1, y1) [m] of its shadow on the floor."""

    name: str
    box: tuple[float, float, float, float]

    @property
    def middle(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def load(path: str | Path) -> elements.World:
    """`reader.load_world`, with robot and places. Raises `SdfError`, and `InputError` for the side file."""
    world = reader.load_world(path)
    beside = notes(Path(path))
    if beside is not None:
        world = _with_places(world, beside.places)
    robot = assets.chosen_robot().stem
    has_robot = any(model.name == robot for model in world.models)
    has_places = any(frame.name.startswith(PLACE) for frame in world.frames)
    if has_robot and has_places:
        return world
    # What can move stands in the way too, at the start.
    solids = [s for model in world.models if model.name != robot for s in solids_of(model)]
    if has_robot:
        pose = next(model.pose for model in world.models if model.name == robot)
        start = float(pose[0, 3]), float(pose[1, 3]), math.atan2(pose[1, 0], pose[0, 0])
    elif beside is not None and beside.places:
        start = next(iter(beside.places.values()))
    else:
        start = _start(solids)
    if not has_robot:
        world = _with_robot(world, solids, start)
    return world if has_places else _with_places(world, _found(world, solids, start))


def notes(path: Path) -> map_file.Places | None:
    """The side file of a world, if there is one. Raises `InputError`."""
    file = notes_file(path)
    return None if file is None else map_file.read_places(file)


def notes_file(path: Path) -> Path | None:
    beside = (path.with_suffix(".places.yaml"), path.parent / map_file.PLACES)
    return next((one for one in beside if one.is_file()), None)


def _with_places(world: elements.World, places: dict[str, tuple[float, float, float]]) -> elements.World:
    frames = [
        elements.Frame(
            f"{PLACE}{name.replace(' ', '_')}", transform((x, y, 0.0), quaternion_from_yaw(yaw)), "world",
            world.where,
        )
        for name, (x, y, yaw) in places.items()
    ]  # fmt: skip
    kept = [one for one in world.frames if one.name not in {frame.name for frame in frames}]
    poses = world.frame_poses | {frame.name: frame.pose for frame in frames}
    return replace(world, frames=(*kept, *frames), frame_poses=poses)


def _with_robot(
    world: elements.World, solids: list[Solid], start: tuple[float, float, float]
) -> elements.World:
    x, y, yaw = start
    folder = reader.robot_model()
    model = reader.load_model(folder)
    floor = _floor(solids, x, y)
    shapes = {c.geometry.shape for _, one, _ in world.walk() for k in one.links for c in k.collisions}
    if floor is None and "plane" not in shapes:
        warnings.warn(
            f"{world.where}: there is no floor at ({x:g}, {y:g}), the robot falls; add a <plane>",
            SdfWarning, stacklevel=2,
        )  # fmt: skip
    height = (floor or 0.0) - underside(model)
    pose = transform((x, y, height), quaternion_from_yaw(yaw))
    robot = replace(model, name=assets.chosen_robot().stem, pose=pose)
    poses = world.frame_poses | {robot.name: pose}
    return replace(world, models=(*world.models, robot), frame_poses=poses)


def _floor(solids: list[Solid], x: float, y: float) -> float | None:
    """Height [m] of what is under a point, as far as it is about level with z = 0; None without any."""
    found = []
    here = np.array([x]), np.array([y])
    for solid in solids:
        top = float(solid.pose[2, 3] + half_extent(solid.shape, solid.size, solid.pose[:3, :3])[2])
        if -0.3 < top < 0.3 and (under := shadow(solid, top - 0.02, top + 0.02)) is not None:
            found += [top] if entered(*under, *here, 0.01)[0, 0] else []
    return max(found, default=None)


def _clearance(solids: list[Solid], points: list[tuple[float, float]]) -> tuple[Grid, Array]:
    """A map, and how far [m] each of its cells is from what is in the way."""
    from scipy.ndimage import distance_transform_edt  # 0.1 s, which few need wait for

    grid = rasterise(solids, points, CELL, *OBSTACLE_HEIGHTS).grid()
    return grid, CELL * distance_transform_edt(~grid.occupied)


def _start(solids: list[Solid]) -> tuple[float, float, float]:
    """x, y [m], yaw: the middle of the largest floor inside of walls; the free cell nearest to the origin if
    no walls enclose any."""
    from scipy.ndimage import distance_transform_edt, label

    grid, clearance = _clearance(solids, [(0.0, 0.0)])
    free = clearance >= ROOM
    parts, _ = label(free)
    size = np.bincount(parts.ravel())
    size[[0, *parts[[0, -1], :].ravel(), *parts[:, [0, -1]].ravel()]] = 0  # what is outside
    if size.any():
        depth = distance_transform_edt(parts == size.argmax())
        free = depth > depth.max() - 1.0
    rows, columns = np.nonzero(free)
    if not len(rows):
        return 0.0, 0.0, 0.0
    at = _centres(grid, rows, columns)
    x, y = at[np.argmin(np.hypot(*at.T))]
    return round(float(x), 3), round(float(y), 3), 0.0


def _centres(grid: Grid, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Array:
    """(n, 2) [m] of cells."""
    x, y = grid.x0 + (columns + 0.5) * grid.resolution, grid.y0 + (rows + 0.5) * grid.resolution
    return np.column_stack([x, y])


def _found(
    world: elements.World, solids: list[Solid], start: tuple[float, float, float]
) -> dict[str, tuple[float, float, float]]:
    """The start, and a place in front of each thing with a name that can be reached from there."""
    from scipy.ndimage import label

    places = {START: start}
    grid, clearance = _clearance(solids, [start[:2]])
    parts, _ = label(clearance >= WAY)
    ways = np.nonzero(parts)
    away = np.hypot(*(_centres(grid, *ways) - start[:2]).T)
    if not len(away) or away.min() > ROOM:  # who stands a little too close to something can step away
        return places
    own = parts[ways][away.argmin()]
    rows, columns = np.nonzero((parts == own) & (clearance >= ROOM))
    if not len(rows):
        return places
    at = _centres(grid, rows, columns)
    for thing in _things(world):
        if thing.name in places or len(places) >= MOST_PLACES:
            continue
        away = np.maximum(np.maximum(thing.box[:2] - at, at - thing.box[2:]), 0.0)
        # From the middle of its long side, if that is free: nearest to both the thing's edge and its middle.
        far = np.hypot(*away.T) + 0.3 * np.hypot(*(at - thing.middle).T)
        best = int(np.argmin(far))
        if np.hypot(*away[best]) <= REACH:
            dx, dy = np.array(thing.middle) - at[best]
            spot = (round(float(at[best, 0]), 3), round(float(at[best, 1]), 3))
            places[thing.name] = (*spot, round(math.atan2(dy, dx), 3))
    for room, words in ROOMS.items():
        by = [name for name in places if set(name.split()) & set(words)]
        if by and room not in places:
            places[room] = places[by[0]]
    return places


def _things(world: elements.World) -> list[_Thing]:
    """What stands on the floor and has a name, the widest first: fixed models, and the links of those that
    are too wide to be one thing."""
    out = []
    for model in world.models:
        models: dict[str, list[Solid]] = {}
        for solid in solids_of(model) if model.static else ():
            models.setdefault(solid.name.rsplit("::", 2)[0], []).append(solid)
        for name, own in models.items():
            links: dict[str, list[Solid]] = {}
            for solid in own:
                links.setdefault(solid.name.rsplit("::", 1)[0], []).append(solid)
            whole = _thing(name, own)
            out += [whole] if whole or len(links) == 1 else [_thing(*link) for link in links.items()]
    found = [one for one in out if one is not None]
    return sorted(found, key=lambda one: -(one.box[2] - one.box[0]) * (one.box[3] - one.box[1]))


def _thing(name: str, solids: list[Solid]) -> _Thing | None:
    words = words_of(name.rpartition("::")[2])
    corners = outline(solids, *OBSTACLE_HEIGHTS)
    if not words or set(words) & NO_NAMES or not corners:
        return None
    (x0, y0), (x1, y1) = corners
    bottom = min(float(s.pose[2, 3] - half_extent(s.shape, s.size, s.pose[:3, :3])[2]) for s in solids)
    if bottom >= 0.3 or not FOOTPRINT[0] <= max(x1 - x0, y1 - y0) <= FOOTPRINT[1]:
        return None
    return _Thing(" ".join(words), (x0, y0, x1, y1))


def words_of(name: str) -> list[str]:
    """What people call a model: `aws_robomaker_residential_KitchenTable_01` is "kitchen table". No numbers,
    no single letters, and not what its maker puts before all names."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = [word.lower() for word in re.split(r"[\W\d_]+", plain) if len(word) > 1]
    return [word for word in words if word not in NO_WORDS]


def completed(element: Any, world: elements.World) -> None:
    """Adds to an SDF file's <world> what `load` added to the world that it made of that file."""
    named = {one.get("name") for one in element.iterchildren("frame")}
    for frame in world.frames:
        if frame.name.startswith(PLACE) and frame.name not in named:
            one = etree.SubElement(element, "frame", name=frame.name)
            etree.SubElement(one, "pose").text = _planar_text(frame.pose)
    robot = assets.chosen_robot().stem
    there = {str(e.get("name") or e.findtext("name") or "") for e in element.iterchildren("model", "include")}
    uris = {str(e.findtext("uri")).strip().removeprefix("model://") for e in element.iterchildren("include")}
    if robot not in there and not uris & set(assets.robot_names()):
        one = etree.SubElement(element, "include")
        etree.SubElement(one, "uri").text = f"model://{robot}"
        etree.SubElement(one, "name").text = robot
        etree.SubElement(one, "pose").text = _planar_text(world.model(robot).pose)


def _planar_text(pose: Array) -> str:
    x, y, z = pose[:3, 3]
    return f"{x:.6g} {y:.6g} {z:.6g} 0 0 {math.atan2(pose[1, 0], pose[0, 0]):.6g}"
