"""SDF world in, MuJoCo model out."""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from vla_sim.common.errors import EngineError, SdfError
from vla_sim.common.geometry import Array, quaternion_from_rotation
from vla_sim.simulation.mujoco.bodies import BodyBuilder, Follower, add_light
from vla_sim.simulation.physics_step import physics_step
from vla_sim.world.sdf import elements
from vla_sim.world.sdf.elements import Lidar, Model

IMPRATIO = 10.0
"""Friction is this much stiffer than the normal force: a held cup does not creep out of the fingers."""


@dataclass(frozen=True)
class Compiled:
    """model: MuJoCo's. loose: names of models with a free joint, mapped to their root body and that
    body's (4, 4) pose in the SDF model. All body names are `model::link`."""

    world: elements.World
    model: mujoco.MjModel
    robot: elements.Model
    loose: dict[str, tuple[str, Array]]
    followers: tuple[Follower, ...]
    lidar: Lidar | None


def compile_world(world: elements.World, robot_name: str, actuated: tuple[str, ...]) -> Compiled:
    """Compile a world in which model `robot_name` has position actuators on `actuated` joints."""
    spec = _empty(world)
    builder = BodyBuilder(spec, robot_name)
    builder.add_models([(model, model.pose) for model in world.models], world.joints)
    for light in world.lights:
        add_light(light, spec.worldbody)
    robot = next((m for m in world.models if m.name == robot_name), None)
    if robot is None:
        raise SdfError(
            f"{world.where}: world {world.name!r} has no model named {robot_name!r}; include model://g1"
        )
    add_actuators(spec, robot, actuated)
    add_sites(spec, robot)
    try:
        model = spec.compile()
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


def _empty(world: elements.World) -> mujoco.MjSpec:
    """No bodies yet: the solver's options, the sky and the ambient light."""
    spec = mujoco.MjSpec()
    spec.option.timestep = physics_step(world)
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
    return spec


def add_actuators(spec: mujoco.MjSpec, robot: Model, actuated: tuple[str, ...]) -> None:
    known = {joint.name: joint for joint in robot.joints}
    missing = [name for name in actuated if name not in known]
    if missing:
        raise SdfError(
            f"{robot.where}: model {robot.name!r} lacks the joint {missing[0]!r}, which its profile names"
        )
    for name in actuated:
        axis = known[name].axis
        effort = 1e4 if axis is None or not math.isfinite(axis.effort) else axis.effort
        spec.add_actuator(
            name=name, target=f"{robot.name}::{name}", trntype=mujoco.mjtTrn.mjTRN_JOINT,
            gaintype=mujoco.mjtGain.mjGAIN_FIXED, biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            forcelimited=True, forcerange=(-effort, effort), ctrllimited=False,
        )  # fmt: skip


def add_sites(spec: mujoco.MjSpec, robot: Model) -> None:
    """The robot's camera, and sites where its sensors and its frames are."""
    bodies = {body.name: body for body in spec.bodies}
    for sensor in robot.sensors():
        body = bodies[f"{robot.name}::{sensor.link}"]
        body.add_site(
            name=sensor.name, pos=sensor.pose[:3, 3], quat=quaternion_from_rotation(sensor.pose[:3, :3]),
            group=5,
        )  # fmt: skip
        if sensor.camera is not None:
            # SDF cameras look along x with z up, MuJoCo's along -z with y up.
            rotation = sensor.pose[:3, :3] @ np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])
            camera, image = sensor.camera, spec.visual.global_
            image.offwidth = max(image.offwidth, camera.width)
            image.offheight = max(image.offheight, camera.height)
            half = math.tan(camera.horizontal_fov / 2) * camera.height / camera.width
            body.add_camera(
                name=sensor.name, pos=sensor.pose[:3, 3], quat=quaternion_from_rotation(rotation),
                fovy=math.degrees(2 * math.atan(half)),
            )  # fmt: skip
    for frame in robot.frames:
        link, pose = robot.in_link(frame.name)
        body = bodies[f"{robot.name}::{link}"]
        body.add_site(name=frame.name, pos=pose[:3, 3], quat=quaternion_from_rotation(pose[:3, :3]), group=5)
