"""What is said in a room with a (virtual) sound card is heard by the robot, what it says itself is not."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from sound_card import MICROPHONE, SPEAKER, SoundCard, needed
from waiting import wait_for

from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.contract.records import SafetyState, Say
from vla_sim.hardware import capture
from vla_sim.hardware.capture import Capture
from vla_sim.hardware.sound_level import SoundLevel
from vla_sim.stages.voice.grammar import Grammar
from vla_sim.stages.voice.listener import Listener
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Hibari
from vla_sim.world.semantic_map import World

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
pytestmark = [pytest.mark.ros, pytest.mark.audio, needed]

BOUND = 120.0  # [s]
PATIENT = 60.0  # [s]: on a busy machine a silence is no sign that the card is gone
AHEAD = 0.05  # [s]: a null sink mixes before its time, most of all when it catches up; 25 ms were seen


@pytest.fixture(scope="module")
def card():
    with pytest.MonkeyPatch.context() as patch, SoundCard() as made:
        patch.setattr(capture, "SILENT", PATIENT)
        patch.setattr(capture, "STARTS", PATIENT)
        for name, value in made.environment.items():
            patch.setenv(name, value)
        yield made


@pytest.fixture(scope="module")
def voice():
    return Hibari()


@pytest.fixture(scope="module")
def room(card, ros_domain):
    """The nodes `microphone` and `voice`, which speaks by the card too, beside one that looks on."""
    from rclpy.executors import SingleThreadedExecutor

    from vla_sim.common.params import StageParams
    from vla_sim.hardware.microphone_node import MicrophoneNode
    from vla_sim.ros.stage_node import StageNode
    from vla_sim.stages.voice.node import VoiceNode

    class Room(StageNode[StageParams]):
        def __init__(self):
            super().__init__("room", StageParams)
            self.transcripts = []
            self.publish(topics.SAY)
            self.publish(topics.SAFETY_STATE)
            self.listen(topics.TRANSCRIPT, self.transcripts.append)

        def wait(self, condition, seconds=BOUND):
            end = time.monotonic() + seconds
            while not condition():
                assert time.monotonic() < end, f"nothing within {seconds} s: {self.transcripts}"
                time.sleep(0.02)

        def heard(self):
            return [one.text for one in self.transcripts if one.complete]

        def go_on(self, seconds):
            end = time.monotonic() + seconds
            self.wait(lambda: time.monotonic() > end)

    values = {
        "microphone:device": MICROPHONE, "voice:play": "true", "voice:speaker": SPEAKER,
        "voice:silence_seconds": "0.0",
    }  # fmt: skip
    arguments = ["--ros-args", *(w for k, v in values.items() for w in ("-p", f"{k}:={v}"))]
    rclpy.init(args=arguments, domain_id=ros_domain)
    microphone, ears, one = MicrophoneNode(), VoiceNode(), Room()
    one.microphone, one.ears = microphone, ears
    executor = SingleThreadedExecutor()
    for node in (microphone, ears, one):
        executor.add_node(node)
    spinning = threading.Thread(target=executor.spin, daemon=True)  # also while a test plays something
    spinning.start()
    publishers = [
        microphone.published[topics.AUDIO.name], ears.published[topics.TRANSCRIPT.name],
        *(one.published[topic.name] for topic in (topics.SAY, topics.SAFETY_STATE)),
    ]  # fmt: skip
    one.wait(lambda: all(publisher.get_subscription_count() for publisher in publishers))
    yield one
    executor.shutdown()
    spinning.join(BOUND)
    for node in (microphone, ears):
        node.close()
    for node in (microphone, ears, one):
        node.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture
def quiet(room):
    """The room, in which nothing is said yet."""
    room.go_on(0.5)
    room.wait(lambda: room.microphone.level.peak < -60.0)
    room.transcripts.clear()
    return room


def test_a_command_that_is_spoken_is_transcribed(quiet, card, voice):
    card.play(in_room(voice.speak("go to the kitchen")))
    quiet.wait(quiet.heard)
    assert quiet.heard() == ["go to the kitchen"]
    status = quiet.microphone.status()
    assert status["device"] == MICROPHONE
    assert 0.0 < float(status["age [ms]"]) < 1000.0


def test_the_robot_does_not_take_its_own_words_for_a_command(quiet, card, voice):
    """It speaks through the loop and is deaf meanwhile; by the same loop it would have heard a command."""
    spoken = quiet.ears.speaker.spoken
    level = quiet.microphone.level
    for text in ("I have the red cup.", "Go to the kitchen."):
        quiet.send(topics.SAY, Say(text=text))
    quiet.wait(lambda: quiet.ears.speaker.spoken == spoken + 2)
    quiet.wait(lambda: level.peak > -20.0)  # the microphone does hear it
    quiet.wait(lambda: level.peak < -60.0)
    quiet.go_on(2.0)
    assert quiet.transcripts == []
    card.play(in_room(voice.speak("go to the bedroom")))
    quiet.wait(quiet.heard)
    assert quiet.heard() == ["go to the bedroom"]


def test_without_half_duplex_it_hears_itself(quiet):
    """Words or, from a busy machine whose speaker stutters, noise."""
    quiet.ears.set_parameters([rclpy.parameter.Parameter("half_duplex", value=False)])
    try:
        quiet.send(topics.SAY, Say(text="Go to the kitchen."))
        quiet.wait(lambda: quiet.transcripts)
    finally:
        quiet.ears.set_parameters([rclpy.parameter.Parameter("half_duplex", value=True)])


def test_a_stop_breaks_its_speech_off(quiet):
    level, begun = quiet.microphone.level, quiet.ears.speaker.spoken
    long = "I am going to tell you a very long story about a cup, a ball, a box and a bottle. " * 4
    quiet.send(topics.SAY, Say(text=long))
    quiet.send(topics.SAY, Say(text=long))
    quiet.wait(lambda: quiet.ears.speaker.spoken > begun and level.peak > -20.0)
    quiet.send(topics.SAFETY_STATE, SafetyState(level="stopped", reasons=["asked for"], stop_epoch=1))
    asked = time.monotonic()
    quiet.wait(lambda: level.peak < -60.0)  # it looks back a second
    assert time.monotonic() - asked < 5.0  # of 40 s
    spoken = quiet.ears.speaker.spoken
    assert spoken == begun + 1
    quiet.send(topics.SAY, Say(text="This is old.", stop_epoch=0))
    quiet.send(topics.SAY, Say(text="I have stopped.", stop_epoch=1))
    quiet.wait(lambda: quiet.ears.speaker.spoken == spoken + 1)
    quiet.wait(lambda: level.peak > -20.0)
    quiet.wait(lambda: level.peak < -60.0)
    assert quiet.ears.speaker.spoken == spoken + 1


def test_a_microphone_that_is_pulled_out_is_told_and_comes_back(quiet, card, voice):
    microphone, ears = quiet.microphone, quiet.ears
    card.unplug()
    quiet.wait(lambda: "it is looked for again" in microphone.health()[1])
    quiet.wait(lambda: "nobody can be heard" in ears.health()[1])
    card.plug()
    quiet.wait(lambda: microphone.health()[1] == "ok")
    quiet.wait(lambda: ears.unheard == "")
    assert microphone.status()["lost"] == "1"
    quiet.transcripts.clear()
    card.play(in_room(voice.speak("go to the kitchen")))
    quiet.wait(quiet.heard)
    assert quiet.heard() == ["go to the kitchen"]


@pytest.mark.parametrize(("rate", "channel"), [(44_100, 0), (48_000, 2), (16_000, 1)])
def test_any_rate_and_channel_will_do(card, voice, rate, channel):
    grammar = Grammar.of(World.load("apartment"))
    listener = Listener(Pocketsphinx(grammar), grammar, silence_seconds=0.0)
    heard, level = [], SoundLevel()

    def take(piece, captured):
        level.add(piece)
        utterance = listener.feed(piece, captured)
        heard.extend(utterance.text for utterance in [utterance] if utterance and utterance.complete)

    source = Capture(capture.command(MICROPHONE, rate, channel), take)
    source.start()
    try:
        assert source.opened.rate == rate
        wait_for(lambda: level.silent > 0.1)
        card.play(in_room(voice.speak("go to the kitchen")))
        wait_for(lambda: heard, BOUND)
    finally:
        source.close()
    assert heard == ["go to the kitchen"]


def test_a_rate_that_is_too_low_for_words_is_told(card):
    pieces = []
    source = Capture(capture.command(MICROPHONE, 8_000), lambda piece, captured: pieces.append(piece))
    source.start()
    try:
        wait_for(lambda: len(pieces) > 20, BOUND)
        assert source.opened.verdict() == ("8000 Hz is too low: words are misheard; 16000 or more are needed")
    finally:
        source.close()


@pytest.mark.scenario
@pytest.mark.load
def test_a_sound_is_as_old_as_the_microphone_says(card):
    """Between when it was given to the speaker and when it came here."""
    found, click = [], np.zeros(16_000, np.int16)
    click[:160] = 25_000

    def take(piece, captured):
        loud = np.flatnonzero(np.abs(piece.astype(int)) > 8_000)
        if len(loud):
            found.append((captured - (len(piece) - loud[0]) / 16_000, time.monotonic()))

    source = Capture(capture.command(MICROPHONE), take)
    source.start()
    try:
        for _ in range(3):
            found.clear()
            began = time.monotonic()
            card.play(click)
            wait_for(lambda: found, BOUND)
            captured, arrived = found[0]
            assert began - AHEAD < captured < arrived
    finally:
        source.close()


def test_a_device_that_there_is_not_is_one_line_that_lists_what_there_is(card):
    source = Capture(capture.command("nose"), lambda piece, captured: None)
    with pytest.raises(InputError, match=f"^no microphone 'nose'; there are .*'{MICROPHONE}'"):
        source.start()


def test_the_node_alone_ends_by_ctrl_c_and_leaves_nothing(card, ros_domain):
    line = [sys.executable, "-m", "vla_sim.hardware.microphone_node", "--ros-args", "-p"]
    node = subprocess.Popen(
        [*line, f"device:={MICROPHONE}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = []
    for text in node.stdout:
        said.append(text)
        if "ready" in text:
            break
    node.send_signal(signal.SIGINT)
    rest, _ = node.communicate(timeout=BOUND)
    assert node.returncode == 0, said
    assert "Traceback" not in rest
    wrong = subprocess.run(
        [*line, "device:=nose"], capture_output=True, text=True, timeout=BOUND, check=False
    )
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1].startswith("error: no microphone 'nose'; there are ")
