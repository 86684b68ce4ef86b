"""A joint trajectory read from the bytes of its message.

rclpy makes six Python objects of each point, which for fifty points takes longer than all that safety looks
at in them; and what was read from bytes is passed on as it came. Bytes are little-endian CDR (DDSI-RTPS 2.3,
chapter 10), as every machine that ROS 2 supports writes them.
"""

import struct
from typing import NamedTuple

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.common.numba_cache import kernel
from vla_sim.contract.limits import MOST_POINTS

LITTLE_ENDIAN = 1
HEADER = 4
"""Bytes before the message, from whose end on it is aligned."""
MOST_NAMES = 100
ENDS, UNEVEN = -1, -2
"""Results of `read_points`: the message ends too early, or a point has not a value for each joint."""
PROBE = struct.pack("<4BiI2I5IiI", 0, LITTLE_ENDIAN, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
"""A message with one point of no joints."""


class Trajectory(NamedTuple):
    """stamp [s], frame: of its header. times (n,) [s], positions (n, joints), velocities likewise or None."""

    stamp: float
    frame: str
    names: list[str]
    times: Array
    positions: Array
    velocities: Array | None


@kernel
def read_points(
    words: Array, doubles: Array, size: int, offset: int, times: Array, positions: Array, velocities: Array
) -> int:
    """Fill times (n,), positions and velocities (n, joints) with the points that begin at `offset` of a
    message of `size` bytes, given as uint32 and as float64. Returns how many points have velocities, `ENDS`
    or `UNEVEN`."""
    given = 0
    n, joints = positions.shape
    for k in range(n):
        for field in range(4):  # positions, velocities, accelerations, effort
            offset = (offset + 3) // 4 * 4
            if offset + 4 > size:
                return ENDS
            count = int(words[offset // 4])
            offset += 4
            if (field == 0 and count != joints) or (count != 0 and count != joints):
                return UNEVEN
            if count == 0:
                continue
            offset = (offset + 7) // 8 * 8
            if offset + 8 * count > size:
                return ENDS
            if field < 2:
                given += field
                out = positions if field == 0 else velocities
                for j in range(joints):
                    out[k, j] = doubles[offset // 8 + j]
            offset += 8 * count
        offset = (offset + 3) // 4 * 4
        if offset + 8 > size:
            return ENDS
        seconds = float(words[offset // 4])
        if seconds >= 2147483648.0:
            seconds -= 4294967296.0
        times[k] = seconds + 1e-9 * float(words[offset // 4 + 1])
        offset += 8
    return given


def joint_trajectory(data: bytes) -> Trajectory:
    """Of a serialised trajectory_msgs/JointTrajectory. Raises `InputError` where it is none, or where its
    points are not all of one shape."""
    if len(data) < HEADER or data[1] != LITTLE_ENDIAN:
        raise InputError("the trajectory is not little-endian CDR")
    body = data[HEADER:]
    try:
        seconds, nanoseconds = struct.unpack_from("<iI", body)
        frame, offset = _string(body, 8)
        (count,), offset = struct.unpack_from("<I", body, _aligned(offset)), _aligned(offset) + 4
        if count > MOST_NAMES:
            raise InputError(f"the trajectory has {count} joint names; at most {MOST_NAMES} are allowed")
        names = []
        for _ in range(count):
            name, offset = _string(body, _aligned(offset))
            names.append(name)
        (count,), offset = struct.unpack_from("<I", body, _aligned(offset)), _aligned(offset) + 4
    except (struct.error, UnicodeDecodeError):
        raise InputError("the trajectory's message is damaged") from None
    if count > MOST_POINTS:
        raise InputError(f"the trajectory has {count} points; at most {MOST_POINTS} are allowed")
    times = np.empty(count)
    positions, velocities = np.empty((2, count, len(names)))
    padded = body + bytes(-len(body) % 8)
    given = read_points(
        np.frombuffer(padded, np.uint32), np.frombuffer(padded, np.float64), len(body), offset, times,
        positions, velocities,
    )  # fmt: skip
    if given == UNEVEN:
        raise InputError(
            f"every point must have {len(names)} positions, one for each joint name, and as many or no "
            "velocities, accelerations and efforts"
        )
    if given == ENDS:
        raise InputError("the trajectory's message is damaged")
    return Trajectory(
        seconds + 1e-9 * nanoseconds, frame, names, times, positions, velocities if given == count else None
    )


def warm() -> None:
    """Compile (or load) the kernel before the first trajectory."""
    joint_trajectory(PROBE)


def stamp(data: bytes) -> float:
    """[s] of the header of a serialised message; 0 where there is none."""
    if len(data) < HEADER + 8:
        return 0.0
    seconds, nanoseconds = struct.unpack_from("<iI", data, HEADER)
    return float(seconds + 1e-9 * nanoseconds)


def _aligned(offset: int) -> int:
    return (offset + 3) // 4 * 4


def _string(body: bytes, offset: int) -> tuple[str, int]:
    """A string and the offset of what follows. Raises `struct.error`, `UnicodeDecodeError`."""
    (length,) = struct.unpack_from("<I", body, offset)
    begin, end = offset + 4, offset + 4 + length
    if end > len(body):
        raise struct.error
    return body[begin : max(begin, end - 1)].decode(), end  # without the zero at its end
