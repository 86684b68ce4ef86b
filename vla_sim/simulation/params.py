"""Parameters of the simulator's node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param
from vla_sim.simulation.registry import SIMULATORS


@dataclass(frozen=True)
class SimulatorParams(StageParams):
    engine: str = param("mujoco", "the simulator", choices=SIMULATORS)
    real_world: str = param("", "what is simulated, where the stack knows of more; empty: world")
    seed: int = param(0, "of displacements and sensor noise, from the next reset on", low=0, live=True)
    randomise_objects: float = param(0.0, "largest displacement of objects [m]", low=0.0, high=0.5, live=True)
    randomise_start: float = param(0.0, "largest displacement of the start [m]", low=0.0, high=2.0, live=True)
    randomise_start_yaw: float = param(0.0, "largest turn of the start [rad]", low=0.0, high=3.2, live=True)
    speed: float = param(
        1.0,
        "simulated seconds a second; 0: in lock-step, the same on any machine, from start to end",
        low=0.0,
        high=100.0,
        live=True,
    )
    gui: bool = param(False, "the simulator's own window; gazebo only")
    camera: bool = param(True, "images at all")
    sensors: str = param(
        "auto",
        "lidar and camera: the simulator's own, or by ray casting; auto: its own where there is GL",
        choices=("auto", "native", "software"),
    )
    cable_jitter: float = param(
        0.0, "of the engine g1: by how much its cable delays messages at the most [ms]", low=0.0, high=1000.0
    )
    cable_loss: float = param(
        0.0, "of the engine g1: how much of them its cable loses [%]", low=0.0, high=99.0
    )
    camera_rate: float = param(10.0, "images a simulated second", low=0.1, high=50.0)
    lidar_rate: float = param(10.0, "scans a simulated second", low=0.1, high=50.0)
    odometry: str = param(
        "drift",
        "drift: of the truth, with a model of its drift; legs: of legs and IMU, as a robot's is",
        choices=("drift", "legs"),
    )
    walking_policy: str = param("", "empty: the first of the robot's profile", metavar="NAME")
    compute: str = param("fixed", "what work costs in lock-step", choices=("fixed", "measured"))
    costs: str = param(
        "", 'in lock-step, instead of the contract\'s: "voice=80 planning=1200" [ms]', metavar="WORDS"
    )
