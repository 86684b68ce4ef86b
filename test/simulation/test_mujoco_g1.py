"""models/g1 against the robot's facts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vla_sim.common import assets
from vla_sim.common.geometry import inverse
from vla_sim.robot import facts as robot
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.world.sdf import elements, reader


@pytest.fixture(scope="module")
def g1() -> elements.Model:
    return reader.load_model(assets.share_folder("models") / "g1")


def test_it_has_the_joints_and_frames_that_the_code_names(g1: elements.Model) -> None:
    assert {joint.name for joint in g1.joints} == set(robot.JOINTS)
    assert g1.canonical_link == robot.BASE_LINK
    for side in robot.SIDES:
        assert g1.frame_link(robot.TOOL_FRAME[side]) == f"{side}_wrist_yaw_link"
        for name in robot.FINGER_JOINTS[side]:
            axis = g1.joint(name).axis
            assert axis is not None
            assert (axis.lower, axis.upper) == (0.0, robot.FINGER_STROKE)
    assert {"head_camera", "head_lidar", "imu"} <= {sensor.name for sensor in g1.sensors()}


def test_it_weighs_what_the_robot_weighs(g1: elements.Model) -> None:
    assert sum(link.inertial.mass for link in g1.links) == pytest.approx(33.0, abs=1.0)


def test_the_default_pose_is_within_the_limits(g1: elements.Model) -> None:
    for name, value in zip(robot.JOINTS, robot.DEFAULT_POSE, strict=True):
        axis = g1.joint(name).axis
        assert axis is not None
        assert axis.lower <= value <= axis.upper


def test_leg_and_waist_damping_is_the_policys(g1: elements.Model) -> None:
    import onnxruntime

    from vla_sim.stages.control.policy import find_policy

    metadata = onnxruntime.InferenceSession(str(find_policy())).get_modelmeta().custom_metadata_map
    gains = dict(zip(json.loads(metadata["dof_names"]), json.loads(metadata["kd"]), strict=True))
    arms = (*robot.ARM_JOINTS["left"], *robot.ARM_JOINTS["right"])
    for name in (one for one in robot.BODY_JOINTS if one not in arms):
        axis = g1.joint(name).axis
        assert axis is not None
        assert axis.damping == pytest.approx(gains[name], rel=1e-4)


def test_left_and_right_are_mirror_images(g1: elements.Model) -> None:
    mirror = np.diag([1.0, -1.0, 1.0])
    for link in g1.links:
        if link.name.startswith("left_"):
            name = link.name.replace("left_", "right_", 1)
            swapped = {"finger_left": "finger_right", "finger_right": "finger_left"}
            for finger, opposite in swapped.items():
                if finger in link.name:
                    name = f"right_{opposite}_link"
            other = g1.link(name)
            assert other.pose[:3, 3] == pytest.approx(mirror @ link.pose[:3, 3], abs=3e-4)
            assert other.inertial.mass == link.inertial.mass


def test_the_fingers_pads_meet_at_the_tool_frame(g1: elements.Model) -> None:
    for side in robot.SIDES:
        tool = g1.frame_pose(robot.TOOL_FRAME[side])
        for which, sign in (("left", 1), ("right", -1)):
            link = g1.link(f"{side}_finger_{which}_link")
            pad = next(c for c in link.collisions if c.name.endswith("_pad"))
            centre = (inverse(tool) @ link.pose @ pad.pose)[:3, 3]
            assert centre == pytest.approx([0, sign * pad.geometry.size[1] / 2, 0], abs=1e-6)


def test_the_robot_does_not_touch_itself_when_it_stands() -> None:
    engine = MujocoSimulator(assets.share_folder("worlds") / "tabletop.sdf")
    names = engine._contacts.names
    ends = [tuple(names[g] for g in contact.geom) for contact in engine.data.contact]
    assert not [pair for pair in ends if all(name.startswith("g1::") for name in pair)]


def test_hands_collide_with_the_body_and_legs_do_not_collide_with_each_other(g1: elements.Model) -> None:
    bits = {c.name: c.surface.collide_bitmask for link in g1.links for c in link.collisions}
    for part in ("torso_1", "head_collision", "pelvis_collision", "left_thigh", "right_thigh"):
        assert bits["left_palm"] & bits[part]
        assert bits["right_forearm"] & bits[part]
    assert not bits["left_thigh"] & bits["right_thigh"]
    assert not bits["left_shin"] & bits["right_shin"]
    assert not bits["left_finger_left_pad"] & bits["left_finger_right_pad"]


def test_every_part_of_the_robot_meets_what_has_no_mask_of_its_own(g1: elements.Model) -> None:
    for link in g1.links:
        for collision in link.collisions:
            assert collision.surface.collide_bitmask & 0xFF, collision.name
