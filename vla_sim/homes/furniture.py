"""Furniture of the shipped models, with its back to a wall, and free floor before it where that is needed."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from vla_sim.common.assets import share_folder
from vla_sim.homes.rooms import Box, Flat, Room
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import UNMAPPED
from vla_sim.world.solids import bounds

GAP = 0.02
"""[m] between a wall and what stands against it."""
APART = 0.08
"""[m] between two pieces."""
TRIES = 60
YAWS = (0.0, -math.pi / 2, math.pi, math.pi / 2)
"""[rad] after each quarter of a turn clockwise."""
DOORWAY = (0.5, 1.1)
"""Free before a doorway on either side: so much wider than it, and so deep [m]."""
STAND = 1.3
"""Free before a table [m]: the robot docks from 0.4 m behind where it stands, and turns there."""


@dataclass(frozen=True)
class Kind:
    """name: if it is not the model's. clear: what must be free before it [m]. needed: the table of a room,
    with things on it; a flat without it is none."""

    model: str
    name: str = ""
    clear: float = 0.0
    needed: bool = False


@dataclass(frozen=True)
class Piece:
    """What stands somewhere. box: its shadow on the floor; front: what must stay free."""

    kind: Kind
    x: float
    y: float
    yaw: float
    box: Box
    front: Box


FURNITURE: dict[str, tuple[Kind, ...]] = {
    "kitchen": (
        Kind("kitchen_table", clear=STAND, needed=True), Kind("kitchen_counter", clear=STAND),
        Kind("fridge", clear=0.6), Kind("waste_bin"),
    ),
    "living room": (
        Kind("side_table", clear=STAND, needed=True), Kind("sofa", clear=0.5), Kind("tv_board"),
        Kind("bookshelf"), Kind("floor_lamp"), Kind("plant"),
    ),
    "bedroom": (
        Kind("dresser", clear=STAND, needed=True), Kind("bed"), Kind("wardrobe", clear=0.6), Kind("chair"),
    ),
    "study": (
        Kind("side_table", "desk", STAND, True), Kind("bookshelf"), Kind("stool"), Kind("plant"),
    ),
    "dining room": (
        Kind("kitchen_table", "dining_table", STAND, True), Kind("plant"), Kind("floor_lamp"),
    ),
    "hallway": (Kind("shoe_cabinet"),),
}  # fmt: skip
"""What stands in a room, each with its back to a wall."""
BESIDE: dict[str, tuple[tuple[Kind, float, float, int], ...]] = {
    "sofa": ((Kind("coffee_table"), 0.0, -1.05, 0),),
    "kitchen_table": ((Kind("chair"), 1.0, 0.0, 1), (Kind("chair"), -1.0, 0.0, 3)),
}
"""By model: what stands with it where there is room: x, y [m], quarters of a turn clockwise, in its frame."""
CLUTTER = ("moving_boxes", "crate", "stool", "waste_bin", "plant", "chair")


@cache
def outline(model: str) -> Box:
    """Around a shipped model about its own origin, in its own frame."""
    return Box(*bounds(reader.load_model(share_folder("models") / model)))


def furnish(flat: Flat, rng: np.random.Generator) -> list[Piece] | None:
    """What stands in the flat; None if there was no room for a table that is needed."""
    pieces: list[Piece] = []
    doorways = [door.span(door.width + DOORWAY[0], DOORWAY[1]) for door in flat.doors]
    for room in flat.rooms:
        for kind in FURNITURE[room.name]:
            found = against_wall(kind, room, pieces, doorways, rng)
            if found is not None:
                pieces += [found, *_beside(found, room, pieces, doorways, rng)]
            elif kind.needed:
                return None
    rooms = flat.rooms[1:]
    for _ in range(rng.integers(1, 5)):
        model = CLUTTER[rng.integers(len(CLUTTER))]
        # What came in lately is not in the robot's map.
        kind = Kind(model, f"{UNMAPPED * (rng.random() < 0.3)}{model}")
        found = against_wall(kind, rooms[rng.integers(len(rooms))], pieces, doorways, rng)
        pieces += [] if found is None else [found]
    return pieces


def against_wall(
    kind: Kind, room: Room, pieces: list[Piece], doorways: list[Box], rng: np.random.Generator
) -> Piece | None:
    """Somewhere along a wall where it is in nobody's way; None if no such place was found."""
    for _ in range(TRIES):
        piece = _drawn(kind, room.inside, rng)
        if _fits(piece, room, pieces, doorways):
            return piece
    return None


def _fits(piece: Piece, room: Room, pieces: list[Piece], doorways: list[Box]) -> bool:
    """In its room, and in nobody's way."""
    taken = [other.box.grown(APART) for other in pieces]
    kept = [*doorways, *(other.front for other in pieces)]
    own = [piece.box] if piece.kind.clear == 0.0 else [piece.box, piece.front]
    inside = all(room.inside.holds(box) for box in own)
    met = any(a.meets(b) for a in own for b in taken) or any(piece.box.meets(b) for b in kept)
    return inside and not met


def _beside(
    piece: Piece, room: Room, pieces: list[Piece], doorways: list[Box], rng: np.random.Generator
) -> list[Piece]:
    """What stands with a piece: each thing in two of three cases, if it is in nobody's way."""
    found: list[Piece] = []
    for kind, along, out, quarters in BESIDE.get(piece.kind.model, ()):
        c, s = math.cos(piece.yaw), math.sin(piece.yaw)
        x, y = piece.x + c * along - s * out, piece.y + s * along + c * out
        one = _at(kind, round(x, 3), round(y, 3), (YAWS.index(piece.yaw) + quarters) % 4)
        if rng.random() < 2 / 3 and _fits(one, room, [*pieces, *found], doorways):
            found.append(one)
    return found


def _drawn(kind: Kind, inside: Box, rng: np.random.Generator) -> Piece:
    """A model's back is at its +y."""
    turn = int(rng.integers(4))
    box = _turned(outline(kind.model), turn)
    x = float(rng.uniform(inside.x0 + GAP - box.x0, inside.x1 - GAP - box.x1))
    y = float(rng.uniform(inside.y0 + GAP - box.y0, inside.y1 - GAP - box.y1))
    if turn in (0, 2):
        y = inside.y1 - GAP - box.y1 if turn == 0 else inside.y0 + GAP - box.y0
    else:
        x = inside.x1 - GAP - box.x1 if turn == 1 else inside.x0 + GAP - box.x0
    return _at(kind, round(x, 3), round(y, 3), turn)


def _at(kind: Kind, x: float, y: float, quarters: int) -> Piece:
    """quarters: of a turn clockwise."""
    own = outline(kind.model)
    front = Box(own.x0, own.y0 - kind.clear, own.x1, own.y0)
    box, front = (_turned(one, quarters).moved(x, y) for one in (own, front))
    return Piece(kind, x, y, YAWS[quarters], box, front)


def _turned(box: Box, quarters: int) -> Box:
    """Turned clockwise by quarters of a turn."""
    for _ in range(quarters):
        box = Box(box.y0, -box.x1, box.y1, -box.x0)
    return box
