"""The executive against a scripted body: navigation and manipulation that answer at once."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from vla_sim.contract import topics
from vla_sim.contract.ids import Ids
from vla_sim.contract.records import (
    DetectedObject,
    ManipulationRequest,
    ManipulationStatus,
    NavigationStatus,
    ObjectName,
    ObjectQuery,
    Plan,
    SafetyState,
    Step,
    Verdict,
)
from vla_sim.contract.surface_points import pack
from vla_sim.stages.executive.core import Executive
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills import handling
from vla_sim.world.objects import ObjectKind
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import Place, Surface, World

CUP = ObjectQuery(kind="cup", colour="red")
WORLD = World(
    name="flat", path=Path("flat.sdf"), start=(0.0, 0.0, 0.0),
    places=(Place("kitchen", 2.0, 0.0, 0.0),),
    surfaces=(Surface("table", "kitchen", 3.0, 0.0, 0.0, 0.5, 1.2, 0.75),),
    objects=(ObjectKind("red_cup", "cup", "red", "cylinder", (0.07, 0.07, 0.1), 0.15),),
    solids=(), forbidden=(),
)  # fmt: skip
GRID = Grid(np.zeros((200, 200), dtype=bool), -5.0, -5.0, 0.05)


class Body:
    """Answers each request at the next tick; `refuse` names modes and actions that fail."""

    def __init__(self, refuse=(), silent=False, see=True):
        self.ctx = SkillContext(WORLD, GRID)
        self.core = Executive(self.ctx)
        self.refuse, self.silent, self.see = set(refuse), silent, see
        self.done, self.requests, self.statuses, self.said = [], [], [], []
        self.renewed, self.verdicts = 0, 0.0
        self.holding = self.clings = False
        """clings: what a hand has closed on stays in it, whatever fails."""
        self.goal = ""
        """The id of the last navigation request."""

    def allow(self, *steps, command_id="c", priority="normal"):
        plan = Plan(command_id=command_id, text="", steps=list(steps), planner="rules", priority=priority)
        self.judge(plan)

    def judge(self, plan, *reasons, epoch=0):
        """Safety's verdict comes; each is another one."""
        self.verdicts += 1.0
        verdict = Verdict(
            command_id=plan.command_id, allowed=not reasons, reasons=list(reasons), plan=plan,
            mono=self.verdicts, stop_epoch=epoch,
        )  # fmt: skip
        self.core.accept(verdict, self.ctx.mono)
        self.flush()

    def flush(self):
        ctx = self.ctx
        record: Any
        for topic, record in ctx.outbox:
            if topic is topics.STATUS:
                self.statuses.append((record.command_id, record.state, record.skill, record.detail))
            elif topic is topics.SAY:
                self.said.append(record.text)
            elif topic is topics.NAVIGATION_REQUEST and record.mode == "renew":
                self.renewed += record.goal_id == self.goal
            elif topic is topics.NAVIGATION_REQUEST:
                self.done.append(record.mode)
                self.requests.append(record)
                self.goal = record.goal_id
                if record.mode == "cancel" or self.silent:
                    continue
                if record.mode in ("go", "dock") and record.mode not in self.refuse:
                    ctx.pose = (record.x, record.y, record.yaw)
                state = "failed" if record.mode in self.refuse else "succeeded"
                ctx.navigation = NavigationStatus(goal_id=record.goal_id, state=state, detail="blocked")
            elif topic is topics.MANIPULATION_REQUEST:
                self.done.append(record.action)
                self.requests.append(record)
                if record.action == "cancel":
                    continue
                ok = record.action not in self.refuse
                self.holding = (self.holding or record.action == "pick") and (ok or self.clings)
                ctx.manipulation = ManipulationStatus(
                    goal_id=record.goal_id, state="succeeded" if ok else "failed", action=record.action,
                    holding=self.holding, arm=record.arm or "right", detail="" if ok else "it slipped",
                )  # fmt: skip
        ctx.outbox.clear()

    def run(self, seconds=60.0):
        for _ in range(int(seconds / 0.05)):
            self.ctx.now += 0.05
            self.ctx.mono += 0.05
            if self.see:
                self.ctx.objects = [
                    DetectedObject(
                        track_id=1, kind="cup", colour="red", position=(2.85, 0.1, 0.80),
                        size=(0.07, 0.07, 0.1), yaw=0.0, confidence=0.9, last_seen=self.ctx.now, sightings=9,
                    )
                ]  # fmt: skip
            self.core.tick()
            self.flush()

    def final(self, command_id="c"):
        return [s for s in self.statuses if s[0] == command_id][-1]


def moving(command_id="c"):
    """On a way of which navigation says nothing."""
    body = Body(silent=True)
    body.allow(Step(skill="move", distance=1.0), command_id=command_id)
    body.run(0.2)
    return body


