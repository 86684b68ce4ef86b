"""Runs that are recorded, and played to the stack again."""

import numpy as np
import pytest

from vla_sim.bringup.node_table import StackOptions
from vla_sim.contract import topics
from vla_sim.contract.codec import decode
from vla_sim.contract.records import GroundTruth
from vla_sim.recording.reader import FILE, Recording, message
from vla_sim.recording.replay import replay
from vla_sim.scenario.checks.commands import AsCommanded
from vla_sim.scenario.checks.motion import NoCollision, NoFall
from vla_sim.scenario.format import Say, Scenario
from vla_sim.scenario.load import File
from vla_sim.scenario.preparation import RunOptions
from vla_sim.scenario.run import run_once

pytestmark = [pytest.mark.scenario, pytest.mark.ros, pytest.mark.gl]


def run(folder, record, must=(), seed=1):
    script = [Say(words="Move forward 1 meter")]
    scenario = Scenario(version=1, proves="what the test says", script=script, expect=[NoFall(), *must])
    stack = StackOptions(speed=0.0, seed=seed)
    file = File("run", folder.parent / "run.yaml", scenario)
    return run_once(RunOptions(file, stack, folder, record=record, pictures="none"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    return folder, run(folder, "all")


def test_one_seed_is_one_run_recorded_or_not_and_one_that_passes_keeps_no_file(recorded, tmp_path):
    folder, with_file = recorded
    without = run(tmp_path / "run", "failures", [AsCommanded(), NoCollision()])
    assert without.passed
    assert not (tmp_path / "run" / FILE).exists()
    assert (folder / FILE).is_file()
    assert len(without.path) > 10
    assert with_file.path == without.path
    assert with_file.near == without.near
    assert with_file.commands == without.commands


def test_another_seed_is_another_run(recorded, tmp_path):
    _, record = recorded
    assert run(tmp_path / "run", "failures", seed=2).path != record.path


def test_the_record_holds_the_whole_run(recorded):
    folder, record = recorded
    recording = Recording(folder)
    assert recording.whole
    assert (recording.about.scenario, recording.about.seed, recording.about.speed) == ("run", 1, 0.0)
    truth = [
        decode(GroundTruth, message(recording.types[one.topic], one.data).data)
        for one in recording.read([topics.GROUND_TRUTH.name])
    ]
    np.testing.assert_allclose(np.diff([t.stamp for t in truth]), 0.04, atol=1e-6)  # none is missing
    assert truth[-1].robot[0] - truth[0].robot[0] == pytest.approx(record.path_length, abs=0.1)
    assert {topics.TRANSCRIPT.name, topics.AUDIO.name, topics.TF.name} <= recording.types.keys()


def test_played_to_the_whole_stack_again_it_decides_the_same(recorded, tmp_path):
    folder, _ = recorded
    found = replay(Recording(folder), tmp_path / "again")
    assert found.same, [one for one in found.compared if not one.same]
    assert len(found.compared) > 8
    # No image is in the way of these.
    exact = [topics.TRANSCRIPT, topics.INTENT, topics.PLAN, topics.VERDICT, topics.CMD_VEL]
    names = [topic.name for topic in exact]
    ours, theirs = (
        list(one.read(names, end=found.recording.end)) for one in (Recording(folder), found.recording)
    )
    both = min(len(ours), len(theirs))  # one of them may have ended a turn later
    assert abs(len(ours) - len(theirs)) <= 1
    assert [one[:3] for one in ours[:both]] == [one[:3] for one in theirs[:both]]


def test_a_change_that_changes_decisions_is_named(recorded, tmp_path):
    folder, _ = recorded
    found = replay(
        Recording(folder), tmp_path / "again", nodes=["voice", "language"], settings=["voice.confidence=1.0"]
    )
    assert not found.same
    first = next(one for one in found.compared if not one.same)
    assert first.topic == topics.TRANSCRIPT.name
    assert first.recorded.text == "move forward one meter"
    assert first.replayed.text.startswith("move forward one meter; not complete")
