"""/tf as the recorder writes it itself where nobody publishes it: in lock-step, and without tf2_msgs. Other
tools place what they draw by it."""

import math
import struct
from collections.abc import Sequence
from typing import Any

from vla_sim.common.mcap_file import SEPARATOR
from vla_sim.recording.definitions import definition

KIND = "tf2_msgs/msg/TFMessage"
PERIOD = 0.1
"""[s] between two messages."""
_HEADER = b"\x00\x01\x00\x00"
"""Little-endian CDR."""


def schema() -> str:
    """The definition of `KIND`, which need not be installed."""
    name = "geometry_msgs/TransformStamped"
    item = definition("geometry_msgs/msg/TransformStamped")
    return f"{name}[] transforms\n{SEPARATOR}\nMSG: {name}\n{item}"


class Frames:
    """map to odom as it was said last, and odom to the base."""

    def __init__(self) -> None:
        self._map_to_odom: Any = None
        self._last = -math.inf

    def locate(self, transform: Any) -> None:
        """transform: geometry_msgs/TransformStamped."""
        self._map_to_odom = transform

    def move(self, odometry: Any, now: float) -> bytes | None:
        """The message that is due now; None if none is. odometry: nav_msgs/Odometry. now: [s]."""
        if abs(now - self._last) < PERIOD - 1e-6:  # also after a clock has been set back
            return None
        self._last = now
        stamp, pose = odometry.header.stamp, odometry.pose.pose
        p, q = pose.position, pose.orientation
        edges = [(odometry.header.frame_id, odometry.child_frame_id, (p.x, p.y, p.z, q.x, q.y, q.z, q.w))]
        if self._map_to_odom is not None:
            one = self._map_to_odom
            t, r = one.transform.translation, one.transform.rotation
            edges.append((one.header.frame_id, one.child_frame_id, (t.x, t.y, t.z, r.x, r.y, r.z, r.w)))
        return tf_message(edges, stamp.sec, stamp.nanosec)


def tf_message(edges: Sequence[tuple[str, str, tuple[float, ...]]], sec: int, nanosec: int) -> bytes:
    """A tf2_msgs/TFMessage in CDR. edges: parent, child, pose of the child in the parent: x, y, z [m] and the
    quaternion x, y, z, w."""
    out = bytearray(struct.pack("<I", len(edges)))
    for parent, child, pose in edges:
        _align(out, 4)
        out += struct.pack("<iI", sec, nanosec)
        for name in (parent, child):
            _align(out, 4)
            text = name.encode() + b"\0"
            out += struct.pack("<I", len(text)) + text
        _align(out, 8)
        out += struct.pack("<7d", *pose)
    return _HEADER + bytes(out)


def _align(out: bytearray, size: int) -> None:
    out += bytes(-len(out) % size)
