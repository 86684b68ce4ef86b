"""Collisions and visuals of SDF links as MuJoCo geoms.

Geom groups: 0 fixed and moving collisions, 1 collisions of loose objects, 2 visuals of the world,
3 collisions of the robot, 4 visuals of the robot. So the lidar sees 0 and 1, the camera 2 and 4.
"""

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, quaternion_from_rotation, towards
from vla_sim.world.sdf import meshes
from vla_sim.world.sdf.elements import Collision, Geometry, Visual

FIXED, LOOSE, WORLD_VISUAL, ROBOT, ROBOT_VISUAL = range(5)

GRIP_TIME = 0.004
"""Time constant [s] of contacts with grip, the smallest for 2 ms steps. MuJoCo leaves the centripetal
acceleration of a contact point out, so that a held object creeps outward with w^2 r GRIP_TIME / 2."""
ROLLING = 0.001
"""Rolling resistance of loose spheres [m]: SDF has no element for it, and a ball would never rest."""
TORSION = 3.0 * math.pi / 16.0
"""Spin friction torque = TORSION * patch_radius * coefficient * normal force (Gazebo's formula)."""

SHAPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX, "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER, "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID, "plane": mujoco.mjtGeom.mjGEOM_PLANE,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH, "hull": mujoco.mjtGeom.mjGEOM_MESH,
}  # fmt: skip


class GeomBuilder:
    """Adds geoms to bodies of `spec`; each part of a mesh and each texture is added once."""

    def __init__(self, spec: mujoco.MjSpec) -> None:
        self.spec = spec
        self.meshes: dict[tuple[Any, ...], str] = {}
        self.textures: dict[bytes, str] = {}

    def add_collision(self, body: Any, name: str, one: Collision, group: int) -> None:
        surface = one.surface
        torsion = 0.005
        if surface.torsional is not None:
            torsion = TORSION * surface.torsional * (surface.patch_radius or 0.01)
        friction = (surface.mu, torsion, 0.0001)
        condim = 4 if surface.torsional is not None else 3
        if one.geometry.shape == "sphere" and group == LOOSE:
            condim, friction = 6, (surface.mu, torsion, ROLLING)
        # Gazebo takes the smaller of two friction values, MuJoCo that of the higher priority.
        priority = 2 if surface.torsional is not None else int(group == ROBOT)
        mask = surface.collide_bitmask
        mask -= mask >> 31 << 32  # the same 32 bits, as MuJoCo's signed number
        self.add_geom(
            body, name, one.geometry, one.pose, group=group, contype=mask, conaffinity=mask,
            friction=friction, condim=condim, priority=priority,
            solref=(GRIP_TIME if condim > 3 else 0.01, 1.0), rgba=(0.4, 0.6, 0.4, 0.4),
            solimp=(0.95, 0.99, 0.001, 0.5, 2.0) if condim > 3 else (0.9, 0.95, 0.001, 0.5, 2.0),
        )  # fmt: skip

    def add_visual(self, body: Any, name: str, one: Visual, group: int) -> None:
        material = f"{name}#material"
        shine = max(one.material.specular[:3])
        r, g, b, a = one.material.diffuse
        image = _part(one.geometry).texture if one.material.textured else None
        if image is not None:
            r, g, b = 1.0, 1.0, 1.0
        made = self.spec.add_material(
            name=material, rgba=(r, g, b, a * (1.0 - one.transparency)), specular=min(1.0, shine),
            shininess=0.4, emission=max(one.material.emissive[:3]),
        )  # fmt: skip
        if image is not None:
            made.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = self.texture(image)
        self.add_geom(
            body, name, one.geometry, one.pose, group=group, contype=0, conaffinity=0, material=material
        )

    def add_geom(self, body: Any, name: str, geometry: Geometry, pose: Array, **values: Any) -> None:
        size: tuple[float, ...] = geometry.size
        rotation = pose[:3, :3]
        if geometry.shape == "box":
            size = tuple(s / 2 for s in size)
        elif geometry.shape in ("cylinder", "capsule"):
            size = (size[0], size[1] / 2, 0.0)
        elif geometry.shape == "plane":
            size = (size[0] / 2, size[1] / 2, 1.0) if values.get("contype") == 0 else (0.0, 0.0, 1.0)
            rotation = rotation @ towards(geometry.normal)
        elif geometry.shape == "sphere":
            size = (size[0], 0.0, 0.0)
        if geometry.shape in ("mesh", "hull"):
            values["meshname"] = self.mesh(geometry)
        else:
            values["size"] = size
        body.add_geom(
            name=name, type=SHAPES[geometry.shape], pos=pose[:3, 3],
            quat=quaternion_from_rotation(rotation), mass=0.0, **values,
        )  # fmt: skip

    def mesh(self, geometry: Geometry) -> str:
        """Name of a hull, or of one part of a mesh."""
        if geometry.corners is not None:
            return self._mesh(("hull", geometry.corners.tobytes()), uservert=geometry.corners.ravel())
        part = _part(geometry)
        # A mirror turns faces inside out.
        faces = part.faces if np.prod(geometry.size) > 0 else part.faces[:, ::-1]
        values: dict[str, Any] = {}
        if part.uv is not None:
            u, v = part.uv.T
            values["usertexcoord"] = np.column_stack([u, 1.0 - v]).ravel()
            values["userfacetexcoord"] = faces.ravel()
        return self._mesh(
            ("mesh", geometry.mesh, geometry.submesh, geometry.part, geometry.size),
            uservert=(part.vertices * geometry.size).ravel(), userface=faces.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL, **values,
        )  # fmt: skip

    def _mesh(self, key: tuple[Any, ...], **values: Any) -> str:
        if key not in self.meshes:
            self.meshes[key] = f"mesh{len(self.meshes)}"
            self.spec.add_mesh(name=self.meshes[key], **values)
        return self.meshes[key]

    def texture(self, image: NDArray[np.uint8]) -> str:
        """image: (height, width, 3), its first row the top."""
        data = image.tobytes()
        if data not in self.textures:
            self.textures[data] = f"texture{len(self.textures)}"
            made = self.spec.add_texture(
                name=self.textures[data], type=mujoco.mjtTexture.mjTEXTURE_2D, nchannel=3,
                width=image.shape[1], height=image.shape[0],
            )  # fmt: skip
            made.data = data
        return self.textures[data]


def _part(geometry: Geometry) -> meshes.Part:
    assert geometry.mesh is not None
    return meshes.parts(geometry.mesh, geometry.submesh)[geometry.part]
