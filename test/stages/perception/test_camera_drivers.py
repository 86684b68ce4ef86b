"""The images of camera drivers: their encodings, paddings and resolutions show the same cup."""

import re
from array import array

import numpy as np
import pytest
from perception_scene import HEAD, RED, Scene
from waiting import wait_for

from vla_sim.common.geometry import transform
from vla_sim.hardware.params import CAMERA
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics, color_image, depth_image, intrinsics

pytest.importorskip("rclpy")
pytestmark = pytest.mark.ros

CUP = (0.6, 0.05, 0.80)
BASE = transform((0.0, 0.0, 0.77))


@pytest.fixture
def node(ros_node):
    """Perception as it is started on a robot."""
    from vla_sim.stages.perception.node import PerceptionNode

    words = [f"{name}:={topic}" for name, topic in CAMERA.items()]
    return ros_node(PerceptionNode, words=("world:=tabletop", *words))


def message(data, encoding, stamp, frame="camera_color_optical_frame", padding=0):
    from sensor_msgs.msg import Image

    from vla_sim.ros.messages import to_stamp

    height, width = data.shape[:2]
    rows = data.reshape(height, -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=7)
    out = Image(height=height, width=width, encoding=encoding, step=rows.shape[1])
    out.data = array("B", np.ascontiguousarray(rows).tobytes())
    out.header.stamp, out.header.frame_id = to_stamp(stamp), frame
    return out


def scene(camera=HEAD):
    pose = BASE @ Kinematics.load().frame("head_camera", facts.DEFAULT_POSE) @ SENSOR_FROM_OPTICAL
    cup = ("cylinder", (0.068, 0.068, 0.10), (*CUP, 0), RED)
    return Scene().table(near=0.3).add(*cup).render(camera, pose, noise=0.003)


def look(node, color, depth, camera=HEAD, stamp=1.0):
    """A few pairs of images, since a track is believed when it was seen repeatedly: the objects seen."""
    from sensor_msgs.msg import CameraInfo

    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    node.on_camera_info(CameraInfo(width=camera.width, height=camera.height, k=k))
    for _ in range(8):
        stamp += 0.2
        node.odom.add(stamp, BASE)
        node.joints.add(stamp, facts.DEFAULT_POSE)
        before = len(node.latencies), sum(node.skipped.values())
        node.on_color(color(stamp))
        node.on_depth(depth(stamp + 0.008))
        wait_for(lambda b=before: (len(node.latencies), sum(node.skipped.values())) != b)
    return node.core.tracker.objects()


def millimetres(depth):
    return np.rint(np.nan_to_num(1e3 * depth)).astype(np.uint16)


def test_the_simulated_robots_images_are_as_its_driver_sends_them():
    from vla_sim.common.buffers import TensorPool
    from vla_sim.robot.body import CameraFrame
    from vla_sim.ros.conversions import camera_messages
    from vla_sim.ros.messages import to_stamp

    rgb, depth = scene()
    depth[0, 0] = np.nan
    frame = CameraFrame(1.0, rgb, depth, HEAD.fx, HEAD.fy, HEAD.cx, HEAD.cy, 0.0)
    color, far, info = camera_messages(
        frame, to_stamp(1.0), TensorPool(), "an_optical_frame", millimetres=True
    )
    assert (far.encoding, far.step, far.header.frame_id) == ("16UC1", 2 * 320, "an_optical_frame")
    np.testing.assert_array_equal(color_image(color), rgb)
    np.testing.assert_allclose(depth_image(far), depth, atol=6e-4)  # and nothing where nothing was measured
    assert intrinsics(info) == HEAD


def test_it_listens_to_the_drivers_topics(node):
    assert set(CAMERA.values()) <= set(node.subscribed)


@pytest.mark.parametrize(
    "size", [(320, 240), (640, 480), (848, 480), (1280, 720)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_a_realsense_shows_the_cup_where_it_is_at_any_resolution(node, size):
    camera = Intrinsics.from_field_of_view(1.2043, *size)
    rgb, depth = scene(camera)
    (cup,) = look(
        node,
        lambda stamp: message(rgb, "rgb8", stamp),
        lambda stamp: message(millimetres(depth), "16UC1", stamp),
        camera,
    )
    assert (cup.kind, cup.colour) == ("cup", "red")
    assert np.linalg.norm(np.array(cup.position) - CUP) < 0.006
    assert node.skipped == {}


def test_another_drivers_padded_bgr_and_metres_show_the_same(node):
    rgb, depth = scene()
    (cup,) = look(
        node,
        lambda stamp: message(np.ascontiguousarray(rgb[..., ::-1]), "bgr8", stamp, padding=5),
        lambda stamp: message(depth, "32FC1", stamp, padding=12),
    )
    assert np.linalg.norm(np.array(cup.position) - CUP) < 0.006


@pytest.mark.parametrize(("color", "depth", "why"), [
    ({"encoding": "yuv422_yuy2"}, {}, "colour image is 'yuv422_yuy2'; it must be rgb8 or bgr8"),
    ({}, {"encoding": "mono16"}, "depth image is 'mono16'; it must be 32FC1 or 16UC1"),
    ({}, {"frame": "camera_depth_optical_frame"}, "it must be the depth that is aligned to colour"),
    ({"rows": 120}, {}, "colour image is \\(120, 320, 3\\)"),
    ({}, {"cut": 3}, "16UC1 image has 153597 bytes; it needs 153600"),
    ({}, {"late": 0.02}, "an image whose partner did not come within 15 ms"),
])  # fmt: skip
def test_what_does_not_fit_costs_itself_and_is_said_and_counted(node, color, depth, why):
    rgb, far = scene()

    def made(image, encoding, stamp, changes):
        out = message(
            image[: changes.get("rows")], changes.get("encoding", encoding), stamp + changes.get("late", 0.0),
            changes.get("frame", "camera_color_optical_frame"),
        )  # fmt: skip
        out.data = out.data[: len(out.data) - changes.get("cut", 0)]
        return out

    if "late" in depth:  # nothing is said until images are given up
        for k in range(8):
            node.on_color(message(rgb, "rgb8", 1.0 + 0.2 * k))
            node.on_depth(message(millimetres(far), "16UC1", 1.02 + 0.2 * k))
    else:
        look(
            node,
            lambda stamp: made(rgb, "rgb8", stamp, color),
            lambda stamp: made(millimetres(far), "16UC1", stamp, depth),
        )
    [(said, count)] = node.skipped.items()
    assert re.search(why, said), said
    assert count >= 7
    assert node.status()[f"skipped: {said}"] == str(count)
    node.skipped.clear()
    (_,) = look(  # and the node goes on
        node,
        lambda stamp: message(rgb, "rgb8", stamp),
        lambda stamp: message(millimetres(far), "16UC1", stamp),
        stamp=10.0,
    )
