"""/tf, /tf_static and /robot_description of the robot whose body a node hosts."""

import importlib.util
from collections.abc import Iterable
from typing import Any

from geometry_msgs.msg import TransformStamped
from std_msgs.msg import String

from vla_sim.common.geometry import Array, pose7, transform
from vla_sim.contract import topics
from vla_sim.robot import frame_tree
from vla_sim.robot.body import RobotState
from vla_sim.robot.frame_tree import Edge
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.urdf import urdf
from vla_sim.ros import conversions
from vla_sim.ros.messages import message_class
from vla_sim.ros.stage_node import StageNode

PERIOD = 0.04
"""[s] between two messages on /tf, a whole number of ticks."""


class FramePublisher:
    """Not in lock-step, where nobody looks at frames. Without tf2_msgs a line of the log says so, and only
    the robot's description is published."""

    def __init__(self, node: StageNode[Any], kinematics: Kinematics) -> None:
        self._node, self._kinematics = node, kinematics
        self._map_to_odom: Any = None
        self._tf: Any = None
        if node.execution.deterministic:
            return
        node.publish(topics.ROBOT_DESCRIPTION).publish(String(data=urdf(kinematics)))
        if importlib.util.find_spec("tf2_msgs") is None:
            node.get_logger().info("no /tf: tf2_msgs is not installed; a ROS installation has it")
            return
        self._tf = node.publish(topics.TF)
        node.listen(topics.MAP_TO_ODOM, self._on_map_to_odom)
        static = [stamped(edge, node.get_clock().now().to_msg()) for edge in frame_tree.fixed(kinematics)]
        node.publish(topics.TF_STATIC).publish(message_class(str(topics.TF_STATIC.type))(transforms=static))

    def _on_map_to_odom(self, message: Any) -> None:
        if conversions.finite(message.transform):
            self._map_to_odom = conversions.pose_matrix(message.transform)

    def tick(self, state: RobotState, stamp: Any) -> None:
        """To be called each `PERIOD`. stamp: builtin_interfaces/Time of the state."""
        if self._tf is not None and self._tf.get_subscription_count():
            edges = tree(state, self._kinematics, self._map_to_odom)
            self._tf.publish(
                message_class(str(topics.TF.type))(transforms=[stamped(edge, stamp) for edge in edges])
            )


def tree(state: RobotState, kinematics: Kinematics, map_to_odom: Array | None) -> Iterable[Edge]:
    """REP-105's frames at a state. map_to_odom: (4, 4), None before the robot is located."""
    if map_to_odom is not None:
        yield "map", "odom", map_to_odom
    yield "odom", frame_tree.BASE, transform(state.odom_position, state.odom_orientation)
    yield from frame_tree.moving(kinematics, state.joint_position)


def stamped(edge: Edge, stamp: Any) -> TransformStamped:
    """The message of an edge of the tree of frames."""
    parent, child, pose = edge
    out = TransformStamped(child_frame_id=child)
    out.header.frame_id, out.header.stamp = parent, stamp
    at, turn = out.transform.translation, out.transform.rotation
    at.x, at.y, at.z, turn.w, turn.x, turn.y, turn.z = pose7(pose).tolist()
    return out
