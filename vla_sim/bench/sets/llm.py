"""LLM query: the chapter's five prompts, each as the command that a person would give to have that planned;
by the rules, by a scripted server over HTTP, from the cache, and by a server that the user names.

The chapter's prompts ("Plan navigation to kitchen") are addressed to a model, not to a robot. What the
planner really sends is the command with the world's names, and what comes back is judged: the right skills
in the right order, allowed by the safety stage.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.common.errors import MissingError
from vla_sim.contract.records import Plan
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm
from vla_sim.stages.language.params import LlmSettings
from vla_sim.stages.language.rule_planner import RulePlanner, Understood
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.semantic_map import World


@dataclass(frozen=True)
class Prompt:
    """asked: the chapter's prompt. command: what a person says for it. answer: a model's steps in JSON.
    skills: of the plan that must come of it, for the steps that matter."""

    asked: str
    command: str
    answer: str
    skills: tuple[str, ...]


PROMPTS = {
    "navigation": Prompt(
        "Plan navigation to kitchen", "Go to the kitchen",
        '{"steps":[{"skill":"navigate","place":"kitchen"}]}', ("navigate",),
    ),
    "manipulation": Prompt(
        "Plan manipulation to pick up cup", "Pick up the cup",
        '{"steps":[{"skill":"pick","object":"cup"}]}', ("find", "approach", "pick"),
    ),
    "complex": Prompt(
        "Plan complex task with multiple steps",
        "Go to the kitchen, pick up the red cup and put it on the dresser",
        '{"steps":[{"skill":"navigate","place":"kitchen"},{"skill":"pick","object":"red cup"},'
        '{"skill":"place","surface":"dresser"}]}', ("navigate", "find", "approach", "pick", "place"),
    ),
    "safe": Prompt(
        "Plan safety-conscious navigation", "Go to the charging station",
        '{"steps":[{"skill":"navigate","place":"charging station"}]}', ("navigate",),
    ),
    "human": Prompt(
        "Plan human-aware manipulation", "Bring me the red cup",
        '{"steps":[{"skill":"pick","object":"red cup"},{"skill":"carry","place":"user"}]}',
        ("find", "approach", "pick", "carry"),
    ),
}  # fmt: skip
PER_MINUTE = 10_000
"""Requests: the suite measures, it does not spare the server that it brings itself."""


@cache
def stages() -> tuple[RulePlanner, PlanChecker]:
    world = World.load("apartment")
    return RulePlanner(world), PlanChecker(world)


def right(prompt: Prompt, remembered: bool | None = None) -> Callable[[Understood], None]:
    """The plan has the wanted skills, safety allows it, and it came from where it should."""
    checker = stages()[1]

    def check(found: Understood) -> None:
        skills = tuple(step.skill for step in found.steps if step.skill != "say")
        if skills != prompt.skills:
            raise Wrong(f'"{prompt.command}" became {", ".join(skills) or found.question or "nothing"}')
        plan = Plan(command_id="bench", text=prompt.command, steps=list(found.steps), planner="llm")
        if reasons := checker.check(plan):
            raise Wrong(f'the plan of "{prompt.command}" is not safe: {reasons[0]}')
        if remembered is not None and found.remembered != remembered:
            raise Wrong("the cache answered" if found.remembered else "the cache did not answer")

    return check


def rules(meter: Meter, prompt: Prompt) -> None:
    planner = stages()[0]
    meter.time(lambda: planner.plan(prompt.command), check=right(prompt))


def cold(meter: Meter, prompt: Prompt) -> None:
    with ScriptedLlm([prompt.answer]) as server:
        ask(meter, prompt, server.base_url)
        asked = meter.warm_up + meter.repeat
        if len(server.requests) != asked:
            raise Wrong(f"{asked} cold plans sent {len(server.requests)} requests")


def cached(meter: Meter, prompt: Prompt) -> None:
    with ScriptedLlm([prompt.answer]) as server, closing(connected(server.base_url)) as planner:
        planner.plan(prompt.command, Context())
        meter.time(lambda: planner.plan(prompt.command, Context()), check=right(prompt, remembered=True))
        if len(server.requests) != 1:
            raise Wrong(f"one question was sent {len(server.requests)} times")


def named(meter: Meter, prompt: Prompt) -> None:
    """The user's server."""
    o = meter.options
    if not o.base_url:
        raise MissingError("no server was named: give --base-url, and --model")
    ask(meter, prompt, o.base_url, o.model)


def ask(meter: Meter, prompt: Prompt, url: str, model: str = "") -> None:
    """A planner for each sample that is connected already and remembers nothing."""
    planners: list[LlmPlanner] = []

    def renew() -> None:
        for old in planners:
            old.close()
        planners[:] = [connected(url, model)]

    try:
        meter.time(
            lambda: planners[0].plan(prompt.command, Context()), before=renew,
            check=right(prompt, remembered=False),
        )  # fmt: skip
    finally:
        for planner in planners:
            planner.close()


def connected(url: str, model: str = "") -> LlmPlanner:
    settings = LlmSettings(url, model or "scripted", per_minute=PER_MINUTE, timeout=30.0)
    planner = LlmPlanner(stages()[0], settings)
    planner.connect()
    return planner


def _each(kind: str, what: str, run: Callable[..., None], repeat: int, quick: int) -> tuple[Benchmark, ...]:
    return tuple(
        Benchmark(
            f"llm.{kind}_{name}", f'"{p.asked}", said as "{p.command}": {what}', partial(run, prompt=p),
            repeat=repeat, quick=quick, warm_up=min(3, quick),
        )
        for name, p in PROMPTS.items()
    )  # fmt: skip


BENCHMARKS = (
    *_each("rules", "planned by the rules", rules, 200, 50),
    *_each("cold", "planned by a scripted server over HTTP", cold, 20, 3),
    *_each("cached", "planned from what the model said before", cached, 200, 50),
    *_each("server", "planned by the server that --base-url names", named, 5, 1),
)
