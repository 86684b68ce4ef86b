"""A file says where the sensors of this robot sit."""

import numpy as np
import pytest

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import inverse, rotation_from_rpy, transform
from vla_sim.robot import facts
from vla_sim.robot.extrinsics import calibrated, line, pose_of, poses
from vla_sim.robot.kinematics import Kinematics

KINEMATICS = Kinematics.load()
POSE = "0.1 -0.02 0.4 3.1 0.05 -0.2"


def file_of(tmp_path, text):
    path = tmp_path / "home.yaml"
    path.write_text(text)
    return str(path)


def test_without_a_file_the_sensors_sit_where_the_model_has_them():
    np.testing.assert_array_equal(
        calibrated("").frame("head_lidar", facts.DEFAULT_POSE),
        KINEMATICS.frame("head_lidar", facts.DEFAULT_POSE),
    )


def test_a_sensor_sits_in_its_link_where_the_file_says_and_the_others_stay(tmp_path):
    mine = calibrated(file_of(tmp_path, f"# mine\nhead_lidar: {POSE}\n"))
    q = facts.DEFAULT_POSE.copy()
    q[facts.WAIST_INDEX] = 0.3, -0.1, 0.2
    torso = KINEMATICS.frame("torso_link", q)
    expected = torso @ transform((0.1, -0.02, 0.4), rotation_from_rpy(3.1, 0.05, -0.2))
    np.testing.assert_allclose(mine.frame("head_lidar", q), expected, atol=1e-12)
    np.testing.assert_array_equal(mine.frame("head_camera", q), KINEMATICS.frame("head_camera", q))
    link, pose = mine.in_link("head_lidar")
    assert link == "torso_link"
    np.testing.assert_allclose(pose, inverse(torso) @ expected, atol=1e-12)


def test_a_line_of_the_file_reads_back(tmp_path):
    again = poses(file_of(tmp_path, line("head_camera", pose_of(POSE))), KINEMATICS)["head_camera"]
    np.testing.assert_allclose(again, pose_of(POSE), atol=1e-4)


@pytest.mark.parametrize(("text", "why"), [
    ("head_lydar: 0 0 0 0 0 0", "home.yaml:1:1: .* no sensor 'head_lydar'; did you mean head_lidar"),
    ("head_lidar: 1 2 3", "six numbers are allowed"),
    ("head_lidar: [1, 2]", "six numbers are allowed"),
    ("head_lidar: 0 0 0 0 0 nan", "six numbers are allowed"),
    ("0 0 0", "a line for each sensor is allowed"),
    ("head_lidar: {", "not YAML"),
])  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(tmp_path, text, why):
    with pytest.raises(InputError, match=why):
        calibrated(file_of(tmp_path, text))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml"):
        calibrated(str(tmp_path / "none.yaml"))
