"""Checks of the state's form, of resets, seeds and bad commands."""

import json
import math
import os
import subprocess
import sys

import numpy as np

from vla_sim.common.geometry import wrap, yaw_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, JointCommand
from vla_sim.simulation.conformance import body_checks
from vla_sim.simulation.conformance.bench import WORLD, Bench, require
from vla_sim.simulation.simulator import Randomisation

SIZE = len(facts.JOINTS)


def time_and_shapes(bench: Bench) -> str:
    state = bench.reset()
    require(state.time == 0.0, f"time after a reset is {state.time}; it must be 0")
    states = bench.run(0.4)
    steps = np.diff([0.0, *(s.time for s in states)])
    even = bool(np.allclose(steps, CONTROL_PERIOD, atol=1e-9))
    require(even, f"a step advances {steps.min()} to {steps.max()} s; it must be {CONTROL_PERIOD}")
    return f"{CONTROL_PERIOD} s a step; {body_checks.shapes(bench)}"


def reset(bench: Bench) -> str:
    bench.reset()
    first = bench.simulator.truth()
    joints = bench.simulator.state().joint_position
    bench.run(1.5, (-0.3, 0.0, 0.3))
    state = bench.reset()
    again = bench.simulator.truth()
    require(state.time == 0.0, f"time is {state.time} after a reset")
    worst = float(np.abs(again.robot - first.robot).max())
    for name, pose in first.objects.items():
        worst = max(worst, float(np.abs(again.objects[name][:3] - pose[:3]).max()))
    require(worst < 2e-3, f"something is {1000 * worst:.1f} mm from its start after a reset")
    off = float(np.abs(state.joint_position - joints).max())
    require(off < 0.01, f"a joint is {off:.3f} rad from its start after a reset")
    bench.run(2.0)
    require(not bench.simulator.truth().fallen, "the robot fell after a reset")
    return f"{1000 * worst:.2f} mm"


def outcome_of(bench: Bench, seed: int) -> list[float]:
    """Where a seeded second ends: robot's pose, joints as felt, ranges of a scan (infinite ones as -1)."""
    bench.reset(seed)
    state = bench.run(1.0)[-1]
    ranges = bench.simulator.scan().ranges
    parts = bench.simulator.truth().robot, state.joint_position, np.where(np.isfinite(ranges), ranges, -1.0)
    return [float(v) for part in parts for v in np.ravel(part)]


def determinism(bench: Bench) -> str:
    """In processes of their own, as runs are. A simulator may remember its past across a reset."""
    module = "vla_sim.simulation.conformance.reset_and_determinism"
    command = [sys.executable, "-m", module, bench.name, bench.sensors, "7"]
    fresh = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300.0, check=False)
        require(done.returncode == 0, f"a fresh simulator ended with {done.returncode}: {done.stderr[-200:]}")
        fresh.append(np.array(json.loads(done.stdout.splitlines()[-1])))
    off = float(np.abs(fresh[0] - fresh[1]).max())
    require(off < 1e-6, f"the same seed ends {off:.2g} apart after 1 s")
    again = float(np.abs(np.array(outcome_of(bench, 7))[:7] - fresh[0][:7]).max())
    require(again < 5e-3, f"after a reset the same seed ends {again:.2g} m apart after 1 s")
    return f"{off:.1g} apart after 1 s, {again:.1g} m after a reset"


def seeds(bench: Bench) -> str:
    most = Randomisation(objects=0.0, start=0.3, start_yaw=0.4)
    bench.reset(0)
    nominal = bench.simulator.truth().robot
    starts = []
    for seed in range(1, 6):
        bench.reset(seed, most)
        starts.append(bench.simulator.truth().robot)
        shift = float(np.hypot(*(starts[-1][:2] - nominal[:2])))
        turn = abs(wrap(yaw_from_quaternion(starts[-1][3:]) - yaw_from_quaternion(nominal[3:])))
        require(shift < 0.301 * math.sqrt(2), f"seed {seed} moved the start by {shift:.2f} m; 0.3 were asked")
        require(turn < 0.401, f"seed {seed} turned the start by {turn:.2f} rad; 0.4 were asked for")
    apart = min(float(np.abs(a - b).max()) for k, a in enumerate(starts) for b in starts[:k])
    require(apart > 1e-4, "two seeds give the same start")
    bench.reset(3, most)
    off = float(np.abs(bench.simulator.truth().robot - starts[2]).max())
    require(off < 1e-3, f"seed 3 gives another start the second time, {off:.3g} m off")
    return f"5 starts, {apart:.2f} m or rad apart at least"


def bad_commands(bench: Bench) -> str:
    refused = body_checks.bad_commands(bench)
    bench.simulator.command(JointCommand(np.full(SIZE, 50.0), np.full(SIZE, 20.0), np.zeros(SIZE)))
    bench.reset()
    far = facts.DEFAULT_POSE.copy()
    name = facts.ARM_JOINTS["right"][3]
    elbow, axis = facts.INDEX[name], bench.model.joint(name).axis
    assert axis is not None
    far[elbow] = 50.0
    for _ in range(40):
        bench.simulator.command(JointCommand(far, np.full(SIZE, 60.0), np.zeros(SIZE)))
        bench.simulator.step()
    reached = bench.simulator.state().joint_position[elbow]
    require(reached < axis.upper + 0.1, f"a position far out of limits moved the elbow to {reached:.2f} rad")
    require(
        bool(np.isfinite(bench.simulator.state().joint_position).all()), "the state is not finite any more"
    )
    return f"{refused}; positions past a limit clipped"


def main() -> None:
    """`outcome_of` a simulator in a process of its own; arguments: engine, sensors, seed."""
    from vla_sim.simulation.registry import make_simulator

    name, sensors, seed = sys.argv[1:]
    simulator = make_simulator(name, WORLD, sensors)  # type: ignore[arg-type]
    print(json.dumps(outcome_of(Bench(simulator), int(seed))), flush=True)
    os._exit(0)  # Gazebo's threads need not be waited for


if __name__ == "__main__":
    main()
