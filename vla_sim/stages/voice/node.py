"""The voice stage as a ROS node: audio in, transcripts out; texts in, the robot's speech out."""

import logging
import time
from collections import Counter, deque
from functools import cache
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

from vla_sim.common import clock
from vla_sim.common.errors import MissingError
from vla_sim.common.files import user_path
from vla_sim.contract import topics
from vla_sim.contract.records import Say, Transcript
from vla_sim.contract.stop_epoch import StopEpoch
from vla_sim.ros import conversions
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.voice.audio import CHUNK, SAMPLE_RATE, Samples
from vla_sim.stages.voice.endpointing import Hangover
from vla_sim.stages.voice.grammar import Grammar
from vla_sim.stages.voice.listener import Listener, Utterance
from vla_sim.stages.voice.microphone import Microphone
from vla_sim.stages.voice.params import VoiceParams
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.recogniser import FreeRecogniser, Recogniser, WholeUtterance, warm
from vla_sim.stages.voice.second_ear import SecondEar
from vla_sim.stages.voice.simulated_microphone import babble
from vla_sim.stages.voice.speaker import Speaker
from vla_sim.stages.voice.synthesis import Hibari
from vla_sim.stages.voice.transcription_server import TranscriptionServer, is_address
from vla_sim.stages.voice.whisper_recogniser import Whisper
from vla_sim.world.semantic_map import World

MAX_WAITING = 1500
"""Chunks of audio: half a minute; what comes then is lost."""


