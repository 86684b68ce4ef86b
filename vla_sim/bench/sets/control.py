"""Control: a step of the walking policy, of the whole controller on a walking robot, and of the physics; how
evenly the 50 Hz loop runs is measured in runs of the whole stack (set `end_to_end`)."""

import math
from functools import partial

import numpy as np

from vla_sim.bench import live
from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.common.assets import find_world
from vla_sim.contract import topics
from vla_sim.robot.body import JointCommand
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import BODY, load_policy
from vla_sim.stages.control.velocity import CALIBRATION

SPEED = 0.4  # [m/s] that is asked for


def policy(meter: Meter) -> None:
    """Observation, network, targets."""
    engine = MujocoSimulator(find_world("tabletop"), noise=False)
    walking, state, mask = load_policy("fastsac"), engine.state(), np.zeros(BODY)
    command = np.array([SPEED, 0.0, 0.0])

    def check(target: np.ndarray) -> None:
        if target.shape != (BODY,) or not np.isfinite(target).all():
            raise Wrong(f"targets of shape {target.shape}, finite: {np.isfinite(target).all()}")

    meter.time(lambda: walking.step(state, command, mask), check=check)
    engine.close()


def step(meter: Meter, physics: bool) -> None:
    """Commands and state in, joint targets out, as once in 20 ms; the robot walks on. physics: with the
    engine's step, which is all that a period of lock-step needs."""
    engine = MujocoSimulator(find_world("corridor"), noise=False)
    arms = Kinematics.load().arm
    controller = Controller(arms, load_policy("fastsac"), CALIBRATION["fastsac"])
    state = engine.state()

    def before() -> None:
        controller.velocity.ask(SPEED, 0.0, 0.0, state.time)

    def period() -> JointCommand:
        command = controller.update(state)
        if physics:
            engine.command(command)
            engine.step()
        return command

    def check(command: JointCommand) -> None:
        nonlocal state
        if not physics:
            engine.command(command)
            engine.step()
        state = engine.state()
        if engine.truth().fallen:
            raise Wrong("the robot fell")

    start = engine.truth().robot[:2]
    meter.time(period, before=before, check=check)
    distance = math.dist(engine.truth().robot[:2], start)
    if meter.repeat >= 100 and distance < 0.4 * SPEED * 0.02 * meter.repeat:
        raise Wrong(f"the robot walked only {distance:.2f} m")
    engine.close()


BENCHMARKS = (
    Benchmark("control.policy", "a step of the walking policy", policy, repeat=500, quick=100, warm_up=10),
    Benchmark(
        "control.step", "a step of the controller of a walking robot", partial(step, physics=False),
        repeat=500, quick=100,
    ),
    Benchmark(
        "control.period", "the same with the physics of its 20 ms", partial(step, physics=True), repeat=300,
        quick=100,
    ),
    Benchmark(
        "control.jitter", "50 Hz control tick: 99th percentile of how late it began",
        live.sampled(lambda run: [float(run.figure("engine.tick_lateness_ms_p99"))]), repeat=1, quick=0,
    ),
    Benchmark(
        "control.rate", "velocities that pass the safety gate while everything runs",
        live.sampled(lambda run: run.rate(topics.CMD_VEL)), unit="Hz", better="high", repeat=1, quick=0,
    ),
)  # fmt: skip
