"""A home as an SDF file: physics, plugins, lights and ground are those of the shipped apartment."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from vla_sim.common import assets
from vla_sim.common.files import write_output
from vla_sim.common.geometry import Pose2
from vla_sim.homes.furniture import Piece
from vla_sim.homes.rooms import Box, Flat
from vla_sim.robot import facts
from vla_sim.world.derived_world import follow
from vla_sim.world.semantic_map import World

HEIGHT = 1.6
"""Of walls [m]: one can look in from above."""
PAINT = "0.93 0.91 0.87 1"
FLOORS = {
    "kitchen": "0.78 0.76 0.72 1", "living room": "0.70 0.58 0.45 1", "bedroom": "0.66 0.62 0.58 1",
    "hallway": "0.62 0.52 0.42 1", "study": "0.60 0.56 0.50 1", "dining room": "0.72 0.62 0.50 1",
}  # fmt: skip
STANDING = facts.STANDING_HEIGHT + 0.02
"""The pelvis above the floor [m], as in the shipped worlds: the soles touch it with bent knees."""
Thing = tuple[str, float, float, float]
"""A movable model, where its origin is [m]."""


@dataclass(frozen=True)
class Person:
    """Who walks from point to point, round and round [m], at `speed` [m/s], from the last one on."""

    points: tuple[tuple[float, float], ...]
    speed: float


@dataclass(frozen=True)
class Layout:
    """All that stands and walks in a home. places: standing poses by their names."""

    flat: Flat
    pieces: tuple[Piece, ...]
    places: dict[str, Pose2]
    start: Pose2
    things: tuple[Thing, ...] = ()
    people: tuple[Person, ...] = ()


def write(path: Path, layout: Layout) -> World:
    """The world that the file then holds. Raises `InputError` if it cannot be written."""
    empty = etree.parse(str(assets.find_world("apartment")), etree.XMLParser(remove_comments=True))
    root = empty.getroot()
    root.addprevious(etree.Comment(f" {path.stem}, as `vla-sim world` makes it. "))
    world = root.find("world")
    world.set("name", path.stem)
    for one in [*world.iterchildren("include"), *world.iterchildren("frame")]:
        world.remove(one)
    world.append(_shell(layout.flat))
    x, y, yaw = layout.start
    robot = assets.chosen_robot().stem
    _include(world, robot, robot, (x, y, STANDING), yaw)
    names: Counter[str] = Counter()
    for piece in layout.pieces:
        name = piece.kind.name or piece.kind.model
        names[name] += 1
        name += f"_{names[name]}" * (names[name] > 1)
        _include(world, piece.kind.model, name, (piece.x, piece.y, 0.0), piece.yaw)
    for model, *at in layout.things:
        _include(world, model, model, (at[0], at[1], at[2]), 0.0)
    for number, person in enumerate(layout.people, start=1):
        x, y = person.points[-1]
        model = _include(world, "person", f"person_{number}", (x, y, 0.0), 0.0)
        follow(model, person.points, person.speed, social=True)
    for name, (x, y, yaw) in layout.places.items():
        frame = etree.SubElement(world, "frame", name=f"place/{name.replace(' ', '_')}")
        etree.SubElement(frame, "pose").text = _pose(x, y, 0.0, yaw)
    etree.indent(root)
    write_output(path, etree.tostring(empty, xml_declaration=True, encoding="UTF-8"))
    return World.load(str(path))


def _shell(flat: Flat) -> etree._Element:
    """Walls that are touched, and floors that are only seen: the ground carries the feet."""
    model = etree.Element("model", name="walls")
    etree.SubElement(model, "static").text = "true"
    link = etree.SubElement(model, "link", name="link")
    for number, wall in enumerate(flat.walls()):
        for part in ("collision", "visual"):
            _box(link, part, f"wall_{number}{'_visual' * (part == 'visual')}", wall, (0.0, HEIGHT), PAINT)
    for room in flat.rooms:
        name = f"{room.name.replace(' ', '_')}_floor"
        _box(link, "visual", name, room.box, (-0.02, 0.0), FLOORS[room.name])
    return model


def _box(link: etree._Element, part: str, name: str, box: Box, z: tuple[float, float], colour: str) -> None:
    one = etree.SubElement(link, part, name=name)
    middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, sum(z) / 2
    etree.SubElement(one, "pose").text = _pose(*middle, 0.0)
    shape = etree.SubElement(etree.SubElement(one, "geometry"), "box")
    size = box.x1 - box.x0, box.y1 - box.y0, z[1] - z[0]
    etree.SubElement(shape, "size").text = " ".join(f"{value:.4g}" for value in size)
    if part == "visual":
        material = etree.SubElement(one, "material")
        for key in ("ambient", "diffuse"):
            etree.SubElement(material, key).text = colour
        etree.SubElement(material, "specular").text = "0.05 0.05 0.05 1"


def _include(
    world: etree._Element, model: str, name: str, at: tuple[float, float, float], yaw: float
) -> etree._Element:
    one = etree.SubElement(world, "include")
    etree.SubElement(one, "uri").text = f"model://{model}"
    etree.SubElement(one, "name").text = name
    etree.SubElement(one, "pose").text = _pose(*at, yaw)
    return one


def _pose(x: float, y: float, z: float, yaw: float) -> str:
    return f"{x:.4f} {y:.4f} {z:.4f} 0 0 {yaw:.5f}"
