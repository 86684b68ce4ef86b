"""What every simulator must do, checked on one bench.

    vla-sim check-engine gazebo

Each check resets the simulator, does one thing and compares it with what physics, geometry or the model say;
it returns what it measured in words, or raises `ConformanceError`.
"""

import time
from collections.abc import Callable
from functools import partial

from vla_sim.robot import facts
from vla_sim.simulation.conformance import body_checks, objects, sensors
from vla_sim.simulation.conformance import reset_and_determinism as runs
from vla_sim.simulation.conformance import standing_and_walking as body
from vla_sim.simulation.conformance.bench import Bench, Outcome, outcome

Check = Callable[[Bench], str]


def speed(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    began = time.perf_counter()
    bench.run(3.0, (-0.2, 0.0, 0.0))
    took = (time.perf_counter() - began) / 3.0
    period = 0.0
    for _ in range(100):
        began = time.perf_counter()
        bench.simulator.step()
        period += time.perf_counter() - began
    return (
        f"{1.0 / took:.1f} times real time with control, {10 * period:.2f} ms a control period of the "
        f"simulator alone, {bench.ready:.1f} s to start"
    )


CHECKS: tuple[tuple[str, Check, tuple[str, ...]], ...] = (
    ("time, shapes and units of the state", runs.time_and_shapes, ()),
    ("stands 60 s", body.stands, ("physics",)),
    ("walks 5 m without a fall", body.walks, ("physics",)),
    ("IMU at rest shows gravity", body_checks.imu, ()),
    ("lidar measures the wall, with the model's noise", sensors.lidar, ()),
    ("camera shows a known object where it is", sensors.camera, ()),
    ("odometry follows the motion", body.odometry, ()),
    ("joints go where they are commanded", body.joint_tracking, ()),
    ("soles carry the weight, nothing else touches", body.weight, ("physics",)),
    ("gravity", objects.gravity, ("physics",)),
    ("what is put down stays there", objects.putting, ()),
    ("fingers hold a box for 25 s", objects.grip, ("physics", "hand")),
    ("friction cone", objects.friction, ("physics",)),
    ("tools are where kinematics says", body.hands, ()),
    ("reset brings everything back", runs.reset, ()),
    ("one seed, one run", runs.determinism, ()),
    ("another seed, another start", runs.seeds, ()),
    ("bad commands", runs.bad_commands, ()),
    ("speed", speed, ()),
)
"""(name, check, what it needs of the simulator and the robot)."""


def check_engine(bench: Bench, report: Callable[[Outcome], None]) -> list[Outcome]:
    """All checks, each reported as it ends."""
    lacks = {}
    if not bench.physics:
        lacks["physics"] = "the simulator has no physics"
    if facts.HAND is None:
        lacks["hand"] = "the robot has no hand"
    outcomes = []
    for name, check, needs in CHECKS:
        skip = next((lacks[one] for one in needs if one in lacks), "")
        outcomes.append(outcome(name, partial(check, bench), skip))
        report(outcomes[-1])
    return outcomes
