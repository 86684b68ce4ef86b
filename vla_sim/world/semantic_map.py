"""A world as the stack may know it: places, surfaces, the vocabulary of objects, fixed geometry, a map.

Everything comes from the SDF file. What a robot could not know in advance (where the movable objects
are) is not in here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from vla_sim.common import assets
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.geometry import Array, quaternion_from_rotation, yaw_from_quaternion
from vla_sim.contract.records import ObjectQuery, Point
from vla_sim.world import map_file, world_file
from vla_sim.world.objects import ObjectKind, has_colour, things_of
from vla_sim.world.occupancy_grid import Grid, Layers, entered, outline, rasterise, spread
from vla_sim.world.sdf import elements, reader
from vla_sim.world.solids import Solid, bounds, solids_of
from vla_sim.world.world_file import OBSTACLE_HEIGHTS, PLACE

ROBOT = assets.chosen_robot().stem
"""Name of the model that is the process's robot."""
UNMAPPED, FORBIDDEN = "unmapped_", "forbidden_"
"""Prefixes of static models: there but not in the map; and floor that the robot must not enter."""
SURFACE_WORDS = ("table", "counter", "dresser", "desk", "bench", "shelf")
COARSE = 0.1  # [m] cells, to find the place of a surface
SURFACE_HEIGHT = (0.5, 1.1)
SURFACE_WIDTH = 0.25
"""A model with one of these words in its name is a surface if it has a level box top between these
heights [m], where a standing robot reaches, that is at least this wide [m]; of several such tops, the
one of largest area."""


@dataclass(frozen=True)
class Place:
    """A named standing pose: an SDF frame `place/<name>` of the world. x, y [m], yaw [rad] in map.

    name: as spoken, with spaces ("living room"); the frame has underscores (`place/living_room`).
    """

    name: str
    x: float
    y: float
    yaw: float


@dataclass(frozen=True)
class Surface:
    """A fixed table, counter or shelf top that things stand on.

    name: as spoken ("kitchen table"). place: name of the nearest place by walking distance.
    (x, y) centre, yaw, (length, width) along its own x and y, height of its top. [m], [rad]
    """

    name: str
    place: str
    x: float
    y: float
    yaw: float
    length: float
    width: float
    height: float


ON_RIM = 0.06
"""[m] by which an estimate may lie outside a surface's rim and still be on it."""


def surface_below(surfaces: tuple[Surface, ...], position: Point, rim: float = ON_RIM) -> Surface | None:
    """The surface on which something at `position` (x, y, z in map) stands; an estimate may lie up to
    `rim` [m] outside its edge."""
    for s in surfaces:
        dx, dy = position[0] - s.x, position[1] - s.y
        c, n = math.cos(s.yaw), math.sin(s.yaw)
        along, across = abs(c * dx + n * dy), abs(-n * dx + c * dy)
        inside = along < s.length / 2 + rim and across < s.width / 2 + rim
        if inside and -0.03 < position[2] - s.height < 0.30:
            return s
    return None


