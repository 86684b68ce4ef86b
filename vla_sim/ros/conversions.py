"""ROS messages of arrays and of the robot's state, and back. Messages that are sent often are made once."""

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, Quaternion, Transform, TwistStamped, Vector3
from nav_msgs.msg import OccupancyGrid, Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState, LaserScan, PointCloud2, PointField
from std_msgs.msg import Int16MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_sim.common.buffers import TensorPool
from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, transform
from vla_sim.robot import facts, level_scan
from vla_sim.robot.body import CameraFrame, RobotState
from vla_sim.ros.messages import to_seconds, to_stamp

OPTICAL_FRAME = "head_camera_optical"

Vector = tuple[float, float, float]
Rotation = tuple[float, float, float, float]
"""Quaternion w, x, y, z."""


class StateMessages:
    """JointState, Imu and Odometry of a robot's state; each call fills the same three messages."""

    def __init__(self) -> None:
        self.joints = JointState(name=list(facts.JOINTS))
        self.joints.header.frame_id = "base_link"
        self.imu = Imu()
        self.imu.header.frame_id = "base_link"
        self.odometry = Odometry(child_frame_id="base_link")
        self.odometry.header.frame_id = "odom"

    def fill(self, state: RobotState, stamp: Any) -> None:
        """stamp: builtin_interfaces/Time of the state."""
        for message in (self.joints, self.imu, self.odometry):
            message.header.stamp = stamp
        self.joints.position = array("d", state.joint_position.tobytes())
        self.joints.velocity = array("d", state.joint_velocity.tobytes())
        self.joints.effort = array("d", state.joint_effort.tobytes())
        _quaternion(self.imu.orientation, state.orientation)
        _vector(self.imu.angular_velocity, state.angular_velocity_base)
        _vector(self.imu.linear_acceleration, state.linear_acceleration_base)
        pose, twist = self.odometry.pose.pose, self.odometry.twist.twist
        pose.position.x, pose.position.y, pose.position.z = state.odom_position.tolist()
        _quaternion(pose.orientation, state.odom_orientation)
        _vector(twist.linear, state.odom_velocity_base)
        _vector(twist.angular, state.angular_velocity_base)


def pose_parts(message: Pose | Transform) -> tuple[Vector, Rotation]:
    """Position [m] and orientation of a Pose, or of a Transform."""
    is_pose = isinstance(message, Pose)
    p, q = (message.position, message.orientation) if is_pose else (message.translation, message.rotation)
    return (p.x, p.y, p.z), (q.w, q.x, q.y, q.z)


def finite(message: Pose | Transform) -> bool:
    """Whether it is a pose: all numbers, and a quaternion of about unit length."""
    position, rotation = pose_parts(message)
    return all(map(math.isfinite, position)) and abs(math.hypot(*rotation) - 1.0) < 0.1


def pose_matrix(message: Pose | Transform) -> Array:
    """(4, 4) of a Pose or a Transform whose quaternion is of unit length."""
    return transform(*pose_parts(message))


def velocity(message: TwistStamped) -> Vector:
    """Forward, left [m/s] and turn [rad/s] of a walking velocity."""
    linear, angular = message.twist.linear, message.twist.angular
    return linear.x, linear.y, angular.z


def fill_velocity(message: TwistStamped, value: Iterable[float], now: float) -> None:
    """value: forward, left [m/s], turn [rad/s]. now: [s]."""
    message.header.stamp = to_stamp(now)
    linear, angular = message.twist.linear, message.twist.angular
    linear.x, linear.y, angular.z = map(float, value)


def laser_scan(
    ranges: NDArray[np.floating[Any]], stamp: Any, period: float, *, angle_min: float = level_scan.ANGLE_MIN,
    angle_step: float = level_scan.ANGLE_STEP, range_min: float = level_scan.RANGE_MIN,
    range_max: float = level_scan.RANGE_MAX, at_arms: NDArray[np.floating[Any]] | None = None,
) -> LaserScan:  # fmt: skip
    """A scan in base_link. ranges: (n,) [m], by default `level_scan.flatten`'s 360. period: of scans [s].
    at_arms: see `topics.DEPTH_SCAN`."""
    message = LaserScan(
        angle_min=angle_min, angle_max=angle_min + angle_step * (len(ranges) - 1), angle_increment=angle_step,
        scan_time=period, range_min=range_min, range_max=range_max,
        ranges=array("f", ranges.astype(np.float32).tobytes()),
    )  # fmt: skip
    if at_arms is not None:
        message.intensities = array("f", at_arms.astype(np.float32).tobytes())
    return _stamped(message, "base_link", stamp)


