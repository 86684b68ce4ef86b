"""What an SDF file says, as frozen dataclasses with resolved poses. `vla_sim.world.sdf.reader` fills them.

Poses are (4, 4) float64. Every element knows the file and line it came from (`where`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from vla_sim.common.geometry import Array, inverse

Rgba = tuple[float, float, float, float]
JointType = Literal["fixed", "revolute", "continuous", "prismatic", "ball", "universal", "revolute2", "screw"]
Shape = Literal["box", "sphere", "cylinder", "capsule", "ellipsoid", "plane", "mesh", "hull"]


@dataclass(frozen=True)
class Where:
    """Place in a file; prints as `file:line`."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Tag:
    """Any XML element as it stands: a plugin's parameters."""

    name: str
    text: str
    children: tuple[Tag, ...]
    where: Where

    def all(self, name: str) -> tuple[Tag, ...]:
        """The direct children called `name`."""
        return tuple(child for child in self.children if child.name == name)

    def get(self, name: str, default: str = "") -> str:
        """Text of the first direct child called `name`."""
        found = self.all(name)
        return found[0].text if found else default


@dataclass(frozen=True)
class Plugin:
    """A system plugin. filename, name: as Gazebo loads it; tag: its parameters."""

    name: str
    filename: str
    tag: Tag
    where: Where


@dataclass(frozen=True)
class Geometry:
    """size [m]: box (x, y, z); sphere (radius,); cylinder and capsule (radius, length) along z, a
    capsule's length without its caps; ellipsoid (rx, ry, rz); plane (x, y); mesh: scale (x, y, z); hull: of
    the box around it.
    normal: of a plane. mesh: the file; part: of `meshes.parts(mesh, submesh)`. corners: (n, 3) [m] of a hull,
    about its box's middle. A mesh is a visual only: as a collision it is read as the boxes and hulls of
    `convex.pieces`."""

    shape: Shape
    size: tuple[float, ...]
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0)
    mesh: Path | None = None
    submesh: str = ""
    part: int = 0
    corners: Array | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ContactSurface:
    """mu: Coulomb friction; torsional: spin friction coefficient with its patch radius [m] (None where not
    given)."""

    mu: float = 1.0
    torsional: float | None = None
    patch_radius: float | None = None
    collide_bitmask: int = 0xFF


@dataclass(frozen=True)
class Material:
    """diffuse: with the mean of a texture in it. texture: the file's own for it. textured: the mesh has one,
    which an engine may draw in place of the colour."""

    diffuse: Rgba = (0.7, 0.7, 0.7, 1.0)
    ambient: Rgba = (0.7, 0.7, 0.7, 1.0)
    specular: Rgba = (0.0, 0.0, 0.0, 1.0)
    emissive: Rgba = (0.0, 0.0, 0.0, 1.0)
    texture: Path | None = None
    textured: bool = False


@dataclass(frozen=True)
class Inertial:
    """mass [kg]; pose: centre of mass and axes in the link; inertia: (3, 3) [kg m^2] about them. assumed:
    what the file leaves to SDF's default of 1 kg and 1 kg m^2 ("" for nothing). impossible: why what it says
    cannot be that of a body (""): 1 kg and 1 kg m^2 stand here, which do for what never moves."""

    mass: float
    pose: Array
    inertia: Array
    assumed: str = ""
    impossible: str = ""


@dataclass(frozen=True)
class Collision:
    """pose: in its link."""

    name: str
    pose: Array
    geometry: Geometry
    surface: ContactSurface
    where: Where


@dataclass(frozen=True)
class Visual:
    """pose: in its link."""

    name: str
    pose: Array
    geometry: Geometry
    material: Material
    transparency: float
    where: Where


@dataclass(frozen=True)
class Noise:
    """Gaussian noise of a sensor, in the unit of what it measures. The bias is drawn once."""

    mean: float = 0.0
    stddev: float = 0.0
    bias_mean: float = 0.0
    bias_stddev: float = 0.0


@dataclass(frozen=True)
class Camera:
    """horizontal_fov [rad]; width, height [px]; near, far [m] are the colour clip planes, depth_near
    and depth_far the range of the depth image."""

    horizontal_fov: float
    width: int
    height: int
    near: float
    far: float
    depth_near: float
    depth_far: float
    noise: Noise


@dataclass(frozen=True)
class Lidar:
    """azimuth, elevation: (smallest, largest) [rad]; columns, rows: samples; range [m]."""

    azimuth: tuple[float, float]
    columns: int
    elevation: tuple[float, float]
    rows: int
    range_min: float
    range_max: float
    noise: Noise


@dataclass(frozen=True)
class Imu:
    """Noise along x, y, z of the angular velocity [rad/s] and the linear acceleration [m/s^2]."""

    angular_velocity: tuple[Noise, Noise, Noise]
    linear_acceleration: tuple[Noise, Noise, Noise]


@dataclass(frozen=True)
class Sensor:
    """pose: in its link (`link` is that link's name). Of camera, lidar and imu at most
    one is set."""

    name: str
    type: str
    link: str
    pose: Array
    update_rate: float
    topic: str
    where: Where
    camera: Camera | None = None
    lidar: Lidar | None = None
    imu: Imu | None = None


DIFFUSE: Rgba = (1.0, 1.0, 1.0, 1.0)
SPECULAR: Rgba = (0.1, 0.1, 0.1, 1.0)
"""Of a light that does not say its own."""


@dataclass(frozen=True)
class Light:
    """pose: in its link, model or world. type: point, directional or spot. intensity scales."""

    name: str
    type: str
    pose: Array
    diffuse: Rgba
    specular: Rgba
    direction: tuple[float, float, float]
    range: float
    attenuation: tuple[float, float, float]
    """constant, linear, quadratic"""
    intensity: float
    cast_shadows: bool
    spot_angle: float
    where: Where


