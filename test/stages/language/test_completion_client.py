"""What stands between a command and the model's server: cache, rate, repetitions, timeouts."""

from __future__ import annotations

import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from installed import needs
from language_world import RULES, plan_of

from vla_sim.common import clock
from vla_sim.contract.records import DetectedObject, ObjectQuery
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.completion_client import CompletionClient
from vla_sim.stages.language.llm.errors import LlmError
from vla_sim.stages.language.llm.llm_planner import EventLoopThread, LlmPlanner
from vla_sim.stages.language.llm.plan_format import check_beginning
from vla_sim.stages.language.llm.rate_limiter import RateLimiter
from vla_sim.stages.language.llm.request_batcher import MAX_FAILURES, OPEN_SECONDS
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm
from vla_sim.stages.language.params import LlmSettings

pytestmark = pytest.mark.integration

needs("httpx2", "the language model's client (pip install httpx2) is not installed")

BOUND = 20.0  # [s] bound for what threads and sockets do


class Clock:
    """A lock-step's clock: time that passes while somebody waits, and while the model answers if that is
    said to cost something."""

    def __init__(self, cost=0.0):
        self.time, self.cost, self.waited = 100.0, cost, []

    def mono(self):
        return self.time

    def charge(self, work, seconds, most=math.inf):
        self.time += min(self.cost, most)
        return self.cost

    def spend(self, seconds):
        self.waited.append(seconds)
        self.time += seconds


@pytest.fixture
def made():
    one = Clock()
    clock.use(one)
    yield one
    clock.use(None)