def test_fetching_a_cup_uses_the_body_in_the_right_order():
    body = Body()
    body.allow(
        Step(skill="navigate", place="kitchen"), Step(skill="find", object=CUP, place="kitchen"),
        Step(skill="approach", object=CUP), Step(skill="pick", object=CUP),
    )  # fmt: skip
    body.run()
    assert body.final()[1:3] == ("succeeded", "pick")
    assert body.done == ["go", "go", "ready", "dock", "pick"]
    assert body.ctx.holding.kind == "cup"
    assert body.said == ["I have the red cup."]


def test_walking_after_a_pick_carries_and_steps_back_first():
    body = Body()
    body.allow(Step(skill="pick", object=CUP), Step(skill="carry", place="user"))
    body.run()
    assert body.final()[1] == "succeeded"
    assert body.done[-3:] == ["carry", "move", "go"]
    assert body.ctx.pose == (0.0, 0.0, 0.0)


def stopped_at_the_table(**options):
    """A stop has ended a pick; nobody knows whether the hand has closed."""
    body = Body(**options)
    body.allow(Step(skill="pick", object=CUP))
    while "pick" not in body.done:
        body.run(0.05)
    body.core.stop()
    body.flush()
    body.done.clear()
    return body


def test_a_hand_that_a_stop_has_ended_comes_free_before_the_robot_steps_back():
    body = stopped_at_the_table()
    body.allow(Step(skill="navigate", place="user"), command_id="d")
    body.run()
    assert body.final("d")[1] == "succeeded"
    assert body.done == ["ready", "move", "home", "go"]


@pytest.mark.parametrize("skill", ["navigate", "find", "move", "turn"])
@pytest.mark.parametrize(("wrong", "last", "why"), [
    ("ready", "ready", "it slipped"),
    ("home", "home", "it slipped"),
    ("move", "move", "I cannot step back to walk: blocked"),
])  # fmt: skip
def test_it_does_not_walk_with_its_arms_in_the_way_and_says_why(skill, wrong, last, why):
    body = stopped_at_the_table()
    body.refuse.add(wrong)
    body.see = False
    body.ctx.objects = []
    body.allow(Step(skill=skill, object=CUP, place="kitchen", distance=0.5, angle=0.5), command_id="d")
    body.run(1.0)
    assert (body.final("d")[1], body.final("d")[3]) == ("failed", why)
    assert body.done[-1] == last
    assert body.done.count(last) == 1
    body.refuse.clear()
    body.done.clear()
    body.allow(Step(skill="navigate", place="user"), command_id="e")
    body.run()
    assert body.final("e")[1] == "succeeded"


@pytest.mark.parametrize("place", ["kitchen", "table"])
def test_what_is_in_the_way_of_putting_it_down_is_told(place):
    body = Body()
    body.allow(Step(skill="pick", object=CUP), Step(skill="place", place=place))
    while body.done[-1:] != ["pick"]:
        body.run(0.05)
    body.refuse = {"go"}
    body.run()
    assert body.said[-1] == "I could not get to the table: blocked"


def test_a_table_without_room_is_named_as_one(monkeypatch):
    monkeypatch.setattr(handling, "choose_place_spot", lambda *_, **__: None)
    body = Body()
    body.allow(Step(skill="pick", object=CUP), Step(skill="place", place="table"))
    body.run()
    assert body.said[-1] == "I find no free spot on the table."


def test_what_is_put_down_is_told_of_although_the_hand_is_empty_by_then():
    body = Body()
    body.allow(Step(skill="pick", object=CUP), Step(skill="place", place="kitchen"))
    while body.done[-1:] != ["place"]:
        body.run(0.05)
        assert body.statuses[-1][1] == "running"
    # The node clears it when manipulation says that the hand is empty, before the skill goes on.
    body.ctx.holding = body.ctx.holding_arm = None
    body.run(1.0)
    assert body.final()[1:3] == ("succeeded", "place")
    assert body.said[-1] == "The red cup is on the table."
    assert body.done[-3:] == ["ready", "dock", "place"]
    assert [one.surface_height for one in body.requests[-3::2]] == [body.ctx.world.surfaces[0].height] * 2


def test_an_object_dropped_on_the_way_is_not_delivered():
    body = Body()
    body.allow(Step(skill="pick", object=CUP), Step(skill="carry", place="user"))
    while body.done[-2:] != ["move", "go"]:
        body.run(0.05)
    body.ctx.holding = None  # as the node does when manipulation says that the hand is empty
    body.run(0.05)
    assert body.final()[1] == "failed"
    assert body.done[-1] == "cancel", "it walks on with nothing"
    assert body.said == ["I dropped the red cup on the way."]


def test_an_object_that_is_nowhere_is_said_to_be_missing():
    body = Body(see=False)
    body.allow(Step(skill="find", object=ObjectQuery(kind="bottle", colour="green"), place="kitchen"))
    body.run()
    assert body.final()[1] == "failed"
    assert body.said == ["I cannot find a green bottle in the kitchen."]


