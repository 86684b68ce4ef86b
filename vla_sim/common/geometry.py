"""The type of most arrays here; rigid transforms as (4, 4) float64 matrices, quaternions as (w, x, y, z),
angles in radians."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
"""float64; what its shape, unit and frame are, the docstring beside it says."""

Pose2 = tuple[float, float, float]
"""x, y [m], yaw [rad]"""


def rotation_from_quaternion(q: ArrayLike) -> Array:
    """(3, 3) rotation of a unit quaternion (w, x, y, z)."""
    w, x, y, z = np.asarray(q, dtype=float)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(r: ArrayLike) -> Array:
    """Unit quaternion (w >= 0) of a (3, 3) rotation (Shepperd's method)."""
    m = np.asarray(r, dtype=float)
    k = np.array(
        [m[0, 0] + m[1, 1] + m[2, 2], m[0, 0] - m[1, 1] - m[2, 2],
         m[1, 1] - m[0, 0] - m[2, 2], m[2, 2] - m[0, 0] - m[1, 1]]
    )  # fmt: skip
    i = int(np.argmax(k))
    s = 0.5 / math.sqrt(k[i] + 1.0)
    q = np.empty(4)
    if i == 0:
        q[:] = (k[0] + 1.0, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1])
    elif i == 1:
        q[:] = (m[2, 1] - m[1, 2], k[1] + 1.0, m[1, 0] + m[0, 1], m[0, 2] + m[2, 0])
    elif i == 2:
        q[:] = (m[0, 2] - m[2, 0], m[1, 0] + m[0, 1], k[2] + 1.0, m[2, 1] + m[1, 2])
    else:
        q[:] = (m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2], k[3] + 1.0)
    q *= s
    return q if q[0] >= 0 else -q


def quaternion_product(a: ArrayLike, b: ArrayLike) -> Array:
    """(4,) w x y z of the rotation `b` followed by `a`."""
    aw, ax, ay, az = np.asarray(a, dtype=float)
    bw, bx, by, bz = np.asarray(b, dtype=float)
    return np.array([
        aw * bw - ax * bx - ay * by - az * bz, aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx, aw * bz + ax * by - ay * bx + az * bw,
    ])  # fmt: skip


def quaternion_from_yaw(yaw: float) -> Array:
    return np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])


def yaw_from_quaternion(q: ArrayLike) -> float:
    """Heading of the body's x axis."""
    w, x, y, z = np.asarray(q, dtype=float)
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


STANDARD_GRAVITY = 9.80665
"""[m/s^2]"""


def gravity_in_base(orientation: Iterable[float]) -> tuple[float, float, float]:
    """Unit vector of gravity in the frame of attitude (w, x, y, z)."""
    w, x, y, z = orientation
    return (2.0 * (w * y - x * z), -2.0 * (w * x + y * z), 2.0 * (x * x + y * y) - 1.0)


def rotation_from_rpy(roll: float, pitch: float, yaw: float) -> Array:
    """(3, 3), fixed axes x then y then z, as SDF and URDF use them."""
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def rotation_from_vector(vector: ArrayLike) -> Array:
    """(3, 3) of a rotation vector (3,): its direction is the axis, its length the angle [rad] (Rodrigues)."""
    v = np.asarray(vector, dtype=float)
    angle = float(np.linalg.norm(v))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = v / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    rotation: Array = np.eye(3) + math.sin(angle) * k + (1.0 - math.cos(angle)) * k @ k
    return rotation


def rpy_from_quaternion(q: ArrayLike) -> Array:
    """(3,) roll, pitch and yaw of attitude (w, x, y, z): the inverse of `rotation_from_rpy`."""
    w, x, y, z = np.asarray(q, dtype=float)
    pitch = math.asin(min(max(2.0 * (w * y - z * x), -1.0), 1.0))
    roll = math.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    return np.array([roll, pitch, math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))])


def transform(position: ArrayLike, rotation: ArrayLike | None = None) -> Array:
    """(4, 4) of a position and a (3, 3) rotation or a quaternion (4,)."""
    t = np.eye(4)
    t[:3, 3] = position
    if rotation is not None:
        r = np.asarray(rotation, dtype=float)
        t[:3, :3] = r if r.shape == (3, 3) else rotation_from_quaternion(r)
    return t


def pose7(t: Array) -> Array:
    """(7,) x y z qw qx qy qz of a (4, 4) pose."""
    return np.concatenate([t[:3, 3], quaternion_from_rotation(t[:3, :3])])


def inverse(t: Array) -> Array:
    """Inverse of a rigid (4, 4) transform."""
    out = np.eye(4)
    out[:3, :3] = t[:3, :3].T
    out[:3, 3] = -t[:3, :3].T @ t[:3, 3]
    return out


def moved(points: Array, t: Array) -> Array:
    """Points (n, 3) in another frame, in which theirs is at `t` (4, 4)."""
    out: Array = points @ t[:3, :3].T + t[:3, 3]
    return out


def levelled(rotation: Array) -> Array:
    """The (3, 3) rotation of a body without its heading, which is that of its x axis."""
    yaw = math.atan2(rotation[1, 0], rotation[0, 0])
    c, s = math.cos(yaw), math.sin(yaw)
    out: Array = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) @ rotation
    return out


def towards(direction: ArrayLike) -> Array:
    """(3, 3) rotation that turns z to a direction (3,) by the shortest way."""
    z = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    axis = np.cross((0.0, 0.0, 1.0), z)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return np.diag([1.0, 1.0, 1.0] if z[2] > 0.0 else [1.0, -1.0, -1.0])
    return rotation_from_vector(axis / sine * math.atan2(sine, z[2]))


def wrap(angle: float) -> float:
    """The same angle in (-pi, pi]."""
    return math.atan2(math.sin(angle), math.cos(angle))