@dataclass(frozen=True)
class Frame:
    """pose: in its model or world. attached_to: the link, model or "world" it moves with."""

    name: str
    pose: Array
    attached_to: str
    where: Where


@dataclass(frozen=True)
class Axis:
    """xyz: unit vector in the joint's frame. lower, upper [rad or m], infinite if unlimited;
    effort [Nm or N], velocity [rad/s or m/s]; damping, friction, stiffness in matching units."""

    xyz: tuple[float, float, float]
    lower: float = -math.inf
    upper: float = math.inf
    effort: float = math.inf
    velocity: float = math.inf
    damping: float = 0.0
    friction: float = 0.0
    stiffness: float = 0.0
    reference: float = 0.0


@dataclass(frozen=True)
class Joint:
    """pose: in the model; pose_in_parent, pose_in_child: in the links (in the world if the parent
    is "world"). parent, child: names of links (`inner::link` if nested; of a world's joint,
    `model::link`). axis: None for fixed and ball; axis2: of universal and revolute2. pitch: of a screw [m]
    along its axis for one turn."""

    name: str
    type: JointType
    parent: str
    child: str
    pose: Array
    pose_in_parent: Array
    pose_in_child: Array
    axis: Axis | None
    where: Where
    axis2: Axis | None = None
    pitch: float = 0.0


@dataclass(frozen=True)
class Link:
    """pose: in its model."""

    name: str
    pose: Array
    inertial: Inertial
    gravity: bool
    collisions: tuple[Collision, ...]
    visuals: tuple[Visual, ...]
    sensors: tuple[Sensor, ...]
    lights: tuple[Light, ...]
    where: Where


@dataclass(frozen=True)
class Model:
    """pose: in its parent model or the world. directory: where its file is."""

    name: str
    pose: Array
    static: bool
    self_collide: bool
    canonical_link: str
    links: tuple[Link, ...]
    joints: tuple[Joint, ...]
    frames: tuple[Frame, ...]
    models: tuple[Model, ...]
    plugins: tuple[Plugin, ...]
    directory: Path
    where: Where
    frame_poses: dict[str, Array] = field(repr=False, default_factory=dict)

    def link(self, name: str) -> Link:
        return next(link for link in self.links if link.name == name)

    def joint(self, name: str) -> Joint:
        return next(joint for joint in self.joints if joint.name == name)

    def frame_pose(self, name: str) -> Array:
        """(4, 4) in this model of a link, frame, joint, sensor or nested model, or of one in a
        nested model (`inner::link`). KeyError if there is none."""
        return np.eye(4) if name == "__model__" else _frame_pose(self, name)

    def frame_link(self, name: str) -> str:
        """The link that a link, frame, sensor or nested one moves with (`inner::link` if nested)."""
        if name in ("", "__model__"):
            return self.canonical_link
        for link in self.links:
            if name == link.name or any(sensor.name == name for sensor in link.sensors):
                return link.name
        for joint in self.joints:
            if joint.name == name:
                return joint.child
        for frame in self.frames:
            if frame.name == name:
                return frame.attached_to
        outer, _, rest = name.partition("::")
        for model in self.models:
            if model.name == outer:
                return f"{outer}::{model.frame_link(rest)}"
        raise KeyError(name)

    def in_link(self, name: str) -> tuple[str, Array]:
        """The link that a frame moves with, and the frame's (4, 4) pose in that link."""
        link = self.frame_link(name)
        return link, inverse(self.frame_pose(link)) @ self.frame_pose(name)

    def sensors(self) -> tuple[Sensor, ...]:
        return tuple(sensor for link in self.links for sensor in link.sensors)

    def walk(self, prefix: str = "", base: Array | None = None) -> Iterator[tuple[str, Model, Array]]:
        """(scoped name, model, (4, 4) pose in what holds this model) of this and all nested ones."""
        name = f"{prefix}{self.name}"
        pose = self.pose if base is None else base @ self.pose
        yield name, self, pose
        for model in self.models:
            yield from model.walk(f"{name}::", pose)


@dataclass(frozen=True)
class World:
    """gravity [m/s^2]; step: physics step [s]; ambient, background: of the scene."""

    name: str
    gravity: tuple[float, float, float]
    step: float
    ambient: Rgba
    background: Rgba
    models: tuple[Model, ...]
    joints: tuple[Joint, ...]
    frames: tuple[Frame, ...]
    lights: tuple[Light, ...]
    plugins: tuple[Plugin, ...]
    where: Where
    frame_poses: dict[str, Array] = field(repr=False, default_factory=dict)

    def model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)

    def frame_pose(self, name: str) -> Array:
        """(4, 4) in the world of a frame or model, or of anything in a model (`g1::right_tool`)."""
        return np.eye(4) if name == "world" else _frame_pose(self, name)

    def walk(self) -> Iterator[tuple[str, Model, Array]]:
        """(scoped name, model, (4, 4) pose in the world) of every model, nested ones too."""
        for model in self.models:
            yield from model.walk()


def _frame_pose(holder: Model | World, name: str) -> Array:
    if name == "":
        return np.eye(4)
    if name in holder.frame_poses:
        return holder.frame_poses[name]
    outer, colons, rest = name.partition("::")
    for model in holder.models:
        if colons and model.name == outer:
            return model.pose @ model.frame_pose(rest)
    raise KeyError(name)


@dataclass(frozen=True)
class Root:
    """world: None in a model file; models, lights: those beside a world or of a model file."""

    world: World | None
    models: tuple[Model, ...]
    lights: tuple[Light, ...] = ()
