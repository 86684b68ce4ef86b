"""Lidar and camera of a simulated G1 behind its own protocol, as their drivers publish them."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from installed import needs
from waiting import spin_until

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
needs("cyclonedds", "CycloneDDS is not installed")
pytestmark = [pytest.mark.ros, pytest.mark.integration]

from vla_sim.common.params import StageParams  # noqa: E402
from vla_sim.hardware.unitree.network import domain_beside  # noqa: E402
from vla_sim.ros import conversions  # noqa: E402
from vla_sim.ros.executor import SerialExecutor  # noqa: E402
from vla_sim.ros.stage_node import StageNode  # noqa: E402
from vla_sim.stages.perception.camera import depth_image  # noqa: E402


def test_a_cloud_and_images_come_and_end_with_the_robot(ros_domain):
    from vla_sim.simulation.robot_sensors import CLOUD, IMAGES

    words = ["g1", "--world", "corridor", "--dds-domain", str(domain_beside(ros_domain))]
    g1 = subprocess.Popen(
        [sys.executable, "-m", "vla_sim.cli.main", *words, "--sensors-domain", str(ros_domain)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    rclpy.init(domain_id=ros_domain)
    node = StageNode("listener", StageParams)
    try:
        heard = {topic.name: [] for topic in (CLOUD, *IMAGES)}
        for topic in (CLOUD, *IMAGES):
            node.listen(topic, heard[topic.name].append)
        executor = SerialExecutor()
        executor.add_node(node)
        spin_until(
            executor, lambda: all(len(messages) > 3 for messages in heard.values()), 120.0,
            says=lambda: {name: len(messages) for name, messages in heard.items()},
        )  # fmt: skip
        cloud, color, depth, info = (heard[topic.name][-1] for topic in (CLOUD, *IMAGES))
        assert cloud.header.frame_id == "livox_frame"
        points = conversions.cloud_points(cloud)
        assert len(points) > 1000
        assert np.isfinite(points).all()
        assert (color.encoding, depth.encoding) == ("rgb8", "16UC1")  # as realsense2_camera sends them
        assert color.header.frame_id == depth.header.frame_id == "camera_color_optical_frame"
        assert (depth.height, depth.width) == (info.height, info.width) == (240, 320)
        metres = depth_image(depth)
        assert 0.3 < np.nanmin(metres) < np.nanmax(metres) < 4.1
        g1.send_signal(signal.SIGINT)
        assert g1.wait(60) == 0
        spin_until(executor, lambda: not node.count_publishers(CLOUD.name), 60.0)
    finally:
        g1.kill()
        node.destroy_node()
        rclpy.try_shutdown()
