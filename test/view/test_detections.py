"""Where objects are in the head camera's picture, and the picture that is sent."""

import io
from types import SimpleNamespace as Message

import numpy as np
import pytest
from PIL import Image

from vla_sim.common.geometry import inverse
from vla_sim.contract.records import DetectedObject
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.extrinsics import CAMERA
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.view.camera_picture import drawn
from vla_sim.view.detections import boxes
from vla_sim.view.state import Picture, Pose, matrix

BASE = Pose((1.0, 2.0, 0.77), (0.6, 0.0, 0.0, 0.8))
VIEW = Intrinsics.from_field_of_view(1.2, 640, 480)
JOINTS = dict(zip(facts.JOINTS, facts.DEFAULT_POSE, strict=True))


@pytest.fixture(scope="module")
def kinematics():
    return Kinematics.load()


def optical(kinematics):
    return matrix(BASE) @ kinematics.frame(CAMERA, facts.DEFAULT_POSE) @ SENSOR_FROM_OPTICAL


def at(kinematics, x, y, z, size=0.1):
    """A cube at a place of the optical frame: right, down, ahead [m]."""
    position = (optical(kinematics) @ [x, y, z, 1.0])[:3]
    return DetectedObject(
        track_id=1, kind="cup", colour="red", position=tuple(position), size=(size, size, size), yaw=0.3,
        confidence=0.9, last_seen=4.5,
    )  # fmt: skip


def test_a_box_is_around_the_object(kinematics):
    picture = Picture(5.0, None, BASE, JOINTS)
    (box,) = boxes(picture, [at(kinematics, 0.2, -0.1, 1.0)], VIEW, kinematics)
    u, v = VIEW.fx * 0.2 + VIEW.cx, VIEW.fy * -0.1 + VIEW.cy
    assert box.left < u < box.right
    assert box.top < v < box.bottom
    assert 0.08 * VIEW.fx < box.right - box.left < 0.25 * VIEW.fx
    assert (box.label, box.age) == ("red cup", 0.5)
    point = inverse(optical(kinematics)) @ [*at(kinematics, 0.2, -0.1, 1.0).position, 1.0]
    assert point[:3] == pytest.approx([0.2, -0.1, 1.0])


@pytest.mark.parametrize("place", [(0.0, 0.0, -1.0), (0.0, 0.0, 0.04), (5.0, 0.0, 1.0), (0.0, -5.0, 1.0)])
def test_what_is_behind_the_camera_or_beside_the_picture_has_none(kinematics, place):
    assert boxes(Picture(5.0, None, BASE, JOINTS), [at(kinematics, *place)], VIEW, kinematics) == []


def test_a_box_ends_with_the_picture(kinematics):
    near = at(kinematics, 0.0, 0.0, 1.0, size=1.0)
    (box,) = boxes(Picture(5.0, None, BASE, JOINTS), [near], VIEW, kinematics)
    assert (box.left, box.top, box.right, box.bottom) == (0.0, 0.0, 639.0, 479.0)


def test_without_a_pose_or_joints_nothing_is_drawn(kinematics):
    found = [at(kinematics, 0.0, 0.0, 1.0)]
    assert boxes(Picture(5.0, None, None, JOINTS), found, VIEW, kinematics) == []
    assert boxes(Picture(5.0, None, BASE, {}), found, VIEW, kinematics) == []


def test_a_wide_picture_is_sent_smaller_and_its_boxes_fit(kinematics):
    color = np.zeros((960, 1280, 3), np.uint8)
    color[..., 0] = 200
    message = Message(
        height=960, width=1280, encoding="rgb8", step=3 * 1280, is_bigendian=0, data=color.tobytes()
    )
    wide = Intrinsics.from_field_of_view(1.2, 1280, 960)
    info = Message(k=[wide.fx, 0, wide.cx, 0, wide.fy, wide.cy, 0, 0, 1], width=1280, height=960)
    found = [at(kinematics, 0.2, -0.1, 1.0)]
    about, jpeg = drawn(Picture(5.0, message, BASE, JOINTS), info, found, kinematics)
    picture = Image.open(io.BytesIO(jpeg))
    assert picture.size == (about["width"], about["height"]) == (640, 480)
    assert picture.getpixel((320, 240))[0] > 190
    (small,) = boxes(Picture(5.0, None, BASE, JOINTS), found, VIEW, kinematics)
    assert about["boxes"][0]["left"] == pytest.approx(small.left, abs=1.0)


def test_a_recorded_picture_is_sent_as_it_is(kinematics):
    out = io.BytesIO()
    Image.new("RGB", (320, 240), (0, 100, 0)).save(out, "JPEG")
    message = Message(format="jpeg", data=out.getvalue())
    about, jpeg = drawn(Picture(5.0, message, BASE, JOINTS), None, [], kinematics)
    assert jpeg == out.getvalue()
    assert (about["width"], about["height"], about["boxes"]) == (320, 240, [])
