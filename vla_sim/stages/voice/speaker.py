"""The robot's own voice: says texts one after the other in a thread, into files or a sound device."""

import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vla_sim.common.errors import MissingError, VlaSimError
from vla_sim.stages.voice.audio import FULL_SCALE, SAMPLE_RATE, Samples, chunks, resample, save, to_int16
from vla_sim.stages.voice.sound_devices import choose, devices, portaudio
from vla_sim.stages.voice.synthesis import Espeak, Hibari

ECHO = 0.3
"""[s] for which a room sounds on."""
LATE = 1.0
"""[s] by which a device may end later than its sound is long; more, and it hangs."""
BUFFER = 0.2
"""[s] of the device: a busy machine does not tear the sound, and a stop is heard to end it."""


@dataclass
class Spoken:
    """A sound on the device, from `begin` on; until `end` at the latest, which is known when it has been
    played [s, steady clock]."""

    begin: float
    end: float


class Speaker:
    """folder: where each utterance is written as WAV; None: nowhere. play: on the sound device `device`
    (number, name or a part of it; "": the default one). warn: called with what went wrong. make: the
    synthesiser, loaded in the thread."""

    def __init__(
        self, folder: Path | None = None, play: bool = False, warn: Callable[[str], object] = print,
        make: Callable[[], Hibari | Espeak] = Hibari, device: str = "",
    ) -> None:  # fmt: skip
        self._folder, self._play, self._warn, self._make = folder, play, warn, make
        self._device = device
        self._last: deque[Spoken] = deque(maxlen=20)
        self._hushed = 0
        """How often it was hushed; a text that was given before the last time is not said."""
        self.spoken = 0
        self._texts: queue.Queue[tuple[str, int] | None] = queue.Queue(maxsize=20)
        self._thread = threading.Thread(target=self._work, name="speaker", daemon=True)
        self._thread.start()

    def sounded(self, begin: float, end: float) -> bool:
        """Whether the robot's voice was in the room at any time from `begin` to `end` [s, steady clock]: what
        a microphone captured then holds it."""
        spoken = tuple(self._last)  # at once: the thread may be adding to it
        return any(one.begin <= end and begin <= one.end + ECHO for one in spoken)

    def say(self, text: str) -> None:
        """Speak after what waits; with twenty texts waiting, a further one is dropped."""
        try:
            self._texts.put_nowait((text, self._hushed))
        except queue.Full:
            self._warn(f"too much to say; not said: {text!r}")

    def hush(self) -> None:
        """Break off, and forget what waits."""
        self._hushed += 1

    def close(self) -> None:
        """End the thread after the text that is being spoken."""
        while True:
            try:
                self._texts.put_nowait(None)
                break
            except queue.Full:
                self._texts.get_nowait()
        self._thread.join(timeout=5.0)

    def _work(self) -> None:
        try:
            voice = self._make()
            voice.speak("ready")  # the first call loads its dictionaries
        except VlaSimError as error:
            self._warn(f"the robot is mute: {error}")
            return
        while (item := self._texts.get()) is not None:
            text, hushed = item
            try:
                if hushed == self._hushed:
                    self._speak(voice, text, hushed)
            except Exception as error:  # the next text may be said
                self._warn(f"could not say {text!r}: {error}")

    def _speak(self, voice: Hibari | Espeak, text: str, hushed: int) -> None:
        sound = voice.speak(text)
        self.spoken += 1
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
            save(self._folder / f"{self.spoken:03d}-{words}.wav", sound)
        if self._play:
            now = time.monotonic()
            spoken = Spoken(now, now + len(sound) / SAMPLE_RATE + LATE)
            self._last.append(spoken)
            try:
                play(sound, self._device, lambda: hushed != self._hushed)
            except VlaSimError as error:
                self._play = False
                self._warn(f"no sound: {error}")
            spoken.end = time.monotonic()


def play(sound: Samples, device: str = "", broken_off: Callable[[], bool] = lambda: False) -> None:
    """On a sound device, until it has been played, or `broken_off` says so. Raises `InputError` if there is
    none, `MissingError` if it does not play."""
    library = portaudio()
    chosen = choose(devices(), device, "speaker")
    rate = SAMPLE_RATE
    try:
        library.check_output_settings(chosen.number, 1, "int16", samplerate=rate)
    except library.PortAudioError:
        rate = chosen.rate
        sound = to_int16(resample(sound / FULL_SCALE, SAMPLE_RATE, rate))
    try:
        with library.RawOutputStream(rate, None, chosen.number, 1, "int16", BUFFER) as stream:
            for piece in chunks(sound):
                if broken_off():
                    stream.abort()
                    return
                stream.write(piece.tobytes())
    except library.PortAudioError as error:
        raise MissingError(f"speaker {chosen} does not play ({error}); set play:=false") from None
