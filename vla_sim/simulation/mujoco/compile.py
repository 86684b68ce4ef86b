"""SDF world in, MuJoCo model out.

Geom groups: 0 fixed and moving collisions, 1 collisions of loose objects, 2 visuals of the world,
3 collisions of the robot, 4 visuals of the robot. So the lidar sees 0 and 1, the camera 2 and 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.errors import EngineError, SdfError
from vla_sim.common.geometry import quaternion_from_rotation
from vla_sim.robot.state import CONTROL_PERIOD
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.world.sdf import reader
from vla_sim.world.sdf.elements import Collision, Geometry, Joint, Lidar, Light, Link, Model, Visual

FIXED, LOOSE, WORLD_VISUAL, ROBOT, ROBOT_VISUAL = range(5)

IMPRATIO = 10.0
"""Friction is this much stiffer than the normal force: a held cup does not creep out of the fingers."""
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
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
}  # fmt: skip
JOINTS = {
    "revolute": mujoco.mjtJoint.mjJNT_HINGE, "continuous": mujoco.mjtJoint.mjJNT_HINGE,
    "prismatic": mujoco.mjtJoint.mjJNT_SLIDE, "ball": mujoco.mjtJoint.mjJNT_BALL,
}  # fmt: skip


@dataclass(frozen=True)
class Follower:
    """A model that a trajectory-follower plugin moves: a mocap body. pose: (4, 4) at the start."""

    model: str
    body: str
    motion: WaypointMotion
    pose: Array


@dataclass(frozen=True)
class Compiled:
    """model: MuJoCo's. loose: names of models with a free joint, mapped to their root body and that
    body's (4, 4) pose in the SDF model. All body names are `model::link`."""

    world: reader.World
    model: mujoco.MjModel
    robot: reader.Model
    loose: dict[str, tuple[str, Array]]
    followers: tuple[Follower, ...]
    lidar: Lidar | None


def compile_world(world: reader.World, robot_name: str, actuated: tuple[str, ...]) -> Compiled:
    """Compile a world in which model `robot_name` has position actuators on `actuated` joints."""
    builder = _Builder(world, robot_name)
    for name, model, pose in world.walk():
        if "::" not in name:
            builder.add_model(model, pose)
    for light in world.lights:
        builder.add_light(light)
    robot = next((m for m in world.models if m.name == robot_name), None)
    if robot is None:
        raise SdfError(
            f"{world.where}: world {world.name!r} has no model named {robot_name!r}; include model://g1"
        )
    builder.add_actuators(robot, actuated)
    builder.add_camera(robot)
    try:
        model = builder.spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        first = str(error).strip().splitlines()[0]
        raise EngineError(f"MuJoCo cannot compile {world.where.file}: {first}") from None
    _implicit_damping(model)
    lidar = next((s.lidar for s in robot.sensors() if s.lidar), None)
    return Compiled(world, model, robot, builder.loose, tuple(builder.followers), lidar)


def _implicit_damping(model: mujoco.MjModel) -> None:
    """(M + h D) a = f - D v, by adding h D to the joints' armature.

    MuJoCo's own implicit integrators solve the contacts with M and then move with M + h D: the pads of
    a gripper then accelerate less than the contact solver believed, and a light object is thrown out.
    """
    damping = model.dof_damping if model.dof_damping.ndim == 1 else model.dof_damping[:, 0]
    model.dof_armature += model.opt.timestep * damping
    data = mujoco.MjData(model)
    mujoco.mj_setConst(model, data)


