"""Lights, and what a MuJoCo robot is driven and read by: actuators, cameras, sites of sensors and frames."""

import math
from typing import Any

import mujoco
import numpy as np

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import quaternion_from_rotation
from vla_sim.world.sdf.elements import Light, Model


def add_light(light: Light, body: Any) -> None:
    kind = mujoco.mjtLightType
    direction = light.pose[:3, :3] @ np.array(light.direction)
    down = direction / np.linalg.norm(direction) if light.type != "point" else (0.0, 0.0, -1.0)
    types = {
        "directional": kind.mjLIGHT_DIRECTIONAL, "point": kind.mjLIGHT_POINT, "spot": kind.mjLIGHT_SPOT,
    }  # fmt: skip
    body.add_light(
        name=light.name, pos=light.pose[:3, 3], dir=down, type=types[light.type], castshadow=False,
        diffuse=np.array(light.diffuse[:3]) * light.intensity,
        specular=np.array(light.specular[:3]) * light.intensity,
        attenuation=light.attenuation, cutoff=math.degrees(light.spot_angle), ambient=(0.0, 0.0, 0.0),
    )  # fmt: skip


def add_actuators(spec: mujoco.MjSpec, robot: Model, actuated: tuple[str, ...]) -> None:
    known = {joint.name: joint for joint in robot.joints}
    missing = [name for name in actuated if name not in known]
    if missing:
        raise SdfError(f"{robot.where}: model {robot.name!r} lacks the joint {missing[0]!r}; use models/g1")
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
            camera = sensor.camera
            half = math.tan(camera.horizontal_fov / 2) * camera.height / camera.width
            body.add_camera(
                name=sensor.name, pos=sensor.pose[:3, 3], quat=quaternion_from_rotation(rotation),
                fovy=math.degrees(2 * math.atan(half)),
            )  # fmt: skip
    for frame in robot.frames:
        link, pose = robot.in_link(frame.name)
        body = bodies[f"{robot.name}::{link}"]
        body.add_site(name=frame.name, pos=pose[:3, 3], quat=quaternion_from_rotation(pose[:3, :3]), group=5)
