"""Safety: is a plan one that this robot may run in this world? How soon the robot stops for what appears
before it is in the set `navigation`."""

from functools import partial

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.contract.records import Plan
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.semantic_map import World

GOOD = "Go to the kitchen, pick up the red cup and put it on the dresser"


def validation(meter: Meter, allowed: bool) -> None:
    world = World.load("apartment")
    checker = PlanChecker(world)
    steps = list(RulePlanner(world).plan(GOOD).steps)
    if not allowed:
        steps = [step for step in steps for _ in range(20)]  # more than one plan may have
    plan = Plan(command_id="bench", text=GOOD, steps=steps, planner="rules")

    def check(reasons: list[str]) -> None:
        if bool(reasons) == allowed:
            raise Wrong(f"a plan of {len(steps)} steps is {f'refused: {reasons}' if reasons else 'allowed'}")

    meter.time(lambda: checker.check(plan), check=check)


BENCHMARKS = tuple(
    Benchmark(
        f"safety.{name}", f"check of a plan that may {word}", partial(validation, allowed=allowed),
        repeat=300, quick=50,
    )
    for name, word, allowed in (("validation", "run", True), ("refusal", "not run", False))
)  # fmt: skip
