"""Every topic and service by name, with type and quality of service."""

from dataclasses import dataclass
from typing import Literal

from vla_sim.contract import records

Qos = Literal["sensor", "reliable", "latched"]
"""sensor: best effort, newest only. reliable: depth 50. latched: reliable, the last one is kept
for late joiners (transient local)."""


@dataclass(frozen=True)
class Topic:
    """`type` is a ROS type name, or a `Record` class that travels as JSON in std_msgs/String."""

    name: str
    type: str | type[records.Record]
    qos: Qos = "reliable"
    truth: bool = False
    """Simulator's truth: no stage of the stack may subscribe."""
    writer: str = ""
    """The node that alone may publish it: nobody else is obeyed. "": whoever."""

    @property
    def ros_type(self) -> str:
        """Of what is on the wire."""
        return self.type if isinstance(self.type, str) else "std_msgs/msg/String"


CLOCK = Topic("/clock", "rosgraph_msgs/msg/Clock", "sensor")
JOINT_STATES = Topic("/joint_states", "sensor_msgs/msg/JointState", "sensor")
IMU = Topic("/imu", "sensor_msgs/msg/Imu", "sensor")
ODOM = Topic("/odom", "nav_msgs/msg/Odometry", "sensor")
SCAN = Topic("/scan", "sensor_msgs/msg/LaserScan", "sensor")
POINTS = Topic("/points", "sensor_msgs/msg/PointCloud2", "sensor")
COLOR = Topic("/head_camera/color/image_raw", "sensor_msgs/msg/Image", "sensor")
DEPTH = Topic("/head_camera/depth/image_raw", "sensor_msgs/msg/Image", "sensor")
CAMERA_INFO = Topic("/head_camera/color/camera_info", "sensor_msgs/msg/CameraInfo", "sensor")
ROBOT_DESCRIPTION = Topic("/robot_description", "std_msgs/msg/String", "latched")
"""The robot as a URDF."""
TF = Topic("/tf", "tf2_msgs/msg/TFMessage")
TF_STATIC = Topic("/tf_static", "tf2_msgs/msg/TFMessage", "latched")
"""REP-105: map, odom, base_link, then the robot's links. Published where tf2_msgs is installed."""

AUDIO = Topic("/voice/audio", "std_msgs/msg/Int16MultiArray", "reliable")
"""16 bit, mono, 16 kHz, in pieces of 20 ms. A microphone says how old its last sample is
(`ros.conversions.audio_message`); a clip that is played need not."""
TRANSCRIPT = Topic("/voice/transcript", records.Transcript)
SAY = Topic("/voice/say", records.Say)
COMMAND = Topic("/vla/command", records.Command)
INTENT = Topic("/vla/intent", records.Intent)
PLAN = Topic("/vla/plan", records.Plan)
VERDICT = Topic("/vla/verdict", records.Verdict)
STATUS = Topic("/vla/status", records.Status)
TRACE = Topic("/vla/trace", records.TraceEvent)
OBJECTS = Topic("/perception/objects", records.ObjectList)
OBJECT_NAME = Topic("/perception/object_name", records.ObjectName)
DEPTH_SCAN = Topic("/perception/depth_scan", "sensor_msgs/msg/LaserScan", "sensor")
"""The depth camera's obstacles flattened to a level scan in base_link: what is too low and too near
for the head lidar. Its intensities are ranges as well [m]: of what stands at the height of the arms, which
are wider than the legs; without them everything may."""
LOW_OBSTACLES = Topic("/perception/low_obstacles", "sensor_msgs/msg/PointCloud2", "sensor")
"""What was seen on the floor near the robot and not seen gone since, in `odom`, under and beside the picture
too: a point a cell, its z the height of what stands there."""
NEAR_POINTS = Topic("/perception/near_points", "sensor_msgs/msg/PointCloud2", "sensor")
"""What the depth camera sees within the arms' reach, without the robot itself, in base_link at the stamp."""

