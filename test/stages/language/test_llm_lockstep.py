"""In lock-step it does not depend on the machine whether the model answered in time."""

import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from installed import needs
from language_world import HOME, RULES, looking, short

from vla_sim.common import clock
from vla_sim.contract import topics
from vla_sim.contract.records import Command
from vla_sim.ros.lockstep.follower import Follower
from vla_sim.ros.lockstep.turn_taking import Begin
from vla_sim.stages.language.dialogue_context import DialogueTracker
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm
from vla_sim.stages.language.params import LlmSettings
from vla_sim.stages.language.responder import Responder

pytestmark = pytest.mark.integration

needs("httpx2", "the language model's client (pip install httpx2) is not installed")

TIMEOUT = 0.4


@pytest.fixture(autouse=True)
def own_clock():
    yield
    clock.use(None)


def told(script, cost, compute="fixed", delay=10.0, texts=("go to the kitchen",), timeout=TIMEOUT, **values):
    """(planner, why the model did not, simulated seconds until then) of each command."""
    follower = Follower("language")
    follower.charged = Begin(compute, {"llm": cost})
    out, sent = [], []
    with ScriptedLlm(script, delay=delay, retry_after="0.3") as server:
        planner = LlmPlanner(RULES, LlmSettings(server.base_url, timeout=timeout, **values))
        with planner:
            planner.connect()
            dialogue = DialogueTracker(HOME)
            notes = []
            responder = Responder(
                RULES, dialogue, lambda topic, record: sent.append((topic, record)), looking(),
                planner.begin, "llm", note=notes.append, settle=follower.settle,
            )  # fmt: skip
            for number, text in enumerate(texts):
                begin = clock.mono()
                responder.on_command(Command(command_id=f"c{number}", text=text, sent_mono=0.0))
                responder.on_answers()
                plan: Any = next(record for topic, record in reversed(sent) if topic is topics.PLAN)
                assert [short(step) for step in plan.steps]
                why = notes.pop().partition("the model: ")[2] if notes else ""
                out.append((plan.planner, why, round(clock.mono() - begin, 9)))
    return out


def test_the_verdict_is_the_costs_not_the_machines():
    slow = told(["slow"], 0.1, delay=2 * TIMEOUT)
    fast = told(["good"], 0.1)
    assert slow == fast == [("llm", "", 0.1)]
    late = [("rules", "no plan within 0.4 s", 0.4)]
    assert told(["good"], 0.5) == told(["slow"], 0.5, delay=2 * TIMEOUT) == late


def test_what_is_measured_may_be_late():
    ((planner, why, took),) = told(["slow"], 0.0, "measured", delay=2 * TIMEOUT)
    assert (planner, why) == ("rules", "no plan within 0.4 s")
    assert TIMEOUT - 1e-3 < took < TIMEOUT + 10.0  # the rules' own work is measured as well


def test_a_pause_passes_in_simulated_time():
    assert told(["error429", "good"], 0.05, timeout=4.0) == [("llm", "", 0.4)]  # 0.05 + 0.3 + 0.05


def test_the_rate_the_breaker_and_the_memory_keep_simulated_time():
    texts = ["go to the kitchen", "go to the bedroom", "go to the kitchen"]
    plan = '{"steps":[{"skill":"navigate","place":"bedroom"}]}'
    found = told(["good", plan], 0.1, texts=texts, per_minute=60)
    assert [planner for planner, _, _ in found] == ["llm", "llm", "cache"]
    assert told(["good", plan], 0.1, texts=texts, per_minute=10) == [
        ("llm", "", 0.1),
        ("rules", "the limit is 10 requests a minute; the next in 6.6 s", 0.0),
        ("cache", "", 0.0),
    ]


def test_a_connection_that_the_server_is_about_to_close_is_not_used_again(monkeypatch):
    finish = BaseHTTPRequestHandler.finish
    monkeypatch.setattr(BaseHTTPRequestHandler, "finish", lambda http: (time.sleep(0.05), finish(http)))
    found = told(["good"], 0.1, texts=["go to the kitchen", "go to the bedroom"], grounded=False)
    assert found == [("llm", "", 0.1)] * 2


def test_an_answer_that_is_wrong_at_the_last_moment_is_told_as_wrong():
    (found,) = told(["unknown_name"], TIMEOUT)
    assert found[0] == "rules"
    assert found[1].startswith('step 1: "the moon" is no place')
    assert found[2] == TIMEOUT


@pytest.mark.parametrize("behaviour", ["keep_alive", "endless"])
def test_a_server_that_hangs_is_given_up_and_costs_the_timeout(behaviour, monkeypatch):
    monkeypatch.setattr("vla_sim.stages.language.llm.completion_client.LOCKSTEP_TIMEOUT", 0.3)
    assert told([behaviour], 0.1) == [("rules", "no plan within 0.4 s", 0.4)]


def test_broken_servers_cost_what_their_answers_cost():
    first, again = (told(["error500", "cut_stream"], 0.1, timeout=4.0) for _ in range(2))
    assert first == again
    assert first[0][0] == "rules"
    assert first[0][2] > 0.3  # three requests and two pauses
