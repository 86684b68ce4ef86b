"""A run's key moments seen from outside: the recorded poses put into the world and rendered."""

import math

import numpy as np

from vla_sim.common.errors import MissingError
from vla_sim.contract.records import GroundTruth
from vla_sim.scenario.recording import Picture, Recording, heading
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.world.semantic_map import World
from vla_sim.world.solids import Solid

SIZE = (480, 360)
DISTANCE, HEIGHT = 1.9, 1.75  # the camera stands so far from the robot and so high [m]
SIDES = (2.2, -2.2, 1.6, -1.6, 2.8, -2.8, 0.9, -0.9)
"""Where it may stand, round from the robot's heading [rad], the best view of the hands first."""


def outside_views(recording: Recording, world: World) -> list[Picture]:
    """One picture beside each head-camera picture; none without GL."""
    pictures: list[Picture] = []
    engine = MujocoSimulator(world.path, noise=False)
    try:
        for seen in recording.pictures:
            truth = min(recording.truths, key=lambda t: abs(t.stamp - seen.stamp))
            if not truth.joints:
                continue
            engine.mirror(
                truth.stamp, np.array(truth.robot), np.array(truth.joints),
                {name: np.array(pose) for name, pose in truth.objects.items()},
                [np.array(pose) for pose in truth.movers.values()] or None,
            )  # fmt: skip
            eye, target = _camera(truth, world)
            color = engine.view(engine.snapshot(), eye, target, SIZE)
            pictures.append(Picture(seen.stamp, "", color))
    except MissingError:
        return []
    finally:
        engine.close()
    return pictures


def _camera(truth: GroundTruth, world: World) -> tuple[np.ndarray, np.ndarray]:
    """(eye, target): the first side from which nothing tall hides the robot, looking at its chest."""
    base = np.array(truth.robot[:3])
    target = base + np.array([0.0, 0.0, 0.1])
    tall = [s for s in world.solids if s.pose[2, 3] + s.size[2] / 2 > 1.2 and s.shape == "box"]
    eyes = [
        base + np.array([DISTANCE * math.cos(angle), DISTANCE * math.sin(angle), HEIGHT - base[2]])
        for angle in (heading(truth) + side for side in SIDES)
    ]
    free = (eye for eye in eyes if not any(_hides(solid, eye, target) for solid in tall))
    return next(free, eyes[0]), target


def _hides(solid: Solid, eye: np.ndarray, target: np.ndarray) -> bool:
    """Whether a box stands between eye and target, seen from above."""
    line = eye[:2] + np.linspace(0.0, 0.9, 40)[:, None] * (target - eye)[:2]
    local = (line - solid.pose[:2, 3]) @ solid.pose[:2, :2]
    return bool((np.abs(local) <= np.array(solid.size[:2]) / 2 + 0.05).all(axis=1).any())
