"""The robot's own voice: says texts one after the other in a thread, into files or a sound device."""

import queue
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from vla_sim.common.errors import MissingError, VlaSimError
from vla_sim.stages.voice.audio import SAMPLE_RATE, Samples, save
from vla_sim.stages.voice.synthesis import Espeak, Hibari


class Speaker:
    """folder: where each utterance is written as WAV; None: nowhere. play: to the default sound device.
    warn: called with what went wrong. make: the synthesiser, loaded in the thread.

    busy: whether sound comes out of the device now (then a microphone beside it hears the robot).
    """

    ECHO = 0.3
    """[s] of deafness after the sound: it takes its time through the device and the room."""

    def __init__(
        self, folder: Path | None = None, play: bool = False, warn: Callable[[str], None] = print,
        make: Callable[[], Hibari | Espeak] = Hibari,
    ) -> None:  # fmt: skip
        self._folder, self._play, self._warn, self._make = folder, play, warn, make
        self._quiet_from = 0.0
        self.spoken = 0
        self._texts: queue.Queue[str | None] = queue.Queue(maxsize=20)
        self._thread = threading.Thread(target=self._work, name="speaker", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return time.monotonic() < self._quiet_from

    def say(self, text: str) -> None:
        """Speak after what waits; with twenty texts waiting, a further one is dropped."""
        try:
            self._texts.put_nowait(text)
        except queue.Full:
            self._warn(f"too much to say; not said: {text!r}")

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
        while (text := self._texts.get()) is not None:
            try:
                self._speak(voice, text)
            except (VlaSimError, OSError, ValueError) as error:
                self._warn(f"could not say {text!r}: {error}")

    def _speak(self, voice: Hibari | Espeak, text: str) -> None:
        sound = voice.speak(text)
        self.spoken += 1
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
            save(self._folder / f"{self.spoken:03d}-{words}.wav", sound)
        if self._play:
            self._quiet_from = time.monotonic() + len(sound) / SAMPLE_RATE + self.ECHO
            try:
                play(sound)
            except MissingError as error:
                self._play, self._quiet_from = False, 0.0
                self._warn(f"no sound: {error}")


def play(sound: Samples) -> None:
    """Through the default sound device, until it has been played. Raises `MissingError` without one."""
    try:
        import sounddevice  # type: ignore[import-untyped]
    except (ImportError, OSError) as error:
        raise MissingError(
            f"playing needs sounddevice and PortAudio ({error}); install them, or set play:=false"
        ) from None
    try:
        sounddevice.play(sound, SAMPLE_RATE, blocking=True)
    except sounddevice.PortAudioError as error:
        raise MissingError(f"no sound device to play to ({error}); set play:=false") from None
