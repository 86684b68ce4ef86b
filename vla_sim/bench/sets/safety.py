"""Safety: is a plan one that this robot may run in this world? How soon the robot stops for what appears
before it is in the set `navigation`."""

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.contract.records import Plan
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.semantic_map import World

GOOD = "Go to the kitchen, pick up the red cup and put it on the dresser"


def validation(meter: Meter, text: str, allowed: bool) -> None:
    world = World.load("apartment")
    checker = PlanChecker(world)
    steps = list(RulePlanner(world).plan(text).steps)
    if not allowed:
        steps = [step for step in steps for _ in range(20)]  # more than one plan may have
    plan = Plan(command_id="bench", text=text, steps=steps, planner="rules")

    def check(reasons: list[str]) -> None:
        if bool(reasons) == allowed:
            raise Wrong(f"a plan of {len(steps)} steps is {f'refused: {reasons}' if reasons else 'allowed'}")

    meter.time(lambda: checker.check(plan), check=check)


BENCHMARKS = (
    Benchmark(
        "safety.validation", "check of a plan that may run",
        lambda meter: validation(meter, GOOD, allowed=True), repeat=300, quick=50,
    ),
    Benchmark(
        "safety.refusal", "check of a plan that may not run",
        lambda meter: validation(meter, GOOD, allowed=False), repeat=300, quick=50,
    ),
)  # fmt: skip
