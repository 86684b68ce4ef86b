"""When things are done in a scenario, and when it is over."""

import numpy as np
import pytest
from test_checks import WORLD, truth

from vla_sim.contract.records import DetectedObject, Disturbance, Fault, Plan, Status, Step, Transcript
from vla_sim.scenario.checks.base import Run
from vla_sim.scenario.checks.registry import judge_all
from vla_sim.scenario.director import Director, Speak, TypeText
from vla_sim.scenario.format import FaultAction, Meaning, Move, Play, Say, Scenario, Type, When
from vla_sim.scenario.recording import Recording


class Stage:
    """A director and the recording that a test writes. done: what the director had done; last: the last
    disturbance of it."""

    def __init__(self, *script, world=WORLD, microphone=False, **options):
        self.recording, self.done, self.last, self.now = Recording(), [], None, 0.0
        scenario = Scenario(version=1, proves="what the test says", script=list(script), **options)
        sounds = {k: np.zeros(16000, np.int16) for k, a in enumerate(script) if isinstance(a, (Say, Play))}
        self.director = Director(scenario, world, self.recording, sounds, microphone=microphone)

    def until(self, seconds, **values):
        """Go on to so many seconds after the first command."""
        begin = self.director.begin or 2.0
        while self.now < begin + seconds - 1e-9:
            self.now = round(self.now + 0.04, 6)
            self.recording.truths.append(truth(self.now, **values))
            self.done += [self.note(deed.what) for deed in self.director.tick()]
        return self.done

    def note(self, what):
        match what:
            case Speak(samples):
                return "speak", len(samples)
            case TypeText(_, text):
                return "type", text
            case Disturbance():
                self.last = what
                return "move", what.name
            case Fault():
                return what.kind, what.target
        raise AssertionError(what)

    def status(self, state, command_id="typed-1", skill="navigate"):
        self.recording.on_status(Status(command_id=command_id, state=state, skill=skill, mono=0.0))


def test_nothing_is_done_before_the_robot_stands():
    stage = Stage(Type(words="hello"))
    stage.until(-0.2)
    assert stage.done == []
    stage.until(0.1)
    assert stage.done == [("type", "hello")]
    assert stage.director.begin == pytest.approx(2.0)
    assert stage.recording.truths[0].stamp == pytest.approx(2.0)


def test_a_typed_command_has_a_priority():
    stage = Stage(Type(words="tidy up", priority="background"))
    while not (deeds := stage.director.tick()):
        stage.now += 0.04
        stage.recording.truths.append(truth(stage.now))
    assert deeds[0].what == TypeText("typed-1", "tidy up", "background")
    assert deeds[0].text == 'typed, background: "tidy up"'


def test_actions_wait_for_their_events():
    stage = Stage(
        Type(words="go"),
        Type(words="later", when=When(at=1.0)),
        Move(object="red cup", to=(0.5, 0.1, 0.06), of="robot", when=When(lifted="red_cup")),
        Type(words="seen", when=When(seen="blue cup")),
        faults=[
            FaultAction(fault="kill", of="voice", when=When(skill="navigate", delay=0.4)),
            FaultAction(fault="freeze", of="navigation", seconds=0.5, when=When(near="kitchen", within=1.0)),
            FaultAction(fault="silent", of="lidar", seconds=1.0, when=When(done=1)),
        ],
    )
    assert stage.until(0.9) == [("type", "go")]
    assert stage.until(1.1)[1:] == [("type", "later")]
    stage.status("running")
    assert stage.until(1.4)[2:] == []
    assert stage.until(1.6)[2:] == [("kill", "voice")]
    assert stage.until(1.8, x=3.2)[3:] == [("freeze", "navigation")]
    assert stage.until(2.4, x=3.2)[4:] == []
    assert stage.until(2.6, x=3.0, cup=(4.8, 0, 0.9))[4:] == [("move", "red_cup")]
    assert stage.last.pose[:3] == pytest.approx((3.5, 0.1, 0.06))
    stage.status("succeeded")
    assert stage.until(2.8)[5:] == [("silent", "lidar")]
    blue = DetectedObject(track_id=1, kind="cup", colour="blue", position=(0, 0, 0), size=(1, 1, 1), yaw=0,
                          confidence=1, last_seen=0)  # fmt: skip
    stage.recording.sightings.append((2.8, [blue]))
    assert stage.until(3.0)[6:] == [("type", "seen")]
    assert stage.director.undone == []


