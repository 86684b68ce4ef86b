"""A home as nav2's map server reads it (http://wiki.ros.org/map_server): an image and a YAML file. Beside it,
in `places.yaml`, stands what a map does not say:

    places:                     # x, y [m], yaw [rad] in the map; the first one is where the robot starts
      living room: [0, 0, 0]
      kitchen: [4.2, 1.0, 1.57]
    surfaces:                   # tops that things stand on: middle, yaw, length, width, height of the top
      kitchen table: {x: 5.0, y: 1.2, yaw: 0, length: 1.4, width: 0.6, height: 0.76}
    forbidden: [[1, 2, 1.5, 3]] # x0, y0, x1, y1 that the robot must not enter
    objects: [red_cup]          # shipped models that it may be asked for; left out: all of them
    names: {m17: green mug}     # what people call a model, where its own name does not say it
    things: [stapler, toy car]  # words for what no model stands for: a detector on a server is asked for it;
                                # or {stapler: m17}: the model that the judge of a run takes for it
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vla_sim.common import yaml_records
from vla_sim.common.errors import InputError
from vla_sim.common.geometry import quaternion_from_yaw, transform
from vla_sim.world.occupancy_grid import MOST_CELLS, UNKNOWN
from vla_sim.world.solids import Solid

PLACES = "places.yaml"
TALL, LOW = 2.0, 0.4
"""[m] up to which a wall reaches, and what the map does not know: nothing there is free to walk, nor is it a
wall that the robot could know where it is by."""
MOST_SOLIDS = 200_000
"""Of a map: noise of as many cells as it may have would make millions."""

Number = Annotated[float, msgspec.Meta(ge=-1e4, le=1e4)]
Word = Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[^\W\d_]+( [^\W\d_]+)*$")]
Length = Annotated[float, msgspec.Meta(gt=0.0, le=100.0)]


class MapServer(msgspec.Struct, frozen=True):
    """The map server's YAML file. origin: x, y [m], yaw [rad] of the lower left pixel's outer corner."""

    image: str
    resolution: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    origin: tuple[Number, Number, Number]
    negate: int = 0
    occupied_thresh: float = 0.65
    free_thresh: float = 0.25
    mode: str = "trinary"


class Top(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See `semantic_map.Surface`."""

    x: Number
    y: Number
    length: Length
    width: Length
    height: Length
    yaw: Number = 0.0


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands beside a map."""

    places: dict[str, tuple[Number, Number, Number]] = {}
    surfaces: dict[str, Top] = {}
    forbidden: list[tuple[Number, Number, Number, Number]] = []
    objects: list[str] | None = None
    names: dict[str, str] = {}
    things: list[Word] | dict[Word, str] = []


@dataclass(frozen=True)
class MapFile:
    """solids: walls, and what is not known."""

    solids: tuple[Solid, ...]
    notes: Places


def is_map(path: Path) -> bool:
    """Whether a world's file is a map server's."""
    return path.suffix in (".yaml", ".yml")


def load(path: Path) -> MapFile:
    """path: of the map server's YAML file. Raises `InputError`."""
    about = _read(path, MapServer, "a map server's file is expected: image, resolution, origin")
    notes = path.parent / PLACES
    if not notes.is_file():
        raise InputError(f"{path} has no {PLACES} beside it; write the names of its places there")
    places = read_places(notes)
    if not places.places:
        raise InputError(f"{notes} names no place; the robot starts at its first one")
    image = path.parent / about.image
    occupied, free = _cells(image, about)
    walls, unknown = (
        _solids("wall", occupied, TALL, about),
        _solids("unknown", ~(occupied | free), LOW, about),
    )
    solids = tuple(itertools.islice(itertools.chain(walls, unknown), MOST_SOLIDS + 1))
    if len(solids) > MOST_SOLIDS:
        raise InputError(
            f"{image}: its cells make more than {MOST_SOLIDS} rectangles; is it a map, saved as trinary?"
        )
    return MapFile(solids, places)


def read_places(path: Path) -> Places:
    """What stands beside a map or a world. Raises `InputError`."""
    found: Places = _read(path, Places, "places are expected, as places: {kitchen: [4.2, 1.0, 1.57]}")
    return found


def _read(path: Path, kind: Any, expected: str) -> Any:
    return yaml_records.parse(
        yaml_records.read(path), str(path), expected, lambda data: yaml_records.typed(data, kind, "$")
    )


def _cells(path: Path, about: MapServer) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(rows, columns) bool each, occupied and free; row 0 at the smallest y. Raises `InputError`."""
    if about.mode != "trinary":
        raise InputError(f"{path}: mode {about.mode!r}; only trinary is read; save the map in that mode")
    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_CELLS:
                raise InputError(
                    f"{path}: {image.width} x {image.height} cells; {MOST_CELLS} are the most; "
                    "give a coarser or smaller map"
                )
            grey = np.asarray(image.convert("L"))[::-1]
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: no image of a map: {error}") from None
    taken = (grey if about.negate else 255.0 - grey) / 255.0
    # That grey means the same whatever the thresholds are.
    return taken > about.occupied_thresh, (taken < about.free_thresh) & (grey != UNKNOWN)


def _solids(name: str, cells: NDArray[np.bool_], height: float, about: MapServer) -> Iterator[Solid]:
    """Boxes from the floor up that cover the cells and nothing else."""
    size = about.resolution
    corner = transform((*about.origin[:2], 0.0), quaternion_from_yaw(about.origin[2]))
    for k, (row, rows, column, columns) in enumerate(rectangles(cells)):
        middle = ((column + 0.5 * columns) * size, (row + 0.5 * rows) * size, 0.5 * height)
        yield Solid(
            f"map::{name}::{k}", "box", corner @ transform(middle), (columns * size, rows * size, height)
        )


def rectangles(cells: NDArray[np.bool_]) -> Iterator[tuple[int, int, int, int]]:
    """(row, rows, column, columns) of rectangles that cover the cells (rows, columns) that are set, each
    once: runs of a row, joined with the same runs of the rows after it."""
    open_runs: dict[tuple[int, int], int] = {}
    for row in range(len(cells) + 1):
        runs: set[tuple[int, int]] = set()
        if row < len(cells):
            steps = np.diff(np.concatenate([[0], cells[row].astype(np.int8), [0]]))
            runs = set(
                zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True)
            )
        for run in [run for run in open_runs if run not in runs]:
            first = open_runs.pop(run)
            yield first, row - first, run[0], run[1] - run[0]
        for run in runs:
            open_runs.setdefault(run, row)
