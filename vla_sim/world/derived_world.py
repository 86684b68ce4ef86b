"""A world derived from an SDF file: models added and removed, another start, another light."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from lxml import etree

from vla_sim.common import assets
from vla_sim.common.errors import InputError
from vla_sim.common.files import writing
from vla_sim.world import world_file
from vla_sim.world.map_file import Number
from vla_sim.world.sdf import elements, reader, resources
from vla_sim.world.semantic_map import ROBOT, UNMAPPED

DRAG = 120.0
"""[N s/m] of models/person: the force that carries it is its speed times this."""
SOCIAL = "social_force"
"""What our simulators read in that plugin, and Gazebo does not: see `Added.social`."""


class Added(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model put into the world. z [m] is the height of its origin. mapped: whether the robot's map has
    it (only models that do not move can be in a map). walk: waypoints [x, y] that it is carried along at
    `speed` [m/s], round and round. social: it gives way to walls, people and the robot on its way there."""

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: str = ""
    x: Number
    y: Number
    z: Number = 0.0
    yaw: Number = 0.0  # [degrees]
    mapped: bool = False
    walk: list[tuple[Number, Number]] = []
    speed: Annotated[float, msgspec.Meta(gt=0.0)] = 0.6
    social: bool = False


@dataclass(frozen=True)
class Worlds:
    """known: the world that the stack knows. real: the one that is simulated, without the removed models:
    the robot does not know that they are gone. Names of shipped worlds, or paths."""

    known: str
    real: str


