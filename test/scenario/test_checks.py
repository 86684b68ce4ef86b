"""The verdict is right: each check passes a run in which it holds, and fails one in which it does not, with
its reason."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from report_records import record

from vla_sim.common.errors import InputError
from vla_sim.contract import records
from vla_sim.contract.records import (
    ContactPair,
    Contacts,
    DetectedObject,
    GroundTruth,
    Plan,
    Status,
    Step,
    TraceEvent,
    Transcript,
)
from vla_sim.scenario import targets
from vla_sim.scenario.checks import base, commands, motion, objects, performance, registry, rules
from vla_sim.scenario.checks.base import Run
from vla_sim.scenario.director import Director
from vla_sim.scenario.format import Scenario
from vla_sim.scenario.record import OWN_PLAN, Check, Usage
from vla_sim.scenario.recording import Given, Recording
from vla_sim.world.objects import ObjectKind
from vla_sim.world.semantic_map import Place, Surface, World

WORLD = World(
    name="flat", path=Path("flat.sdf"), start=(0.0, 0.0, 0.0), places=(Place("kitchen", 4.0, 0.0, 0.0),),
    surfaces=(Surface("table", "kitchen", 5.0, 0.0, 0.0, 0.5, 1.2, 0.75),),
    objects=(
        ObjectKind("red_cup", "cup", "red", "cylinder", (0.07, 0.07, 0.1), 0.15),
        ObjectKind("blue_cup", "cup", "blue", "cylinder", (0.07, 0.07, 0.1), 0.15),
    ),
    solids=(), forbidden=(),
)  # fmt: skip
STAGES = {
    "voice": 0.2,
    "intent": 0.005,
    "planning": 0.009,
    "perception": 0.04,
    "safety": 0.009,
    "control": 0.03,
}

DEAF = {"intent": 0.005, "control": 0.03}
"""No trace of the voice, of a command that was spoken."""


def truth(stamp, x=0.0, y=0.0, yaw=0.0, cup=(4.8, 0.0, 0.80), fallen=False, clearance=0.5, **more):
    return GroundTruth(
        stamp=stamp, robot=(x, y, 0.77, math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)),
        objects={"red_cup": (*cup, 1.0, 0.0, 0.0, 0.0), "blue_cup": (4.9, 0.4, 0.8, 1.0, 0.0, 0.0, 0.0)},
        fallen=fallen, clearance=clearance, **more,
    )  # fmt: skip


def good(step=None, state="succeeded", stages=STAGES, **ends):
    """A run of ten seconds; each named value goes from its first to its last number. The step runs from
    the first second on."""
    step = step or Step(skill="navigate", place="kitchen")
    recording = Recording()
    recording.transcripts.append(
        Transcript(command_id="c", text="go there", confidence=1.0, complete=True, speech_end_mono=0.0)
    )
    recording.plans.append(Plan(command_id="c", text="", steps=[step], planner="rules"))
    begin = 100.0
    for name in STAGES:
        if name in stages:
            end = begin + stages[name]
            recording.traces.append(
                TraceEvent(command_id="c", stage=name, begin_mono=begin, end_mono=end)  # type: ignore[arg-type]
            )
            begin = end if name != "perception" else begin
    n = 201
    values = {k: np.linspace(*v, n) for k, v in ends.items() if not isinstance(v, list)}
    for i in range(n):
        recording.truths.append(truth(0.05 * i, **{k: float(v[i]) for k, v in values.items()}))
        recording.velocities.append(0.05 * i)
        if i == 20:
            recording.on_status(Status(command_id="c", state="running", skill=step.skill, steps=1, mono=0.0))
    if state:
        recording.on_status(Status(command_id="c", state=state, skill=step.skill, steps=1, mono=1.0))
    given = Given("Go there", "c", True, 0.0, (step,))
    return Run(WORLD, recording, (given,), 0.0)


def verdict(spec, run) -> Check:
    found = spec.judge(run)
    found = found if isinstance(found, list) else [found]
    return next((c for c in found if not c.passed), found[0])


def touched(run, a="g1::left_hand::x", b="wall::link::box"):
    run.recording.on_contacts(Contacts(stamp=3.0, pairs=[ContactPair(a=a, b=b, force=12.0)]))
    return run


def with_truths(run, change):
    run.recording.truths[:] = [change(t) for t in run.recording.truths]
    return run


ARRIVES = {"x": (0.0, 4.0)}


def lifted(hold):
    """A run in which the cup is up by 0.15 m for the last `hold` seconds."""
    step = Step(skill="pick", object=targets.query("red cup"))
    run = good(step, x=(4.0, 4.0))

    def change(t):
        if t.stamp < 10.0 - hold:
            return t
        return msgspec.structs.replace(
            t, objects={**t.objects, "red_cup": (4.8, 0.0, 0.95, 1.0, 0.0, 0.0, 0.0)}
        )

    return with_truths(run, change)


TABLE = "I would like to see you standing at the table"


def test_who_planned_a_command_is_checked():
    assert verdict(commands.PlannedBy(planner="rules"), good()).passed
    other = verdict(commands.PlannedBy(planner="llm"), good())
    assert (other.passed, other.detail) == (False, "rules")


def planned(words, *, means=None, goes=(4.2, 0.0), place="table", heard=None):
    """A run in which the robot makes a plan of the words and carries it out. heard: None if typed."""
    run = good(Step(skill="navigate", place=place), x=(0.0, goes[0]), y=(0.0, goes[1]))
    run.recording.transcripts.clear()
    if heard is not None:
        run.recording.on_transcript(
            Transcript(command_id="c", text=heard, confidence=1.0, complete=True, speech_end_mono=0.0)
        )
    return replace(run, commands=(Given(words, "c", heard is not None, 0.0, means),))


def test_words_that_only_a_model_can_read_are_judged_against_its_plan_and_the_verdict_says_so():
    checks = commands.AsCommanded().judge(planned(TABLE))
    assert all(c.passed for c in checks)
    assert [c.name for c in checks] == [f'"{TABLE}" succeeds', "navigate to table"]
    assert OWN_PLAN in checks[0].detail
    assert not verdict(commands.AsCommanded(), planned(TABLE, goes=(0.0, 0.0))).passed


def test_a_misreading_fails_where_the_scenario_says_what_its_words_mean():
    means = (Step(skill="navigate", place="table"),)
    assert verdict(commands.AsCommanded(), planned(TABLE, means=means)).passed
    assert OWN_PLAN not in verdict(commands.AsCommanded(), planned(TABLE, means=means)).detail
    wrong = verdict(commands.AsCommanded(), planned(TABLE, means=means, place="kitchen", goes=(4.0, 0.0)))
    assert (wrong.name, wrong.passed) == ("navigate to table", False)
    idle = verdict(commands.AsCommanded(), planned(TABLE, means=(), place="kitchen", goes=(4.0, 0.0)))
    assert (idle.name, idle.passed) == ("answered, not acted on", False)


def test_a_plan_of_words_that_were_misheard_is_no_measure():
    run = planned("Turn left 2 degrees", heard="turn left ten degrees")
    found = verdict(commands.AsCommanded(), run)
    assert not found.passed
    assert 'heard "turn left ten degrees"' in found.detail
    assert verdict(commands.AsCommanded(), planned("Go to the table!", heard="go to the table")).passed


@pytest.mark.parametrize(
    ("state", "stopped", "passed", "words"),
    [
        ("cancelled", 5.0, True, '"Go there" is cancelled: cancelled'),
        ("succeeded", 5.0, False, '"Go there" is cancelled: succeeded'),
        ("cancelled", 12.0, False, '"Go there" succeeds: cancelled'),
        ("succeeded", 12.0, True, '"Go there" succeeds: succeeded'),
        (
            "",
            12.0,
            False,
            '"Go there" is cancelled: still running at navigate (step 1 of 1) when the time was up',
        ),
    ],
)
def test_a_stop_is_no_reason_for_what_ended_before_it(state, stopped, passed, words):
    run = good(state=state, **ARRIVES)
    stop = Given("Stop", "", True, stopped, (Step(skill="stop"),))
    found = commands.AsCommanded(command=1).judge(replace(run, commands=(*run.commands, stop)))
    assert found[0].passed is passed
    assert f"{found[0].name}: {found[0].detail}".startswith(words)


CASES = [
    # spec, a run in which it holds, a run in which it does not, words of the reason
    (commands.AsCommanded(), good(**ARRIVES), good(x=(0.0, 1.0)), "3.00 m from it"),
    (commands.AsCommanded(), good(**ARRIVES), good(state="failed", **ARRIVES), "failed"),
    (commands.AsCommanded(), good(**ARRIVES), good(state="", **ARRIVES), "when the time was up, after 10 s"),
    (commands.AsCommanded(), lifted(3.0), lifted(1.0), "1.0 s at 0.10 m"),
    (commands.Outcome(), good(), good(state="failed"), "failed"),
    (commands.Outcome(state=["failed", "asked"]), good(state="asked"), good(), "succeeded"),
    (commands.Heard(words="Go there!"), good(), good(), "go there"),
    (performance.Budget(), good(), good(stages={**STAGES, "control": 0.15}), "control 150 of 100 ms"),
    (performance.Budget(), good(), good(stages={}), "no trace"),
    (performance.Budget(of="goal"), good(stages={**STAGES, "voice": 0.1}), good(), "voice 200 of 150 ms"),
    (performance.Latency(stage="voice", at_most=250), good(), good(stages={**STAGES, "voice": 0.3}),
     "300.0 ms"),
    (performance.Latency(at_most=500), good(), good(stages={"voice": 0.1}), "never measured"),
    (performance.Latency(at_most=500), good(), good(stages=DEAF), "never measured"),
    (performance.Budget(), good(), good(stages=DEAF), "no trace of what it began with"),
    (performance.Rate(of="control", at_least=19), good(), good(), ""),
    (motion.NoFall(), good(), with_truths(good(), lambda t: truth(t.stamp, fallen=t.stamp > 5)), "fell at 5"),
    (motion.NoCollision(), good(), touched(good()), "touched wall::link::box at 3.0 s with 12 N"),
    (motion.NoCollision(allow=["wall"]), touched(good()), touched(good(), b="chair::l::c"), "chair"),
    (motion.NoCollision(), touched(good(), "g1::left_ankle_roll_link::s", "ground::link::floor"),
     touched(good(), "g1::left_knee_link::s", "ground::link::floor"), "knee"),
    (motion.Clearance(at_least=0.1), good(), good(clearance=(0.5, 0.02)), "0.020 m at 10.0 s"),
    (motion.Clearance(at_least=0.1, while_skill="navigate"), good(), good(clearance=(0.05, 0.05)), "0.050"),
    (motion.Arrival(at="kitchen"), good(**ARRIVES), good(x=(0.0, 3.0)), "1.00 m from it"),
    (motion.Arrival(at="kitchen", heading=10), good(**ARRIVES), good(yaw=(0, 1), **ARRIVES), "57 degrees"),
    (motion.Arrival(at=(1.0, 0.0)), good(x=(0.0, 1.0)), good(), "1.00 m from it"),
    (motion.Stands(), good(), good(x=(0.0, 4.0)), "0.400 m/s"),
    (motion.StopsWithin(command=1, distance=0.2), good(), good(x=(0.0, 4.0)), "m further"),
    (objects.Grasp(object="red cup"), lifted(3.0), lifted(1.0), "1.0 s"),
    (objects.Grasp(object="red cup", lift=0.1), lifted(3.0), good(), "up 0.00 m"),
    (objects.Placed(object="red cup", on="table"), with_truths(good(), lambda t: truth(t.stamp)),
     with_truths(good(), lambda t: truth(t.stamp, cup=(4.8, 0.0, 0.05))), "at (4.80, 0.00, 0.05)"),
    (objects.Placed(object="red cup", on="table"), good(),
     with_truths(good(), lambda t: truth(t.stamp, cup=(4.8 + 0.03 * t.stamp, 0, 0.8))), "moving"),
    (objects.Untouched(object="red cup"), good(),
     with_truths(good(), lambda t: truth(t.stamp, cup=(4.8 + 0.01 * t.stamp, 0, 0.8))), "moved 0.100 m"),
    (rules.Never(faster_than=0.3), good(x=(0.0, 2.0)), good(x=(0.0, 8.0)), "0.80 m/s"),
    (rules.Never(nearer_than=0.1), good(), good(clearance=(0.5, 0.05)), "0.050 m at 10.0 s"),
    (rules.Never(inside=(1.0, -1.0, 2.0, 1.0)), good(), good(x=(0.0, 4.0)), "inside at 2.5 s"),
    (rules.Never(below=0.5, object="red_cup"), good(),
     with_truths(good(), lambda t: truth(t.stamp, cup=(4.8, 0, 0.8 - 0.05 * t.stamp))), "0.30 m at 10.0 s"),
    (rules.Never(touched="wall"), good(), touched(good()), "wall::link::box at 3.0 s"),
    (rules.Never(touched="big crate"), good(), touched(good(), b="unmapped_big_crate::link::box"), "crate"),
    (motion.NoCollision(allow=["big crate"]), touched(good(), b="unmapped_big_crate::link::box"),
     touched(good()), "wall"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "holds", "broken", "words"), CASES, ids=lambda v: type(v).__name__)
def test_a_check_passes_what_holds_and_fails_what_does_not(spec, holds, broken, words):
    assert verdict(spec, holds).passed, verdict(spec, holds)
    if isinstance(spec, commands.Heard):
        broken.recording.transcripts.clear()
        words = "nothing"
    if isinstance(spec, performance.Rate):
        del broken.recording.velocities[50:80]
        words = "longest gap 1.5"
    found = verdict(spec, broken)
    assert not found.passed
    assert words in found.detail


def test_what_was_said_is_looked_for_in_its_words():
    run = good()
    assert not verdict(commands.Said(contains="reach"), run).passed
    run.recording.said.append((5.0, "I cannot reach it."))
    assert verdict(commands.Said(contains="REACH"), run).passed
    assert not verdict(commands.Said(contains=["see", "find"]), run).passed


def test_events_must_come_in_their_order():
    run = good()
    run.recording.safety.append((5.0, "stopped", "no scan"))
    assert verdict(commands.Order(events=["skill navigate", "safety stopped", "state succeeded"]), run).passed
    found = verdict(commands.Order(events=["safety stopped", "skill navigate"]), run)
    assert "'skill navigate' did not follow" in found.detail


def test_safety_levels_are_asked_for_and_forbidden():
    run = good()
    assert not verdict(rules.Safety(level="stopped"), run).passed
    assert verdict(rules.Never(safety="stopped"), run).passed
    run.recording.safety.append((5.0, "stopped", "no scan"))
    assert verdict(rules.Safety(level="stopped"), run).passed
    assert not verdict(rules.Safety(level="stopped", seconds=4.0), run).passed
    assert "stopped at 5.0 s" in verdict(rules.Never(safety="stopped"), run).detail


def test_a_safety_level_from_before_the_first_command_counts_as_long_as_it_holds():
    run = good()
    run.recording.safety += [(-2.0, "stopped", "no scan"), (-1.0, "slowed", "wall near")]
    assert "slowed at 0.0 s" in verdict(rules.Never(safety="slowed"), run).detail
    assert verdict(rules.Never(safety="stopped"), run).passed
    run.recording.safety.append((-0.5, "ok", ""))
    assert verdict(rules.Never(safety="slowed"), run).passed


def test_what_is_no_command_is_judged_by_what_came_after_it():
    """Here a walk goes before it, and an answer to that."""
    nonsense = Given("The weather is nice", "n", True, 6.0, ())
    run = with_truths(good(**ARRIVES), lambda t: truth(t.stamp, x=min(4.0, t.stamp)))
    run = replace(run, commands=(*run.commands, nonsense))
    run.recording.said.append((1.0, "I am on my way."))
    spec = commands.AsCommanded(command=2)
    assert "no answer, moved 0.000 m" in verdict(spec, run).detail
    run.recording.said.append((7.0, "I did not understand that."))
    assert verdict(spec, run).passed
    with_truths(run, lambda t: truth(t.stamp, x=t.stamp))
    assert "answered, moved 4.000 m" in verdict(spec, run).detail


def test_what_the_script_does_to_an_object_is_not_the_robots_doing():
    run = lifted(3.0)
    assert verdict(objects.Grasp(object="red cup"), run).passed
    run.recording.puts.append((7.0, "red_cup", (4.8, 0.0, 0.95)))
    assert not verdict(objects.Grasp(object="red cup"), run).passed
    placed = good(Step(skill="place", place="table"))
    with_truths(placed, lambda t: truth(t.stamp, cup=(1.0, 0.0, 0.8) if t.stamp < 5.0 else (4.8, 0.0, 0.8)))
    assert verdict(commands.AsCommanded(), placed).passed
    placed.recording.puts.append((5.0, "red_cup", (4.8, 0.0, 0.8)))
    assert "no object that was moved rests there" in verdict(commands.AsCommanded(), placed).detail


def test_what_is_lifted_after_the_script_put_it_lower_counts_from_there():
    run = good(Step(skill="pick", object=targets.query("red cup")), x=(4.0, 4.0))
    run.recording.puts.append((1.0, "red_cup", (4.8, 0.0, 0.40)))
    low, high = (4.8, 0.0, 0.40), (4.8, 0.0, 0.55)
    with_truths(run, lambda t: truth(t.stamp, cup=low if 1.0 < t.stamp < 6.0 else high))
    found = verdict(objects.Grasp(object="red cup"), run)
    assert (found.passed, found.detail) == (True, "red_cup up 0.15 m, 4.0 s at 0.1 m or more")


@pytest.mark.parametrize(("x", "passed"), [((0.0, 3.0), False), ((0.0, 0.0), True)])
def test_a_robot_that_is_not_watched_until_it_must_stand_must_stand_before(x, passed):
    """The next command comes a second after "stop"."""
    run = good(x=x)
    later = Given("Go on", "d", True, 2.0)
    run = replace(run, commands=(*run.commands, later))
    assert verdict(motion.StopsWithin(command=1, seconds=2.0), run).passed is passed


def test_what_is_silent_from_the_first_command_on_breaks_its_rate():
    run = good()
    del run.recording.velocities[:60]
    assert "longest gap 3.00 s" in verdict(performance.Rate(of="control", at_least=19), run).detail


def test_an_order_is_of_events_that_there_are():
    with pytest.raises(ValueError, match="an event begins with skill, state, safety, said, and words follow"):
        commands.Order(events=["skill navigate", "sate succeeded"])


def test_alerts_are_asked_for_and_forbidden():
    run = good()
    assert verdict(rules.Alert(raised=False), run).passed
    assert not verdict(rules.Alert(node="voice"), run).passed
    run.recording.alerts.append((2.0, "voice", "payloads rejected"))
    assert verdict(rules.Alert(node="voice"), run).passed
    assert "voice: payloads rejected" in verdict(rules.Alert(raised=False), run).detail


def test_an_alert_of_a_node_that_there_is_not_cannot_be_judged():
    run = good()
    (misspelt,) = registry.judge_all(run, [rules.Alert(node="vioce", raised=False)])
    assert not misspelt.passed
    assert "no node is called 'vioce'; did you mean voice?" in misspelt.detail
    run.recording.reporting.add("nearest")
    for known in ("system", "monitor", "nearest"):
        assert verdict(rules.Alert(node=known, raised=False), run).passed


def test_a_node_that_ends_on_purpose_raises_no_alert():
    client = pytest.importorskip("vla_sim.scenario.client")
    run = good()
    world = SimpleNamespace(recording=run.recording, discovery=SimpleNamespace(report=lambda *_: None))
    ended = SimpleNamespace(name="map", message="ended", level=b"\x03", values=[])
    client.Client.on_diagnostics(world, SimpleNamespace(status=[ended]))
    assert verdict(rules.Alert(raised=False), run).passed


def test_an_alert_that_was_there_before_the_first_command_and_still_is_counts():
    client = pytest.importorskip("vla_sim.scenario.client")
    run = good()
    world = SimpleNamespace(recording=run.recording, discovery=SimpleNamespace(report=lambda *_: None))
    blind = SimpleNamespace(name="perception", message="no image", level=b"\x01", values=[])
    run.recording.truths[:] = [truth(1.0)]
    client.Client.on_diagnostics(world, SimpleNamespace(status=[blind]))
    director = Director(Scenario(version=1, proves="what the test says", script=[]), WORLD, run.recording, {})
    run.recording.truths.append(truth(2.0))
    director.tick()
    run = replace(run, begin=director.begin)
    assert verdict(rules.Alert(raised=False), run).passed, "it is over, for all that is known"
    for stamp in (2.5, 3.5):
        run.recording.truths.append(truth(stamp))
        client.Client.on_diagnostics(world, SimpleNamespace(status=[blind]))
    assert "perception: no image at 0.5 s" in verdict(rules.Alert(raised=False), run).detail
    assert len(run.recording.alerts) == 1


def test_the_monitors_alerts_count_where_it_runs():
    client = pytest.importorskip("vla_sim.scenario.client")
    run = good()
    hearing = SimpleNamespace(recording=run.recording)
    cpu = records.Alert(component="system", metric="cpu", value=97.0, threshold=80.0, unit="%",
                         severity="critical", stamp=5.0, mono=9.0)  # fmt: skip
    client.Client.on_alert(hearing, msgspec.structs.replace(cpu, active=False))
    assert not verdict(rules.Alert(node="system"), run).passed
    client.Client.on_alert(hearing, cpu)
    assert "critical: system cpu 97 %, limit 80 %" in verdict(rules.Alert(node="system"), run).detail
    assert not verdict(rules.Alert(raised=False), run).passed


def test_resources_are_held_against_what_was_measured():
    run = good()
    assert "not measured" in verdict(performance.Resources(cpu=100), run).detail
    run.recording.usage.extend([Usage(stamp=0, cpu=80, memory=900), Usage(stamp=1, cpu=100, memory=1100)])
    assert verdict(performance.Resources(cpu=95, memory=1200), run).passed
    assert "1100" in verdict(performance.Resources(memory=1000), run).detail


def test_perception_that_pauses_breaks_its_rate():
    run = good()
    seen = [DetectedObject(track_id=1, kind="cup", colour="red", position=(0, 0, 0), size=(1, 1, 1), yaw=0,
                           confidence=1, last_seen=0)]  # fmt: skip
    run.recording.sightings.extend((0.1 * i, seen) for i in range(101))
    assert verdict(performance.Rate(of="perception", at_least=9.5), run).passed
    del run.recording.sightings[40:70]
    assert not verdict(performance.Rate(of="perception", at_least=6), run).passed


def test_a_percentile_is_judged_over_all_runs():
    spec = performance.Latency(at_most=1000, percentile=90)
    assert spec.judge(good()) == []
    assert motion.NoFall().judge_runs([]) is None

    def runs(*totals):
        from vla_sim.scenario.record import CommandRecord

        return [
            msgspec.structs.replace(
                record(seed=i),
                commands=[CommandRecord(text="", command_id="c", spoken=True, given=0, total_ms=ms)],
            )
            for i, ms in enumerate(totals)
        ]

    assert spec.judge_runs(runs(*[500.0] * 19, 3000.0)).passed
    assert not spec.judge_runs(runs(*[500.0] * 10, *[3000.0] * 10)).passed
    assert "never measured" in spec.judge_runs(runs(None)).detail
    assert spec.judge_runs(runs(*[500.0] * 19, None)).passed
    late = spec.judge_runs(runs(*[500.0] * 10, *[None] * 10))
    assert (late.passed, late.speed) == (False, False)
    assert "never measured, in too many runs" in late.detail
    broken = [record(seed=9, error="a node died", passed=False)]
    assert spec.judge_runs([*runs(500.0), *broken]).passed
    assert not spec.judge_runs(broken).passed


def test_a_check_that_cannot_be_judged_has_not_passed():
    class Broken(base.CheckSpec, frozen=True, kw_only=True, tag="broken"):
        def judge(self, run):
            return 1 / 0

    found = registry.judge_all(good(), [Broken(), motion.Arrival(at="moon")])
    assert [c.passed for c in found] == [False, False]
    assert "ZeroDivisionError" in found[0].detail
    assert "no place or surface is called 'moon'; this world has kitchen, table" in found[1].detail


def test_a_check_of_ones_own_that_breaks_over_a_sweep_loses_none_of_it():
    class Broken(base.CheckSpec, frozen=True, kw_only=True, tag="broken"):
        def judge_runs(self, records):
            return 1 / 0

    found = registry.judge_sweep([record()], [motion.NoFall(), Broken()])
    assert [(c.passed, c.kind, c.detail) for c in found] == [
        (False, "broken", "cannot be judged: ZeroDivisionError: division by zero")
    ]


def test_without_checks_the_default_ones_hold():
    found = registry.judge_all(good(**ARRIVES), [])
    assert len(found) >= 4
    assert all(c.passed for c in found)


def test_an_object_that_is_not_one_is_said():
    with pytest.raises(InputError, match="means 2 of this world's objects: red_cup, blue_cup"):
        targets.object_name(WORLD, "cup", truth(0.0))
    assert {targets.object_name(WORLD, n, truth(0.0)) for n in ("red cup", "red_cup")} == {"red_cup"}


def test_never_takes_exactly_one_condition():
    with pytest.raises(ValueError, match="give exactly one of"):
        rules.Never()
    with pytest.raises(ValueError, match="belong together"):
        rules.Never(below=1.0)


def test_a_short_burst_of_a_long_run_is_too_fast():
    run = good()
    run.recording.truths[:] = [
        truth(0.02 * k, x=float(np.clip(0.02 * k - 301.8, 0.0, 0.5))) for k in range(30_000)
    ]
    assert not verdict(rules.Never(faster_than=0.9), run).passed


def test_the_sway_of_the_last_moment_is_no_speed():
    run = good()
    sway = [0.01 * math.sin(2.0 * math.pi * 0.02 * k / 0.4) for k in range(501)]
    run.recording.truths[:] = [truth(0.02 * k, x=x) for k, x in enumerate(sway)]
    assert verdict(rules.Never(faster_than=0.12), run).passed


def test_a_skill_goes_on_while_another_command_waits():
    run = good(clearance=(0.5, 0.05))
    run.recording.on_status(Status(command_id="later", state="accepted", mono=0.0))
    waits = run.recording.statuses.pop()
    waits.stamp = 2.0
    run.recording.statuses.insert(1, waits)
    assert run.recording.skill_at(1.5) == run.recording.skill_at(5.0) == "navigate"
    assert not verdict(motion.Clearance(at_least=0.1, while_skill="navigate"), run).passed


def test_a_walk_that_was_interrupted_is_judged_where_it_ended():
    run = good(**ARRIVES)
    for k, state in ((60, "accepted"), (100, "running")):
        run.recording.on_status(Status(command_id="c", state=state, skill="navigate", steps=1, mono=0.0))
        marked = run.recording.statuses.pop()
        marked.truth = run.recording.truths[k]
        marked.stamp = marked.truth.stamp
        run.recording.statuses.insert(-1, marked)
    assert verdict(commands.AsCommanded(), run).passed