@dataclass(frozen=True)
class World:
    """name: of the SDF world. start: the robot's pose (x, y, yaw). forbidden: (x0, y0, x1, y1)
    rectangles in map that the robot must not enter (static models named `forbidden_*`). words: for things
    that no model stands for ("stapler"), which a detector may name."""

    name: str
    path: Path
    start: tuple[float, float, float]
    places: tuple[Place, ...]
    surfaces: tuple[Surface, ...]
    objects: tuple[ObjectKind, ...]
    solids: tuple[Solid, ...]
    forbidden: tuple[tuple[float, float, float, float], ...]
    words: tuple[str, ...] = ()

    @staticmethod
    def load(name_or_path: str) -> World:
        """A shipped world by name ("apartment"), an SDF file by path, or a map by the path of the map
        server's YAML file (`map_file`).

        Raises `InputError` for an unknown name (listing the known ones), `SdfError` for a bad file.
        """
        path = assets.find_world(name_or_path)
        if map_file.is_map(path):
            return _of_map(path)
        tree = world_file.load(path)
        robot = tree.model(ROBOT)
        places = tuple(
            Place(_spoken(frame.name[len(PLACE) :]), *_planar(frame.pose))
            for frame in tree.frames
            if frame.name.startswith(PLACE)
        )
        fixed = [m for m in tree.models if m.static and not m.name.startswith((UNMAPPED, FORBIDDEN))]
        solids = tuple(solid for model in fixed for solid in solids_of(model))
        start = _planar(robot.pose)
        found = [(m.name, top) for m in fixed if (top := _top(m.name, solids)) is not None]
        beside = world_file.notes(path)
        points = [(p.x, p.y) for p in places] + [_planar(top.pose)[:2] for _, top in found]
        points += [] if beside is None else [(t.x, t.y) for t in beside.surfaces.values()]
        coarse = rasterise(solids, points, COARSE, *OBSTACLE_HEIGHTS)
        surfaces = tuple(_surface(name, top, places, coarse) for name, top in found)
        forbidden = tuple(bounds(m) for m in tree.models if m.static and m.name.startswith(FORBIDDEN))
        if beside is not None:
            named = _noted_surfaces(beside, places, coarse.grid())
            surfaces = (*(s for s in surfaces if s.name not in {n.name for n in named}), *named)
            forbidden = (*forbidden, *_noted_forbidden(beside))
        loose = tuple(model for model in tree.models if model.name != ROBOT)
        objects = things_of(loose, None if beside is None else beside.names)
        words: tuple[str, ...] = ()
        if beside is not None:
            words, objects = _words(beside), _with_words(objects, beside)
        return World(tree.name, path, start, places, surfaces, objects, solids, forbidden, words)

    def meant(self, query: ObjectQuery) -> list[ObjectKind]:
        """The objects that a query means in truth, for the judge of a run, who knows no given names."""
        query = msgspec.structs.replace(query, given_name="")
        return [
            one
            for one in self.objects
            if query.matches(one) or (query.kind == one.word != "" and query.colour in ("", one.colour))
        ]

    def rasterise(
        self, resolution: float = 0.05, low: float = OBSTACLE_HEIGHTS[0], high: float = OBSTACLE_HEIGHTS[1]
    ) -> Grid:
        """Cells that a fixed solid enters between the heights `low` and `high` [m].

        Cell edges lie on multiples of `resolution`; the map ends 0.5 m beyond the outermost solid,
        place and start. Raises `InputError` if the numbers make no map.
        """
        if not (resolution > 0.0 and low < high):
            raise InputError(
                f"no map with cells of {resolution} m between {low} and {high} m; "
                "give a positive resolution and low < high"
            )
        points = [(p.x, p.y) for p in self.places] + [self.start[:2]]
        points += outline(self.solids, *OBSTACLE_HEIGHTS)  # the same cells at all heights
        return rasterise(self.solids, points, resolution, low, high).grid()


def _of_map(path: Path) -> World:
    found = map_file.load(path)
    notes, solids = found.notes, found.solids
    places = tuple(Place(_spoken(name), *at) for name, at in notes.places.items())
    coarse = rasterise(
        solids, [at[:2] for at in notes.places.values()] + [(t.x, t.y) for t in notes.surfaces.values()],
        COARSE, *OBSTACLE_HEIGHTS,
    ).grid()  # fmt: skip
    surfaces = _noted_surfaces(notes, places, coarse)
    start = next(iter(notes.places.values()))
    objects = things_of(tuple(_shipped(notes.objects, path)), notes.names)
    forbidden = _noted_forbidden(notes)
    return World(path.stem, path, start, places, surfaces, objects, solids, forbidden, _words(notes))


def _words(notes: map_file.Places) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower() for word in notes.things))


def _with_words(objects: tuple[ObjectKind, ...], notes: map_file.Places) -> tuple[ObjectKind, ...]:
    known = notes.things if isinstance(notes.things, dict) else {}
    words = {model: word.lower() for word, model in known.items()}
    return tuple(replace(one, word=words.get(one.name, "")) for one in objects)


