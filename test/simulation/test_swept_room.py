"""The room that the walking body takes, measured on its collisions in MuJoCo, and what `body_size` says."""

import math

import mujoco
import numpy as np
import pytest

from mujoco_rig import make_world  # isort: skip
from vla_sim.common.geometry import yaw_from_quaternion
from vla_sim.robot import body_size, facts
from vla_sim.robot.body import CONTROL_PERIOD
from vla_sim.simulation.conformance.bench import Bench
from vla_sim.simulation.mujoco.geoms import ROBOT
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.stages.manipulation.actions import CARRY
from vla_sim.stages.manipulation.trajectory import joint_motion, level_pose, rounded

pytestmark = pytest.mark.integration
CYCLE = 50
"""Control periods of one stride."""


@pytest.fixture(scope="module")
def bench():
    return Bench(MujocoSimulator(make_world(), noise=False))


def reach(model, data, geom, directions):
    """(k,) farthest point [m] of a geom in each of (k, 3) directions."""
    local, size = directions @ data.geom_xmat[geom].reshape(3, 3), model.geom_size[geom]
    along = np.abs(local[:, 2])
    kind = mujoco.mjtGeom
    out = {
        kind.mjGEOM_SPHERE: lambda: np.full(len(local), size[0]),
        kind.mjGEOM_CAPSULE: lambda: size[0] + size[1] * along,
        kind.mjGEOM_CYLINDER: lambda: size[1] * along + size[0] * np.sqrt(np.maximum(0.0, 1.0 - along**2)),
        kind.mjGEOM_BOX: lambda: np.abs(local) @ size,
    }[kind(model.geom_type[geom])]()
    return directions @ data.geom_xpos[geom] + out


def walk(bench, seconds, speed, turn=0.0):
    """(n, 2): how far the body reaches to the left and to the right of the mean way, and (n,) from the
    pelvis's axis, without the first and last second."""
    simulator = bench.simulator
    model, data = simulator.model, simulator.data
    geoms = np.flatnonzero((model.geom_group == ROBOT) & (model.geom_contype != 0))
    heading = yaw_from_quaternion(simulator.truth().robot[3:])
    left = np.array([-math.sin(heading), math.cos(heading), 0.0])
    around = np.linspace(0.0, 2 * math.pi, 72, endpoint=False)
    around = np.column_stack((np.cos(around), np.sin(around), np.zeros(72)))
    sides, lateral, radius = [], [], []
    for _ in range(round(seconds / CONTROL_PERIOD)):
        robot = simulator.truth().robot
        back = 0.0 if turn else float(np.clip(heading - yaw_from_quaternion(robot[3:]), -0.4, 0.4))
        bench.run(CONTROL_PERIOD, (speed, 0.0, turn or back))
        pelvis = simulator.truth().robot[:3]
        lateral.append(pelvis @ left)
        sides.append(np.max([reach(model, data, g, np.stack([left, -left])) for g in geoms], axis=0))
        radius.append(np.max([reach(model, data, g, around) - around @ pelvis for g in geoms]))
    mean = np.convolve(lateral, np.full(CYCLE, 1.0 / CYCLE), "same")
    inner = slice(2 * CYCLE, -CYCLE)
    return (np.array(sides) - np.stack([mean, -mean], axis=1))[inner], np.array(radius)[inner]


HANDS = pytest.mark.skipif(facts.HAND is None, reason="the robot has no hand")


def carry(bench, side):
    """The arm as it is while it carries something."""
    chain, sign = bench.kinematics.arm[side], 1.0 if side == "left" else -1.0
    home = facts.DEFAULT_POSE[facts.ARM_INDEX[side]]
    found = chain.inverse(
        level_pose((CARRY[0], sign * CARRY[1], CARRY[2]), -sign * 0.25, 0.0), np.zeros(3), home
    )
    times, positions = joint_motion(rounded([home, found]), 0.6)
    bench.controller.arm_trajectory(side, facts.ARM_JOINTS[side], times, positions)
    bench.run(float(times[-1]) + 0.5)


@pytest.mark.parametrize(
    ("speed", "side"), [(0.25, None), (0.6, None), pytest.param(0.25, "right", marks=HANDS)]
)
def test_the_swath_is_what_the_walking_body_reaches_and_little_more(bench, speed, side):
    bench.reset()
    bench.run(1.0)
    if side is not None:
        carry(bench, side)
    sides, _ = walk(bench, 6.0, speed)
    assert sides.max() < body_size.SWATH + 0.005
    assert sides.max() > body_size.SWATH - 0.02


def test_turning_on_the_spot_keeps_within_its_radius(bench):
    bench.reset()
    bench.run(1.0)
    _, radius = walk(bench, 5.0, 0.0, 0.6)
    assert body_size.TURNING_RADIUS - 0.05 < radius.max() < body_size.TURNING_RADIUS