def derive(
    world_name: str, folder: Path, *, add: Sequence[Added] = (), remove: Sequence[str] = (),
    start: tuple[float, float, float] | None = None, light: float = 1.0,
) -> Worlds:  # fmt: skip
    """Writes the changed world into `folder` if there is a change. Raises `InputError`.

    world_name: of a shipped world, or the path of an SDF file. start: of the robot, x, y [m] and yaw
    [degrees]. light: factor on all lights.
    """
    path = assets.find_world(world_name)
    if not add and not remove and start is None and light == 1.0:
        return Worlds(named(world_name), named(world_name))
    whole = world_file.load(path)  # reports a broken file with its line
    root = reader.parse(path)
    tree, world = root.getroottree(), root.find("world")
    world_file.completed(world, whole)
    _still_found(world, path)
    if start is not None:
        x, y, yaw = start
        robot = _robot(world, path)
        for old in [*robot.iterchildren("pose", "placement_frame")]:  # a pose may be relative to something
            robot.remove(old)
        height = whole.model(ROBOT).pose[2, 3]
        etree.SubElement(robot, "pose").text = f"{x} {y} {height:.9g} 0 0 {math.radians(yaw)}"
    if light != 1.0:
        _dim(world, whole, light, path)
    names = {model.name for model in whole.models}
    for number, added in enumerate(add):
        name = model_name(added, number, path)
        if name in names:
            raise InputError(f"a model {name!r} is there already; give the one that is added another name")
        names.add(name)
        world.append(_include(added, name, path))
    with writing(f"the scenario's world into {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        known = folder / f"{path.stem}.sdf"
        tree.write(str(known))
        if (notes := world_file.notes_file(path)) is not None:
            known.with_suffix(".places.yaml").write_bytes(notes.read_bytes())
        if not remove:
            return Worlds(str(known.resolve()), str(known.resolve()))
        for name in remove:
            world.remove(_model(world, name, path))
        real = folder / f"{path.stem}-real.sdf"
        tree.write(str(real))
    return Worlds(str(known.resolve()), str(real.resolve()))


def _still_found(world: Any, path: Path) -> None:
    """What the file names beside itself, also from where its copy will be."""
    for uri in world.iter("uri", "albedo_map"):
        if uri.text and "://" not in uri.text:
            uri.text = f"file://{(path.parent / uri.text.strip()).resolve()}"
    if path.parent == assets.share_folder("worlds"):
        return
    folders = [*map(str, resources.resource_path()), *map(str, reader.near(path.absolute()))]
    os.environ[resources.RESOURCE_PATH] = os.pathsep.join(dict.fromkeys(folders))


def _model(world: Any, name: str, path: Path) -> Any:
    """The <include> or <model> of a name."""
    found = {}
    for one in world.iterchildren("model", "include"):
        key = one.get("name") or str(one.findtext("name") or "").strip()
        if not key and (inner := reader.included(one, path)) is not None:
            key = inner.get("name")
        found[key] = one
    if name not in found:
        raise InputError(f"no model {name!r} in this world; it has {', '.join(sorted(found))}")
    return found[name]


def _robot(world: Any, path: Path) -> Any:
    """The <include> or <model> of the robot, which may be of another one than the process's."""
    for one in world.iterchildren("include"):
        if str(one.findtext("uri")).strip().removeprefix("model://") in assets.robot_names():
            return one
    return _model(world, ROBOT, path)


def _dim(world: Any, whole: elements.World, factor: float, path: Path) -> None:
    """Also what is included, and what the file leaves to SDF's defaults."""
    for include in [*world.iterchildren("include")]:
        light = reader.included(include, path)
        if light is not None and light.tag == "light":
            light.set("name", str(include.findtext("name") or light.get("name")).strip())
            if (pose := include.find("pose")) is not None:
                for old in light.findall("pose"):
                    light.remove(old)
                light.append(pose)
            world.replace(include, light)
    scene = world.find("scene") if world.find("scene") is not None else etree.SubElement(world, "scene")
    parts = [(scene, "ambient", whole.ambient), (scene, "background", whole.background)]
    for light in world.iterchildren("light"):
        parts += [(light, "diffuse", elements.DIFFUSE), (light, "specular", elements.SPECULAR)]
    for parent, key, default in parts:
        one = parent.find(key)
        values = default if one is None else [float(v) for v in one.text.split()]
        one = etree.SubElement(parent, key) if one is None else one
        dimmed = [min(1.0, v * factor) for v in values[:3]]
        one.text = " ".join(f"{v:.4g}" for v in [*dimmed, *values[3:]])


def named(world: str) -> str:
    """A world by a name that is valid in any folder: that of a shipped one, or the absolute path of its file.
    Raises `InputError` for one that is neither."""
    path = assets.find_world(world)
    return world if path.parent == assets.share_folder("worlds") else str(path.resolve())


def model_name(added: Added, number: int, world: Path) -> str:
    """Name of the model that is added as number `number` (from 0) to the world of this file."""
    folder = _folder(added, world)
    if folder is None or added.walk or not reader.load_model(folder).static:
        return added.name or added.model
    name = added.name or (added.model if added.mapped else f"{added.model}_{number}")
    return name if added.mapped else f"{UNMAPPED}{name.removeprefix(UNMAPPED)}"


def _folder(added: Added, world: Path) -> Path | None:
    """Of the model's files; None if there is none."""
    folders = (folder / added.model for folder in reader.default_search(world))
    return next(filter(os.path.isdir, folders), None)


def _include(added: Added, name: str, world: Path) -> Any:
    if _folder(added, world) is None:
        known = ", ".join(sorted(p.name for p in assets.share_folder("models").iterdir() if p.is_dir()))
        raise InputError(f"no model {added.model!r}; there are {known}")
    out = etree.Element("include")
    etree.SubElement(out, "uri").text = f"model://{added.model}"
    etree.SubElement(out, "name").text = name
    etree.SubElement(out, "pose").text = f"{added.x} {added.y} {added.z} 0 0 {math.radians(added.yaw)}"
    if added.walk:
        follow(out, added.walk, added.speed, social=added.social)
    return out


def follow(
    model: Any, waypoints: Iterable[tuple[float, float]], speed: float, *, social: bool = False
) -> None:
    """Gives an <include> or <model> of a person the plugin that carries it along waypoints [m], round and
    round, at `speed` [m/s]. social: see `Added`."""
    plugin = etree.SubElement(
        model, "plugin", filename="gz-sim-trajectory-follower-system",
        name="gz::sim::systems::TrajectoryFollower",
    )  # fmt: skip
    etree.SubElement(plugin, "link_name").text = "link"
    etree.SubElement(plugin, "loop").text = "true"
    points = etree.SubElement(plugin, "waypoints")
    for x, y in waypoints:
        etree.SubElement(points, "waypoint").text = f"{x:g} {y:g}"
    for key, value in (
        ("force", DRAG * speed), ("torque", 20), ("range_tolerance", 0.1), ("bearing_tolerance", 10),
    ):  # fmt: skip
        etree.SubElement(plugin, key).text = f"{value:g}"
    if social:
        etree.SubElement(plugin, SOCIAL).text = "true"
