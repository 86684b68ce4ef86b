"""From words to a plan: by rules, and by a language model behind an OpenAI-compatible server.

The scripted server answers over real HTTP at once: with it, what is measured is the client. A real model is
measured with --base-url.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from vla_sim.bench.suite import Benchmark, Once, Options, Prepare, WrongError, timed
from vla_sim.contract import ObjectQuery
from vla_sim.language.completions import LlmSettings
from vla_sim.language.context import Context
from vla_sim.language.llm import LlmPlanner
from vla_sim.language.rules import RulePlanner, Understood
from vla_sim.language.scripted_llm import ScriptedLlm
from vla_sim.world import World

QUERIES = {
    "Plan navigation to kitchen": ("go to the kitchen", "navigate"),
    "Plan manipulation to pick up cup": ("pick up the red cup", "pick"),
    "Plan complex task with multiple steps": (
        "go to the kitchen, pick up the red cup and bring it to the bedroom", "pick"
    ),
    "Plan safety-conscious navigation": ("go to the bedroom", "navigate"),
    "Plan human-aware manipulation": ("bring me the blue box", "carry"),
}  # fmt: skip
"""The book's five queries are descriptions of what is asked for; by each, the words with which a user asks
for it, and the skill that the plan has to hold."""
ANSWERS = {
    "go to the kitchen": '{"steps":[{"skill":"navigate","place":"kitchen"}]}',
    "pick up the red cup": '{"steps":[{"skill":"pick","object":"red cup"}]}',
    "go to the bedroom": '{"steps":[{"skill":"navigate","place":"bedroom"}]}',
}
"""What a good model answers, for the scripted one."""
PLENTY = 1_000_000
"""Requests a minute: a benchmark is not to be held back."""


def benchmarks(options: Options) -> list[Benchmark]:
    out = [
        Benchmark(f"language/rules: {name}", _rules(text, skill), repetitions=200)
        for name, (text, skill) in QUERIES.items()
    ]
    out += [
        Benchmark(f"language/scripted server: {name}", _scripted(QUERIES[name][0]), repetitions=50)
        for name in QUERIES if QUERIES[name][0] in ANSWERS
    ]  # fmt: skip
    out.append(Benchmark("language/cached plan", _cached, repetitions=200))
    if options.base_url:
        settings = LlmSettings(options.base_url, options.model or "local", timeout=60.0, per_minute=PLENTY)
        out += [
            Benchmark(f"language/model: {name}", _model(settings, text), repetitions=5, warmup=1)
            for name, (text, _) in QUERIES.items()
        ]
    return out


def other(number: int) -> Context:
    """A context of its own: another object was spoken of last, so that no cache knows the prompt."""
    return Context(mentioned=ObjectQuery(kind="cup", colour=f"shade {number}"))


def _has(understood: object, text: str, skill: str) -> None:
    assert isinstance(understood, Understood)
    if skill not in {step.skill for step in understood.intent}:
        raise WrongError(f"{text!r} was planned as {[s.skill for s in understood.intent]}, without {skill}")


def _rules(text: str, skill: str) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        rules = RulePlanner(World.load("apartment"))
        yield timed(lambda: rules.plan(text), lambda found: _has(found, text, skill))

    return prepared


def _scripted(text: str) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        rules = RulePlanner(World.load("apartment"))
        wanted = rules.plan(text).steps
        number = count()
        with (
            ScriptedLlm(plan=ANSWERS[text]) as server,
            LlmPlanner(rules, LlmSettings(server.base_url, per_minute=PLENTY)) as planner,
        ):
            planner.connect()

            def check(found: object) -> None:
                assert isinstance(found, Understood)
                if found.steps != wanted:
                    raise WrongError(f"{text!r}: the model's plan is {found.steps}, not {wanted}")

            yield timed(lambda: planner.plan(text, other(next(number))), check)

    return prepared


@contextmanager
def _cached() -> Iterator[Once]:
    text = "go to the kitchen"
    rules = RulePlanner(World.load("apartment"))
    with (
        ScriptedLlm(plan=ANSWERS[text]) as server,
        LlmPlanner(rules, LlmSettings(server.base_url)) as planner,
    ):
        planner.plan(text, Context())

        def check(_: object) -> None:
            if len(server.requests) != 1:
                raise WrongError(f"the server was asked {len(server.requests)} times, not once")

        yield timed(lambda: planner.plan(text, Context()), check)


def _model(settings: LlmSettings, text: str) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        number = count()
        with LlmPlanner(RulePlanner(World.load("apartment")), settings) as planner:
            yield timed(lambda: planner.plan(text, other(next(number))))

    return prepared
