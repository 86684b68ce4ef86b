"""Odometry by legs and IMU: how far it drifts on a walk of 100 m with a quarter turn every 5 m, in MuJoCo."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.common.geometry import Array, wrap, yaw_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.leg_odometry import LegOdometryBody
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import load_policy
from vla_sim.stages.control.velocity import CALIBRATION
from vla_sim.world.sdf import reader

OPEN = """<sdf version="1.10"><world name="open"><gravity>0 0 -9.81</gravity>
<model name="ground"><static>true</static><link name="link"><collision name="floor">
<geometry><plane><normal>0 0 1</normal><size>200 200</size></plane></geometry></collision></link></model>
<include><uri>model://g1</uri><name>g1</name><pose>0 0 0.79 0 0 0</pose></include></world></sdf>"""
SPEED, TURN = 0.4, 0.5
"""[m/s], [rad/s] that are asked for."""
LENGTH = 5.0
"""[m] of a leg by odometry; a quarter turn to the left follows it."""


@dataclass(frozen=True)
class Leg:
    """What odometry is off at its end. metre: [mm] per metre of the way, seen from the leg's beginning. turn:
    [mm] by which the quarter turn after it moves the robot and odometry apart. heading: [rad] in that turn.
    way: [m] in all that were walked until then; off: [m] of all that."""

    metre: float
    turn: float
    heading: float
    way: float
    off: float


@cache
def walk(legs: int) -> list[Leg]:
    """Raises `Wrong` if the robot falls."""
    world = reader.loads(OPEN).world
    assert world is not None
    engine = MujocoSimulator(world)
    kinematics = Kinematics.load()
    body = LegOdometryBody(engine, kinematics)
    policy = facts.POLICIES[0]
    controller = Controller(kinematics.arm, load_policy(policy), CALIBRATION[policy])

    state, way, out = body.state(), 0.0, []

    def poses() -> tuple[Array, Array]:
        """x, y, yaw: by odometry, and really."""
        return planar(state.odom_position, state.odom_orientation), planar(
            engine.truth().robot[:3], engine.truth().robot[3:]
        )

    def go(velocity: Array) -> None:
        nonlocal state
        ahead, left, turning = (float(value) for value in velocity)
        controller.velocity.ask(ahead, left, turning, state.time)
        body.command(controller.update(state))
        body.step()
        state = body.state()
        if engine.truth().fallen:
            raise Wrong(f"the robot fell after {way:.1f} m")

    first = poses()
    for k in range(legs):
        before = poses()
        heading = k * math.pi / 2.0
        while np.hypot(*(poses()[0] - before[0])[:2]) < LENGTH:
            go(np.array([SPEED, 0.0, np.clip(1.5 * wrap(heading - poses()[0][2]), -0.3, 0.3)]))
        middle = poses()
        gone = float(np.hypot(*(middle[1] - before[1])[:2]))
        way += gone
        while abs(wrap(heading + math.pi / 2.0 - poses()[0][2])) > 0.05:
            go(np.array([0.0, 0.0, TURN]))
        after = poses()
        turned = [wrap(b[2] - a[2]) for a, b in zip(middle, after, strict=True)]
        out.append(Leg(
            1e3 * apart(before, middle) / gone, 1e3 * apart(middle, after), turned[0] - turned[1], way,
            apart(first, after),
        ))  # fmt: skip
    engine.close()
    return out


def planar(position: Array, orientation: Array) -> Array:
    """x, y [m], yaw [rad]."""
    return np.array([*position[:2], yaw_from_quaternion(orientation)])


def apart(begin: tuple[Array, Array], end: tuple[Array, Array]) -> float:
    """[m] between the ways by odometry and the real one, each seen from where it began."""
    moved = []
    for a, b in zip(begin, end, strict=True):
        c, s = math.cos(a[2]), math.sin(a[2])
        moved.append(np.array([[c, s], [-s, c]]) @ (b - a)[:2])
    return float(np.hypot(*(moved[0] - moved[1])))


def metre(meter: Meter) -> None:
    """Of each leg."""
    for leg in walk(meter.repeat):
        meter.add(leg.metre)


def turn(meter: Meter) -> None:
    """Of each quarter turn."""
    for leg in walk(meter.repeat):
        meter.add(leg.turn)


def way(meter: Meter) -> None:
    """At the end of each leg, of all that was walked until then."""
    for leg in walk(meter.repeat):
        meter.add(100.0 * leg.off / leg.way)


BENCHMARKS = (
    Benchmark("odometry.metre", "drift by legs and IMU per metre", metre, unit="mm", repeat=20, quick=0),
    Benchmark("odometry.turn", "the same in a quarter turn on the spot", turn, unit="mm", repeat=20, quick=0),
    Benchmark("odometry.way", "off at last, of all that was walked", way, unit="%", repeat=20, quick=0),
)
