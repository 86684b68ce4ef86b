"""A home by its seed: an SDF file, and a scenario that can be passed there, or on purpose cannot."""

import itertools
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from vla_sim.common.assets import share_folder
from vla_sim.common.errors import InputError
from vla_sim.common.files import write_output
from vla_sim.common.geometry import Array, Pose2
from vla_sim.homes import furniture, rooms, sdf_file
from vla_sim.homes.sdf_file import Layout, Person, Thing
from vla_sim.homes.solvable import Home
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import Surface, World, shipped_objects
from vla_sim.world.solids import underside

DRAWS = 200
"""Flats that are drawn until one is solvable."""
BEFORE = 0.75
"""A place is so far before its table [m]."""
INSET = (0.12, 0.18)
"""[m] from a table's edge to the middle of a thing."""
BETWEEN = 0.28
"""[m] between two things: the hand fits between them."""
TOO_DEEP = 0.08
"""[m] from a table's far edge to a thing that no arm reaches."""
PACE = (0.5, 0.9)
"""[m/s] at which people walk at home."""
STRIDES = 0.8
"""[m] at least between two points that a person walks to."""
APART = 1.5
"""[m] at which people begin from the robot and from each other."""
TOO_NARROW = 0.55
"""Width of a doorway [m] that no robot of this size fits through."""


@dataclass(frozen=True)
class Job:
    """What is asked for: to take a thing from a surface, and to put it on another one in another room."""

    thing: str
    start: Surface
    goal: Surface

    @property
    def words(self) -> str:
        """ "red cup"."""
        return self.thing.replace("_", " ")


def make(seed: int, folder: Path, *, unsolvable: bool = False, people: int = 0) -> Path:
    """Writes `home_<seed>.sdf` and the scenario `home_<seed>.yaml`, whose path it returns. Equal seeds make
    equal files; with people it is the same home. Raises `InputError` if they cannot be written, or if no such
    home was found."""
    rng = np.random.default_rng(seed)
    path = folder / f"home_{seed:03d}.sdf"
    for _ in range(DRAWS):
        flat = rooms.draw(rng)
        pieces = furniture.furnish(flat, rng)
        if pieces is None:
            continue
        places = _places(flat, pieces)
        start = places[str(rng.choice(list(places)))]
        layout = Layout(flat, tuple(pieces), places, start)
        world = sdf_file.write(path, layout)
        stock = _stock(world, rng)
        job = _job(world, stock, rng)
        there = Home(world)
        if job is None or there.problems((surface, thing[1:]) for surface, thing in stock):
            continue
        things = tuple(thing for _, thing in stock)
        layout = replace(layout, things=things, people=_people(there, layout, people, seed))
        if not unsolvable:
            sdf_file.write(path, layout)
            return _write_scenario(path, _solvable(seed, job), people)
        if why := _spoil(path, layout, job, rng):
            return _write_scenario(path, _unsolvable(seed, job, why), people)
    raise InputError(f"seed {seed}: none of {DRAWS} homes that were drawn would do; give another seed")


def _places(flat: rooms.Flat, pieces: list[furniture.Piece]) -> dict[str, Pose2]:
    """Of a room, before its table; of the hallway, in its middle."""
    places: dict[str, Pose2] = {}
    for room in flat.rooms[1:]:
        table = next(p for p in pieces if p.kind.needed and room.box.holds(p.box))
        ahead = table.yaw + math.pi / 2
        far = BEFORE - furniture.outline(table.kind.model).y0
        x, y = table.x - far * math.cos(ahead), table.y - far * math.sin(ahead)
        places[room.name] = (round(x, 3), round(y, 3), math.remainder(ahead, math.tau))
    hall = flat.rooms[0]
    places[hall.name] = (round((hall.box.x0 + hall.box.x1) / 2, 3), 0.0, 0.0)
    return places


def _stock(world: World, rng: np.random.Generator) -> list[tuple[Surface, Thing]]:
    """Things on the tables that every room has: of the shipped objects, no two alike."""
    tables = {k.name or k.model for kinds in furniture.FURNITURE.values() for k in kinds if k.needed}
    holding = [s for s in world.surfaces if s.name.replace(" ", "_") in tables]
    spots = [(surface, spot) for surface in holding for spot in _spots(surface, rng)]
    models = [str(name) for name in rng.permutation(shipped_objects())]
    return [
        (surface, (model, round(x, 3), round(y, 3), round(surface.height + _rise(model), 3)))
        for (surface, (x, y)), model in zip(spots, models, strict=False)
    ]


def _spots(surface: Surface, rng: np.random.Generator) -> list[tuple[float, float]]:
    """x, y in map [m] of one to three spots along the front edge of a table, which is at its -y."""
    half = surface.length / 2 - 0.15
    along: list[float] = []
    for at in rng.uniform(-half, half, size=rng.integers(1, 4)):
        if all(abs(at - other) >= BETWEEN for other in along):
            along.append(float(at))
    return [_on(surface, at, float(rng.uniform(*INSET))) for at in along]


def _on(surface: Surface, along: float, inset: float) -> tuple[float, float]:
    """x, y in map [m] of a point `inset` from a table's front edge."""
    c, s = math.cos(surface.yaw), math.sin(surface.yaw)
    across = inset - surface.width / 2
    return surface.x + c * along - s * across, surface.y + s * along + c * across


def _rise(model: str) -> float:
    """Of a model's origin above what it stands on [m], 2 mm to spare."""
    return 0.002 - underside(reader.load_model(share_folder("models") / model))


