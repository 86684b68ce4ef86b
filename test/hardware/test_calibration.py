"""A lidar and a camera that do not sit where the robot believes are found out, and where they sit is right.

The simulated robot stands before a wall, or before a table with a cup; its sensors sit where its model has
them, and it is told otherwise.
"""

import numpy as np
import pytest

from vla_sim.common.assets import find_world
from vla_sim.common.errors import InputError
from vla_sim.common.geometry import inverse, quaternion_from_rotation, rotation_from_rpy, transform
from vla_sim.hardware import calibration
from vla_sim.hardware.calibration import Known, Stance
from vla_sim.robot import facts, level_scan
from vla_sim.robot.extrinsics import CAMERA, LIDAR
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.perception.pose_estimator import ObjectModels

pytestmark = pytest.mark.integration

KINEMATICS = Kinematics.load()
LEANING = quaternion_from_rotation(rotation_from_rpy(0.015, 0.03, 0.0))
"""The pelvis is never quite level."""
TABLE, CUP = 0.50, (0.64, 0.15)
"""[m] of the table's edge and of the cup, from where the robot stands."""
WRONG = {
    "nothing": np.zeros(6),
    "a tilt": np.array([0.0, 0.0, 0.0, 0.03, -0.04, 0.0]),
    "a turn": np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.05]),
    "a shift": np.array([0.04, -0.05, 0.03, 0.0, 0.0, 0.0]),
    "all of it": np.array([-0.04, 0.04, -0.03, -0.03, 0.04, -0.05]),
}
"""x y z [m], roll pitch yaw [rad] by which the file of extrinsics is wrong."""


@pytest.fixture(scope="module")
def robot():
    """What stands in the world as it is, and the robot 0.4 m before its start."""
    from vla_sim.simulation.registry import import_mujoco

    import_mujoco()
    from vla_sim.simulation.mujoco.simulator import MujocoSimulator

    engine = MujocoSimulator(find_world("tabletop"), sensors="software")
    stance = Stance(KINEMATICS, LEANING, facts.DEFAULT_POSE)
    objects = engine.truth().objects
    engine.mirror(0.0, np.array([0.4, 0.0, stance.pelvis[2, 3], *LEANING]), facts.DEFAULT_POSE, objects)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def cloud(robot):
    return np.concatenate([level_scan.points_in_lidar(robot.scan()) for _ in range(3)])


@pytest.fixture(scope="module")
def frame(robot):
    return robot.render(robot.snapshot())


def believed(sensor, wrong):
    """A stance whose robot believes that its sensor sits elsewhere by `wrong`, in the link's axes."""
    _, right = KINEMATICS.in_link(sensor)
    off = transform(right[:3, 3] + wrong[:3], rotation_from_rpy(*wrong[3:]) @ right[:3, :3])
    return Stance(KINEMATICS.mounted({sensor: off}), LEANING, facts.DEFAULT_POSE)


def error(report):
    """[m], [rad] between where a sensor seems to sit and where it does."""
    _, right = KINEMATICS.in_link(report.sensor)
    off = inverse(right) @ report.pose
    turned = np.arccos(np.clip(0.5 * (np.trace(off[:3, :3]) - 1.0), -1.0, 1.0))
    return float(np.linalg.norm(off[:3, 3])), float(turned)


def walls(robot):
    at = robot.truth().robot
    return Known(wall=2.5 - at[0], side_wall=2.0 - at[1])


def table():
    return Known(table=(TABLE, 0.76), cup=CUP)


def look(stance, frame, known):
    camera = Intrinsics(frame.fx, frame.fy, frame.cx, frame.cy, *frame.depth.shape[::-1])
    detector = ColourDetector(ObjectModels.household())
    return calibration.check_camera(stance, frame.color, frame.depth, camera, detector, known)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_lidar_is_found_where_it_is(robot, cloud, wrong):
    report = calibration.check_lidar(believed(LIDAR, WRONG[wrong]), cloud, walls(robot))
    assert report.good == (wrong == "nothing"), report.measures
    shift, turn = error(report)
    assert shift < 0.01
    assert turn < 0.006


@pytest.mark.parametrize("wrong", WRONG)
def test_a_camera_is_found_where_it_is(frame, wrong):
    report = look(believed(CAMERA, WRONG[wrong]), frame, table())
    assert report.good == (wrong == "nothing"), report.measures
    shift, turn = error(report)
    assert shift < 0.015
    assert turn < 0.01


def test_what_is_not_measured_stays_as_it_was_believed(cloud):
    report = calibration.check_lidar(believed(LIDAR, WRONG["a turn"]), cloud, Known())
    assert report.good  # of the floor alone
    assert error(report)[1] == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize(("known", "why"), [
    (Known(wall=5.0), "no wall ahead is seen where it is said to be"),
    (Known(side_wall=-5.0), "no wall beside is seen"),
])  # fmt: skip
def test_a_wall_that_is_not_there_is_said(cloud, known, why):
    with pytest.raises(InputError, match=why):
        calibration.check_lidar(believed(LIDAR, np.zeros(6)), cloud, known)


@pytest.mark.parametrize(("known", "why"), [
    (Known(table=(0.5, 1.2)), "no table's top is seen"),
    (Known(table=(0.50, 0.76), cup=(0.6, -1.0)), "no cup is seen within 0.3 m"),
])  # fmt: skip
def test_a_table_or_cup_that_is_not_there_is_said(frame, known, why):
    with pytest.raises(InputError, match=why):
        look(believed(CAMERA, np.zeros(6)), frame, known)


def test_the_noise_of_depth_images_is_put_together():
    images = [np.full((2, 3), value, np.float32) for value in (1.0, 1.2, 1.1)]
    images[0][0, 0] = images[1][0, 0] = np.nan
    out = calibration.mean_depth(images)
    assert out[1, 1] == pytest.approx(1.1)
    assert np.isnan(out[0, 0])
    with pytest.raises(InputError, match="several sizes"):
        calibration.mean_depth([images[0], images[1][:1]])
