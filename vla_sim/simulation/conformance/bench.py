"""A body, or a simulator with `worlds/conformance.sdf` in it, and a controller that keeps the robot on its
feet."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from vla_sim.common.assets import find_world
from vla_sim.common.errors import VlaSimError
from vla_sim.common.geometry import Array, transform
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body, RobotState
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.simulator import Randomisation, Sensors, Simulator
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import WalkingPolicy, load_policy, standing_policy
from vla_sim.stages.control.velocity import CALIBRATION, IDENTITY, VelocityCalibration
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import ROBOT

WORLD = "conformance"
G = 9.81
"""Gravity [m/s^2]."""


class ConformanceError(Exception):
    """What was measured and what is allowed."""


@dataclass(frozen=True)
class Outcome:
    """figure: what was measured. skipped: the check has no meaning for this one, and why. allowed: in words,
    where the figure does not say it."""

    name: str
    passed: bool
    figure: str
    skipped: bool = False
    allowed: str = ""


def outcome(name: str, check: Callable[[], str], skip: str = "", allowed: str = "") -> Outcome:
    """Of a check, which returns what it measured or raises; skip: why it is not made."""
    if skip:
        return Outcome(name, True, skip, True, allowed)
    try:
        return Outcome(name, True, check(), False, allowed)
    except (ConformanceError, VlaSimError) as error:
        return Outcome(name, False, str(error), False, allowed)


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ConformanceError(message)


class BodyBench:
    """body: obeys. policy: that walks, or stands where the body walks by `base_velocity`. keeps_pace: the
    body goes on by the clock, as a robot does, and not when it is told to. clock: steady seconds."""

    def __init__(
        self, body: Body, policy: WalkingPolicy, calibration: VelocityCalibration = IDENTITY,
        keeps_pace: bool = True, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.body, self.keeps_pace, self.clock = body, keeps_pace, clock
        self.kinematics = Kinematics.load()
        self.controller = Controller(self.kinematics.arm, policy, calibration)

    def settle(self) -> RobotState:
        """The robot stands at rest."""
        return self.run(1.0)[-1]

    def run(self, seconds: float, velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> list[RobotState]:
        """Stand or walk under control; the state after each control period."""
        states = [self.body.state()]
        for _ in range(round(seconds / CONTROL_PERIOD)):
            state = states[-1]
            self.controller.velocity.ask(*velocity, state.time)
            self.body.command(self.controller.update(state))
            self.body.step()
            states.append(self.body.state())
        return states[1:]


class Bench(BodyBench):
    """name, sensors: with which `make_simulator` makes another like it. ready: seconds the start took."""

    def __init__(
        self, simulator: Simulator, name: str = "mujoco", sensors: Sensors = "auto", ready: float = 0.0
    ) -> None:
        policy = load_policy() if simulator.physics else standing_policy()
        super().__init__(simulator, policy, CALIBRATION[facts.POLICIES[0]], keeps_pace=False)
        self.simulator, self.physics, self.ready = simulator, simulator.physics, ready
        self.name, self.sensors = name, sensors
        self.model = reader.load_world(find_world(WORLD)).model(ROBOT)

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> RobotState:
        self.simulator.reset(seed, randomisation)
        self.controller.reset()
        return self.simulator.state()

    def settle(self) -> RobotState:
        self.reset()
        return super().settle()

    def mount(self, name: str) -> Array:
        """(4, 4) true pose of a sensor in the world."""
        truth = self.simulator.truth()
        pelvis = transform(truth.robot[:3], truth.robot[3:])
        return pelvis @ self.kinematics.frame(name, self.simulator.state().joint_position)
