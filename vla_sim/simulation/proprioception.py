"""What the robot feels: encoders, IMU and odometry, with their noise, from the simulator's exact state."""

import math

import numpy as np

from vla_sim.common import geometry
from vla_sim.common.geometry import Array
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, RobotState
from vla_sim.world.sdf.elements import Imu

JOINT_COUNT = len(facts.JOINTS)
POSITION_STDDEV = np.full(JOINT_COUNT, 3e-4)
"""Noise of the joint encoders [rad], and of the fingers' [m]."""
POSITION_STDDEV[len(facts.BODY_JOINTS) :] = 2e-5
VELOCITY_STDDEV = np.full(JOINT_COUNT, 0.02)
VELOCITY_STDDEV[len(facts.BODY_JOINTS) :] = 1e-3
"""[rad/s], and of the fingers' [m/s]."""

SCALE_STDDEV = 0.005
"""Share by which every distance is misjudged, drawn once a run."""
HEADING_WALK = math.radians(0.3)
"""Heading error after one metre [rad]; it grows with the square root of the distance."""
TURN_STDDEV = 0.005
"""Share by which every turn is misjudged, drawn once a run."""
ODOMETRY_STDDEV = 0.01
"""[m/s] of its velocity."""


class Odometry:
    """x, y, yaw in `odom`, which begins at the true pose. Height, roll and pitch do not drift: the
    attitude sensor sees gravity, and the stance leg knows the height."""

    def __init__(self, rng: np.random.Generator, x: float, y: float, yaw: float, drift: float = 1.0) -> None:
        self.rng, self.drift = rng, drift
        self.scale = 1.0 + drift * SCALE_STDDEV * float(rng.standard_normal())
        self.turn_scale = 1.0 + drift * TURN_STDDEV * float(rng.standard_normal())
        self.x, self.y, self.yaw = x, y, yaw
        self._true = (x, y, yaw)

    def update(self, x: float, y: float, yaw: float) -> None:
        """Take the true pose [m], [m], [rad] one step later."""
        x0, y0, yaw0 = self._true
        self._true = (x, y, yaw)
        distance = math.hypot(x - x0, y - y0)
        bearing = math.atan2(y - y0, x - x0) - yaw0 + self.yaw
        self.x += self.scale * distance * math.cos(bearing)
        self.y += self.scale * distance * math.sin(bearing)
        walk = self.drift * HEADING_WALK * math.sqrt(distance) * float(self.rng.standard_normal())
        self.yaw = geometry.wrap(self.yaw + self.turn_scale * geometry.wrap(yaw - yaw0) + walk)

    def velocity(self, true_velocity_base: Array) -> Array:
        """(3,) linear velocity in the pelvis frame [m/s] as odometry measures it."""
        noise = self.drift * ODOMETRY_STDDEV * self.rng.standard_normal(3)
        return true_velocity_base * self.scale + noise


class Proprioception:
    """Made at each reset, measures once a control period.

    root (7,): the pelvis where it starts, x y z qw qx qy qz in the world. imu: the model's noise, None for
    none. gravity (3,) [m/s^2]. noise: False makes everything exact. period: from one measurement to the
    next [s].
    """

    def __init__(
        self, seed: int, root: Array, imu: Imu | None, gravity: Array, *, noise: bool,
        period: float = CONTROL_PERIOD,
    ) -> None:  # fmt: skip
        self._period = period
        self._scale = scale = float(noise)
        self._rng = np.random.default_rng([seed, 3])
        self._gravity = np.array(gravity, dtype=float)
        yaw = geometry.yaw_from_quaternion(root[3:])
        self._odometry = Odometry(np.random.default_rng([seed, 5]), root[0], root[1], yaw, drift=scale)
        axes = [] if imu is None else [*imu.angular_velocity, *imu.linear_acceleration]
        self._bias = np.array(
            [scale * (n.bias_mean + n.bias_stddev * self._rng.standard_normal()) for n in axes] or [0.0] * 6
        )
        self._stddev = np.array([scale * n.stddev for n in axes] or [0.0] * 6)
        self._last_velocity = np.zeros(3)

    def measure(
        self, time: float, position: Array, velocity: Array, effort: Array, root: Array, twist: Array
    ) -> RobotState:
        """position, velocity, effort: (n,) of the joints. root (7,): pelvis in the world. twist (6,): its
        linear velocity in the world, then its angular velocity in its own frame."""
        draw, scale = self._rng.standard_normal, self._scale
        yaw = geometry.yaw_from_quaternion(root[3:])
        if time > 0.0:
            self._odometry.update(root[0], root[1], yaw)
        rotation = geometry.rotation_from_quaternion(root[3:])
        linear = twist[:3].copy()
        # The mean over the period, as the accelerometer's filter gives it.
        acceleration = (linear - self._last_velocity) / self._period if time > 0.0 else np.zeros(3)
        self._last_velocity = linear
        imu = np.concatenate([twist[3:], rotation.T @ (acceleration - self._gravity)])
        imu += self._bias + self._stddev * draw(6)
        odometry = self._odometry
        attitude = geometry.quaternion_product(geometry.quaternion_from_yaw(odometry.yaw - yaw), root[3:])
        return RobotState(
            time=time, joint_position=position + scale * POSITION_STDDEV * draw(JOINT_COUNT),
            joint_velocity=velocity + scale * VELOCITY_STDDEV * draw(JOINT_COUNT), joint_effort=effort,
            orientation=attitude, angular_velocity_base=imu[:3], linear_acceleration_base=imu[3:],
            odom_position=np.array([odometry.x, odometry.y, root[2]]), odom_orientation=attitude.copy(),
            odom_velocity_base=odometry.velocity(rotation.T @ linear),
        )  # fmt: skip