def test_an_action_may_wait_for_a_person_who_walks_by():
    stage = Stage(Type(words="go"), Type(words="stop", when=When(near="tall person", within=1.0)))
    stage.until(1.0, movers={"tall_person": (3.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)})
    assert stage.done == [("type", "go")]
    stage.until(2.0, movers={"tall_person": (0.9, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)})
    assert stage.done == [("type", "go"), ("type", "stop")]


def test_the_run_is_over_when_every_command_has_ended_and_a_little_longer():
    stage = Stage(Type(words="go"))
    stage.until(3.0)
    assert not stage.director.over
    stage.status("succeeded")
    stage.until(4.9)
    assert not stage.director.over
    stage.until(5.2)
    assert stage.director.over


@pytest.mark.parametrize("stated", [True, False])
def test_after_a_grasp_the_run_goes_on_until_it_is_clear_that_it_holds(stated):
    """Whether the scenario states that words mean a grasp, or the robot planned one."""
    means = [Meaning(skill="pick", object="red cup")] if stated else None
    stage = Stage(Type(words="fetch it", means=means))
    stage.until(1.0)
    steps = [Step(skill="pick")] if not stated else []
    stage.recording.plans.append(Plan(command_id="typed-1", text="", steps=steps, planner="rules"))
    stage.status("succeeded")
    stage.until(3.4)
    assert not stage.director.over
    stage.until(3.8)
    assert stage.director.over


def test_a_fall_and_the_time_out_end_the_run_and_tell_what_was_not_done():
    stage = Stage(Type(words="go"), faults=[FaultAction(fault="kill", of="voice", when=When(skill="pick"))])
    stage.until(1.0)
    stage.until(3.9, fallen=True)
    assert not stage.director.over  # it has yet to say so
    stage.until(4.2, fallen=True)
    assert stage.director.over
    assert [type(a) for a in stage.director.undone] == [FaultAction]
    stage = Stage(Type(words="go"), timeout=5.0)
    stage.until(4.9)
    assert not stage.director.over
    stage.until(5.2)
    assert stage.director.over


def heard(stage, command_id, text="hello", complete=True):
    stage.recording.transcripts.append(
        Transcript(command_id=command_id, text=text, confidence=1.0, complete=complete, speech_end_mono=0.0)
    )


def test_one_is_heard_before_the_next_speaks():
    stage = Stage(
        Say(words="one"), Say(words="two", when=When(at=0.5)), Play(file="x.wav", when=When(at=0.6))
    )
    assert stage.until(1.5) == [("speak", 16000)]
    heard(stage, "voice-1")
    assert len(stage.until(1.7)) == 2
    heard(stage, "voice-2")
    assert len(stage.until(1.9)) == 3
    heard(stage, "voice-3", "go there")
    stage.until(2.1)
    assert [(g.command_id, g.text, g.spoken) for g in stage.director.commands] == [
        ("voice-1", "one", True), ("voice-2", "two", True), ("voice-3", "go there", True),
    ]  # fmt: skip


def test_what_nobody_hears_is_given_up():
    stage = Stage(Say(words="one"))
    stage.until(12.5)
    assert stage.director.commands == []
    stage.until(14.0)
    assert [g.command_id for g in stage.director.commands] == [""]
    stage.until(16.5)
    assert stage.director.over


@pytest.mark.parametrize("ends", [{"timeout": 5.0}, {"fallen": True}])
def test_what_nobody_has_heard_when_the_run_ends_is_a_command_all_the_same(ends):
    """Or nothing would be judged of it, and the run would pass."""
    words = Say(words="go", means=[Meaning(skill="navigate", place="kitchen")])
    stage = Stage(words, timeout=ends.get("timeout", 300.0))
    stage.until(5.2, fallen=ends.get("fallen", False))
    assert stage.director.over
    run = Run(WORLD, stage.recording, tuple(stage.director.commands), stage.director.begin)
    (check,) = [c for c in judge_all(run, ()) if c.kind == "as_commanded"]
    assert (check.passed, check.name) == (False, '"go" succeeds')
    assert "no answer to the command" in check.detail


def test_what_somebody_says_by_a_microphone_is_a_command_until_the_run_is_ended():
    stage = Stage(microphone=True)
    stage.until(0.5)
    heard(stage, "voice-1", "", complete=False)
    heard(stage, "voice-2", "go to the kitchen")
    stage.until(1.0)
    stage.status("succeeded", "voice-2")
    stage.until(200.0)
    heard(stage, "voice-3", "turn left")
    stage.until(201.0)
    assert [(g.command_id, g.text, g.spoken) for g in stage.director.commands] == [
        ("voice-2", "go to the kitchen", True), ("voice-3", "turn left", True),
    ]  # fmt: skip
    assert stage.done == []
    assert not stage.director.over
