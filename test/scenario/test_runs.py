"""The whole stack, real processes: spoken to and typed to, judged from the simulator's truth.

Latency is printed by `vla-sim run` and is not asserted here: these tests must hold on a busy machine.
"""

import numpy as np
import pytest

from vla_sim.scenario.display import Display
from vla_sim.scenario.run import RunOptions, Utterance, run_once
from vla_sim.stack import StackOptions
from vla_sim.voice import mouth

pytestmark = [pytest.mark.scenario, pytest.mark.ros]


def run(tmp_path, *utterances, **options):
    folder = tmp_path / "run"
    chosen = RunOptions(utterances, StackOptions(**options), folder)
    record = run_once(chosen, Display(quiet=True))
    assert (folder / "record.json").stat().st_size > 1000
    assert (folder / "run.png").stat().st_size > 10_000
    return record


def spoken(text):
    return Utterance(text, mouth.say(text))


@pytest.mark.gl
def test_a_spoken_command_makes_the_robot_fetch_the_cup(tmp_path):
    record = run(tmp_path, spoken("Go to the kitchen and pick up the red cup"))
    assert record.heard == "go to the kitchen and pick up the red cup"
    assert record.state == "succeeded", record.answer
    assert [c for c in record.checks if not c.passed] == []
    assert record.contacts == []
    assert record.path_length > 4.0
    assert [g.passed for g in record.grasps] == [True]
    assert {s.stage for s in record.stages} == {
        "voice", "intent", "planning", "perception", "safety", "control",
    }  # fmt: skip


@pytest.mark.gl
def test_stop_ends_a_walk(tmp_path):
    record = run(tmp_path, Utterance("go to the kitchen"), Utterance("stop the robot", None, 5.0))
    assert {c.name: c.passed for c in record.checks} == {
        '"go to the kitchen" is cancelled': True, "stands after the stop": True,
    }  # fmt: skip
    assert record.path_length > 0.3


def test_nonsense_is_answered_and_not_acted_on(tmp_path):
    record = run(tmp_path, spoken("The weather is nice today"), engine="fake")
    assert [c.passed for c in record.checks] == [True]
    assert record.answer


def test_silence_is_answered_and_not_acted_on(tmp_path):
    silence = np.zeros(16000 * 6, dtype=np.int16)
    record = run(tmp_path, Utterance("", silence), engine="fake")
    assert [c.passed for c in record.checks] == [True]
    assert record.answer
