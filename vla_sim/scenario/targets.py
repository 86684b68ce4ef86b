"""What a scenario's names mean in its world: objects, places, surfaces, points."""

from collections.abc import Collection
from typing import Literal

from vla_sim.common.errors import InputError, nearest
from vla_sim.contract.records import GroundTruth, ObjectQuery
from vla_sim.contract.vocabulary import colour_named
from vla_sim.world.semantic_map import World

Kind = Literal["object", "kind of object", "place", "surface", "place or model"]
"""What a name is of. An object is one of the world's; of a kind there may be several."""
Named = tuple[Kind, str]


def check(world: World, loose: Collection[str], named: Named) -> None:
    """Whether such a thing is in the world. loose: names of the models that can move. Raises `InputError`."""
    kind, text = named
    known: list[str]
    if kind in ("object", "kind of object"):
        if kind == "object" and text.replace(" ", "_") in loose:
            return
        found = sum(query(text).matches(k) for k in world.objects)
        if found == 1 or (found and kind == "kind of object"):
            return
        known = [k.name.replace("_", " ") for k in world.objects]
        if found:
            raise InputError(f"{text!r} means {found} of this world's objects: {', '.join(known)}")
    else:
        surfaces = [s.name for s in world.surfaces]
        known = surfaces if kind == "surface" else [*(p.name for p in world.places), *surfaces]
        if kind == "place or model" and text.replace(" ", "_") in loose:
            return
        if text.replace("_", " ") in known:
            return
    raise InputError(f"no {kind} is called {text!r}{nearest(text, known)}")


def query(text: str) -> ObjectQuery:
    """ "red cup", "red_cup" or "cup" as a query."""
    words = text.replace("_", " ").split()
    return ObjectQuery(colour=colour_named(words[0]) if len(words) > 1 else "", kind=words[-1])


def object_name(world: World, text: str, truth: GroundTruth) -> str:
    """The one loose model that a name ("red_cup" or "red cup") means. Raises `InputError`."""
    name = text.replace(" ", "_")
    if name in truth.objects:
        return name
    found = [k.name for k in world.objects if query(text).matches(k)]
    if len(found) != 1:
        known = ", ".join(truth.objects) or "none"
        raise InputError(f"object {text!r} means {len(found)} of this world's objects: {known}")
    return found[0]


def locate(world: World, target: str | tuple[float, float]) -> tuple[float, float, float | None]:
    """x, y [m] and heading [rad] (None if it has none) of a place, surface or point. Raises `InputError`."""
    if not isinstance(target, str):
        return target[0], target[1], None
    name = target.replace("_", " ")
    known: dict[str, tuple[float, float, float | None]] = {p.name: (p.x, p.y, p.yaw) for p in world.places}
    known = known | {s.name: (s.x, s.y, None) for s in world.surfaces if s.name not in known}
    if name not in known:
        raise InputError(f"no place or surface is called {target!r}; this world has {', '.join(known)}")
    return known[name]