class Beside(Body):
    """At two tables that stand side by side, with a red cup on each; each table is looked at from where the
    other's cup is seen too."""

    def look(self, seen, seconds=60.0):
        """seen: by time [s], the cups in the picture."""
        counter = Surface("counter", "kitchen", 3.0, 1.3, 0.0, 0.5, 1.2, 0.75)
        self.ctx.world = dataclasses.replace(WORLD, surfaces=(*WORLD.surfaces, counter))
        for _ in range(int(seconds / 0.05)):
            self.ctx.objects = [one for one in things(CUPS, self.ctx) if one.track_id in seen(self.ctx.now)]
            self.ctx.objects_stamp = self.ctx.now
            self.run(0.05)


CUPS = (("cup", "red", 2.85, 0.2), ("cup", "red", 2.85, 1.0))


@pytest.mark.parametrize("late", [0.0, 2.0], ids=["in sight", "on the way"])
def test_what_stands_on_another_table_is_not_what_is_looked_for_on_this_one(late):
    body = Beside(see=False)
    body.allow(Step(skill="find", object=CUP, place="counter"))
    body.look(lambda now: {0} if now > late else set())
    assert body.final()[1] == "failed"
    assert body.said == ["I cannot find a red cup in the counter."]
    found = Beside(see=False)
    found.allow(Step(skill="find", object=CUP, place="counter"))
    found.look(lambda now: {0, 1} if now > late else set())
    assert found.final()[1] == "succeeded"
    assert found.ctx.target.track_id == 1


def test_the_left_one_of_two_is_not_the_right_one_when_it_is_lost_from_sight():
    left = ObjectQuery(kind="cup", colour="red", traits=("left",))
    steps = [Step(skill=skill, object=left) for skill in ("find", "approach", "pick")]
    body = Beside(see=False)
    body.allow(*steps)
    body.look(lambda now: {0, 1} if "ready" not in body.done else {0})
    assert body.final()[1:] == ("failed", "approach", "I lost sight of the left red cup.")
    assert "pick" not in body.done
    seen = Beside(see=False)
    seen.allow(*steps)
    seen.look(lambda now: {0, 1})
    assert seen.final()[1] == "succeeded"
    assert seen.ctx.holding.track_id == 1


def test_a_clock_that_is_set_back_keeps_nobody_waiting():
    for step in (Step(skill="wait", seconds=5.0), Step(skill="move", distance=1.0), Step(skill="find")):
        body = Body(silent=True, see=False)
        body.ctx.now = 4000.0
        body.allow(step, Step(skill="say", text="Done."))
        body.run(0.3)
        body.ctx.now -= 3600.0
        body.run(0.1)
        assert body.final()[1:] == ("failed", step.skill, "My clock was set back.")
        assert "move" not in body.done or body.done[-1] == "cancel"


def test_what_a_hand_has_closed_on_when_stop_is_said_is_known_to_be_held():
    """It is carried close to the body, and need not be fetched to be put down."""
    body = Body()
    fetch = [Step(skill=skill, object=CUP) for skill in ("find", "approach", "pick")]
    body.allow(*fetch)
    while "pick" not in body.done:
        body.run(0.05)
    body.core.stop()
    picked = body.requests[-1]
    assert body.ctx.holding is None
    ended = ManipulationStatus(
        goal_id=picked.goal_id, state="cancelled", action="pick", holding=True, arm="right"
    )
    assert body.ctx.on_manipulation(ended, body.ctx.now) is None
    assert body.ctx.holding is not None
    assert (body.ctx.holding.kind, body.ctx.holding_arm) == ("cup", "right")
    body.flush()
    body.done.clear()
    body.allow(*fetch, Step(skill="carry", place="kitchen"), command_id="d")
    body.run()
    assert body.final("d")[1] == "succeeded"
    assert body.done == ["carry", "move", "go"]


def test_what_a_hand_holds_that_was_not_asked_to_pick_is_nothing_known():
    ctx = SkillContext(WORLD, GRID)
    by_hand = ManipulationStatus(goal_id="mine", state="succeeded", action="pick", holding=True, arm="left")
    assert ctx.on_manipulation(by_hand, 1.0) is None
    assert ctx.holding is None


def test_what_falls_out_of_a_hand_is_not_held_any_more():
    body = Body()
    body.allow(*(Step(skill=skill, object=CUP) for skill in ("find", "approach", "pick")))
    body.run()
    lost = ManipulationStatus(goal_id="x", state="failed", action="pick", holding=False)
    assert body.ctx.on_manipulation(lost, body.ctx.now).kind == "cup"
    assert body.ctx.holding is None


def test_a_search_ends_when_its_time_is_over_with_views_left():
    body = Body(see=False)
    body.ctx.search_time = 1.0
    body.allow(Step(skill="find", object=ObjectQuery(kind="bottle", colour="green")))
    body.run()
    assert body.final()[1] == "failed"
    assert body.said == ["I have looked for a green bottle for 1 seconds, and give up."]
    views = body.done.count("go")
    patient = Body(see=False)
    patient.allow(Step(skill="find", object=ObjectQuery(kind="bottle", colour="green")))
    patient.run()
    assert 0 < views < patient.done.count("go")


