"""The safety node as it runs, in a process of its own: from a scan with an obstacle in it to the order to
stand; and the check of a plan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from vla_sim import contract
from vla_sim.bench.suite import Benchmark, Once, Options, WrongError, timed
from vla_sim.language.rules import RulePlanner
from vla_sim.safety.plan_check import PlanChecker
from vla_sim.stack import environment, middleware
from vla_sim.supervise import Domain
from vla_sim.world import World


def benchmarks(options: Options) -> list[Benchmark]:
    return [
        Benchmark("safety/obstacle reaction", _reaction, repetitions=60, warmup=5),
        Benchmark("safety/plan check", _check, repetitions=200),
    ]


@contextmanager
def _check() -> Iterator[Once]:
    world = World.load("apartment")
    text = "go to the kitchen and pick up the red cup"
    checker = PlanChecker(world)
    steps = list(RulePlanner(world).plan(text).steps)
    plan = contract.Plan(command_id="bench", text=text, steps=steps, planner="rules")

    def allowed(reasons: object) -> None:
        if reasons:
            raise WrongError(f"a good plan is refused: {reasons}")

    yield timed(lambda: checker.check(plan), allowed)


@contextmanager
def _reaction() -> Iterator[Once]:
    domain = Domain()
    line = [sys.executable, "-m", "vla_sim.safety.node", "--ros-args", "-p", "use_sim_time:=false"]
    node = subprocess.Popen(
        line, env=environment(domain.id), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    before = dict(os.environ)
    os.environ.update(middleware(domain.id))
    try:
        from vla_sim.bench.client import reactions  # after the environment: it starts ROS

        yield from reactions(node)
    finally:
        os.environ.clear()
        os.environ.update(before)
        node.send_signal(signal.SIGINT)
        try:
            node.wait(10.0)
        except subprocess.TimeoutExpired:
            node.kill()
        domain.release()