def _noted_surfaces(notes: map_file.Places, places: tuple[Place, ...], coarse: Grid) -> tuple[Surface, ...]:
    return tuple(
        Surface(
            _spoken(name), _nearest(top.x, top.y, places, _without(top, coarse)).name, top.x, top.y, top.yaw,
            top.length, top.width, top.height,
        )
        for name, top in notes.surfaces.items()
    )  # fmt: skip


def _without(top: map_file.Top, grid: Grid) -> Grid:
    """The map without what stands under a top: no way leads out of it."""
    half = np.array([top.length, top.width]) / 2
    c, s = math.cos(top.yaw), math.sin(top.yaw)
    corners = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * half @ [(c, s), (-s, c)] + (top.x, top.y)
    rows, columns = grid.occupied.shape
    x = grid.x0 + np.arange(0.5, columns, dtype=np.float64) * grid.resolution
    y = grid.y0 + np.arange(0.5, rows, dtype=np.float64) * grid.resolution
    under = entered(corners, 0.0, x, y, grid.resolution)
    return replace(grid, occupied=grid.occupied & ~under)


def _noted_forbidden(notes: map_file.Places) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) for x0, y0, x1, y1 in notes.forbidden)


def _shipped(names: list[str] | None, path: Path) -> Iterator[elements.Model]:
    """Shipped models; None: all that can be objects."""
    known = shipped_objects()
    for name in known if names is None else names:
        if name not in known:
            raise InputError(f"{path.parent / map_file.PLACES}: no object {name!r}{nearest(name, known)}")
        yield reader.load_model(assets.share_folder("models") / name)


def shipped_objects() -> list[str]:
    """Names of the shipped models that can be taken."""
    folder = assets.share_folder("models")
    return sorted(one.name for one in folder.iterdir() if has_colour(one.name))


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _planar(pose: Array) -> tuple[float, float, float]:
    yaw = yaw_from_quaternion(quaternion_from_rotation(pose[:3, :3]))
    return float(pose[0, 3]), float(pose[1, 3]), float(yaw)


def _top(model: str, solids: tuple[Solid, ...]) -> Solid | None:
    """The largest level box top of a model that is a surface by its name."""
    if not any(word in model.lower() for word in SURFACE_WORDS):
        return None
    tops = [
        s
        for s in solids
        if s.name.startswith(f"{model}::")
        and s.shape == "box"
        and s.pose[2, 2] > 0.999
        and SURFACE_HEIGHT[0] <= s.pose[2, 3] + s.size[2] / 2 <= SURFACE_HEIGHT[1]
        and min(s.size[:2]) >= SURFACE_WIDTH
    ]
    return max(tops, key=lambda s: s.size[0] * s.size[1], default=None)


def _surface(name: str, top: Solid, places: tuple[Place, ...], coarse: Layers) -> Surface:
    x, y, yaw = _planar(top.pose)
    place = _nearest(x, y, places, coarse.grid(but=f"{name}::"))
    height = float(top.pose[2, 3] + top.size[2] / 2)
    called = _spoken(name) if name == name.lower() else " ".join(world_file.words_of(name))
    return Surface(called, place.name, x, y, yaw, top.size[0], top.size[1], height)


def _nearest(x: float, y: float, places: tuple[Place, ...], grid: Grid) -> Place:
    """The place with the shortest way to (x, y) on a map; straight if there is no way.

    A wave spreads over a coarse map, in turns to four and to eight neighbours (octagonal distance,
    6 % from the Euclidean at worst).
    """

    def cell(x: float, y: float) -> tuple[int, int]:
        return int((y - grid.y0) / grid.resolution), int((x - grid.x0) / grid.resolution)

    wave = np.zeros_like(grid.occupied)
    wave[cell(x, y)] = True
    size = -1
    turn = 0
    while (now := int(wave.sum())) > size or turn % 2:
        reached = [p for p in places if wave[cell(p.x, p.y)]]
        if reached:
            return min(reached, key=lambda p: math.hypot(p.x - x, p.y - y))
        size, turn = now, turn + 1
        wave = spread(wave, corners=turn % 2 == 0) & ~grid.occupied
    return min(places, key=lambda p: math.hypot(p.x - x, p.y - y))