def test_a_slipping_grasp_is_tried_again_and_then_reported():
    body = Body(refuse={"pick"})
    body.allow(Step(skill="pick", object=CUP))
    body.run()
    assert body.done.count("pick") == 3
    assert body.final() == ("c", "failed", "pick", "it slipped")


def test_a_hand_that_holds_what_it_could_not_lift_does_not_pick_again():
    body = Body(refuse={"pick"})
    body.clings = True
    body.allow(Step(skill="pick", object=CUP))
    body.run()
    assert body.done.count("pick") == 1
    assert body.final() == ("c", "failed", "pick", "it slipped")


def test_a_way_that_is_blocked_is_reported():
    body = Body(refuse={"go"})
    body.allow(Step(skill="navigate", place="kitchen"))
    body.run()
    assert body.said == ["I could not get to the kitchen: blocked"]


def test_a_silent_navigation_is_noticed():
    body = Body(silent=True)
    body.allow(Step(skill="move", distance=1.0))
    body.run()
    assert body.final()[3] == "My navigation does not answer."


def test_a_navigation_that_falls_silent_under_way_is_noticed():
    body = moving()
    body.ctx.navigation = NavigationStatus(goal_id=body.goal, state="active")
    body.ctx.navigation_received = body.ctx.now
    body.run(2.5)
    assert body.statuses[-1][1] == "running"
    body.run(1.0)
    assert body.final()[1:] == ("failed", "move", "My navigation does not answer.")


def test_a_goal_is_renewed_as_long_as_its_skill_runs():
    body = moving()
    for _ in range(20):
        body.ctx.navigation = NavigationStatus(goal_id=body.goal, state="active")
        body.ctx.navigation_received = body.ctx.now
        body.run(0.1)
    assert 9 <= body.renewed <= 11
    renewed = body.renewed
    body.core.stop()
    body.run(2.0)
    assert body.renewed == renewed


def test_the_result_of_a_goal_given_by_hand_is_not_taken_for_its_own():
    by_hand = Ids("navigation")
    body = Body(silent=True)
    for number in range(1, 4):
        for goal in (by_hand.new(), f"goal-{number}"):
            body.ctx.navigation = NavigationStatus(goal_id=goal, state="succeeded")
            body.allow(Step(skill="navigate", place="kitchen"), command_id=goal)
            body.run(0.2)
            assert body.final(goal)[1] == "running"
            body.core.stop(goal)


def test_ids_carry_their_owner_and_its_process():
    ids = Ids("voice"), Ids("voice", "3fa91c")
    assert [one.new() for one in ids for _ in range(2)] == [
        "voice-1", "voice-2", "voice-3fa91c-1", "voice-3fa91c-2",
    ]  # fmt: skip


def test_an_emergency_stop_after_a_spoken_one_cancels_once():
    body = Body()
    spoken = SafetyState(level="stopped", reasons=["stop was said"], stop_epoch=1)
    body.core.on_safety(spoken)
    body.flush()
    assert body.done == ["cancel", "cancel"]  # navigation and manipulation
    for level in ("estop", "estop", "estop", "ok", "ok"):
        body.core.on_safety(SafetyState(level=level, reasons=[], stop_epoch=2))
        body.flush()
    assert body.done == ["cancel"] * 4


def test_a_fall_ends_what_runs_as_failed_and_is_said_once():
    body = moving("walk")
    lies = SafetyState(level="estop", reasons=["the robot has fallen"], stop_epoch=1, fallen=True)
    for _ in range(3):
        body.core.on_safety(lies)
        body.flush()
    assert (body.final("walk")[1], body.final("walk")[-1]) == ("failed", "I have fallen.")
    assert body.said.count("I have fallen.") == 1
    body.core.on_safety(SafetyState(level="ok", reasons=[], stop_epoch=1))
    assert body.core.job is None, "nothing goes on by itself"


def test_every_latching_of_the_emergency_stop_cancels():
    body = Body()
    for level, epoch in (("estop", 1), ("ok", 1), ("estop", 2)):
        body.core.on_safety(SafetyState(level=level, reasons=[], stop_epoch=epoch))
    body.flush()
    assert body.done == ["cancel"] * 4


def test_a_verdict_of_an_earlier_epoch_is_void_however_late_it_comes():
    body = Body()
    body.core.on_safety(SafetyState(level="stopped", reasons=[], stop_epoch=3))
    body.flush()
    plan = Plan(command_id="old", text="", steps=[Step(skill="wait", seconds=1.0)], planner="rules")
    body.judge(plan, epoch=2)
    assert body.final("old")[1] == "cancelled"
    assert body.core.job is None


def test_a_verdict_of_a_later_epoch_brings_the_stop_with_it():
    body = moving("a")
    plan = Plan(command_id="b", text="", steps=[Step(skill="wait", seconds=1.0)], planner="rules")
    body.judge(plan, epoch=1)
    assert body.final("a")[1] == "cancelled"
    assert body.final("b")[1] == "accepted"


