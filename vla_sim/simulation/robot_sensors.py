"""What the simulated G1's lidar and camera see, as their ROS drivers publish it: a node beside `vla-sim g1`.

    python -m vla_sim.simulation.robot_sensors FD WORLD --ros-args ...

FD: of a socket on which the robot's process says where everything is (`behind_protocol.TruthServer`). It ends
when that is closed. A process of its own, since rclpy and CycloneDDS do not share one.
"""

import socket
import sys
from dataclasses import replace
from pathlib import Path

from vla_sim.common.buffers import TensorPool
from vla_sim.common.params import StageParams
from vla_sim.contract import topics
from vla_sim.contract.topics import Topic
from vla_sim.hardware.params import CAMERA, CAMERA_FRAME, LidarParams
from vla_sim.robot import level_scan
from vla_sim.ros import conversions
from vla_sim.ros.lockstep.turn_taking import RunEnds
from vla_sim.ros.messages import to_stamp
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.simulation.behind_protocol import Mirror, placed

CLOUD = Topic(LidarParams().cloud, "sensor_msgs/msg/PointCloud2", topics.POINTS.qos)
IMAGES = (
    replace(topics.COLOR, name=CAMERA["color"]), replace(topics.DEPTH, name=CAMERA["depth"]),
    replace(topics.CAMERA_INFO, name=CAMERA["camera_info"]),
)  # fmt: skip
PERIOD = 0.1
"""[s] between two clouds, and between two images."""
LOOK_PERIOD = 0.01
"""[s] between two looks at where everything is."""


class RobotSensorsNode(StageNode[StageParams]):
    """Publishes the lidar's cloud in its own frame, and the head camera's colour (rgb8), depth (16UC1 [mm],
    aligned to colour) and camera info, ten times a second, with the machine's time."""

    forgiving = False  # without the robot it ends

    def __init__(self, end: socket.socket, world: Path) -> None:
        super().__init__("robot_sensors", StageParams)
        end.setblocking(False)
        self._end, self._mirror, self._buffers = end, Mirror(world), TensorPool()
        self._known = False
        for topic in (CLOUD, *IMAGES):
            self.publish(topic)
        self.repeat(LOOK_PERIOD, self.look, steady=True)
        self.repeat(PERIOD, self.scan, steady=True)
        self.repeat(PERIOD, self.see, steady=True)

    def look(self) -> None:
        """Take the newest record. Raises `RunEnds` when the robot has gone."""
        newest = None
        try:
            while True:
                newest = self._end.recv(1 << 20)
                if not newest:
                    raise RunEnds
        except BlockingIOError:
            pass
        if newest is not None:
            self._mirror.show(placed(newest))
            self._known = True

    def scan(self) -> None:
        if self._known:
            points = level_scan.points_in_lidar(self._mirror.simulator.scan())
            self.published[CLOUD.name].publish(
                conversions.point_cloud(points, to_stamp(self.now()), "livox_frame")
            )

    def see(self) -> None:
        asked = any(self.published[t.name].get_subscription_count() for t in IMAGES[:2])
        if not (self._known and asked):
            return
        simulator, stamp = self._mirror.simulator, to_stamp(self.now())
        frame = simulator.render(simulator.snapshot())
        messages = conversions.camera_messages(frame, stamp, self._buffers, CAMERA_FRAME, millimetres=True)
        for topic, message in zip(IMAGES, messages, strict=True):
            self.published[topic.name].publish(message)

    def close(self) -> None:
        self._mirror.simulator.close()


def main() -> int:
    fd, world = sys.argv[1:3]
    return spin(lambda: RobotSensorsNode(socket.socket(fileno=int(fd)), Path(world)))


if __name__ == "__main__":
    raise SystemExit(main())
