"""A simulator on the bench (`worlds/conformance.sdf`), with a controller that keeps the robot on its feet."""

from vla_sim.common.assets import find_world
from vla_sim.common.geometry import Array, transform
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, RobotState
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.simulator import Randomisation, Sensors, Simulator
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import load_policy, standing_policy
from vla_sim.stages.control.velocity import CALIBRATION
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import ROBOT

WORLD = "conformance"
G = 9.81
"""Gravity [m/s^2]."""


class ConformanceError(Exception):
    """What was measured and what is allowed."""


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ConformanceError(message)


class Bench:
    """name, sensors: with which `make_simulator` makes another like it. ready: seconds the start took."""

    def __init__(
        self, simulator: Simulator, name: str = "mujoco", sensors: Sensors = "auto", ready: float = 0.0
    ) -> None:
        self.simulator, self.physics, self.ready = simulator, simulator.physics, ready
        self.name, self.sensors = name, sensors
        self.kinematics = Kinematics.load()
        self.model = reader.load_world(find_world(WORLD)).model(ROBOT)
        policy = load_policy() if self.physics else standing_policy()
        self.controller = Controller(self.kinematics.arm, policy, CALIBRATION[facts.POLICIES[0]])

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> RobotState:
        self.simulator.reset(seed, randomisation)
        self.controller.reset()
        return self.simulator.state()

    def run(self, seconds: float, velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> list[RobotState]:
        """Stand or walk under control; the state after each control period."""
        states = [self.simulator.state()]
        for _ in range(round(seconds / CONTROL_PERIOD)):
            state = states[-1]
            self.controller.velocity.ask(*velocity, state.time)
            self.simulator.command(self.controller.update(state))
            self.simulator.step()
            states.append(self.simulator.state())
        return states[1:]

    def mount(self, name: str) -> Array:
        """(4, 4) true pose of a sensor in the world."""
        truth = self.simulator.truth()
        pelvis = transform(truth.robot[:3], truth.robot[3:])
        return pelvis @ self.kinematics.frame(name, self.simulator.state().joint_position)
