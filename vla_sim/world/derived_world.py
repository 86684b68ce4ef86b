"""A scenario's world: the SDF file that it names, with what the scenario adds, takes away and changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from vla_sim.common import assets
from vla_sim.common.errors import InputError
from vla_sim.scenario.format import Added, Scenario
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import ROBOT, UNMAPPED

DRAG = 120.0
"""[N s/m] of models/person: the force that carries it is its speed times this."""


@dataclass(frozen=True)
class Worlds:
    """known: what the stack knows of. real: what is simulated; they differ in what was taken away, of which
    the robot has not been told. Names of shipped worlds, or paths."""

    known: str
    real: str


def derive(scenario: Scenario, folder: Path) -> Worlds:
    """Writes the changed world into `folder` where there is a change. Raises `InputError`."""
    path = assets.find_world(scenario.world)
    unchanged = not scenario.add and not scenario.remove and scenario.start is None and scenario.light == 1.0
    if unchanged:
        return Worlds(named(scenario.world), named(scenario.world))
    reader.load_world(path)  # a broken file is told of with its line
    tree = etree.parse(str(path), etree.XMLParser(resolve_entities=False, no_network=True))
    world = tree.getroot().find("world")
    if scenario.start is not None:
        s = scenario.start
        pose = _model(world, ROBOT).find("pose")
        height = float(pose.text.split()[2])
        pose.text = f"{s.x} {s.y} {height} 0 0 {math.radians(s.yaw)}"
    if scenario.light != 1.0:
        _dim(world, scenario.light)
    for number, added in enumerate(scenario.add):
        world.append(_include(added, number, path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = folder / f"{path.stem}.sdf"
        tree.write(str(known))
        if not scenario.remove:
            return Worlds(str(known.resolve()), str(known.resolve()))
        for name in scenario.remove:
            world.remove(_model(world, name))
        real = folder / f"{path.stem}-real.sdf"
        tree.write(str(real))
    except OSError as error:
        raise InputError(f"cannot write the scenario's world into {folder}: {error.strerror}") from None
    return Worlds(str(known.resolve()), str(real.resolve()))


def _model(world: Any, name: str) -> Any:
    """The <include> or <model> of a name."""
    found = {}
    for one in world.iterchildren("model", "include"):
        key = one.get("name") or one.findtext("name") or str(one.findtext("uri")).rsplit("/", 1)[-1]
        found[key] = one
    if name not in found:
        raise InputError(f"no model {name!r} in this world; it has {', '.join(sorted(found))}")
    return found[name]


def _dim(world: Any, factor: float) -> None:
    places = [*world.iterfind("scene/ambient"), *world.iterfind("scene/background"),
              *world.iterfind("light/diffuse"), *world.iterfind("light/specular")]  # fmt: skip
    for one in places:
        values = [float(v) for v in one.text.split()]
        dimmed = [min(1.0, v * factor) for v in values[:3]]
        one.text = " ".join(f"{v:.4g}" for v in [*dimmed, *values[3:]])


def named(world: str) -> str:
    """A world by a name that holds in any folder: a shipped one's own, or the whole path of its file. Raises
    `InputError` for one that is neither."""
    path = assets.find_world(world)
    return world if path.parent == assets.worlds_dir() else str(path.resolve())


def model_name(added: Added, number: int) -> str:
    """What the model that a scenario adds as its `number`th (from 0) is called in the world."""
    folder = assets.models_dir() / added.model
    name = added.name or (added.model if added.mapped else f"{added.model}_{number}")
    if folder.is_dir() and not added.walk and reader.load_model(reader.model_file(folder)).static:
        return name if added.mapped else f"{UNMAPPED}{name.removeprefix(UNMAPPED)}"
    return added.model if added.name == "" and folder.is_dir() else name


def _include(added: Added, number: int, beside: Path) -> Any:
    folder = assets.models_dir() / added.model
    if not folder.is_dir() and not (beside.parent / added.model).is_dir():
        known = ", ".join(sorted(p.name for p in assets.models_dir().iterdir() if p.is_dir()))
        raise InputError(f"no model {added.model!r}; there are {known}")
    out = etree.Element("include")
    etree.SubElement(out, "uri").text = f"model://{added.model}"
    etree.SubElement(out, "name").text = model_name(added, number)
    etree.SubElement(out, "pose").text = f"{added.x} {added.y} {added.z} 0 0 {math.radians(added.yaw)}"
    if added.walk:
        plugin = etree.SubElement(
            out, "plugin", filename="gz-sim-trajectory-follower-system",
            name="gz::sim::systems::TrajectoryFollower",
        )  # fmt: skip
        etree.SubElement(plugin, "link_name").text = "link"
        etree.SubElement(plugin, "loop").text = "true"
        points = etree.SubElement(plugin, "waypoints")
        for x, y in added.walk:
            etree.SubElement(points, "waypoint").text = f"{x} {y}"
        for key, value in (
            ("force", DRAG * added.speed), ("torque", 20), ("range_tolerance", 0.1),
            ("bearing_tolerance", 10),
        ):  # fmt: skip
            etree.SubElement(plugin, key).text = f"{value:g}"
    return out