def point_cloud(points: Array, stamp: Any, frame: str = "base_link") -> PointCloud2:
    """points (n, 3) [m]."""
    kind = PointField.FLOAT32
    fields = [PointField(name=n, offset=4 * i, datatype=kind, count=1) for i, n in enumerate("xyz")]
    message = PointCloud2(
        height=1, width=len(points), point_step=12, row_step=12 * len(points), is_dense=True,
        fields=fields, data=array("B", points.astype(np.float32).tobytes()),
    )  # fmt: skip
    return _stamped(message, frame, stamp)


def camera_messages(
    frame: CameraFrame, stamp: Any, pool: TensorPool, optical_frame: str = OPTICAL_FRAME, *,
    millimetres: bool = False,
) -> tuple[Image, Image, CameraInfo]:  # fmt: skip
    """Colour (rgb8), depth (32FC1 [m], NaN where unknown; or 16UC1 in `millimetres`, 0 where unknown) and
    intrinsics, all with one stamp. The images' data are buffers of `pool`."""
    height, width = frame.depth.shape
    depths = np.rint(np.nan_to_num(1e3 * frame.depth)).astype(np.uint16) if millimetres else frame.depth
    kind = "16UC1" if millimetres else "32FC1"
    # With check_fields a message takes array('B') as it is; otherwise it makes a copy.
    color = Image(height=height, width=width, encoding="rgb8", step=3 * width, check_fields=True)
    depth = Image(height=height, width=width, encoding=kind, step=depths.itemsize * width, check_fields=True)
    for message, image in ((color, frame.color), (depth, depths)):
        buffer, message.data = pool.get_tensor(image.shape, image.dtype)
        buffer[...] = image
    info = CameraInfo(height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [frame.fx, 0.0, frame.cx, 0.0, frame.fy, frame.cy, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [frame.fx, 0.0, frame.cx, 0.0, 0.0, frame.fy, frame.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    for message in (color, depth, info):
        _stamped(message, optical_frame, stamp)
    return color, depth, info


def cloud_points(message: PointCloud2) -> Array:
    """(n, 3) [m] of a cloud whose points begin with x, y and z as float32, as `point_cloud` makes them.

    Raises `InputError` for another one.
    """
    first = [(f.name, f.offset, f.datatype) for f in message.fields[:3]]
    size = message.width * message.height * message.point_step
    if first != [(n, 4 * i, PointField.FLOAT32) for i, n in enumerate("xyz")] or message.is_bigendian:
        raise InputError(f"the points of a cloud must begin with x, y, z as float32; got {first}")
    if message.point_step < 12 or len(message.data) != size:
        raise InputError(f"a cloud of {size} bytes has {len(message.data)}, {message.point_step} a point")
    point = np.dtype({
        "names": ["xyz"], "formats": [("<f4", 3)], "offsets": [0], "itemsize": message.point_step
    })  # fmt: skip
    return np.frombuffer(message.data, point)["xyz"].astype(float)


def joint_positions(message: JointState) -> Array | None:
    """(joints,) in the order of `facts.JOINTS`; None if one is missing."""
    return _of_joints(message, message.position)


def joint_velocities(message: JointState) -> Array | None:
    """(joints,) [rad/s] in the order of `facts.JOINTS`; None if one is missing."""
    return _of_joints(message, message.velocity)


def joint_efforts(message: JointState) -> Array | None:
    """(n,) [Nm] in the order of `facts.JOINTS`; None where no motor measures them: some are missing or no
    numbers, or all are zero."""
    effort = _of_joints(message, message.effort)
    known = effort is not None and bool(np.isfinite(effort).all()) and bool(effort.any())
    return effort if known else None


def _of_joints(message: JointState, values: Sequence[float]) -> Array | None:
    if len(values) != len(message.name):
        return None
    if tuple(message.name) == facts.JOINTS:
        return np.array(values, dtype=float)
    by = dict(zip(message.name, values, strict=True))
    return np.array([by[name] for name in facts.JOINTS]) if by.keys() >= set(facts.JOINTS) else None


def trajectory(message: JointTrajectory) -> tuple[list[str], Array, Array, Array | None]:
    """Joint names, times (n,) [s], positions (n, joints), velocities or None.

    Raises `InputError` if the points are not all of one shape.
    """
    points = message.points
    names = list(message.joint_names)
    if any(len(point.positions) != len(names) for point in points):
        raise InputError(f"every point must have {len(names)} positions, one for each joint name")
    times = np.array([to_seconds(point.time_from_start) for point in points])
    shape = len(points), len(names)
    positions = np.array([point.positions for point in points], dtype=float).reshape(shape)
    if all(len(point.velocities) == len(names) for point in points) and names:
        velocities = np.array([point.velocities for point in points], dtype=float).reshape(shape)
        return names, times, positions, velocities
    return names, times, positions, None


def joint_trajectory(
    names: list[str], times: Array, positions: Array, stamp: float, frame: str,
    velocities: Array | None = None,
) -> JointTrajectory:  # fmt: skip
    """times: (n,) [s] from `stamp` [s] on; positions, velocities: (n, joints)."""
    message = _stamped(JointTrajectory(joint_names=names), frame, to_stamp(stamp))
    for seconds, q in zip(times.tolist(), positions.tolist(), strict=True):
        point, whole = JointTrajectoryPoint(positions=q), int(seconds)
        point.time_from_start.sec = whole
        point.time_from_start.nanosec = min(999_999_999, round((seconds - whole) * 1e9))
        message.points.append(point)
    for point, speeds in zip(message.points, () if velocities is None else velocities.tolist(), strict=False):
        point.velocities = speeds
    return message


def occupancy_grid(
    cost: NDArray[np.int8], x0: float, y0: float, resolution: float, stamp: Any
) -> OccupancyGrid:
    """cost: (rows, columns) 0 to 100, -1 unknown, row 0 at the smallest y; (x0, y0): the outer corner of cell
    (0, 0) in map [m]; resolution: [m] a cell."""
    message = OccupancyGrid(data=array("b", np.ascontiguousarray(cost).tobytes()))
    message.info.height, message.info.width = cost.shape
    message.info.resolution = resolution
    message.info.origin.position.x, message.info.origin.position.y = x0, y0
    return _stamped(message, "map", stamp)  # type: ignore[no-any-return]


def _stamped(message: Any, frame: str, stamp: Any) -> Any:
    message.header.frame_id, message.header.stamp = frame, stamp
    return message


def _quaternion(message: Quaternion, q: Array) -> None:
    message.w, message.x, message.y, message.z = q.tolist()


def _vector(message: Vector3, v: Array) -> None:
    message.x, message.y, message.z = v.tolist()


AGE = "age [us]"
LONGEST_AGE = 2.0
"""[s]; what claims to be older has a wrong age, and is as good as new."""


def audio_message(samples: NDArray[np.int16], age: float) -> Int16MultiArray:
    """Sound (n,) whose last sample was captured `age` seconds ago: no stamp, since the clocks of two machines
    differ."""
    message = Int16MultiArray(data=array("h", samples.tobytes()))
    microseconds = round(1e6 * min(max(age, 0.0), LONGEST_AGE))
    message.layout.dim = [
        MultiArrayDimension(label="samples", size=len(samples), stride=len(samples)),
        MultiArrayDimension(label=AGE, size=microseconds, stride=1),
    ]
    return message


def audio_age(message: Int16MultiArray) -> float:
    """How long before it was sent the last sample of a sound was captured [s]; 0 where it does not say."""
    for one in message.layout.dim:
        if one.label == AGE and one.size <= 1e6 * LONGEST_AGE:
            return 1e-6 * float(one.size)
    return 0.0