MAP_TO_ODOM = Topic("/localization/map_to_odom", "geometry_msgs/msg/TransformStamped", "latched")
NAVIGATION_GOAL = Topic("/navigation/goal", "geometry_msgs/msg/PoseStamped")
INITIAL_POSE = Topic("/initialpose", "geometry_msgs/msg/PoseWithCovarianceStamped")
NAVIGATION_REQUEST = Topic("/navigation/request", records.NavigationRequest)
NAVIGATION_STATUS = Topic("/navigation/status", records.NavigationStatus)
GLOBAL_PATH = Topic("/plan", "nav_msgs/msg/Path")
COSTMAP = Topic("/navigation/costmap", "nav_msgs/msg/OccupancyGrid", "latched")
"""What a way through each cell costs, to 98, with what was sensed; 99: too near to something; 100: taken."""
CMD_VEL_NAV = Topic("/cmd_vel_nav", "geometry_msgs/msg/TwistStamped", writer="navigation")
CMD_VEL = Topic("/cmd_vel", "geometry_msgs/msg/TwistStamped", writer="safety")
"""Also the controller's permit: `header.stamp` grows from message to message, else it is none."""

MANIPULATION_REQUEST = Topic("/manipulation/request", records.ManipulationRequest)
MANIPULATION_STATUS = Topic("/manipulation/status", records.ManipulationStatus)
ARM_WISH: dict[str, Topic] = {
    side: Topic(
        f"/manipulation/{side}_arm/joint_trajectory", "trajectory_msgs/msg/JointTrajectory",
        writer="manipulation",
    )
    for side in ("left", "right")
}  # fmt: skip
"""What manipulation wants an arm to do. Safety passes it on as `ARM_TRAJECTORY`, or says why not
(`REFUSAL`). `header.stamp` must not lie before the last stop."""
GRIPPER_WISH: dict[str, Topic] = {
    side: Topic(
        f"/manipulation/{side}_gripper/joint_trajectory", "trajectory_msgs/msg/JointTrajectory",
        writer="manipulation",
    )
    for side in ("left", "right")
}  # fmt: skip
REFUSAL = Topic("/safety/refusal", records.Refusal)
ARM_TRAJECTORY: dict[str, Topic] = {
    side: Topic(f"/{side}_arm/joint_trajectory", "trajectory_msgs/msg/JointTrajectory", writer="safety")
    for side in ("left", "right")
}
"""Without points the arm holds where it comes to rest: no measured position is needed for that, which may be
wrong. `header.frame_id` decides what the follower holds still. "base_link" (or empty): the joints follow
the trajectory. "odom": the tool follows, in the world, the path that the joints would have drawn
from the pelvis pose at `header.stamp`; the follower corrects for the pelvis's sway at every tick."""
GRIPPER_TRAJECTORY: dict[str, Topic] = {
    side: Topic(f"/{side}_gripper/joint_trajectory", "trajectory_msgs/msg/JointTrajectory", writer="safety")
    for side in ("left", "right")
}
"""One joint, `{side}_gripper`: its position is the opening between the fingers [m]."""

STOP = Topic("/safety/stop", "std_msgs/msg/Empty")
"""A stop that needs no words: from a button, a remote control, a program."""
SAFETY_STATE = Topic("/safety/state", records.SafetyState)
ESTOP_SERVICE = "/safety/estop"  # std_srvs/SetBool
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
MONITOR_ALERTS = Topic("/monitor/alerts", records.Alert)
MONITOR_STATE = Topic("/monitor/state", records.MonitorState)
MONITOR_LOAD = Topic("/monitor/load", records.Load, "latched")
MONITOR_SERVICE = "/monitor/report"  # std_srvs/Trigger: the last minutes as text

GROUND_TRUTH = Topic("/sim/ground_truth", records.GroundTruth, truth=True)
CONTACTS = Topic("/sim/contacts", records.Contacts, truth=True)
DISTURB = Topic("/sim/disturb", records.Disturbance, truth=True)
FAULT_REQUEST = Topic("/sim/fault", records.FaultRequest, truth=True)
FAULTS = Topic("/sim/faults", records.FaultState, "latched", truth=True)
RESET_SERVICE = "/sim/reset"  # std_srvs/Trigger

TOPICS: tuple[Topic, ...] = (
    *(topic for topic in list(vars().values()) if isinstance(topic, Topic)),
    *ARM_WISH.values(), *GRIPPER_WISH.values(), *ARM_TRAJECTORY.values(), *GRIPPER_TRAJECTORY.values(),
)  # fmt: skip
RECORDS: dict[str, type[records.Record]] = {
    topic.name: topic.type for topic in TOPICS if not isinstance(topic.type, str)
}
"""What travels as JSON, by the topic's name."""
