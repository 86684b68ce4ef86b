"""What can be seen of an SDF world: its visuals as arrays for the kernels.

scene = Scene(sdf.load_world("worlds/apartment.sdf"), robot="g1")
distances = scene.view().cast(scene.rest, origin, rays, reach=10.0)
"""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, towards, transform
from vla_sim.simulation.sensors import kernels
from vla_sim.world.sdf import elements, meshes

KIND = {shape: getattr(kernels, shape.upper()) for shape in get_args(elements.Shape) if shape != "hull"}
INVISIBLE = 0.9
"""A visual of at least this transparency is not seen."""


@dataclass
class Shapes:
    """n visuals. kind (n,), size (n, 3): see `kernels`. link (n,): index into `Scene.links`. local (n, 4,
    4): pose in the link. bound (n, 2, 3): corners in its own frame. colour (n, 6): diffuse, emissive."""

    kind: NDArray[np.int8]
    size: Array
    link: NDArray[np.int32]
    local: Array
    bound: Array
    colour: Array


class View:
    """The scene, or a part of it, as seen from one point. Holds the buffers; one thread uses one view."""

    def __init__(self, shapes: Shapes, meshes: tuple[Array, NDArray[np.int32], Array]) -> None:
        n = len(shapes.kind)
        self.shapes = shapes
        self.meshes = meshes
        self.pose, self.start = np.zeros((n, 4, 4)), np.zeros((n, 3))
        self.low, self.high = np.zeros((n, 3)), np.zeros((n, 3))
        self.order = np.zeros(n, np.int32)
        self.box, self.child = np.zeros((2 * n + 1, 6)), np.zeros((2 * n + 1, 2), np.int32)
        self.nodes = 0

    def prepare(self, links: Array, origin: Array) -> None:
        """Take the poses (m, 4, 4) of `Scene.links` and the sensor's position (3,), all in the world."""
        s = self.shapes
        kernels.place(
            links, s.link, s.local, s.kind, s.size, s.bound, origin,
            self.pose, self.start, self.low, self.high,
        )  # fmt: skip
        self.nodes = kernels.build(self.low, self.high, self.order, self.box, self.child)

    def cast(
        self, links: Array, origin: Array, rays: Array, reach: float, rotation: Array | None = None
    ) -> Array:
        """(n,) distances [m] from `origin` (3,) along unit rays (n, 3), turned by `rotation` (3, 3); inf
        where nothing is met within `reach`. links: as in `prepare`."""
        origin = np.ascontiguousarray(origin)
        self.prepare(links, origin)
        out = np.empty(len(rays))
        turn = np.eye(3) if rotation is None else np.ascontiguousarray(rotation)
        kernels.cast(origin, turn, rays, reach, out, *self.arguments)
        return out

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The last arguments of `kernels.cast` and `kernels.shoot`."""
        s = self.shapes
        return (
            self.nodes, self.box, self.child, self.order, s.kind, s.size, self.pose, self.start, *self.meshes,
        )  # fmt: skip


class Scene:
    """links: names `model::link` of everything that holds a visual, and all of the robot's; `poses`
    everywhere are theirs, (m, 4, 4) in the world. rest (m, 4, 4): where the file puts them.

    world: for its visuals, lights and colours; robot: name of the robot's model.
    """

    def __init__(self, world: elements.World, robot: str) -> None:
        self.links: list[str] = []
        rest, own = [], []
        visuals: list[tuple[int, elements.Visual]] = []
        lights = [(np.eye(4), light) for light in world.lights]
        for name, model, pose in world.walk():
            for link in model.links:
                seen = [v for v in link.visuals if v.transparency < INVISIBLE]
                lights += [(pose @ link.pose, light) for light in link.lights]
                mine = name == robot or name.startswith(f"{robot}::")
                if not seen and not mine:
                    continue
                visuals += [(len(self.links), v) for v in seen]
                self.links.append(f"{name}::{link.name}")
                rest.append(pose @ link.pose)
                own.append(mine)
        self.rest = np.array(rest).reshape(-1, 4, 4)
        self.own = np.array(own, dtype=bool)
        """(m,) links of the robot itself."""
        self.meshes = _Meshes()
        self.shapes = _shapes(visuals, self.meshes)
        self.lights = _lights(lights)
        self.ambient = np.array(world.ambient[:3])
        self.background = np.array(world.background[:3])

    def view(self, links: NDArray[np.bool_] | None = None) -> View:
        """All of it, or what these links (m,) hold."""
        if links is None:
            return View(self.shapes, self.meshes.arrays())
        keep = links[self.shapes.link]
        part = {name: np.ascontiguousarray(value[keep]) for name, value in vars(self.shapes).items()}
        return View(Shapes(**part), self.meshes.arrays())


class _Meshes:
    """All triangles of all meshes, each mesh with a tree of its own."""

    def __init__(self) -> None:
        self.known: dict[elements.Geometry, tuple[Array, Array]] = {}
        self.box, self.child = [np.zeros((0, 6))], [np.zeros((0, 2), np.int32)]
        self.triangles: list[Array] = []
        self.nodes = self.count = 0

    def add(self, geometry: elements.Geometry) -> tuple[Array, Array]:
        """size (3,) and bound (2, 3) of one part of a mesh."""
        found = self.known.get(geometry)
        if found is not None:
            return found
        assert geometry.mesh is not None
        part = meshes.parts(geometry.mesh, geometry.submesh)[geometry.part]
        triangles = part.vertices[part.faces] * np.array(geometry.size)
        n = len(triangles)
        low, high = triangles.min(axis=1), triangles.max(axis=1)
        order, box = np.zeros(n, np.int32), np.zeros((2 * n + 1, 6))
        child = np.zeros((2 * n + 1, 2), np.int32)
        nodes = kernels.build(low, high, order, box, child)
        size = np.array([self.nodes, self.count, 0.0])
        self.box.append(box[:nodes])
        self.child.append(child[:nodes])
        self.triangles.append(triangles[order])
        self.nodes += nodes
        self.count += n
        self.known[geometry] = size, np.array([low.min(axis=0), high.max(axis=0)])
        return self.known[geometry]

    def arrays(self) -> tuple[Array, NDArray[np.int32], Array]:
        triangles = np.concatenate(self.triangles) if self.triangles else np.zeros((0, 3, 3))
        return np.concatenate(self.box), np.concatenate(self.child), np.ascontiguousarray(triangles)


def _shapes(visuals: list[tuple[int, elements.Visual]], triangles: _Meshes) -> Shapes:
    n = len(visuals)
    out = Shapes(
        np.zeros(n, np.int8), np.ones((n, 3)), np.zeros(n, np.int32), np.zeros((n, 4, 4)),
        np.zeros((n, 2, 3)), np.zeros((n, 6)),
    )  # fmt: skip
    for i, (link, visual) in enumerate(visuals):
        geometry = visual.geometry
        out.kind[i], out.link[i], out.local[i] = KIND[geometry.shape], link, visual.pose
        out.colour[i] = (*visual.material.diffuse[:3], *visual.material.emissive[:3])
        if geometry.shape == "mesh":
            out.size[i], out.bound[i] = triangles.add(geometry)
            continue
        if geometry.shape == "plane":
            out.local[i] = visual.pose @ transform(np.zeros(3), towards(geometry.normal))
        out.size[i], half = _sizes(geometry)
        out.bound[i] = -half, half
    return out


def _sizes(geometry: elements.Geometry) -> tuple[Array, Array]:
    """size (3,) for the kernels, and half the sides (3,) of the shape's box."""
    a, b, c = (*geometry.size, 0.0, 0.0)[:3]
    size, half = {
        "box": ((a / 2, b / 2, c / 2), (a / 2, b / 2, c / 2)),
        "sphere": ((a, a, a), (a, a, a)),
        "cylinder": ((a, b / 2, 0.0), (a, a, b / 2)),
        "capsule": ((a, b / 2, 0.0), (a, a, a + b / 2)),
        "ellipsoid": ((a, b, c), (a, b, c)),
        "plane": ((a / 2, b / 2, 0.0), (a / 2, b / 2, 1e-9)),
    }[geometry.shape]
    return np.array(size), np.array(half)


def _lights(lights: list[tuple[Array, elements.Light]]) -> Array:
    """(m, 11) for `kernels.shoot`. A spot light counts as a point light. Lights on links stay where they
    were at the start."""
    out = []
    for base, light in lights:
        pose = base @ light.pose
        direction = pose[:3, :3] @ np.array(light.direction)
        direction = direction / (np.linalg.norm(direction) or 1.0)
        point = light.type != "directional"
        where = pose[:3, 3] if point else direction
        strength = np.array(light.diffuse[:3]) * light.intensity
        out.append([float(point), *where, *strength, *light.attenuation, light.range])
    return np.array(out).reshape(-1, 11)
