"""The world of a run from outside: recorded poses put into the simulator's world and rendered."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, yaw_from_quaternion
from vla_sim.contract.records import GroundTruth
from vla_sim.report.map_sheet import Plan
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.world.semantic_map import World
from vla_sim.world.solids import Solid

SIDES = (2.2, -2.2, 1.6, -1.6, 2.8, -2.8, 0.9, -0.9)
"""Where a camera may stand, round from the robot's heading [rad], the best view of the hands first."""
CHEST = 0.1  # [m] above the pelvis, which a camera looks at
TALL = 1.2  # [m] what reaches higher can hide the robot
ASIDE = 0.25  # [m] by which what stands between camera and robot must be off the line
LAG = 1.0  # [s] by which a camera that follows is late
OVERHEAD_TILT = 1.35  # [rad] below the horizon
OVERHEAD_AWAY = 1.45  # times the world's longer side


class Shot(NamedTuple):
    """Where a camera stands and what it looks at, (3,) each [m]."""

    eye: Array
    target: Array


class Outside:
    """Pictures of moments of a run in its world. size: (width, height) [px], the largest. Used in one thread,
    and closed in it. Raises `SdfError` for a bad world."""

    def __init__(self, world: World, size: tuple[int, int]) -> None:
        self._size = size
        self._engine = MujocoSimulator(world.path, noise=False)
        buffer = self._engine.model.vis.global_
        buffer.offwidth, buffer.offheight = max(buffer.offwidth, size[0]), max(buffer.offheight, size[1])

    def close(self) -> None:
        self._engine.close()

    def view(
        self, truth: GroundTruth | None, shot: Shot, size: tuple[int, int] | None = None
    ) -> NDArray[np.uint8]:
        """(height, width, 3). truth: with the robot's joints; None for the world as it begins. size: if it
        is to be a smaller one."""
        if truth is not None:
            self._engine.mirror(
                truth.stamp, np.array(truth.robot), np.array(truth.joints),
                {name: np.array(pose) for name, pose in truth.objects.items()},
                [np.array(pose) for pose in truth.movers.values()] or None,
            )  # fmt: skip
        return self._engine.view(self._engine.snapshot(), *shot, size or self._size)


def overhead(world: World) -> Shot:
    """All of a world, from above and a little from the south."""
    x0, y0, x1, y1 = Plan.of("", world).box
    away = OVERHEAD_AWAY * max(x1 - x0, y1 - y0)
    target = np.array([(x0 + x1) / 2, (y0 + y1) / 2, 0.0])
    return Shot(target + away * np.array([0.0, -math.cos(OVERHEAD_TILT), math.sin(OVERHEAD_TILT)]), target)


class Follower:
    """A camera that goes with the robot, at a distance from it and a height above the floor [m]. It stays on
    one side of the robot until something tall hides it, and evens out how the robot sways and turns."""

    def __init__(self, world: World, distance: float, height: float) -> None:
        self._distance, self._height = distance, height
        self._tall = [s for s in world.solids if s.shape == "box" and s.pose[2, 3] + s.size[2] / 2 > TALL]
        self._side = SIDES[0]
        self._seen: tuple[float, Array] | None = None

    def shot(self, truth: GroundTruth) -> Shot:
        """truth: later than the one before it."""
        yaw = yaw_from_quaternion(truth.robot[3:])
        now = np.array([*truth.robot[:3], math.cos(yaw), math.sin(yaw)])
        if self._seen is not None:
            stamp, before = self._seen
            share = math.exp(-max(0.0, truth.stamp - stamp) / LAG)
            now = share * before + (1.0 - share) * now
        self._seen = (truth.stamp, now)
        heading = math.atan2(now[4], now[3])
        shots = {side: self._from(now[:3], heading + side) for side in (self._side, *SIDES)}
        free = (side for side, shot in shots.items() if not hidden(shot, self._tall))
        self._side = next(free, self._side)
        return shots[self._side]

    def _from(self, robot: Array, angle: float) -> Shot:
        way = np.array([math.cos(angle), math.sin(angle)])
        eye = np.array([*(robot[:2] + self._distance * way), self._height])
        return Shot(eye, robot + np.array([0.0, 0.0, CHEST]))


def hidden(shot: Shot, solids: Iterable[Solid]) -> bool:
    """Whether one of these boxes stands between the camera and what it looks at."""
    line = shot.eye + np.linspace(0.0, 0.8, 40)[:, None] * (shot.target - shot.eye)
    for solid in solids:
        local = (line - solid.pose[:3, 3]) @ solid.pose[:3, :3]
        if (np.abs(local) <= np.array(solid.size) / 2 + ASIDE).all(axis=1).any():
            return True
    return False
