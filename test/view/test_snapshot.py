"""What the page is told: what safety forbids, how far a plan is, latencies, and what is equal is equal."""

import base64
import io
import json
import math

import numpy as np
import pytest
from page_states import STEPS, walking
from PIL import Image

from vla_sim.contract import records, topics
from vla_sim.contract.records import SafetyState, Status, TraceEvent, Verdict
from vla_sim.view import snapshot
from vla_sim.view.state import Costmap, ViewState
from vla_sim.world.semantic_map import World


@pytest.fixture(scope="module")
def world():
    return World.load("apartment")


@pytest.fixture
def state(world):
    return walking(world)


@pytest.mark.parametrize(("said", "age", "level", "title", "release"), [
    (None, math.inf, "waiting", "Waiting for safety", "Nothing moves"),
    (SafetyState(level="ok", reasons=[]), 0.1, "ok", "Motion is allowed", ""),
    (SafetyState(level="ok", reasons=[]), 3.0, "silent", "Safety is silent", "until it speaks again"),
    (SafetyState(level="slowed", reasons=["a chair"]), 0.1, "slowed", "Slowed", "by itself"),
    (SafetyState(level="stopped", reasons=["stop was said"]), 0.1, "stopped", "Stopped", "next command"),
    (SafetyState(level="stopped", reasons=["no lidar scan"]), 0.1, "stopped", "Motion is forbidden",
     "by itself"),
    (SafetyState(level="estop", reasons=["x"]), 0.1, "estop", "Emergency stop is latched", "starts nothing"),
    (SafetyState(level="estop", reasons=["x"], fallen=True), 0.1, "estop", "The robot has fallen",
     "Set it up"),
])  # fmt: skip
def test_what_is_forbidden_comes_with_why_and_what_releases_it(said, age, level, title, release):
    told = snapshot.safety(said, age, ViewState())
    assert (told["level"], told["title"]) == (level, title)
    assert release in told["release"]
    assert told["reasons"] or level == "ok"


def test_an_arm_that_was_refused_is_said_for_a_while(state):
    refused = records.Refusal(arm="left", stamp=12.0, reason="a hand in its way")
    state.take(topics.REFUSAL.name, refused, 12.0)
    section = snapshot.Sections().of(state)["safety"]
    assert section["refused"] == "left arm: a hand in its way"
    state.take(topics.SAY.name, records.Say(text="x"), 20.0)
    assert "refused" not in snapshot.Sections().of(state)["safety"]


def steps(state):
    return [one["state"] for one in snapshot.command(state.command)["steps"]]


def test_the_steps_of_a_plan_light_up_one_after_another(state):
    assert steps(state) == ["running", "waiting", "waiting", "waiting"]
    for number, expected in ((1, ["done", "running", "waiting", "waiting"]), (3, ["done"] * 3 + ["running"])):
        status = Status(command_id="c", state="running", step=number, steps=4, mono=51.0)
        state.take(topics.STATUS.name, status, 14.0)
        assert steps(state) == expected
    waits = Status(command_id="c", state="accepted", step=2, steps=4, detail="waits for another", mono=52.0)
    state.take(topics.STATUS.name, waits, 15.0)
    assert steps(state) == ["done", "done", "waiting", "waiting"]
    state.take(topics.STATUS.name, Status(command_id="c", state="succeeded", step=3, mono=60.0), 20.0)
    assert steps(state) == ["done"] * 4


def test_a_plan_that_fails_says_where_and_one_that_is_forbidden_why(state):
    failed = Status(command_id="c", state="failed", step=1, steps=4, detail="no red cup", mono=60.0)
    state.take(topics.STATUS.name, failed, 20.0)
    assert steps(state) == ["done", "failed", "left out", "left out"]
    plan = records.Plan(command_id="d", text="go there", steps=STEPS, planner="rules")
    verdict = Verdict(command_id="d", allowed=False, reasons=["a stair"], plan=plan, mono=61.0)
    state.take(topics.VERDICT.name, verdict, 21.0)
    told = snapshot.command(state.command)
    assert (told["forbidden"], told["state"]) == (["a stair"], "forbidden")
    assert steps(state) == ["forbidden"] * 4


def test_latencies_count_from_the_last_word_and_say_where_they_come_from(state):
    told = snapshot.latency(state.command, modelled=False)
    assert (told["source"], told["from"], told["total_ms"]) == ("measured", "the last word", 231.0)
    assert told["bars"][0]["stage"] == "voice"
    assert snapshot.latency(state.command, modelled=True)["source"] == "modelled"
    assert snapshot.latency(None, modelled=False)["bars"] == []
    event = TraceEvent(command_id="e", stage="safety", begin_mono=1.0, end_mono=1.01)
    state.take(topics.TRACE.name, event, 30.0)
    only = snapshot.latency(state.commands["e"], modelled=False)
    assert (only["bars"][0]["begin_ms"], only["total_ms"]) == (0.0, None)


def test_what_has_not_changed_is_the_same_bytes_and_small(state):
    made = snapshot.Sections()
    first, second = ({k: snapshot.encode(v) for k, v in made.of(state).items()} for _ in range(2))
    assert first == second
    assert sum(map(len, first.values())) < 20_000


def test_everything_is_said_before_anything_has_come():
    for one in snapshot.Sections().of(ViewState()).values():
        json.loads(snapshot.encode(one))


def test_the_map_lies_where_the_world_does(world):
    told = json.loads(snapshot.encode(snapshot.world_section(world)))
    picture = Image.open(io.BytesIO(base64.b64decode(told["map"]["png"].partition(",")[2])))
    x0, y0, x1, y1 = (told["map"][name] for name in ("x0", "y0", "x1", "y1"))
    assert picture.size == (round((x1 - x0) / 0.05), round((y1 - y0) / 0.05))
    for place in told["places"]:
        column, row = int((place["x"] - x0) / 0.05), int((y1 - place["y"]) / 0.05)
        assert picture.getpixel((column, row)) == 0, f"{place['name']} is free floor"


def test_a_costmap_is_drawn_once_with_its_first_row_at_the_top(state):
    cost = np.zeros((2, 3), np.uint8)
    cost[1, 0] = 100  # at the largest y
    state.costmap = Costmap(1.0, cost, -1.0, 2.0, 0.5)
    made = snapshot.Sections()
    told = made.of(state)["costmap"]
    assert (told["x0"], told["y0"], told["x1"], told["y1"]) == (-1.0, 2.0, 0.5, 3.0)
    picture = Image.open(io.BytesIO(base64.b64decode(told["png"].partition(",")[2])))
    assert (picture.getpixel((0, 0)), picture.getpixel((0, 1))) == (100, 0)
    assert made.of(state)["costmap"] is told
