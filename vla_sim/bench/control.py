"""One period of joint-level control, and one of the whole engine: they have 20 ms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vla_sim.bench.suite import Benchmark, Once, Options, Prepare, WrongError, timed
from vla_sim.control.calibration import CALIBRATION
from vla_sim.control.controller import Controller
from vla_sim.control.policy import WalkingPolicy, load_policy
from vla_sim.engines.choose import make_engine
from vla_sim.kinematics import Kinematics


def benchmarks(options: Options) -> list[Benchmark]:
    return [
        Benchmark("control/controller update", _period(engine_too=False), repetitions=500, warmup=50),
        Benchmark("control/engine and controller, one period", _period(engine_too=True), repetitions=500,
                  warmup=50),
    ]  # fmt: skip


def _period(engine_too: bool) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        engine = make_engine("mujoco", "apartment", "software")
        kinematics = Kinematics.load()
        kinematics.warm()
        controller = Controller(kinematics.arm, WalkingPolicy(load_policy()), CALIBRATION["fastsac"])
        engine.reset(0)
        try:
            state = engine.state()

            def period() -> None:
                command = controller.update(state)
                if engine_too:
                    engine.command(command)
                    engine.step()

            def stands(_: object) -> None:
                if controller.fallen:
                    raise WrongError("the robot fell")

            measured = timed(period, stands)

            def once() -> object:
                nonlocal state
                controller.cmd_vel(0.3, 0.0, 0.0, state.time)
                spent = measured()
                state = engine.state()
                return spent

            yield once  # type: ignore[misc]
        finally:
            engine.close()

    return prepared