def _job(world: World, stock: list[tuple[Surface, Thing]], rng: np.random.Generator) -> Job | None:
    """From a room where the robot does not start to another one; None if it starts beside the thing."""
    start, thing = stock[rng.integers(len(stock))]
    others = [s for s in world.surfaces if s.place != start.place]
    here = next(p.name for p in world.places if math.dist((p.x, p.y), world.start[:2]) < 1e-6)
    goal = others[rng.integers(len(others))]
    return None if here == start.place else Job(thing[0], start, goal)


def _people(home: Home, layout: Layout, count: int, seed: int) -> tuple[Person, ...]:
    """Who walk from room to room on ways with room for the robot too. Raises `InputError` if there are not
    places enough for them to begin at."""
    rng = np.random.default_rng([seed, 7])
    places = {name: (x, y) for name, (x, y, _) in layout.places.items()}
    taken = [layout.start[:2]]
    out: list[Person] = []
    for _ in range(count):
        free = [n for n, at in places.items() if all(math.dist(at, other) >= APART for other in taken)]
        if not free:
            raise InputError(f"seed {seed}: there is room for {len(out)} people, not for {count}")
        first = str(rng.choice(free))
        others = [str(name) for name in rng.permutation([n for n in places if n != first])[:2]]
        taken.append(places[first])
        tour = [places[name] for name in (first, *others, first)]
        points = [p for a, b in itertools.pairwise(tour) for p in _strides(home.way(a, b))]
        out.append(Person(tuple(points), round(float(rng.uniform(*PACE)), 2)))
    return tuple(out)


def _strides(way: Array) -> list[tuple[float, float]]:
    """Points of a way without its first, `STRIDES` apart, and its last one."""
    out: list[tuple[float, float]] = []
    last, end = way[0], way[-1]
    for point in way[1:]:
        if math.dist(point, last) >= STRIDES and math.dist(point, end) >= STRIDES / 2:
            last = point
            out.append((round(float(point[0]), 2), round(float(point[1]), 2)))
    return [*out, (float(end[0]), float(end[1]))]


def _spoil(path: Path, layout: Layout, job: Job, rng: np.random.Generator) -> str:
    """Writes a home in which the job cannot be done, and says why; "" if it could be done all the same."""
    room = job.start.place
    if rng.random() < 0.5:
        doors = tuple(
            replace(door, width=TOO_NARROW) if door.name == room else door for door in layout.flat.doors
        )
        world = sdf_file.write(path, replace(layout, flat=replace(layout.flat, doors=doors)))
        why = Home(world).no_way(*layout.places[room][:2])
        return why and f"The door of the {room} is {TOO_NARROW:g} m wide"
    x, y = _on(job.start, 0.0, job.start.width - TOO_DEEP)
    z = job.start.height + _rise(job.thing)
    others = (thing for thing in layout.things if thing[0] != job.thing)
    world = sdf_file.write(path, replace(layout, things=(*others, (job.thing, x, y, z))))
    why = Home(world).out_of_reach(job.start, (x, y, z))
    return why and f"The {job.words} stands at the far edge of the {job.start.name}, where no arm reaches"


def _command(words: str, means: list[dict[str, str]], number: int) -> dict[str, Any]:
    when = {} if number == 1 else {"when": {"done": number - 1}}
    return {"do": "say", "words": words, "means": means, **when}


def _fetch(job: Job) -> dict[str, Any]:
    room, thing = job.start.place, job.words
    return _command(f"Pick up the {thing} in the {room}", [
        {"skill": "navigate", "place": room}, {"skill": "find", "object": thing, "place": room},
        {"skill": "pick", "object": thing},
    ], 1)  # fmt: skip


def _solvable(seed: int, job: Job) -> dict[str, Any]:
    room, surface = job.goal.place, job.goal.name
    return {
        "version": 1,
        "proves": f"In home {seed} the {job.words} is fetched from the {job.start.name}, carried to the "
        f"{room} and put on the {surface}.",
        "script": [
            _fetch(job),
            _command(f"Carry it to the {room}", [{"skill": "carry", "place": room}], 2),
            _command(f"Put it on the {surface}", [{"skill": "place", "place": surface}], 3),
        ],
        "expect": [
            *({"check": "heard", "command": number} for number in (1, 2, 3)),
            {"check": "as_commanded"}, {"check": "no_fall"}, {"check": "no_collision"},
            {"check": "placed", "object": job.words, "on": surface},
        ],
    }  # fmt: skip


def _unsolvable(seed: int, job: Job, why: str) -> dict[str, Any]:
    return {
        "version": 1,
        "proves": f"In home {seed} nobody can do what is asked. {why}. The robot says that it cannot.",
        "script": [_fetch(job)],
        "expect": [
            {"check": "outcome", "state": ["failed", "rejected"]},
            {"check": "said", "contains": ["cannot", "could not", "no way"]},
            {"check": "no_fall"}, {"check": "no_collision"}, {"check": "untouched", "object": job.words},
        ],
    }  # fmt: skip


def _write_scenario(world: Path, scenario: dict[str, Any], people: int) -> Path:
    nobody = [{"check": "never", "touched": f"person_{number}"} for number in range(1, people + 1)]
    scenario = {**scenario, "expect": [*scenario["expect"], *nobody]}
    path = world.with_suffix(".yaml")
    text = yaml.safe_dump(
        {"version": 1, "proves": "", "world": world.name, **scenario}, sort_keys=False, width=110
    )  # fmt: skip
    write_output(path, text.encode())
    return path