def watched(core, since, until):
    """The executive looks 20 times a second."""
    for mono in np.arange(since, until, 0.05):
        core.watch(mono)


def test_words_from_safety_that_wait_to_be_read_are_no_silence():
    body = Body(silent=True)
    body.core.on_safety(SafetyState(level="ok", reasons=[]))
    body.allow(Step(skill="move", distance=1.0), command_id="runs")
    body.run(0.2)
    watched(body.core, 10.0, 10.5)
    body.core.watch(12.6)  # this process had no core for two seconds
    assert body.core.job is not None


def test_safetys_silence_is_a_stop_and_what_it_does_not_judge_is_answered():
    body = Body(silent=True)
    ok = SafetyState(level="ok", reasons=[])
    body.core.on_safety(ok)
    body.allow(Step(skill="move", distance=1.0), command_id="runs")
    body.run(0.2)
    watched(body.core, 10.0, 10.9)
    assert body.core.job is not None
    watched(body.core, 10.95, 11.1)
    body.flush()
    assert body.final("runs")[1] == "cancelled"
    for command_id, skill in (("late", "wait"), ("stop", "stop")):
        plan = Plan(command_id=command_id, text="", steps=[Step(skill=skill, seconds=1.0)], planner="rules")
        body.core.on_plan(plan, 12.0)
    body.core.watch(13.0)
    body.core.watch(14.1)
    body.flush()
    assert body.final("stop")[1] == "succeeded"
    assert body.final("late")[1] == "failed"
    # Safety is back and judges what has been answered: void.
    body.core.on_safety(ok)
    body.allow(Step(skill="wait", seconds=1.0), command_id="late")
    assert body.core.job is None
    assert not any(body.core.queue.waiting().values())
    for body.ctx.mono in (16.0, 18.0, 20.0, 21.0):
        body.core.watch(body.ctx.mono)
    body.core.on_command("late", 21.0)
    body.allow(Step(skill="wait", seconds=1.0), command_id="late")
    assert body.final("late")[1] == "accepted", "asked for again it is a new command"


def test_stop_cancels_what_runs_and_what_waits():
    body = Body(silent=True)
    body.allow(Step(skill="move", distance=1.0), command_id="a")
    body.allow(Step(skill="move", distance=1.0), command_id="b")
    body.run(0.2)
    body.core.stop("s")
    body.flush()
    assert body.final("a")[1] == "cancelled"
    assert body.final("b")[1] == "cancelled"
    assert "cancel" in body.done
    body.run(0.2)
    assert body.core.job is None


def test_a_stop_plan_succeeds_at_once_and_cancels_the_rest():
    body = moving("a")
    body.allow(Step(skill="stop"), command_id="s", priority="stop")
    assert body.final("a")[1] == "cancelled"
    assert body.final("s")[1] == "succeeded"


def test_a_goal_of_somebody_else_is_not_displaced_by_a_second_try():
    body = Body(silent=True)
    body.allow(Step(skill="navigate", place="kitchen"))
    body.run(0.2)
    body.ctx.navigation = NavigationStatus(goal_id=body.goal, state="cancelled", detail="a new goal came")
    body.run(1.0)
    assert body.final()[1:] == ("failed", "navigate", "I could not get to the kitchen: a new goal came")
    assert body.done == ["go"]


def test_an_urgent_command_goes_first_and_the_other_goes_on_after_it():
    body = moving("slow")
    body.silent = False
    body.allow(Step(skill="turn", angle=1.0), command_id="now", priority="urgent")
    body.run(2.0)
    assert body.final("now")[1] == "succeeded"
    assert body.final("slow")[1] == "succeeded"
    order = [s[0] for s in body.statuses if s[1] == "succeeded"]
    assert order == ["now", "slow"]


@pytest.mark.parametrize(("step", "walked", "left"), [
    (Step(skill="move", distance=1.0), (0.6, 0.0, 0.0), (0.4, 0.0, 0.0)),
    (Step(skill="move", distance=-1.0, lateral=0.5), (-0.7, 0.4, 0.1), (-0.3, 0.1, 0.0)),
    (Step(skill="turn", angle=1.0), (0.0, 0.1, 0.7), (0.0, 0.0, 0.3)),
    (Step(skill="turn", angle=-1.0), (0.0, 0.0, -1.1), (0.0, 0.0, 0.0)),
    (Step(skill="turn", angle=-1.0), (0.0, 0.0, 0.1), (0.0, 0.0, -1.1)),
    (Step(skill="turn", angle=6.0), (0.0, 0.0, 5.0), (0.0, 0.0, 1.0)),
    (Step(skill="turn", angle=-12.0), (0.0, 0.0, -9.0), (0.0, 0.0, -3.0)),
])  # fmt: skip
def test_a_walk_that_an_urgent_command_interrupts_goes_on_with_what_is_left_of_it(step, walked, left):
    body = Body(silent=True)
    x, y, yaw = body.ctx.pose = (1.0, 2.0, 2.5)
    body.allow(Step(skill="say", text="off"), step, command_id="slow")
    body.run(0.2)
    ahead, aside, turned = walked
    for share in (0.25, 0.5, 0.75, 1.0):
        body.ctx.pose = (
            x + ahead * math.cos(yaw) - aside * math.sin(yaw),
            y + ahead * math.sin(yaw) + aside * math.cos(yaw),
            math.remainder(yaw + share * turned, 2.0 * math.pi),
        )
        body.run(0.1)
    for repeat in range(2):  # without a step between them
        body.silent = False
        body.allow(Step(skill="wait", seconds=0.1), command_id=f"now-{repeat}", priority="urgent")
        body.silent = True
        body.run(0.4)
    went_on = body.requests[-1]
    assert (went_on.distance, went_on.lateral, went_on.angle) == pytest.approx(left)
    assert body.said == ["off"]