class _Builder:
    def __init__(self, world: reader.World, robot_name: str) -> None:
        self.world, self.robot_name = world, robot_name
        self.spec = spec = mujoco.MjSpec()
        self.loose: dict[str, tuple[str, Array]] = {}
        self.followers: list[Follower] = []
        self.meshes: dict[tuple[str, tuple[float, ...]], str] = {}
        steps = CONTROL_PERIOD / world.step
        spec.option.timestep = world.step if abs(steps - round(steps)) < 1e-6 and steps >= 4 else 0.002
        spec.option.gravity = world.gravity
        # Damping is integrated implicitly, but by `_implicit_damping` and not by MuJoCo's integrators.
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_EULERDAMP
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
        spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        spec.option.impratio = IMPRATIO
        spec.option.iterations = 30
        spec.option.ls_iterations = 20
        spec.compiler.degree = False
        spec.compiler.autolimits = False
        spec.compiler.balanceinertia = False
        spec.stat.extent = 1.0  # so that znear and zfar are metres
        spec.stat.center = (0.0, 0.0, 0.5)
        visual = spec.visual
        visual.map.znear, visual.map.zfar = 0.03, 60.0
        visual.global_.offwidth, visual.global_.offheight = 1280, 960
        visual.quality.offsamples = 0
        visual.quality.shadowsize = 1024
        visual.headlight.ambient = np.array(world.ambient[:3])
        visual.headlight.diffuse = (0.2, 0.2, 0.2)
        visual.headlight.specular = (0.0, 0.0, 0.0)
        r, g, b, _ = world.background
        spec.add_texture(
            name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
            rgb1=(r, g, b), rgb2=(r, g, b), width=8, height=48,
        )  # fmt: skip

    # ------------------------------------------------------------------ models

    def add_model(self, model: Model, pose: Array) -> None:
        """A model with its nested ones, as one tree of bodies for each root link."""
        links: dict[str, tuple[Link, Array]] = {}
        joints: list[Joint] = []
        self.flatten(model, pose, model.name, links, joints)
        above: dict[str, Joint] = {}
        for joint in joints:
            if joint.child in above:
                raise SdfError(
                    f"{joint.where}: {joint.child} is the child of two joints; closed loops cannot be run"
                )
            above[joint.child] = joint
        moving = None if model.static else WaypointMotion.of(model)
        made: dict[str, object] = {}
        pending = dict(links)
        while pending:
            ready = [
                n for n in pending if n not in above or above[n].parent in made or self.on_world(above[n])
            ]
            if not ready:
                where = above[next(iter(pending))].where
                raise SdfError(f"{where}: the joints of {model.name!r} form a loop; let one link be the root")
            for name in ready:
                link, at = pending.pop(name)
                made[name] = self.add_link(model, name, link, at, above.get(name), made, pose, moving)
        if not model.self_collide and not model.static:
            self.exclude(model, list(links), above)

    def on_world(self, joint: Joint) -> bool:
        return joint.parent.rpartition("::")[2] == "world"

    def flatten(
        self, model: Model, pose: Array, prefix: str,
        links: dict[str, tuple[Link, Array]], joints: list[Joint],
    ) -> None:  # fmt: skip
        """Links (with poses in the world) and joints under scoped names."""
        for link in model.links:
            links[f"{prefix}::{link.name}"] = (link, pose @ link.pose)
        for joint in model.joints:
            parent, child = f"{prefix}::{joint.parent}", f"{prefix}::{joint.child}"
            joints.append(replace(joint, parent=parent, child=child))
        for one in model.models:
            self.flatten(one, pose @ one.pose, f"{prefix}::{one.name}", links, joints)

    def add_link(
        self, model: Model, name: str, link: Link, at: Array, joint: Joint | None,
        made: dict[str, object], model_pose: Array, moving: WaypointMotion | None,
    ) -> object:  # fmt: skip
        parent = self.spec.worldbody
        local = at
        if joint is not None and not model.static and not self.on_world(joint):
            parent = made[joint.parent]
            local = joint.pose_in_parent @ np.linalg.inv(joint.pose_in_child)
        body = parent.add_body(name=name, pos=local[:3, 3], quat=quaternion_from_rotation(local[:3, :3]))
        inertial = link.inertial
        rotation = inertial.pose[:3, :3]
        tensor = rotation @ inertial.inertia @ rotation.T
        body.explicitinertial = True
        body.mass = inertial.mass
        body.ipos = inertial.pose[:3, 3]
        body.fullinertia = (*np.diag(tensor), tensor[0, 1], tensor[0, 2], tensor[1, 2])
        body.gravcomp = 0.0 if link.gravity else 1.0
        loose = False
        if model.static:
            pass
        elif joint is not None:
            self.add_joint(body, name, joint)
        elif moving is not None:
            body.mocap = True
            self.followers.append(Follower(model.name, name, moving, at))
        else:
            loose = True
            body.add_freejoint(name=f"{name}::free")
            if model.name != self.robot_name and model.name not in self.loose:
                self.loose[model.name] = (name, np.linalg.inv(model_pose) @ at)
        robot = model.name == self.robot_name
        free = model.name in self.loose or loose
        group = ROBOT if robot else LOOSE if free else FIXED
        for collision in link.collisions:
            self.add_collision(body, f"{name}::{collision.name}", collision, group)
        for visual in link.visuals:
            shown = ROBOT_VISUAL if robot else WORLD_VISUAL
            self.add_visual(body, f"{name}::{visual.name}#visual", visual, shown)
        for light in link.lights:
            self.add_light(light, body)
        return body

    def add_joint(self, body: object, link: str, joint: Joint) -> None:
        if joint.type == "fixed":
            return
        scope = link.rpartition("::")[0]
        values = {}
        if joint.axis is not None:
            axis = joint.axis
            limited = math.isfinite(axis.lower) or math.isfinite(axis.upper)
            values = {
                "axis": joint.pose_in_child[:3, :3] @ np.array(axis.xyz),
                "limited": int(limited),
                "range": (max(axis.lower, -1e6), min(axis.upper, 1e6)) if limited else (0.0, 0.0),
                "damping": self.damping(axis.damping),
                "frictionloss": axis.friction,
                "stiffness": self.damping(axis.stiffness),
                "springref": axis.reference,
            }
        body.add_joint(  # type: ignore[attr-defined]
            name=f"{scope}::{joint.name}", type=JOINTS[joint.type], pos=joint.pose_in_child[:3, 3], **values
        )

    def damping(self, value: float) -> Array:
        """MuJoCo takes a polynomial; only its linear term is used."""
        return np.array([value, 0.0, 0.0])

    def exclude(self, model: Model, links: list[str], above: dict[str, Joint]) -> None:
        """SDF models do not collide with themselves unless they say so."""
        for i, a in enumerate(links):
            for b in links[i + 1 :]:
                self.spec.add_exclude(bodyname1=a, bodyname2=b)

    # ------------------------------------------------------------------ geoms

    def add_collision(self, body: object, name: str, one: Collision, group: int) -> None:
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
        self.add_geom(
            body, name, one.geometry, one.pose, group=group, contype=surface.collide_bitmask,
            conaffinity=surface.collide_bitmask, friction=friction, condim=condim, priority=priority,
            solref=(GRIP_TIME if condim > 3 else 0.01, 1.0), rgba=(0.4, 0.6, 0.4, 0.4),
            solimp=(0.95, 0.99, 0.001, 0.5, 2.0) if condim > 3 else (0.9, 0.95, 0.001, 0.5, 2.0),
        )  # fmt: skip

    def add_visual(self, body: object, name: str, one: Visual, group: int) -> None:
        material = f"{name}#material"
        shine = max(one.material.specular[:3])
        r, g, b, a = one.material.diffuse
        self.spec.add_material(
            name=material, rgba=(r, g, b, a * (1.0 - one.transparency)), specular=min(1.0, shine),
            shininess=0.4, emission=max(one.material.emissive[:3]),
        )  # fmt: skip
        self.add_geom(
            body, name, one.geometry, one.pose, group=group, contype=0, conaffinity=0, material=material
        )

    def add_geom(self, body: object, name: str, geometry: Geometry, pose: Array, **values: object) -> None:
        size: tuple[float, ...] = geometry.size
        rotation = pose[:3, :3]
        if geometry.shape == "box":
            size = tuple(s / 2 for s in size)
        elif geometry.shape in ("cylinder", "capsule"):
            size = (size[0], size[1] / 2, 0.0)
        elif geometry.shape == "plane":
            size = (size[0] / 2, size[1] / 2, 1.0) if values.get("contype") == 0 else (0.0, 0.0, 1.0)
            rotation = rotation @ _towards(np.array(geometry.normal))
        elif geometry.shape == "sphere":
            size = (size[0], 0.0, 0.0)
        if geometry.shape == "mesh":
            values["meshname"] = self.mesh(geometry)
        else:
            values["size"] = size
        body.add_geom(  # type: ignore[attr-defined]
            name=name, type=SHAPES[geometry.shape], pos=pose[:3, 3],
            quat=quaternion_from_rotation(rotation), mass=0.0, **values,
        )  # fmt: skip

    def mesh(self, geometry: Geometry) -> str:
        key = (str(geometry.mesh), geometry.size)
        if key not in self.meshes:
            self.meshes[key] = f"mesh{len(self.meshes)}"
            self.spec.add_mesh(name=self.meshes[key], file=str(geometry.mesh), scale=geometry.size)
        return self.meshes[key]

    # ------------------------------------------------------------------ lights, camera, actuators

    def add_light(self, light: Light, body: object | None = None) -> None:
        kind = mujoco.mjtLightType
        direction = light.pose[:3, :3] @ np.array(light.direction)
        down = direction / np.linalg.norm(direction) if light.type != "point" else (0.0, 0.0, -1.0)
        types = {
            "directional": kind.mjLIGHT_DIRECTIONAL, "point": kind.mjLIGHT_POINT, "spot": kind.mjLIGHT_SPOT,
        }  # fmt: skip
        (body or self.spec.worldbody).add_light(  # type: ignore[union-attr,attr-defined]
            name=light.name, pos=light.pose[:3, 3], dir=down, type=types[light.type], castshadow=False,
            diffuse=np.array(light.diffuse[:3]) * light.intensity,
            specular=np.array(light.specular[:3]) * light.intensity,
            attenuation=light.attenuation, cutoff=math.degrees(light.spot_angle), ambient=(0.0, 0.0, 0.0),
        )  # fmt: skip

    def add_actuators(self, robot: Model, actuated: tuple[str, ...]) -> None:
        known = {joint.name: joint for joint in robot.joints}
        missing = [name for name in actuated if name not in known]
        if missing:
            raise SdfError(
                f"{robot.where}: model {robot.name!r} lacks the joint {missing[0]!r}; use models/g1"
            )
        for name in actuated:
            axis = known[name].axis
            effort = 1e4 if axis is None or not math.isfinite(axis.effort) else axis.effort
            self.spec.add_actuator(
                name=name, target=f"{robot.name}::{name}", trntype=mujoco.mjtTrn.mjTRN_JOINT,
                gaintype=mujoco.mjtGain.mjGAIN_FIXED, biastype=mujoco.mjtBias.mjBIAS_AFFINE,
                forcelimited=True, forcerange=(-effort, effort), ctrllimited=False,
            )  # fmt: skip

    def add_camera(self, robot: Model) -> None:
        """The robot's (first) camera and its lidar's and tools' sites."""
        bodies = {body.name: body for body in self.spec.bodies}
        for sensor in robot.sensors():
            body = bodies[f"{robot.name}::{sensor.link}"]
            body.add_site(
                name=sensor.name, pos=sensor.pose[:3, 3], quat=quaternion_from_rotation(sensor.pose[:3, :3]),
                group=5,
            )  # fmt: skip
            if sensor.camera is not None:
                # SDF cameras look along x with z up, MuJoCo's along -z with y up.
                rotation = sensor.pose[:3, :3] @ np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])
                camera = sensor.camera
                half = math.tan(camera.horizontal_fov / 2) * camera.height / camera.width
                body.add_camera(
                    name=sensor.name, pos=sensor.pose[:3, 3], quat=quaternion_from_rotation(rotation),
                    fovy=math.degrees(2 * math.atan(half)),
                )  # fmt: skip
        for frame in robot.frames:
            link, pose = robot.in_link(frame.name)
            body = bodies[f"{robot.name}::{link}"]
            body.add_site(
                name=frame.name, pos=pose[:3, 3], quat=quaternion_from_rotation(pose[:3, :3]), group=5
            )


def _towards(normal: Array) -> Array:
    """(3, 3) rotation that takes z to `normal`."""
    z = normal / np.linalg.norm(normal)
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)
