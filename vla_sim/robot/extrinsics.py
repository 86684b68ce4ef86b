"""Where the sensors of this one robot sit, from a file that a person edits.

    # x y z [m] roll pitch yaw [rad] in the link that carries it, fixed axes as in SDF and URDF
    head_camera: 0.0576 0.0175 0.4299 0 0.8308 0
    head_lidar: 0.0003 0 0.4162 3.14159 0 0

A camera's frame looks along +x with z up, not along z as its optical frame does; a lidar's is the one that
its driver gives its points in. A sensor that is not named sits where the robot's model has it.
"""

from typing import Any

import numpy as np

from vla_sim.common import yaml_records
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.files import user_path
from vla_sim.common.geometry import (
    Array,
    quaternion_from_rotation,
    rotation_from_rpy,
    rpy_from_quaternion,
    transform,
)
from vla_sim.robot.kinematics import Kinematics

LIDAR, CAMERA = "head_lidar", "head_camera"
"""The sensors of the model that a robot has as well."""


def calibrated(file: str) -> Kinematics:
    """The robot with its sensors where `file` says; "": where its model has them. Raises `InputError`."""
    kinematics = Kinematics.load()
    return kinematics.mounted(poses(file, kinematics)) if file else kinematics


def poses(file: str, kinematics: Kinematics) -> dict[str, Array]:
    """(4, 4) of each sensor that `file` names, in the link that carries it. Raises `InputError`."""
    path = user_path(file)
    known = sorted(sensor.name for sensor in kinematics.model.sensors())

    def read(data: dict[str, Any]) -> dict[str, Array]:
        for name in data:
            if name not in known:
                raise yaml_records.Problem(
                    f"$.{name}!", f"the robot has no sensor {name!r}{nearest(name, known)}"
                )
        try:
            return {name: pose_of(str(text)) for name, text in data.items()}
        except InputError as error:
            raise yaml_records.Problem("$", str(error)) from None

    expected = "a line for each sensor is allowed, as head_lidar: 0 0 0.4 0 0 0"
    return yaml_records.parse(yaml_records.read(path), str(path), expected, read)


def pose_of(text: str) -> Array:
    """(4, 4) of "x y z roll pitch yaw" [m], [rad], fixed axes as in SDF. Raises `InputError`."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or not np.isfinite(numbers).all():
        raise InputError(f'pose is {text!r}; six numbers are allowed: "x y z roll pitch yaw" [m], [rad]')
    return transform(numbers[:3], rotation_from_rpy(*numbers[3:]))


def line(name: str, pose: Array) -> str:
    """A sensor's line of the file. pose: (4, 4) in the link that carries it."""
    angles = rpy_from_quaternion(quaternion_from_rotation(pose[:3, :3]))
    return f"{name}: " + " ".join(f"{round(float(v), 4) + 0.0:g}" for v in (*pose[:3, 3], *angles))
