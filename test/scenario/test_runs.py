"""The whole stack, real processes: spoken to and typed to at the pace of the clock, judged from the
simulator's truth. The shipped scenarios, in lock-step, are in `test_library.py`.

Latency is printed by `vla-sim run` and is not asserted here: these tests must hold on a busy machine.
"""

import numpy as np
import pytest

from vla_sim.bringup.node_table import StackOptions
from vla_sim.scenario.checks.commands import AsCommanded
from vla_sim.scenario.checks.motion import NoCollision, NoFall
from vla_sim.scenario.format import FaultAction, Play, Say, Scenario, Type, When
from vla_sim.scenario.load import File
from vla_sim.scenario.preparation import RunOptions
from vla_sim.scenario.run import run_once
from vla_sim.scenario.terminal import Display
from vla_sim.stages.voice.audio import save

pytestmark = [pytest.mark.scenario, pytest.mark.ros]
MUST = [AsCommanded(), NoFall(), NoCollision()]


def run(tmp_path, *script, speed=1.0, name="run", faults=(), **options):
    scenario = Scenario(
        version=1, proves="what the test says", script=list(script), faults=list(faults), expect=MUST
    )
    folder = tmp_path / name
    file = File(name, tmp_path / f"{name}.yaml", scenario)
    record = run_once(RunOptions(file, StackOptions(speed=speed, **options), folder), Display(quiet=True))
    assert (folder / "record.json").stat().st_size > 1000
    assert (folder / "run.png").stat().st_size > 10_000
    assert all((folder / shot.file).is_file() for shot in record.shots)
    return record


@pytest.mark.gl
@pytest.mark.variant  # of the scenario fetch_cup
def test_a_spoken_command_makes_the_robot_fetch_the_cup(tmp_path):
    record = run(tmp_path, Say(words="Go to the kitchen and pick up the red cup"))
    assert record.reasons == []
    assert record.heard == "go to the kitchen and pick up the red cup"
    assert record.path_length > 4.0
    assert [g.passed for g in record.grasps] == [True]
    assert {s.stage for s in record.stages} == {
        "voice", "intent", "planning", "perception", "safety", "control",
    }  # fmt: skip
    assert record.usage
    assert record.usage[-1].memory > 100.0


@pytest.mark.gl
@pytest.mark.variant  # of the scenario stop_while_walking
def test_stop_ends_a_walk(tmp_path):
    stop = Type(words="stop the robot", when=When(at=5.0))
    record = run(tmp_path, Type(words="go to the kitchen"), stop)
    assert record.reasons == []
    assert [c.state for c in record.commands] == ["cancelled", "succeeded"]
    assert record.path_length > 0.3


@pytest.mark.variant  # of the scenario nonsense; test_voice_node and test_responder have silence
def test_silence_is_answered_and_not_acted_on(tmp_path):
    save(tmp_path / "silence.wav", np.zeros(16000 * 6, dtype=np.int16))
    record = run(tmp_path, Play(file="silence.wav"), engine="kinematic")
    assert record.reasons == []
    assert record.answer


@pytest.mark.variant  # test_lockstep and test_fault_host have the frozen node, navigation_dies the dead one
def test_a_frozen_node_is_waited_for_and_a_dead_one_is_not(tmp_path):
    faults = [
        FaultAction(fault="freeze", of="perception", seconds=1.0, when=When(at=1.0)),
        FaultAction(fault="kill", of="perception", when=When(at=3.0)),
    ]
    command = Type(words="move forward 1 meter")
    record = run(tmp_path, command, faults=faults, speed=0.0, engine="kinematic")
    assert record.error == ""
    assert [e.text for e in record.events if "perception" in e.text] == [
        "fault: freeze perception for 1 s", "over: freeze perception for 1 s", "fault: kill perception",
    ]  # fmt: skip
    assert [(f.text, round(f.begin), round(f.end)) for f in record.faults] == [
        ("freeze perception for 1 s", 1, 2), ("kill perception", 3, 3),
    ]  # fmt: skip
