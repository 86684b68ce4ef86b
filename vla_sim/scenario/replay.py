"""A run's key moments seen from outside: the recorded poses put into the world and rendered."""

from __future__ import annotations

import math

import numpy as np

from vla_sim.contract import GroundTruth
from vla_sim.engines.mujoco import MujocoEngine
from vla_sim.errors import MissingError
from vla_sim.scenario.recording import Picture, Recording, heading
from vla_sim.world import World

SIZE = (480, 360)
DISTANCE, HEIGHT, SIDE = 1.9, 1.75, math.radians(125.0)
"""The camera stands so far from the robot, so high, and so far round from where it looks [m, rad]."""


def outside_views(recording: Recording, world: World) -> list[Picture]:
    """One picture beside each head-camera picture; none without GL."""
    pictures: list[Picture] = []
    engine = MujocoEngine(world.path, sensors=False)
    try:
        for seen in recording.pictures:
            truth = min(recording.truths, key=lambda t: abs(t.stamp - seen.stamp))
            if not truth.joints:
                continue
            snapshot = engine.posed(
                truth.stamp, np.array(truth.robot), np.array(truth.joints),
                {name: np.array(pose) for name, pose in truth.objects.items()},
            )  # fmt: skip
            eye, target = _camera(truth, world)
            color = engine.view(snapshot, eye, target, SIZE)
            pictures.append(Picture(seen.stamp, "", color))
    except MissingError:
        return []
    finally:
        engine.close()
    return pictures


def _camera(truth: GroundTruth, world: World) -> tuple[np.ndarray, np.ndarray]:
    """(eye, target): beside the robot where the most room is, looking at its chest."""
    base = np.array(truth.robot[:3])
    target = base + np.array([0.0, 0.0, 0.1])
    tall = [s.pose[:2, 3] for s in world.solids if s.pose[2, 3] + s.size[2] / 2 > 1.2]
    walls = np.array(tall or [np.full(2, 1e3)])
    best, room = target, -1.0
    for side in (SIDE, -SIDE, SIDE - 0.6, 0.6 - SIDE):
        angle = heading(truth) + side
        eye = base + np.array(
            [DISTANCE * math.cos(angle), DISTANCE * math.sin(angle), HEIGHT - base[2]]
        )
        free = float(np.hypot(*(walls - eye[:2]).T).min())
        if free > room:
            best, room = eye, free
    return best, target
