"""Every command that is heard is answered once, whatever is late, lost, doubled or out of order."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract import topics
from vla_sim.contract.records import FINAL_STATES, SILENT, Plan, SafetyState, Status, Step, Verdict
from vla_sim.stages.executive.core import MISTAKE, RESTARTED, SKILLS, Executive, Memory
from vla_sim.stages.executive.ledger import HELD_UP, PLAN_TIMEOUT, STOOD, STOPPED, VERDICT_TIMEOUT
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import World

WORLD = World(
    name="flat", path=Path("flat.sdf"), start=(0.0, 0.0, 0.0), places=(), surfaces=(), objects=(), solids=(),
    forbidden=(),
)  # fmt: skip
GRID = Grid(np.zeros((2, 2), dtype=bool), 0.0, 0.0, 0.05)
TICK = 0.05


class Rig:
    """An executive, its clock, and what it has said of each command. Safety speaks unless `mute`."""

    def __init__(self):
        self.ctx = SkillContext(WORLD, GRID)
        self.core = Executive(self.ctx)
        self.statuses: list[Status] = []
        self.mute = False
        self.now = 100.0

    def run(self, seconds, at=()):
        """at: (time from now, what to do), done in that order."""
        begin, to_do = self.now, sorted(at, key=lambda one: one[0])
        while self.now < begin + seconds - 1e-9:
            self.now = self.ctx.now = self.ctx.mono = self.now + TICK
            while to_do and begin + to_do[0][0] <= self.now:
                to_do.pop(0)[1]()
            if not self.mute:
                self.core.on_safety(SafetyState(level="ok", reasons=[]))
            self.core.watch(self.now)
            self.core.tick()
            self.flush()

    def flush(self):
        self.statuses += [record for topic, record in self.ctx.outbox if topic is topics.STATUS]
        self.ctx.outbox.clear()

    def finals(self, command_id):
        ended = [s for s in self.statuses if s.command_id == command_id and s.state in FINAL_STATES]
        return [(s.state, s.detail) for s in ended]

    def heard(self, command_id, **how):
        self.core.on_command(command_id, self.now, **how)

    def planned(self, plan):
        self.core.on_plan(plan, self.now)

    def judged(self, verdict):
        self.core.accept(verdict, self.now)
        self.flush()

    def told(self, status):
        self.core.on_status(status, self.now)


def plan(command_id, skill="wait", seconds=0.2):
    step = Step(skill=skill, seconds=seconds if skill == "wait" else None)
    return Plan(command_id=command_id, text="", steps=[step], planner="rules")


def verdict(of, allowed=True, mono=1.0):
    reasons = [] if allowed else ["no"]
    return Verdict(command_id=of.command_id, allowed=allowed, reasons=reasons, plan=of, mono=mono)


def test_a_planner_that_is_silent_is_told():
    rig = Rig()
    rig.heard("a")
    rig.run(PLAN_TIMEOUT - 0.1)
    assert rig.finals("a") == []
    rig.run(0.3)
    assert rig.finals("a") == [("failed", SILENT["language"])]
    rig.planned(plan("a"))
    rig.judged(verdict(plan("a")))
    rig.run(10.0)
    assert rig.finals("a") == [("failed", SILENT["language"])], "what comes later is void"
    rig.heard("a")
    rig.planned(plan("a"))
    rig.judged(verdict(plan("a"), mono=2.0))
    rig.run(1.0)
    assert rig.finals("a")[1:] == [("succeeded", "")], "asked for again it is a new command"


def test_a_stop_needs_no_planner_to_be_answered():
    rig = Rig()
    rig.heard("s", stop=True)
    rig.run(PLAN_TIMEOUT + 0.2)
    assert rig.finals("s") == [("succeeded", "Stopped.")]
    rig.mute = True
    rig.run(1.5)
    rig.heard("t", stop=True)
    rig.run(0.1)
    assert rig.finals("t") == [("succeeded", "Stopped.")], "at once when safety is silent"


def test_what_language_answers_is_answered():
    rig = Rig()
    rig.heard("a")
    rig.run(0.5)
    rig.told(Status(command_id="a", state="asked", detail="What?", mono=1.0))
    rig.run(PLAN_TIMEOUT + 1.0)
    assert rig.finals("a") == []


def test_what_language_has_answered_is_not_gone_on_with():
    rig = Rig()
    for name in ("runs", "waits"):
        rig.heard(name)
        rig.planned(plan(name, seconds=30.0))
        rig.judged(verdict(plan(name, seconds=30.0)))
    rig.run(0.2)
    for name in ("runs", "waits", "comes"):
        rig.told(Status(command_id=name, state="failed", detail=SILENT["executive"], mono=1.0))
    rig.judged(verdict(plan("comes")))
    rig.run(1.0)
    assert rig.core.job is None
    assert [rig.finals(name) for name in ("runs", "waits", "comes")] == [[], [], []]


def test_after_a_standstill_what_came_meanwhile_is_not_carried_out_but_answered():
    rig = Rig()
    rig.run(0.2)
    rig.heard("a")
    rig.planned(plan("a"))
    rig.now += STOOD + 1.0
    rig.core.watch(rig.now)
    rig.judged(verdict(plan("a")))
    rig.judged(verdict(plan("b")))
    rig.told(Status(command_id="b", state="failed", detail=SILENT["executive"], mono=1.0))
    rig.run(2.0)
    assert len(rig.finals("a")) == 1
    assert rig.finals("b") == []
    assert not any(s.state == "running" for s in rig.statuses)
    rig.judged(verdict(plan("c")))
    rig.run(2.0)
    assert rig.finals("c") == [("succeeded", "")]


def test_a_standstill_is_told():
    rig = Rig()
    rig.run(0.2)
    rig.now += STOOD + 1.0
    rig.core.watch(rig.now)
    rig.judged(verdict(plan("a")))
    rig.run(1.0)
    assert rig.finals("a") == [("failed", HELD_UP)]


def test_a_stop_that_came_in_a_standstill_is_answered_as_one():
    rig = Rig()
    rig.run(0.2)
    rig.now += STOOD + 1.0
    rig.core.watch(rig.now)
    rig.heard("s", stop=True)
    rig.planned(plan("s", "stop"))
    rig.judged(verdict(plan("s", "stop")))
    rig.run(2.0)
    assert rig.finals("s") == [("succeeded", STOPPED)]


def test_what_was_answered_in_a_standstill_is_not_answered_again():
    rig = Rig()
    rig.run(0.2)
    for name in ("asked", "planned", "silent"):
        rig.heard(name)
    rig.now += PLAN_TIMEOUT + 1.0
    rig.core.watch(rig.now)  # before what came meanwhile is read
    rig.told(Status(command_id="asked", state="asked", detail="What?", mono=1.0))
    rig.planned(plan("planned"))
    rig.judged(verdict(plan("planned")))
    rig.flush()
    rig.run(2.0)
    assert rig.finals("asked") == []
    assert rig.finals("planned") == [("failed", HELD_UP)]
    assert rig.finals("silent") == [("failed", SILENT["language"])]


def test_a_skill_that_makes_a_mistake_ends_its_command_alone(monkeypatch):
    def broken(ctx, step):
        yield
        raise KeyError("x")

    monkeypatch.setitem(SKILLS, "say", broken)
    rig = Rig()
    rig.judged(verdict(plan("a", "say")))
    rig.judged(verdict(plan("b")))
    with pytest.raises(KeyError):
        rig.run(1.0)
    rig.run(1.0)
    assert rig.finals("a") == [("failed", MISTAKE)]
    assert rig.finals("b") == [("succeeded", "")]


def test_a_restarted_executive_answers_what_was_open_and_knows_what_it_holds():
    rig = Rig()
    for name in ("a", "b"):
        rig.judged(verdict(plan(name, seconds=30.0)))
    rig.run(0.2)
    rig.ctx.docked = True
    memory = rig.core.memory
    assert memory.open == ("a", "b")
    again = Rig()
    again.core.restore(memory)
    again.core.restarted(memory)
    again.run(0.2)
    assert again.ctx.docked
    assert again.finals("a") == again.finals("b") == [("failed", RESTARTED)]
    assert again.core.memory.open == ()


FATES = st.fixed_dictionaries({
    "heard": st.floats(0.0, 1.0),
    "language": st.sampled_from(["plans", "answers", "silent"]),
    "planning": st.floats(-0.5, 7.0),
    "plan": st.lists(st.floats(0.0, 0.5), max_size=2),
    "judging": st.floats(-0.5, 3.0),
    "verdict": st.lists(st.floats(0.0, 0.5), max_size=2),
    "allowed": st.booleans(),
    "answer": st.floats(0.0, 1.0),
    "stop": st.booleans(),
})  # fmt: skip


@given(st.lists(FATES, min_size=1, max_size=6), st.booleans(), st.lists(st.floats(0.0, 12.0), max_size=2))
def test_each_command_is_answered_once(fates, mute, stops):
    """Messages are delayed, lost (an empty list), doubled, and overtake each other; safety may be silent, and
    stops come. What language answers counts as an answer."""
    rig, rig_mute, at = Rig(), mute, []
    answered: dict[str, int] = {}
    rig.mute = rig_mute
    for k, fate in enumerate(fates):
        f = SimpleNamespace(**fate)
        name = f"c{k}"
        of = plan(name, "stop" if f.stop else "wait")
        at.append((f.heard, lambda n=name, s=f.stop: rig.heard(n, stop=s)))
        thought = f.heard + f.planning
        if f.language == "answers":
            done = max(0.0, thought)

            def answer(n=name):
                if not rig.finals(n):  # language hears of it too
                    answered[n] = answered.get(n, 0) + 1
                    rig.told(Status(command_id=n, state="asked", mono=1.0))

            at.append((done, answer))
        elif f.language == "plans":
            at += [(max(0.0, thought + delay), lambda p=of: rig.planned(p)) for delay in f.plan]
            word = verdict(of, f.allowed, float(k))
            at += [(max(0.0, thought + f.judging + d), lambda w=word: rig.judged(w)) for d in f.verdict]
    epochs = iter(range(1, 10))
    for when in stops:
        at.append((when, lambda: rig.core.on_safety(
            SafetyState(level="stopped", reasons=[], stop_epoch=next(epochs))
        )))  # fmt: skip
    rig.run(1.0 + PLAN_TIMEOUT + 3.0 + VERDICT_TIMEOUT + 6.0, at)
    for k in range(len(fates)):
        name = f"c{k}"
        assert len(rig.finals(name)) + answered.get(name, 0) == 1, (name, rig.finals(name), answered)
    assert Memory().open == ()
