"""Message classes by name, and time stamps."""

import importlib
from functools import cache
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message

from vla_sim.common.errors import InputError


@cache
def message_class(name: str) -> Any:
    """The class of a ROS type name such as "sensor_msgs/msg/Image"."""
    package, _, kind = name.split("/")
    return getattr(importlib.import_module(f"{package}.msg"), kind)


def decoded(kind: str, data: bytes) -> Any:
    """The message of a ROS type in these bytes (CDR). Raises `InputError` if it is none."""
    try:
        return deserialize_message(data, message_class(kind))
    except Exception as error:  # rclpy's own, of a name that says nothing
        raise InputError(f"no {kind} in {len(data)} bytes: {error}") from None


def to_seconds(stamp: Any) -> float:
    """Seconds of a builtin_interfaces/Time or Duration."""
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def to_stamp(seconds: float) -> Time:
    """builtin_interfaces/Time of seconds, to the nearest nanosecond: where a clock is one short of a whole
    second, a timer that is due misses its turn."""
    sec, nanosec = divmod(round(seconds * 1e9), 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)
