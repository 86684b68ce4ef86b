"""Navigation as a ROS node: goals in, velocities out, 20 times a second."""

import math
import time
from typing import Any

import msgspec
import numpy as np

from vla_sim.common import clock
from vla_sim.common.geometry import quaternion_from_yaw, yaw_from_quaternion
from vla_sim.contract import topics
from vla_sim.contract.records import STOP_SAID, NavigationRequest, NavigationStatus, Point, SafetyState
from vla_sim.contract.stop_epoch import StopEpoch
from vla_sim.ros import conversions
from vla_sim.ros.kept_state import KeptState
from vla_sim.ros.messages import message_class, to_seconds, to_stamp
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.global_planner import costs
from vla_sim.stages.navigation.navigator import Navigator
from vla_sim.stages.navigation.params import NavigationParams
from vla_sim.world.semantic_map import World

COSTMAP_PERIOD = 1.0  # [s]
COSTMAP_STEP = 2
"""Every second cell each way: 5 cm, as maps usually are."""


class Memory(msgspec.Struct, frozen=True):
    """What outlives a restart: x, y [m] and yaw [rad] of odom in map."""

    map_to_odom: Point


_memory = msgspec.json.Decoder(Memory)


class NavigationNode(StageNode[NavigationParams]):
    """Parameters: `NavigationParams`.

    Subscribes /safety/state, /navigation/request, /navigation/goal, /initialpose (where the robot is, as
    RViz sends it: the goal under way ends), /odom, /scan, /perception/depth_scan,
    /perception/low_obstacles, /monitor/load.
    Publishes /cmd_vel_nav (20 Hz while a goal is active, then one zero), /navigation/status (on change
    and 5 Hz), /plan (each new path), /localization/map_to_odom (on change), /navigation/costmap (each second
    while somebody listens).
    """

    def __init__(self) -> None:
        super().__init__("navigation", NavigationParams)
        p = self.params
        self.core = Navigator(StaticMap.from_world(World.load(p.world), p.resolution), localise=p.localise)
        self.core.warm()
        self.kept = KeptState("navigation", _memory, self.get_logger().warning)
        if (before := self.kept.load()) is not None:
            self.core.state.localizer.map_to_odom = np.array(before.map_to_odom)
        self.was_active = False
        self.stops = StopEpoch()
        self.goal_ids = self.execution.ids("navigation")
        self.sent_map_to_odom = np.full(3, np.nan)
        self.worst_tick = 0.0
        self.twist = self.publish(topics.CMD_VEL_NAV)
        self.twist_message = self.twist.msg_type()
        self.twist_message.header.frame_id = "base_link"
        self.paths = self.publish(topics.GLOBAL_PATH)
        self.frames = self.publish(topics.MAP_TO_ODOM)
        self.publish(topics.NAVIGATION_STATUS)
        self.costmaps = self.publish(topics.COSTMAP)
        self.listen(topics.SAFETY_STATE, self.on_safety)
        self.listen(topics.NAVIGATION_REQUEST, self.on_request)
        self.listen(topics.NAVIGATION_GOAL, self.on_goal)
        self.listen(topics.INITIAL_POSE, self.on_initial_pose)
        self.listen(topics.ODOM, self.on_odom)
        self.listen(topics.SCAN, self.on_scan)
        self.listen(topics.DEPTH_SCAN, self.on_depth_scan)
        self.listen(topics.LOW_OBSTACLES, self.on_low_obstacles)
        self.follow_load()
        self.repeat(1.0 / p.rate, self.tick)
        self.repeat(COSTMAP_PERIOD, self.send_costmap)
        self.send_map_to_odom()

    def on_safety(self, state: SafetyState) -> None:
        """A stop ends the goal, whoever gave it, also where the executive does not say so."""
        if self.stops.advance(state.stop_epoch):
            self.core.request(NavigationRequest(goal_id="stop", mode="cancel"))
            self.tick()

    def on_request(self, request: NavigationRequest) -> None:
        if request.mode not in ("cancel", "renew") and self.stops.void(request.stop_epoch):
            void = NavigationStatus(goal_id=request.goal_id, state="cancelled", detail=STOP_SAID)
            self.send(topics.NAVIGATION_STATUS, void)
            return
        self.core.request(request)
        if request.mode != "renew":
            self.tick()  # the first velocity leaves now, not up to a period later

    def on_goal(self, goal: Any) -> None:
        """A goal from anyone's tool, for instance RViz: the same as mode go, without a lease."""
        if goal.header.frame_id not in ("", "map"):
            self.get_logger().warning(f"goal in frame {goal.header.frame_id!r} ignored; it must be in 'map'")
            return
        (x, y, _), q = conversions.pose_parts(goal.pose)
        if not all(math.isfinite(v) for v in (x, y, *q)):
            self.get_logger().warning("goal ignored: its pose is not finite")
            return
        self.core.request(
            NavigationRequest(goal_id=self.goal_ids.new(), mode="go", x=x, y=y, yaw=yaw_from_quaternion(q))
        )

    def on_initial_pose(self, message: Any) -> None:
        """Somebody says where the robot is: its map begins anew there."""
        if message.header.frame_id not in ("", "map") or not conversions.finite(message.pose.pose):
            self.get_logger().warning("initial pose ignored: it must be a pose in 'map'")
            return
        (x, y, _), q = conversions.pose_parts(message.pose.pose)
        self.core.request(NavigationRequest(goal_id="initialpose", mode="cancel"))
        if not self.core.state.place(x, y, yaw_from_quaternion(q)):
            self.get_logger().warning("initial pose ignored: there is no odometry yet")
            return
        self.send_map_to_odom()

    def on_odom(self, odom: Any) -> None:
        if not conversions.finite(odom.pose.pose):
            self.get_logger().warning("odometry that is no pose is left out", throttle_duration_sec=1.0)
            return
        (x, y, _), q = conversions.pose_parts(odom.pose.pose)
        self.core.state.odometry(to_seconds(odom.header.stamp), x, y, yaw_from_quaternion(q))

    def on_scan(self, scan: Any) -> None:
        ranges = np.asarray(scan.ranges, dtype=np.float32)
        self.core.state.scan(to_seconds(scan.header.stamp), ranges, scan.angle_min, scan.angle_increment)
        self.send_map_to_odom()

    def on_depth_scan(self, scan: Any) -> None:
        ranges = np.asarray(scan.ranges, dtype=np.float32)
        self.core.state.depth_scan(
            to_seconds(scan.header.stamp), ranges, scan.angle_min, scan.angle_increment
        )

    def on_low_obstacles(self, message: Any) -> None:
        points = self.cloud("low obstacles", message)
        if points is not None:
            self.core.state.low_obstacles(points)

    def tick(self) -> None:
        now, begin = self.now(), time.perf_counter()
        self.core.state.fine = self.load.fine_planning
        self.core.check_lease(clock.mono())
        out = self.core.tick(now)
        took = time.perf_counter() - begin
        if out.path is not None:
            clock.charge("navigation", took)
        self.worst_tick = max(self.worst_tick, took)
        if out.active or self.was_active:
            conversions.fill_velocity(self.twist_message, out.command, now)
            self.twist.publish(self.twist_message)
        self.was_active = out.active
        for status in out.status:
            self.send(topics.NAVIGATION_STATUS, status)
        if out.path is not None:
            self.paths.publish(self.path_message(out.path, now))

    def path_message(self, points: np.ndarray, now: float) -> Any:
        """nav_msgs/Path of (n, 2) points in map, every third one: 0.15 m is enough to draw."""
        path = message_class("nav_msgs/msg/Path")()
        path.header.frame_id = "map"
        path.header.stamp = to_stamp(now)
        pose_class = message_class("geometry_msgs/msg/PoseStamped")
        for x, y in [*points[:-1:3], points[-1]]:
            pose = pose_class(header=path.header)
            pose.pose.position.x, pose.pose.position.y = float(x), float(y)
            path.poses.append(pose)
        return path

    def send_costmap(self) -> None:
        """While somebody looks at it: to draw it costs as much as a plan does."""
        if not self.costmaps.get_subscription_count():
            return
        field = self.core.state.costmap.whole()
        cost = costs(field.values[::COSTMAP_STEP, ::COSTMAP_STEP])
        size = field.resolution * COSTMAP_STEP
        stamp = to_stamp(self.now())
        self.costmaps.publish(conversions.occupancy_grid(cost, field.x0, field.y0, size, stamp))

    def send_map_to_odom(self) -> None:
        """Publish map_to_odom if it moved by half a millimetre or more."""
        frame = self.core.state.localizer.map_to_odom
        if float(np.max(np.abs(frame - self.sent_map_to_odom))) < 5e-4:
            return
        self.sent_map_to_odom = frame.copy()
        message = message_class("geometry_msgs/msg/TransformStamped")()
        message.header.frame_id, message.child_frame_id = "map", "odom"
        message.header.stamp = to_stamp(self.now())
        message.transform.translation.x, message.transform.translation.y = float(frame[0]), float(frame[1])
        q = quaternion_from_yaw(float(frame[2]))
        r = message.transform.rotation
        r.w, r.x, r.y, r.z = (float(v) for v in q)
        self.frames.publish(message)
        self.kept.save(Memory((float(frame[0]), float(frame[1]), float(frame[2]))))

    def status(self) -> dict[str, str]:
        match = self.core.state.localizer.last
        worst, self.worst_tick = self.worst_tick, 0.0
        return {
            "active": str(self.core.active),
            "worst tick [ms]": f"{1e3 * worst:.1f}",
            "scan matches accepted": str(self.core.state.localizer.accepted),
            "scan matches refused": str(self.core.state.localizer.refused),
            "scan match inliers": f"{match.inliers:.2f}" if match else "none yet",
        }


def main() -> int:
    return spin(NavigationNode)


if __name__ == "__main__":
    raise SystemExit(main())