def test_a_refused_plan_is_answered_and_not_run():
    body = Body()
    plan = Plan(command_id="c", text="", steps=[Step(skill="move", distance=99.0)], planner="rules")
    body.judge(plan, "too far")
    body.run(0.2)
    assert body.final()[1] == "rejected"
    assert body.said == ["I will not do that: too far."]
    assert body.done == []


BOX = ObjectQuery(kind="box", colour="blue")


def things(world_objects, ctx):
    """What perception sees on the table: each at its place."""
    return [
        DetectedObject(
            track_id=i, kind=kind, colour=colour, position=(x, y, 0.80), size=(0.07, 0.07, 0.1), yaw=0.0,
            confidence=0.9, last_seen=ctx.now, sightings=9,
        )
        for i, (kind, colour, x, y) in enumerate(world_objects)
    ]  # fmt: skip


class Table(Body):
    """With a cup that is held, and a box and a ball on the table."""

    SEEN = (("box", "blue", 2.9, 0.1), ("ball", "red", 2.9, -0.3))

    def __init__(self, held=("cup", "red"), seen=(0.0, 0.0, 0.0)):
        super().__init__(see=False)
        kinds = (
            *WORLD.objects, ObjectKind("blue_box", "box", "blue", "box", (0.06, 0.06, 0.09), 0.2),
            ObjectKind("red_ball", "ball", "red", "sphere", (0.07, 0.07, 0.07), 0.1),
        )  # fmt: skip
        self.ctx.world = dataclasses.replace(WORLD, objects=kinds)
        self.cup = msgspec.structs.replace(things([(*held, 0.0, 0.0)], self.ctx)[0], track_id=9)
        self.ctx.holding, self.ctx.holding_arm = self.cup, "right"
        self.targets, self.seen = [], seen

    def flush(self):
        requests = (r for _, r in self.ctx.outbox if isinstance(r, ManipulationRequest))
        self.targets += [r.target for r in requests if r.target is not None]
        super().flush()

    def look(self, seconds=60.0):
        for _ in range(int(seconds / 0.05)):
            held = msgspec.structs.replace(self.cup, position=self.seen, last_seen=self.ctx.now)
            self.ctx.objects = [held, *things(self.SEEN, self.ctx)]
            self.ctx.objects_stamp = self.ctx.now
            self.run(0.05)


@pytest.mark.parametrize("cup", [(2.88, 0.3, 0.80), (2.7, 0.3, 0.98)], ids=["where it stood", "in the hand"])
def test_next_to_a_thing_is_beside_it_on_its_table_and_away_from_others(cup):
    """What is held is in nobody's way, wherever it is still seen."""
    body = Table(seen=cup)
    body.allow(Step(skill="place", relation="next to", object=BOX))
    body.look()
    assert body.final()[1:3] == ("succeeded", "place"), body.statuses
    (target,) = body.targets
    assert 0.16 <= math.dist(target[:2], (2.9, 0.1)) <= 0.26
    assert math.dist(target[:2], (2.9, -0.3)) >= 0.16
    assert target[2] == 0.75
    assert body.ctx.holding is None


def test_what_is_not_where_it_was_seen_last_is_looked_for_everywhere():
    body = Table()
    counter = Surface("counter", "kitchen", 3.0, 1.8, 0.0, 0.5, 1.2, 0.75)
    body.ctx.world = dataclasses.replace(body.ctx.world, surfaces=(*WORLD.surfaces, counter))
    stale = msgspec.structs.replace(things(Table.SEEN, body.ctx)[0], last_seen=-100.0)
    moved = msgspec.structs.replace(stale, track_id=7, position=(2.9, 1.9, 0.80))
    body.allow(Step(skill="place", relation="next to", object=BOX))
    for _ in range(1200):
        there = abs(body.ctx.pose[1] - 1.8) < 0.5
        seen = [msgspec.structs.replace(moved, last_seen=body.ctx.now)] if there else []
        body.ctx.objects, body.ctx.objects_stamp = [stale, *seen], body.ctx.now
        body.run(0.05)
    assert body.final()[1:3] == ("succeeded", "place"), body.statuses
    (target,) = body.targets
    assert math.dist(target[:2], (2.9, 1.9)) <= 0.26


