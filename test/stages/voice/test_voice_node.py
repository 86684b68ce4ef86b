import time
from array import array
from pathlib import Path

import numpy as np
import pytest
from voice_speech import quiet, spoken

from vla_sim.contract import topics
from vla_sim.contract.records import Say
from vla_sim.stages.voice.audio import chunks, load

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
pytestmark = [pytest.mark.ros, pytest.mark.audio]

BOUND = 20.0  # [s]


@pytest.fixture(scope="module")
def room(tmp_path_factory, ros_domain):
    """The voice node beside a node that talks to it, in a domain of their own."""
    from rclpy.executors import SingleThreadedExecutor
    from std_msgs.msg import Int16MultiArray

    from vla_sim.common.params import StageParams
    from vla_sim.ros.stage_node import StageNode
    from vla_sim.stages.voice.node import VoiceNode

    class Room(StageNode[StageParams]):
        def __init__(self):
            super().__init__("room", StageParams)
            self.transcripts, self.traces = [], []
            self.audio = self.publish(topics.AUDIO)
            self.publish(topics.SAY)
            self.listen(topics.TRANSCRIPT, self.transcripts.append)
            self.listen(topics.TRACE, self.traces.append)
            self.folder = folder

        def play(self, sound):
            for chunk in chunks(sound):
                self.audio.publish(Int16MultiArray(data=array("h", chunk.tobytes())))
                executor.spin_once(timeout_sec=0.0)
                executor.spin_once(timeout_sec=0.0)

        def wait(self, condition):
            end = time.monotonic() + BOUND
            while not condition():
                assert time.monotonic() < end, f"nothing within {BOUND} s: {self.transcripts}"
                executor.spin_once(timeout_sec=0.05)

    folder = tmp_path_factory.mktemp("speech")
    values = ("voice:world:=apartment", "voice:stream_ends:=0.3", f"voice:speech_folder:={folder}")
    arguments = ["--ros-args", *(item for value in values for item in ("-p", value))]
    rclpy.init(args=arguments, domain_id=ros_domain)
    node, one = VoiceNode(), Room()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(one)
    found = [topics.AUDIO.name, topics.SAY.name, topics.TRANSCRIPT.name]
    one.wait(lambda: all(one.count_publishers(t) and one.count_subscribers(t) for t in found))
    one.wait(lambda: one.audio.get_subscription_count() > 0)
    yield one
    node.close()
    node.destroy_node()
    one.destroy_node()
    rclpy.try_shutdown()


def test_a_stream_without_a_voice_is_reported_as_silence(room):
    room.transcripts.clear()
    room.play(quiet(0.6))
    room.wait(lambda: room.transcripts)
    assert [(one.complete, one.reason) for one in room.transcripts] == [(False, "silence")]


def test_a_spoken_command_becomes_a_transcript_and_a_trace_with_one_id(room):
    room.transcripts.clear()
    room.play(spoken("Turn left 90 degrees"))
    room.wait(lambda: room.transcripts and room.traces)
    (transcript,) = room.transcripts
    assert (transcript.text, transcript.complete) == ("turn left ninety degrees", True)
    assert transcript.recogniser == "pocketsphinx"
    assert room.traces[-1].stage == "voice"
    assert room.traces[-1].command_id == transcript.command_id
    assert room.traces[-1].begin_mono == transcript.speech_end_mono
    assert transcript.speech_end_mono < room.traces[-1].end_mono <= time.monotonic()


def test_speech_in_one_large_message_ended_when_its_last_word_did(room):
    from std_msgs.msg import Int16MultiArray

    room.transcripts.clear()
    sent = time.monotonic()
    room.audio.publish(Int16MultiArray(data=array("h", spoken("Turn left 90 degrees").tobytes())))
    room.wait(lambda: room.transcripts)
    assert room.transcripts[0].speech_end_mono < sent - 0.3  # 0.8 s of the room follow it


def test_the_robots_answer_is_spoken_into_the_folder(room):
    room.send(topics.SAY, Say(text="Which cup do you mean?"))
    room.wait(lambda: list(Path(room.folder).glob("*.wav")))
    path = Path(room.folder) / "001-which-cup-do-you-mean.wav"
    room.wait(lambda: path.is_file() and path.stat().st_size > 16000)
    assert np.abs(load(path).astype(int)).max() > 3000
