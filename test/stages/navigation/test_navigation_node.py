"""The node speaks the contract: a goal in, velocities, status, path and map_to_odom out."""

import math
import time

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")
pytestmark = pytest.mark.ros

from navigation_walker import BEAMS, cast  # noqa: E402


def test_a_request_is_driven_and_cancelled(ros_domain):
    from rclpy.executors import SingleThreadedExecutor

    from vla_sim.common.params import StageParams
    from vla_sim.contract import topics
    from vla_sim.contract.records import NavigationRequest
    from vla_sim.ros.messages import message_class, to_stamp
    from vla_sim.ros.stage_node import StageNode
    from vla_sim.stages.navigation.node import NavigationNode

    rclpy.init(args=["--ros-args", "-p", "world:=tabletop"], domain_id=ros_domain)
    try:
        node, probe = NavigationNode(), StageNode("probe", StageParams)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.add_node(probe)
        got = {"twist": [], "status": [], "path": [], "frame": []}
        probe.listen(topics.CMD_VEL_NAV, got["twist"].append)
        probe.listen(topics.NAVIGATION_STATUS, got["status"].append)
        probe.listen(topics.GLOBAL_PATH, got["path"].append)
        probe.listen(topics.MAP_TO_ODOM, got["frame"].append)
        probe.publish(topics.NAVIGATION_REQUEST)
        odom = message_class("nav_msgs/msg/Odometry")()
        odom.pose.pose.orientation.w = 1.0
        odom.pose.pose.position.x = -0.8
        scan = message_class("sensor_msgs/msg/LaserScan")()
        scan.angle_min, scan.angle_increment = -math.pi, 2 * math.pi / 360
        ranges = cast(node.core.state.costmap.static.physical, -0.8, 0.0, BEAMS)
        scan.ranges = np.where(np.isfinite(ranges), ranges, np.inf).tolist()

        def until(condition, seconds=20.0):
            end = time.monotonic() + seconds
            while time.monotonic() < end and not condition():
                odom.header.stamp = scan.header.stamp = to_stamp(probe.now())
                probe.publish(topics.ODOM).publish(odom)
                probe.publish(topics.SCAN).publish(scan)
                executor.spin_once(timeout_sec=0.02)
            assert condition()

        until(lambda: node.core.state.filter.ready and got["frame"])
        assert got["frame"][0].header.frame_id == "map"
        request = NavigationRequest(goal_id="a", mode="go", x=-0.2, y=0.0)
        probe.send(topics.NAVIGATION_REQUEST, request)
        until(lambda: got["path"] and any(t.twist.linear.x > 0.1 for t in got["twist"]))
        assert got["status"][0].state == "active"
        probe.send(topics.NAVIGATION_REQUEST, NavigationRequest(goal_id="c", mode="cancel"))
        until(lambda: got["status"][-1].state == "cancelled" and got["twist"][-1].twist.linear.x == 0.0)
        assert "worst tick [ms]" in node.status()
        goal = message_class("geometry_msgs/msg/PoseStamped")()
        goal.pose.orientation.w = 1.0
        goal.pose.position.x = -0.2
        node.on_goal(goal)
        until(lambda: got["status"][-1].goal_id.startswith("navigation-"))
        here = message_class("geometry_msgs/msg/PoseWithCovarianceStamped")()
        here.pose.pose.orientation.w, here.pose.pose.position.x = 1.0, -0.6
        until(lambda: abs(got["frame"][-1].transform.translation.x) < 0.1)
        begun = len(got["frame"])
        node.on_initial_pose(here)
        assert abs(float(node.core.state.pose[0]) + 0.6) < 1e-9
        until(lambda: len(got["frame"]) > begun and got["status"][-1].state == "cancelled")
        here.header.frame_id = "odom"
        node.on_initial_pose(here)
        here.header.frame_id, here.pose.pose.position.x = "map", math.nan
        node.on_initial_pose(here)
        assert np.isfinite(node.core.state.pose).all()
    finally:
        rclpy.try_shutdown()
