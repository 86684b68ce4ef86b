"""The world in a scene: what stands still as one node, each movable thing as a node of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from vla_sim.common.geometry import Array, inverse
from vla_sim.view import meshes
from vla_sim.view.meshes import Shape
from vla_sim.view.nodes import Placed
from vla_sim.view.state import ViewState
from vla_sim.world import map_file
from vla_sim.world.sdf import elements, reader
from vla_sim.world.semantic_map import ROBOT, World
from vla_sim.world.solids import half_extent

WALL = (0.74, 0.75, 0.77, 1.0)
FLOOR = (0.88, 0.87, 0.85, 1.0)
"""Of a map, which has no colours."""
STANDS = "/world"
MOVES = "/things/"
EXTENT = "/extent"


class Scenery:
    """models: all but the robot. robot: its model."""

    def __init__(self, path: Path) -> None:
        """path: of an SDF world or of a map's YAML file."""
        self.models: tuple[elements.Model, ...] = ()
        if map_file.is_map(path):
            self.robot = reader.load_model(reader.robot_model())
        else:
            world = reader.load_world(path)
            self.robot = world.model(ROBOT)
            self.models = tuple(model for model in world.models if model.name != ROBOT)
        self._moving: dict[str, Placed] = {}

    def add(self, scene: Any, world: World) -> None:
        """The nodes. The places' names lie on the floor; two frames are the map's corners, for the camera
        from above (`static/scene_camera.js`)."""
        still = [shape for model in self.models if model.static for shape in _shapes(model)]
        # What stands still casts no shadows: they would speckle walls and floor, and be drawn again for each
        # frame.
        scene.add_glb(STANDS, meshes.glb(still or _map_shapes(world)), cast_shadow=False)
        for model in self.models:
            if not model.static:
                self._moving[model.name] = Placed(scene.add_glb(_node(model), meshes.glb(_shapes(model))))
        at = np.array([solid.pose[:3, 3] for solid in world.solids])
        half = np.array([half_extent(solid.shape, solid.size, solid.pose[:3, :3]) for solid in world.solids])
        for name, corner in (("low", (at - half).min(axis=0)), ("high", (at + half).max(axis=0))):
            scene.add_frame(f"{EXTENT}/{name}", show_axes=False, position=corner)
        for place in world.places:
            scene.add_label(
                f"/places/{place.name}", place.name, position=(place.x, place.y, 0.05),
                anchor="center-center", font_size_mode="scene", font_scene_height=0.1, depth_test=True,
            )  # fmt: skip

    def collisions(self) -> Iterator[tuple[str, str, Array, elements.Collision]]:
        """Scoped name, the node that it moves with, and its (4, 4) pose in that node."""
        for model in self.models:
            for name, link, pose in _links(model):
                for one in link.collisions:
                    yield f"{name}::{link.name}::{one.name}", _node(model), pose @ one.pose, one

    def show(self, state: ViewState) -> None:
        """Movable things are where the simulator says; one that it does not know is not drawn."""
        known = {**state.objects, **state.people}
        for name, node in self._moving.items():
            if name in known:
                node.at(known[name].position, known[name].quaternion)
            else:
                node.hide()


def _node(model: elements.Model) -> str:
    return STANDS if model.static else f"{MOVES}{model.name}"


def _links(model: elements.Model) -> Iterator[tuple[str, elements.Link, Array]]:
    """Scoped name of the model, link, and the link's (4, 4) pose in the model's node, nested ones too."""
    for name, inner, pose in model.walk(base=None if model.static else inverse(model.pose)):
        for link in inner.links:
            yield name, link, pose @ link.pose


def _shapes(model: elements.Model) -> list[Shape]:
    return [shape for _, link, pose in _links(model) for shape in meshes.shapes_of(link, pose)]


def _map_shapes(world: World) -> list[Shape]:
    """Walls of a map, which is all that is known of its world, and a floor below them."""
    walls = [
        meshes.mesh_of(elements.Geometry(solid.shape, solid.size)).apply_transform(solid.pose)
        for solid in world.solids
    ]
    low, high = trimesh.util.concatenate(walls).bounds
    floor = trimesh.creation.box((*(high - low)[:2], 0.02))
    floor.apply_translation((*((low + high) / 2)[:2], -0.011))
    return [Shape(floor, FLOOR), *(Shape(wall, WALL) for wall in walls)]