def test_on_a_box_is_at_the_height_of_its_top():
    body = Table()
    body.allow(Step(skill="place", relation="on top of", object=BOX))
    body.look()
    assert body.final()[1:3] == ("succeeded", "place"), body.statuses
    assert body.targets == [(2.9, 0.1, pytest.approx(0.84))]


@pytest.mark.parametrize(
    ("held", "below"), [(("ball", "red"), BOX), (("cup", "red"), ObjectQuery(kind="ball", colour="red"))]
)
def test_what_would_roll_or_fall_off_is_not_put_on_a_thing(held, below):
    body = Table(held)
    body.allow(Step(skill="place", relation="on top of", object=below))
    body.look()
    assert body.final()[1] == "failed"
    assert "would not stay on" in body.final()[3]
    assert not body.targets


def basket_points(radius, depth):
    """Rim and inside of a round basket, from its middle, as `DetectedObject.surface` has them."""
    a, t = np.meshgrid(np.linspace(0.0, 2 * math.pi, 40, endpoint=False), np.linspace(0.0, 1.0, 8))
    wall = np.stack([radius * np.cos(a), radius * np.sin(a), depth * (t - 0.5)], axis=-1).reshape(-1, 3)
    floor = np.stack([radius * t * np.cos(a), radius * t * np.sin(a), np.full_like(a, -depth / 2)], axis=-1)
    return pack(np.vstack([wall, floor.reshape(-1, 3)]))


class WithBasket(Table):
    """The ball on the table is a basket instead, of which so much is seen."""

    SEEN = (("box", "blue", 2.9, -0.4), ("basket", "white", 2.9, 0.1))

    def __init__(self, surface, held=("ball", "red")):
        super().__init__(held)
        self.surface = surface

    def look(self, seconds=60.0):
        for _ in range(int(seconds / 0.05)):
            box, basket = things(self.SEEN, self.ctx)
            self.ctx.objects = [box, msgspec.structs.replace(basket, surface=self.surface)]
            self.ctx.objects_stamp = self.ctx.now
            self.run(0.05)


INTO = Step(skill="place", relation="into", object=ObjectQuery(kind="basket"))


def test_into_a_basket_is_above_its_opening():
    body = WithBasket(basket_points(0.08, 0.07))
    body.allow(INTO)
    body.look()
    assert body.final()[1:3] == ("succeeded", "place"), body.statuses
    ((x, y, z),) = body.targets
    assert math.dist((x, y), (2.9, 0.1)) < 0.01
    assert z == pytest.approx(0.80 + 0.035 + 0.03, abs=0.005)
    assert body.ctx.holding is None


@pytest.mark.parametrize(
    ("surface", "held", "why"),
    [
        (b"", ("ball", "red"), "I see no opening in the white basket."),
        (basket_points(0.04, 0.07), ("ball", "red"), "The red ball is too wide for the white basket."),
        (basket_points(0.08, 0.03), ("cup", "red"), "The red cup is too tall for the white basket."),
    ],
)
def test_what_does_not_go_into_a_thing_is_said(surface, held, why):
    body = WithBasket(surface, held)
    body.allow(INTO)
    body.look()
    assert body.final()[1] == "failed"
    assert body.final()[3] == why
    assert not body.targets


class Shown(Body):
    """With these things on the table; perception takes names, if it does."""

    def __init__(self, seen, takes=True):
        super().__init__(see=False)
        self.seen, self.takes, self.names, self.sent = seen, takes, {}, []

    def flush(self):
        given = [r for _, r in self.ctx.outbox if isinstance(r, ObjectName)]
        self.sent += given
        if self.takes:
            self.names |= {r.track_id: r.name for r in given}
        super().flush()

    def look(self, seconds=4.0):
        for _ in range(int(seconds / 0.05)):
            self.ctx.objects = [
                msgspec.structs.replace(one, given_name=self.names.get(one.track_id, ""))
                for one in things(self.seen, self.ctx)
            ]
            self.ctx.objects_stamp = self.ctx.now
            self.run(0.05)


RED, BLUE = ("cup", "red", 2.9, 0.1), ("cup", "blue", 2.9, -0.3)


@pytest.mark.parametrize(("seen", "thing"), [([RED], None), ([BLUE, RED], CUP)])
def test_the_one_thing_in_sight_that_is_meant_gets_its_name(seen, thing):
    body = Shown(seen)
    body.allow(Step(skill="remember", text="mug", object=thing))
    body.look()
    assert body.final()[1:] == ("succeeded", "remember", "The red cup is your mug.")
    (given,) = body.sent
    assert (given.track_id, given.name) == (seen.index(RED), "mug")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([], "I see no object in front of me. Which thing is your mug?"),
        ([RED, BLUE], "I see 2 things. Which one is your mug? Say for example: the red cup is my mug."),
    ],
)
def test_where_nothing_or_several_are_in_sight_it_asks_which_one_was_shown(seen, why):
    body = Shown(seen)
    body.allow(Step(skill="remember", text="mug"))
    body.look()
    assert body.final()[1:] == ("failed", "remember", why)
    assert body.said == [why]
    assert not body.sent