class VoiceNode(StageNode[VoiceParams]):
    """Parameters: `VoiceParams`.

    Subscribes /voice/audio (16 kHz mono int16, any number of samples a message, 20 ms are expected),
    /voice/say.
    Publishes /voice/transcript, trace "voice" (last voiced sample to transcript).
    Audio is judged and decoded in a worker thread as it arrives. What was captured while the robot itself
    spoke through a sound device is not listened to (`half_duplex`); a stop breaks its speech off.
    """

    def __init__(self) -> None:
        super().__init__("voice", VoiceParams)
        p = self.params
        grammar = Grammar.of(World.load(p.world))
        recogniser = self._recogniser(grammar)
        warm(recogniser, babble(0.6))  # more than it settles on
        grammar = getattr(recogniser, "grammar", grammar)
        second = None
        if p.recogniser == "both":
            assert isinstance(recogniser, Pocketsphinx)
            second = SecondEar(free_recogniser(p), recogniser, p.second_ear_budget)
            second.recogniser.transcribe(babble(1.0))
        self.listener = Listener(recogniser, grammar, p.confidence, hangover(p), p.silence_seconds, second)
        folder = user_path(p.speech_folder) if p.speech_folder else None
        speaks = p.play or folder is not None
        self.speaker = None
        if speaks:
            self.speaker = Speaker(folder, p.play, self.get_logger().warning, device=p.speaker)
        self.stops = StopEpoch()
        self.latencies: deque[float] = deque(maxlen=200)
        self.counts: Counter[str] = Counter()
        self.lost = 0
        """Chunks for which there was no room."""
        self.publish(topics.TRANSCRIPT)

        self._rest = np.zeros(0, dtype=np.int16)
        self._ids = self.execution.ids("voice")
        self.worker = self.execution.worker(
            "voice", self._take, capacity=MAX_WAITING, idle=p.stream_ends, on_idle=self._close_stream
        )
        self.microphone, self.unheard = Microphone(), ""
        self.listen(topics.AUDIO, self.on_audio)
        if not self.execution.deterministic:  # there it would depend on who was found when
            self.repeat(1.0, self.check_microphone, steady=True)
        if self.speaker is not None:
            self.listen(topics.SAY, self.on_say)
            if p.play:
                self.listen(topics.SAFETY_STATE, lambda state: self.heed(state.stop_epoch))

    def on_params(self, params: VoiceParams) -> None:
        self.listener.confidence, self.listener.hangover = params.confidence, hangover(params)
        self.listener.silence_seconds = params.silence_seconds
        if self.listener.second is not None:
            self.listener.second.budget = params.second_ear_budget

    def _recogniser(self, grammar: Grammar) -> Recogniser:
        p = self.params
        if p.recogniser == "whisper":
            return WholeUtterance(free_recogniser(p))
        recogniser = Pocketsphinx(grammar, spell_or_nothing)
        for word, phones in recogniser.spelt.items():
            self.get_logger().info(f"{word!r} is not in the dictionary; it is listened for as {phones}")
        for word in recogniser.unpronounced:
            self.get_logger().warning(f"{word!r} has no pronunciation: names with it are not understood")
        return recogniser

    def check_microphone(self) -> None:
        """Once a second: warn when nobody can be heard, and when that is over."""
        before = self.unheard
        self.unheard = self.microphone.problem(time.monotonic(), self.count_publishers(topics.AUDIO.name))
        if self.unheard and self.unheard != before:
            self.get_logger().warning(self.unheard)
        elif before and not self.unheard:
            self.get_logger().info("audio comes again")

    def health(self) -> tuple[bytes, str]:
        if getattr(self, "unheard", ""):  # the base class reports while it is being made
            return DiagnosticStatus.WARN, self.unheard
        return super().health()

    def on_audio(self, message: Any) -> None:
        self.microphone.packet(time.monotonic())
        sound, age = np.array(message.data, dtype=np.int16), conversions.audio_age(message)
        own = False
        if self.speaker is not None and self.params.half_duplex:
            captured = time.monotonic() - age
            own = self.speaker.sounded(captured - len(sound) / SAMPLE_RATE, captured)
        if not self.worker.put((None if own else sound, clock.mono() - age)):
            self.lost += 1
            self.get_logger().warning("audio was lost: decoding is too slow", throttle_duration_sec=1.0)

    def on_say(self, say: Say) -> None:
        self.heed(say.stop_epoch)
        if self.speaker is not None and say.text.strip() and not self.stops.void(say.stop_epoch):
            self.speaker.say(say.text)

    def heed(self, epoch: int) -> None:
        """Fall silent with a stop."""
        if self.stops.advance(epoch) and self.speaker is not None:
            self.speaker.hush()

    def _take(self, item: tuple[Samples | None, float]) -> None:
        """Samples, None where the robot itself spoke, and when the last one was captured."""
        sound, captured = item
        if sound is None:
            self._rest = self._rest[:0]
            self._publish(self.listener.turn_away())
            return
        sound = np.concatenate((self._rest, sound)) if self._rest.size else sound
        whole = len(sound) - len(sound) % CHUNK
        for begin in range(0, whole, CHUNK):
            started, after = time.perf_counter(), len(sound) - begin - CHUNK
            heard = self.listener.feed(sound[begin : begin + CHUNK], captured - after / SAMPLE_RATE)
            if heard is not None:
                spent = time.perf_counter() - started
                second = self.listener.second
                clock.charge("voice", spent - (second.charged() if second is not None else 0.0))
                self._publish(heard)
        self._rest = sound[whole:]

    def _close_stream(self) -> None:
        self._rest = self._rest[:0]
        self._publish(self.listener.close(clock.mono()))

    def _publish(self, heard: Utterance | None) -> None:
        if heard is None:
            return
        command_id = self._ids.new()
        transcript = Transcript(
            command_id=command_id, text=heard.text, confidence=heard.confidence, complete=heard.complete,
            speech_end_mono=heard.speech_end, reason=heard.reason,
            recogniser=self._ear(heard),
        )  # fmt: skip
        self.send(topics.TRANSCRIPT, transcript)
        if heard.reason in ("", "partial"):  # silence and noise have no last voiced sample
            self.trace(command_id, "voice", heard.speech_end, heard.text)
        kind = heard.reason or "understood"
        self.counts[kind] += 1
        if heard.complete:
            self.latencies.append((clock.mono() - heard.speech_end) * 1e3)
        self.get_logger().info(
            f"heard {heard.text!r} ({kind}, confidence {heard.confidence:.2f}, "
            f"{(clock.mono() - heard.speech_end) * 1e3:.0f} ms after the last voiced sample)"
        )

    def _ear(self, heard: Utterance) -> str:
        """The name of the recogniser that heard it."""
        first, second = self.listener.recogniser.name, self.listener.second
        if second is None or not heard.ear:
            return first
        other = second.recogniser.name
        return other if heard.ear == "free" else f"{first}+{other}"

    def status(self) -> dict[str, str]:
        values = {name: str(count) for name, count in self.counts.items()}
        values["noise floor [dB]"] = f"{self.listener.activity.floor_db:.0f}"
        values["chunks waiting"] = str(self.worker.waiting)
        values["chunks lost"] = str(self.lost)
        if self.latencies:
            values["latency p95 [ms]"] = f"{np.percentile(list(self.latencies), 95):.0f}"
        return values

    def close(self) -> None:
        self.worker.close()
        if self.listener.second is not None:
            self.listener.second.close()
        if self.speaker is not None:
            self.speaker.close()


def free_recogniser(p: VoiceParams) -> FreeRecogniser:
    if is_address(p.whisper_model):
        return TranscriptionServer(p.whisper_model)
    return Whisper(p.whisper_model)


def hangover(p: VoiceParams) -> Hangover:
    return Hangover(p.hangover_closed, p.hangover_complete, p.hangover_unfinished, p.hangover_open)


_voice = cache(Hibari)


def spell_or_nothing(word: str) -> str:
    """CMU phones by the synthesiser's letter-to-sound model, loaded at the first unknown word."""
    try:
        return _voice().spell(word)
    except MissingError as error:
        logging.getLogger(__name__).warning("%s", error)
        return ""


def main() -> int:
    return spin(VoiceNode)


if __name__ == "__main__":
    raise SystemExit(main())