@pytest.fixture
def opened():
    """Planners and loops that are closed at the end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def planner(opened):
    return lambda server, **values: opened.enter_context(
        LlmPlanner(RULES, LlmSettings(server.base_url, **{"timeout": BOUND, **values}))
    )


@pytest.fixture
def completions(opened):
    """Makes (completions, ask): `ask` blocks."""

    def make(server, **values):
        one = CompletionClient(LlmSettings(server.base_url, **values), None)
        one.connect()
        loop = EventLoopThread("test")
        opened.callback(loop.close, one.close)

        def ask(words="x", within=30.0, priority="normal"):
            said = [{"role": "user", "content": words}]
            work = one.ask(said, clock.mono() + within, lambda _: None, priority)
            return loop.start(work).result(BOUND)

        return one, ask

    return make


# --------------------------------------------------------------------------- memory


def test_the_same_command_in_the_same_situation_is_not_asked_again(planner):
    with ScriptedLlm() as server:
        llm = planner(server)
        first, second = (llm.plan("go to the kitchen", Context()) for _ in range(2))
        assert (first.remembered, second.remembered, len(server.requests)) == (False, True, 1)
        assert first.steps == second.steps
        held = Context(held=ObjectQuery(kind="cup", colour="red"))
        assert not llm.plan("go to the kitchen", held).remembered
        assert llm.completions.statistics.values()["llm.hit_rate"] == "0.33"


def test_other_parameters_are_another_request(planner):
    with ScriptedLlm() as server:
        keys = {
            planner(server, **v).completions.cache.generate_cache_key([])
            for v in ({}, {"temperature": 0.5}, {"model": "b"})
        }
    assert len(keys) == 3


def test_remembered_words_become_a_plan_for_the_world_as_it_is_now(planner):
    pick = '{"steps":[{"skill":"pick","object":"red cup"}]}'
    cup = DetectedObject(
        track_id=1, kind="cup", colour="red", position=(0.0, 6.0, 0.65), size=(0.07, 0.07, 0.1), yaw=0.0,
        confidence=0.9, last_seen=1.0,
    )  # fmt: skip
    here = Context(place="kitchen", objects=(cup,))
    elsewhere = Context(place="bedroom", objects=(cup,))  # known by what was done, and not told the model
    with ScriptedLlm(plan=pick) as server:
        llm = planner(server)
        before, after = llm.plan("get the red cup", here), llm.plan("get the red cup", elsewhere)
        assert len(server.requests) == 1
    assert after.remembered
    assert plan_of(before) == plan_of(RULES.plan("get the red cup", here))
    assert plan_of(after) == plan_of(RULES.plan("get the red cup", elsewhere))
    assert plan_of(before) != plan_of(after)


def test_memory_fades_and_is_bounded(made, completions):
    with ScriptedLlm() as server:
        one, ask = completions(server, cache_entries=5, cache_seconds=10.0)
        for i in range(6):
            one.remember([{"role": "user", "content": str(i)}], "words")
        assert ask("5").remembered
        assert not ask("0").remembered
        made.time += 11.0
        assert not ask("5").remembered


def test_the_chapters_figures_are_the_defaults():
    one = LlmSettings("")
    assert (one.cache_entries, one.cache_seconds, one.batch, one.batch_wait) == (50, 300.0, 3, 2.0)
    assert (one.per_minute, one.temperature, one.max_tokens) == (100, 0.1, 1000)


def test_a_wrong_answer_is_not_remembered(planner):
    with ScriptedLlm(["unknown_name"]) as server:
        llm = planner(server)
        for _ in range(2):
            with pytest.raises(LlmError, match="is no place"):
                llm.plan("go to the kitchen", Context())
        assert len(server.requests) == 4


# --------------------------------------------------------------------------- at once


def test_many_who_ask_the_same_are_one_request(planner):
    with ScriptedLlm(["slow"], delay=1.0) as server, ThreadPoolExecutor(8) as pool:
        llm = planner(server)
        plans = list(pool.map(lambda _: llm.plan("go to the kitchen", Context()), range(8)))
        assert len(server.requests) == 1
    assert {plan.steps for plan in plans} == {plans[0].steps}
    assert llm.completions.statistics.shared == 7


# --------------------------------------------------------------------------- rate


@given(st.integers(1, 200), st.floats(0.0, 20_000.0), st.floats(0.0, 30.0))
@example(per_minute=123, now=7161.0, gap=0.366897693804)
@example(per_minute=200, now=12345.678, gap=0.1)
def test_after_the_wait_that_was_told_a_request_may_go(per_minute, now, gap):
    """Else a wait too short to change the time is told again and again."""
    limiter = RateLimiter(per_minute)
    while limiter.can_make_request(now):
        pass
    now += gap
    assert limiter.wait(now + limiter.wait(now)) == 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.lists(st.floats(0.0, 30.0), min_size=1, max_size=400))
def test_no_minute_has_more_requests_than_allowed(per_minute, gaps):
    limiter, now, taken = RateLimiter(per_minute), 0.0, []
    for gap in gaps:
        now += gap
        if limiter.can_make_request(now):
            taken.append(now)
        else:
            wait = limiter.wait(now)
            assert 0.0 < wait <= 120.0
            now += wait * (1.0 + 1e-9)
            assert limiter.can_make_request(now)  # it was not told to wait too little
            taken.append(now)
    for first in taken:
        assert sum(first <= t < first + 60.0 for t in taken) <= max(per_minute, 2)


def test_a_command_beyond_the_limit_is_told_so_and_not_sent(made, completions):
    with ScriptedLlm() as server:
        one, ask = completions(server, per_minute=10)
        ask("a")
        with pytest.raises(LlmError, match="limit is 10 requests a minute; the next in"):
            ask("b", within=1.0)
        assert len(server.requests) == 1
        assert one.statistics.refused == 1


def test_a_server_that_asks_for_a_pause_gets_it(made, completions):
    with ScriptedLlm(["error429", "good"], retry_after="1.5") as server:
        _, ask = completions(server)
        assert ask().content == server.plan
        assert made.waited == [1.5]


def test_a_pause_that_is_too_long_is_an_error_at_once_for_everybody(made, completions):
    with ScriptedLlm(["error429", "good"], retry_after="60") as server:
        _, ask = completions(server)
        for words, reason in (
            ("a", "429 Too Many Requests"),
            ("b", "asked for a pause; the next request in 60 s"),
        ):
            with pytest.raises(LlmError, match=reason):
                ask(words)
        assert len(server.requests) == 1
        made.time += 61.0
        assert ask("b").content == server.plan


# --------------------------------------------------------------------------- failures


@pytest.mark.parametrize("behaviour", ["error500", "cut", "cut_stream"])
def test_what_may_help_is_tried_again(behaviour, made, completions):
    with ScriptedLlm([behaviour, behaviour, "good"]) as server:
        one, ask = completions(server)
        assert ask().content == server.plan
        assert len(server.requests) == 3
        assert 0.1 <= made.waited[0] <= 0.3
        assert 0.2 <= made.waited[1] <= 0.6
        assert (one.statistics.failed, one.statistics.repeated) == (2, 2)


def test_a_refusal_is_not_tried_again(made, completions):
    with ScriptedLlm(["error401"]) as server:
        _, ask = completions(server)
        with pytest.raises(LlmError, match="401 Unauthorized"):
            ask()
        assert len(server.requests) == 1


def test_a_broken_server_is_left_alone_and_then_tried_by_one(made, completions):
    with ScriptedLlm(["error500"] * MAX_FAILURES + ["error500", "good"]) as server:
        _, ask = completions(server)
        with pytest.raises(LlmError, match="500 Internal Server Error"):
            ask()
        with pytest.raises(LlmError, match=f"failed {MAX_FAILURES} times in a row; next try in 10 s"):
            ask()
        assert len(server.requests) == MAX_FAILURES
        made.time += OPEN_SECONDS
        for reason in ("next try in 10 s", "next try in 10 s"):  # the one that tries fails, and opens it anew
            with pytest.raises(LlmError, match=reason):
                ask()
        assert len(server.requests) == MAX_FAILURES + 1
        made.time += OPEN_SECONDS
        assert ask().content == server.plan


def test_nobody_waits_for_the_rest_of_an_answer_that_is_wrong(planner):
    wrong = '{"steps":[{"skill":"navigate","place":"the moon"},' + '{"skill":"wait","seconds":1},' * 5
    wrong += '{"skill":"stop"}]}'
    with ScriptedLlm(["slow_end"], plan=wrong, delay=60.0) as server:
        begin = time.monotonic()
        with pytest.raises(LlmError, match='"the moon" is no place'):
            planner(server, timeout=50.0).plan("go to the kitchen", Context())
        assert time.monotonic() - begin < 40.0
        assert len(server.requests) == 2  # the mistake went back to it
        assert server.requests[1]["messages"][-2]["content"] in wrong


def test_a_models_question_is_safe_to_say(planner):
    hostile = json.dumps(
        {"steps": [{"skill": "ask", "question": "\x1b[2JWhat?\r\n\x00<script>" + "x" * 5000}]}
    )
    with ScriptedLlm([hostile]) as server:
        question = planner(server).plan("sing a song", Context()).question
    assert question.startswith("[2JWhat? <script>xxx")
    assert question.isprintable()
    assert len(question) <= 200


def test_tokens_and_cost_are_counted(made, completions):
    with ScriptedLlm() as server:
        one, ask = completions(server, price_in=1.0, price_out=10.0)
        ask()
        told = one.statistics.values()
    tokens = -(-len(server.plan) // 4)
    assert (told["llm.tokens_in"], told["llm.tokens_out"]) == ("400", str(tokens))
    assert float(told["llm.cost"]) == pytest.approx((400 + 10 * tokens) * 1e-6, abs=1e-4)
    assert "llm.p95_ms" in told


# --------------------------------------------------------------------------- beginnings

GOOD = (
    '{"steps":[{"skill":"navigate","place":"kitchen"},{"skill":"pick","object":"red cup"},'
    '{"skill":"carry","place":"user"},{"skill":"move","meters":-1.5},{"skill":"ask","question":"And now?"}]}'
)


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", f"  \n{GOOD}"])
def test_every_beginning_of_a_good_plan_may_go_on(text):
    for end in range(len(text) + 1):
        check_beginning(text[:end], RULES.lexicon, Context())


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=40)
    | st.tuples(st.integers(0, len(GOOD)), st.text(max_size=8)).map(lambda t: GOOD[: t[0]] + t[1])
)
def test_no_beginning_crashes(text):
    try:
        check_beginning(text, RULES.lexicon, Context())
    except LlmError:
        return


@pytest.mark.parametrize("steps", ["5", '{"skill": "stop"}', '"stop"', "true", "null"])
def test_steps_that_are_no_list_are_the_models_mistake_not_the_servers(steps, planner):
    answer = '{"steps": ' + steps + "}"
    with ScriptedLlm([answer]) as server:
        llm = planner(server)
        for _ in range(MAX_FAILURES):
            with pytest.raises(LlmError, match="not a plan"):
                llm.plan("go to the kitchen", Context())
        assert len(server.requests) == 2 * MAX_FAILURES  # the breaker never opened
        assert llm.completions.statistics.failed == 0


def test_requests_that_fail_leave_nothing_behind(completions):
    with ScriptedLlm(["error401"]) as server:
        one, ask = completions(server, per_minute=10_000)
        with ThreadPoolExecutor(8) as pool:
            errors = [pool.submit(ask, str(i % 5)).exception() for i in range(40)]
        assert all(isinstance(error, LlmError) for error in errors)
        assert not one._under_way
        assert one.batcher.waiting == 0
