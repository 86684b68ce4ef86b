"""The rooms of a flat: two rows along a hallway, each room with a door to it.

+---------+----------+
|  study  | bedroom  |      north
+--   ----+---   ----+
|       hallway      |      y = 0 in its middle, x = 0 at its left end
+----   -----+--  ---+
| living room  kitchen      south
+------------+-------+
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

WALL = 0.1
"""Thickness [m]."""
HALLWAY = (1.5, 1.9)
WIDTH = (3.6, 4.8)
DEPTH = (3.8, 4.6)
"""[m] Of the hallway; of a room along the hallway, and away from it. From wall to wall, at their middles."""
DOOR = (0.90, 1.05)
"""Width of a doorway [m]: the robot needs 0.8."""
BESIDE_DOOR = 0.35
"""[m] from a doorway to the corner of its room."""
ALWAYS = ("kitchen", "living room", "bedroom")
SOMETIMES = ("study", "dining room")
"""Names of rooms; a flat has three to five."""


@dataclass(frozen=True)
class Box:
    """A rectangle on the floor [m]."""

    x0: float
    y0: float
    x1: float
    y1: float

    def grown(self, by: float) -> "Box":
        return Box(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def moved(self, x: float, y: float) -> "Box":
        return Box(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    def meets(self, other: "Box") -> bool:
        across = self.x0 < other.x1 and other.x0 < self.x1
        return across and self.y0 < other.y1 and other.y0 < self.y1

    def holds(self, other: "Box") -> bool:
        across = self.x0 <= other.x0 and other.x1 <= self.x1
        return across and self.y0 <= other.y0 and other.y1 <= self.y1


@dataclass(frozen=True)
class Room:
    """box: between the middles of its walls."""

    name: str
    box: Box

    @property
    def inside(self) -> Box:
        return self.box.grown(-WALL / 2)


@dataclass(frozen=True)
class Door:
    """A doorway of the room `name`, in a wall along x or y; (x, y) its middle. [m]"""

    name: str
    x: float
    y: float
    width: float
    along: str = "x"

    def span(self, width: float, depth: float) -> Box:
        """A rectangle around it, `width` along its wall, `depth` to either side of it."""
        across, along = (width / 2, depth) if self.along == "x" else (depth, width / 2)
        return Box(self.x - across, self.y - along, self.x + across, self.y + along)


@dataclass(frozen=True)
class Flat:
    """rooms: the hallway first."""

    rooms: tuple[Room, ...]
    doors: tuple[Door, ...]

    def walls(self) -> Iterator[Box]:
        """What is left of the rooms' sides without the doorways; each once, where two rooms share it."""
        lines: dict[tuple[str, float], list[tuple[float, float]]] = {}
        for room in self.rooms:
            b = room.box
            for y in (b.y0, b.y1):
                lines.setdefault(("x", y), []).append((b.x0 - WALL / 2, b.x1 + WALL / 2))
            for x in (b.x0, b.x1):
                lines.setdefault(("y", x), []).append((b.y0 - WALL / 2, b.y1 + WALL / 2))
        for (along, at), sides in sorted(lines.items()):
            here = [d for d in self.doors if d.along == along and at == (d.y if along == "x" else d.x)]
            gaps = [(d.span(d.width, 0.0).x0, d.span(d.width, 0.0).x1) if along == "x" else
                    (d.span(d.width, 0.0).y0, d.span(d.width, 0.0).y1) for d in here]  # fmt: skip
            for low, high in _without(_joined(sides), gaps):
                low_at, high_at = at - WALL / 2, at + WALL / 2
                yield Box(low, low_at, high, high_at) if along == "x" else Box(low_at, low, high_at, high)


def draw(rng: np.random.Generator) -> Flat:
    """A flat of three to five rooms beside the hallway."""
    more = rng.permutation(SOMETIMES)[: rng.integers(0, 3)]
    names = [str(name) for name in rng.permutation([*ALWAYS, *more])]
    half = round(float(rng.uniform(*HALLWAY)) / 2, 2)
    rows = [_row(rng, names[:2]), _row(rng, names[2:])]
    length = max(row[-1][2] for row in rows)
    rooms = [Room("hallway", Box(0.0, -half, length, half))]
    for side, row in zip((-1, 1), rows, strict=True):
        if length - row[-1][2] < 1.5:  # too narrow to be a corner of the house
            row[-1] = (*row[-1][:2], length)
        depth = round(float(rng.uniform(*DEPTH)), 2)
        y0, y1 = sorted((side * half, side * (half + depth)))
        rooms += [Room(name, Box(x0, y0, x1, y1)) for name, x0, x1 in row]
    doors = tuple(_door(rng, room, half) for room in rooms[1:])
    return Flat(tuple(rooms), doors)


def _row(rng: np.random.Generator, names: list[str]) -> list[tuple[str, float, float]]:
    """(name, from, to) along the hallway."""
    ends = np.cumsum([0.0, *(round(float(rng.uniform(*WIDTH)), 2) for _ in names)])
    spans = itertools.pairwise(float(end) for end in ends.round(2))
    return [(name, *span) for name, span in zip(names, spans, strict=True)]


def _door(rng: np.random.Generator, room: Room, half: float) -> Door:
    width = round(float(rng.uniform(*DOOR)), 2)
    away = width / 2 + BESIDE_DOOR + WALL / 2
    x = round(float(rng.uniform(room.box.x0 + away, room.box.x1 - away)), 2)
    return Door(room.name, x, half if room.box.y1 > half else -half, width)


def _joined(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if out and low <= out[-1][1]:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return out


def _without(
    spans: list[tuple[float, float]], gaps: list[tuple[float, float]]
) -> Iterator[tuple[float, float]]:
    for low, high in spans:
        for first, last in sorted(gaps):
            if low < first and last < high:
                yield low, first
                low = last
        yield low, high
