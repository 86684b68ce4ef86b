"""The things of a world that can be picked up, and what people call them.

A thing is a free model that is small enough for a hand, or that has a colour in its name. Its name is what
the side file says of it (`names`), else the words of the model's name, without numbers and what makers put
before all names: `Red_Cup` and `red cup (1)` are a "red cup", `red_coffee_cup` is a "red coffee cup". A model
without such words is a "thing": nothing is known of it in advance.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import Array, inverse
from vla_sim.contract.vocabulary import COLOUR_SYNONYMS, COLOURS, THING, colour_named, traits_of
from vla_sim.world.colour_names import name_of
from vla_sim.world.sdf import elements, inertia, meshes
from vla_sim.world.solids import Solid, half_extent, solids_of
from vla_sim.world.world_file import words_of

LARGEST = 0.35
"""[m] along each axis: what is larger and has no colour in its name is furniture."""
FILLED = (0.85, 0.85, 0.5)
"""A thing whose largest collision is less than these parts of the whole along x, y and z is no primitive: a
mug with a handle is no cylinder, a floor with walls around it no box; a bottle with its neck is one."""

Shape = Literal["cylinder", "sphere", "box", "other"]


@dataclass(frozen=True)
class ObjectKind:
    """One thing of the world. name: of its model.

    kind, colour: what it is called: "cup", "red"; "grey" for gray. Without a colour in the name it is that of
    its largest visual; "" if no name fits.
    size: extent [m] along its own x, y, z. shape: what the gripper closes on; "other": no upright primitive.
    word: what a detector should call it, for the judge of a run alone.
    """

    name: str
    kind: str
    colour: str
    shape: Shape
    size: tuple[float, float, float]
    mass: float
    word: str = ""

    @property
    def traits(self) -> tuple[str, ...]:
        return traits_of(self.size)

    @property
    def given_name(self) -> str:
        """None: no world knows what the owner calls it."""
        return ""


def things_of(
    models: tuple[elements.Model, ...], names: Mapping[str, str] | None = None
) -> tuple[ObjectKind, ...]:
    """All things among the models. names: what the side file calls some of them."""
    return tuple(one for model in models if (one := _thing(model, (names or {}).get(model.name))) is not None)


def has_colour(model: str) -> bool:
    """Whether a model's name says a colour, as that of a thing does."""
    return any(_is_colour(word) for word in words_of(model))


def called(name: str) -> tuple[str, str]:
    """(kind, colour) that a name says: ("coffee cup", "red"); (`THING`, "") for one without words."""
    words = words_of(name)
    colour = next((word for word in words if _is_colour(word)), "")
    kind = " ".join(word for word in words if word != colour)
    return kind or THING, colour_named(colour)


def _is_colour(word: str) -> bool:
    return word in COLOURS or word in COLOUR_SYNONYMS


def _thing(model: elements.Model, given: str | None) -> ObjectKind | None:
    kind, colour = called(model.name if given is None else given)
    named = given is not None or (bool(colour) and kind != THING)
    if model.static or (not named and model.joints):
        return None
    solids = list(solids_of(model))
    if not solids:
        if named:
            raise SdfError(f"{model.where}: {model.name} has no collision; nothing could grasp it")
        return None
    into = inverse(model.pose)
    boxes = [(into @ s.pose, half_extent(s.shape, s.size, (into @ s.pose)[:3, :3])) for s in solids]
    high = np.max([p[:3, 3] + h for p, h in boxes], axis=0)
    low = np.min([p[:3, 3] - h for p, h in boxes], axis=0)
    if not named and float((high - low).max()) > LARGEST:
        return None
    main = int(np.argmax([np.prod(h) for _, h in boxes]))
    x, y, z = (round(float(v), 6) for v in high - low)
    mass = sum(link.inertial.mass for _, one, _ in model.walk() for link in one.links)
    shape = _shape(solids[main], boxes[main], high - low)
    return ObjectKind(model.name, kind, colour or _colour_of(model), shape, (x, y, z), mass)


def _shape(main: Solid, box: tuple[Array, Array], size: Array) -> Shape:
    pose, half = box
    upright = main.shape == "sphere" or abs(pose[2, 2]) > 0.99
    if main.shape == "hull" or not upright or bool((2.0 * half < FILLED * size).any()):
        return "other"
    return main.shape


def _colour_of(model: elements.Model) -> str:
    """Of its largest visual."""
    visuals: Iterator[elements.Visual] = (
        v for _, one, _ in model.walk() for link in one.links for v in link.visuals
    )
    largest = max(visuals, key=lambda v: _volume(v.geometry), default=None)
    return "" if largest is None else name_of(largest.material.diffuse)


def _volume(geometry: elements.Geometry) -> float:
    """[m^3]; of a mesh that of the box around its part."""
    if geometry.mesh is None:
        return inertia.of_solid(geometry)[0]
    vertices = meshes.parts(geometry.mesh, geometry.submesh)[geometry.part].vertices
    return float(np.prod(np.ptp(vertices, axis=0) * np.abs(geometry.size)))
