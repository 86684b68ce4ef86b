"""What a scenario's names mean in its world: objects, places, surfaces, points."""

from collections.abc import Callable, Mapping
from typing import Literal

from vla_sim.common.errors import InputError, nearest
from vla_sim.contract.records import GroundTruth, ObjectQuery
from vla_sim.contract.vocabulary import COLOURS, TRAITS, colour_named
from vla_sim.world.semantic_map import UNMAPPED, Surface, World

Kind = Literal["object", "kind of object", "place", "surface", "place or model", "model"]
"""What a name is of. An object is one of the world's; of a kind there may be several."""
Named = tuple[Kind, str]


def check(world: World, models: Callable[[], Mapping[str, bool]], named: Named) -> None:
    """Whether such a thing is in the world. models: gives the names of all models, and of each whether it can
    move; called for what is nothing else. Raises `InputError`."""
    kind, text = named
    if kind == "model":
        name, names = as_model(text), sorted({as_model(one) for one in models()})
        if name not in names:
            raise InputError(f"no model is called {text!r}{nearest(name, names)}")
        return
    if kind == "surface":
        surface(world, text)
        return
    if kind in ("object", "kind of object"):
        found, known = _matching(world, text), [k.name.replace("_", " ") for k in world.objects]
        if len(found) == 1 or (found and kind == "kind of object"):
            return
    else:
        found, known = [], list(_points(world))
        if text.replace("_", " ") in known:
            return
    if kind in ("object", "place or model") and models().get(text.replace(" ", "_")):
        return
    if found:
        raise InputError(f"{text!r} means {len(found)} of this world's objects: {', '.join(known)}")
    raise InputError(f"no {kind} is called {text!r}{nearest(text, known)}")


def as_model(text: str) -> str:
    """A model's name, of how a scenario, the world or a contact has it: "kitchen table", "unmapped_crate",
    "crate::link::collision"."""
    return text.partition("::")[0].replace(" ", "_").removeprefix(UNMAPPED)


def query(text: str) -> ObjectQuery:
    """ "red cup", "red_cup", "cup", "red coffee cup" or "tall green thing" as a query."""
    words = text.replace("_", " ").split()
    traits = tuple(word for word in words[:-1] if word in TRAITS)
    rest = [word for word in words if word not in traits]
    colour = colour_named(rest[0]) if len(rest) > 1 and colour_named(rest[0]) in COLOURS else ""
    return ObjectQuery(colour=colour, kind=" ".join(rest[1:] if colour else rest), traits=traits)


def object_name(world: World, text: str, truth: GroundTruth) -> str:
    """The one loose model that a name ("red_cup" or "red cup") means. Raises `InputError`."""
    for name in (text, text.replace(" ", "_")):
        if name in truth.objects:
            return name
    found = _matching(world, text)
    if len(found) != 1:
        known = ", ".join(truth.objects) or "none"
        raise InputError(f"object {text!r} means {len(found)} of this world's objects: {known}")
    return found[0]


def locate(world: World, target: str | tuple[float, float]) -> tuple[float, float, float | None]:
    """x, y [m] and heading [rad] (None if it has none) of a place, surface or point. Raises `InputError`."""
    if not isinstance(target, str):
        return target[0], target[1], None
    name, known = target.replace("_", " "), _points(world)
    if name not in known:
        raise InputError(f"no place or surface is called {target!r}; this world has {', '.join(known)}")
    return known[name]


def surface(world: World, text: str) -> Surface:
    """The surface of this name ("kitchen table" or "kitchen_table"). Raises `InputError`."""
    by = {s.name: s for s in world.surfaces}
    name = text.replace("_", " ")
    if name not in by:
        there = f"this world has {', '.join(by) or 'none'}"
        raise InputError(f"no surface is called {text!r}{nearest(text, by, there)}")
    return by[name]


def _matching(world: World, text: str) -> list[str]:
    """Names of the objects that are such a thing."""
    exact = [k.name for k in world.objects if k.name in (text, text.replace(" ", "_"))]
    return exact or [k.name for k in world.meant(query(text))]


def _points(world: World) -> dict[str, tuple[float, float, float | None]]:
    """As `locate`, by name."""
    places: dict[str, tuple[float, float, float | None]] = {p.name: (p.x, p.y, p.yaw) for p in world.places}
    return places | {s.name: (s.x, s.y, None) for s in world.surfaces if s.name not in places}