def test_a_name_that_perception_does_not_take_is_not_said_to_be_known():
    body = Shown([RED], takes=False)
    body.allow(Step(skill="remember", text="mug"))
    body.look()
    assert body.final()[1:] == ("failed", "remember", "I could not keep in mind what your mug is.")


@pytest.mark.parametrize("skill", ["carry", "place"])
def test_nothing_in_hand_cannot_be_carried_or_put_down(skill):
    body = Body()
    body.allow(Step(skill=skill, place="kitchen"))
    body.run(0.2)
    assert body.final()[1] == "failed"
    assert "I hold nothing" in body.said[0]


def test_under_load_background_commands_wait_and_others_do_not():
    body = Body()
    body.ctx.background = False
    body.allow(Step(skill="wait", seconds=0.1), command_id="idle", priority="background")
    body.run(1.0)
    assert [s[:2] for s in body.statuses] == [("idle", "accepted")]
    body.allow(Step(skill="wait", seconds=0.1), command_id="now")
    body.run(1.0)
    assert ("now", "succeeded") in [s[:2] for s in body.statuses]
    body.ctx.background = True
    body.run(1.0)
    assert body.final("idle")[1] == "succeeded"


def test_a_background_command_that_runs_is_interrupted_by_load_and_taken_up_again():
    body = Body()
    body.allow(Step(skill="wait", seconds=0.5), command_id="idle", priority="background")
    body.run(0.2)
    body.ctx.background = False
    body.run(2.0)
    assert body.final("idle")[1::2] == ("accepted", "waits until the machine is less busy")
    body.ctx.background = True
    body.run(1.0)
    assert body.final("idle")[1] == "succeeded"


def test_a_surface_is_found_below_an_object():
    ctx = SkillContext(WORLD, GRID)
    assert ctx.surface_below((2.85, 0.1, 0.80)).name == "table"
    assert ctx.surface_below((2.0, 0.1, 0.80)) is None
    assert ctx.surface_below((2.85, 0.1, 0.05)) is None
    assert math.isclose(ctx.distance_to(WORLD.surfaces[0]), 3.0)


def test_a_search_begins_at_once_when_the_camera_has_just_looked():
    body = Body(see=False)
    body.ctx.objects_stamp = body.ctx.now
    body.allow(Step(skill="find", object=CUP, place="kitchen"))
    body.run(0.1)
    assert "go" in body.done


def test_a_search_waits_a_moment_for_an_image_when_there_is_none():
    body = Body(see=False)
    body.ctx.objects_stamp = -10.0
    body.allow(Step(skill="find", object=CUP, place="kitchen"))
    body.run(0.3)
    assert "go" not in body.done
    body.run(0.5)
    assert "go" in body.done


def test_a_dock_that_fails_is_tried_again_from_a_step_further_off():
    body = Body(refuse={"dock"})
    body.allow(Step(skill="approach", object=CUP))
    body.run()
    first = body.done.index("dock")
    assert body.done[first : first + 3] == ["dock", "go", "dock"]
    assert body.final()[1] == "failed"


def test_the_pace_that_was_asked_for_is_that_of_the_walk():
    body = Body()
    body.allow(
        Step(skill="navigate", place="kitchen", speed=0.25), Step(skill="move", distance=-0.6, speed=0.25),
        Step(skill="navigate", place="kitchen"),
    )  # fmt: skip
    body.run()
    assert [one.max_speed for one in body.requests] == [0.25, 0.25, 0.5]


def test_the_hand_that_was_asked_for_is_raised_and_takes():
    for arm in ("left", "right"):
        body = Body()
        body.allow(
            Step(skill="find", object=CUP), Step(skill="approach", object=CUP, arm=arm),
            Step(skill="pick", object=CUP, arm=arm),
        )  # fmt: skip
        body.run()
        used = [one.arm for one in body.requests if getattr(one, "action", "") in ("ready", "pick")]
        assert used == [arm, arm]


def test_the_start_is_where_the_world_begins():
    body = Body()
    body.ctx.pose = (1.0, 1.0, 1.0)
    body.allow(Step(skill="navigate", place="start"))
    body.run()
    assert body.ctx.pose == WORLD.start
    assert body.final()[1] == "succeeded"


def test_who_wants_little_said_hears_of_failures_alone():
    body = Body()
    body.core.talkative = False
    body.allow(
        Step(skill="find", object=CUP), Step(skill="approach", object=CUP), Step(skill="pick", object=CUP)
    )
    body.run()
    assert (body.final()[1], body.said) == ("succeeded", [])
    body = Body()
    body.core.talkative = False
    body.allow(Step(skill="carry", place="kitchen"))
    body.run()
    assert body.said == ["I hold nothing that I could carry."]
