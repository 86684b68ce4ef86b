"""What `vla-sim calibrate` looks at: a robot that stands still, through its drivers' topics."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import InputError, StackError
from vla_sim.common.geometry import Array
from vla_sim.common.params import StageParams
from vla_sim.contract import topics
from vla_sim.contract.topics import Topic
from vla_sim.hardware.posture import Posture
from vla_sim.ros import conversions, spin
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.perception.camera import Intrinsics, color_image, depth_image, intrinsics
from vla_sim.stages.perception.pairing import ImagePairs

ENOUGH = 10
"""Clouds, and pairs of images, that are put together: their noise is not a sensor's place."""


class SensorListener(Posture, StageNode[StageParams]):
    """clouds: (n, 3) [m] in the lidar's frame; images: colour (h, w, 3) and depth (h, w) [m]; bad: what could
    not be read, and how often.

    named: topics of `cloud`, `color`, `depth` and `camera_info`. pairing: see `ImagePairs`.
    """

    def __init__(self, named: Mapping[str, str], pairing: float) -> None:
        super().__init__(f"calibrate_{os.getpid()}", StageParams)
        self.clouds: deque[Array] = deque(maxlen=ENOUGH)
        self.images: deque[tuple[NDArray[np.uint8], NDArray[np.float32]]] = deque(maxlen=ENOUGH)
        self.camera: Intrinsics | None = None
        self.bad: dict[str, int] = {}
        self._pairs = ImagePairs(pairing)
        self.listen(topics.JOINT_STATES, self.on_joints)
        self.listen(topics.IMU, self.on_imu)
        self.listen(Topic(named["cloud"], "sensor_msgs/msg/PointCloud2", topics.POINTS.qos), self.on_cloud)
        self.listen(replace(topics.CAMERA_INFO, name=named["camera_info"]), self.on_camera_info)
        self.listen(replace(topics.COLOR, name=named["color"]), self.on_color)
        self.listen(replace(topics.DEPTH, name=named["depth"]), self.on_depth)

    def on_cloud(self, message: Any) -> None:
        self._try(lambda: self.clouds.append(conversions.cloud_points(message)))

    def on_camera_info(self, message: Any) -> None:
        def read() -> None:
            self.camera = intrinsics(message)

        self._try(read)

    def on_color(self, message: Any) -> None:
        self._look_at(self._pairs.color(to_seconds(message.header.stamp), message))

    def on_depth(self, message: Any) -> None:
        self._look_at(self._pairs.depth(to_seconds(message.header.stamp), message))

    def _look_at(self, pair: tuple[float, Any, Any] | None) -> None:
        if pair is not None:
            _, color, depth = pair
            self._try(lambda: self.images.append((color_image(color), depth_image(depth))))

    def _try(self, read: Callable[[], object]) -> None:
        try:
            read()
        except InputError as error:
            self.bad[str(error)] = self.bad.get(str(error), 0) + 1

    def missing(self, lidar: bool, camera: bool) -> list[str]:
        """What has not come yet, in words."""
        wanted = {
            "joint states": self.joints is not None, "the IMU": self.attitude is not None,
            "the lidar's clouds": not lidar or len(self.clouds) >= ENOUGH,
            "the camera's info": not camera or self.camera is not None,
            "the camera's images": not camera or len(self.images) >= ENOUGH,
        }  # fmt: skip
        return [name for name, there in wanted.items() if not there]


def listen(
    domain: int, named: Mapping[str, str], pairing: float, *, lidar: bool, camera: bool, timeout: float
) -> SensorListener:
    """What was heard until there is enough of everything. Raises `StackError` after `timeout` [s] without."""
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    with spin.beside(partial(SensorListener, named, pairing)) as ((node,), until):
        if not until(lambda: not node.missing(lidar, camera), timeout):
            bad = "".join(f"; {count} times: {why}" for why, count in node.bad.items())
            raise StackError(
                f"nothing, or too little, comes of {', '.join(node.missing(lidar, camera))} in ROS domain "
                f"{domain} within {timeout:g} s{bad}; do `vla-sim robot` and the sensors' drivers run there?"
            )
        node.leave()
    return node  # type: ignore[no-any-return]
