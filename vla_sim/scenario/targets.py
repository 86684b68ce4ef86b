"""What a scenario's names mean in its world: objects, places, surfaces, points."""

from vla_sim.common.errors import InputError
from vla_sim.contract.records import GroundTruth, ObjectQuery
from vla_sim.contract.vocabulary import colour_named
from vla_sim.world.semantic_map import World


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
