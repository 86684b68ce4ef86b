"""From text to speech: hibari's natural voice, and espeak-ng's robotic ones as hard cases for tests."""

import ctypes
import re
import threading
from typing import Any, ClassVar

import numpy as np

from vla_sim.common.errors import InputError, MissingError, package
from vla_sim.stages.voice.audio import Samples, resample, to_int16

_PHONES = {
    "A": "EY", "I": "AY", "O": "OW", "Q": "OW", "W": "AW", "Y": "OY", "æ": "AE", "a": "AE", "ɑ": "AA",
    "ɒ": "AA", "ɛ": "EH", "ɪ": "IH", "i": "IY", "u": "UW", "ʊ": "UH", "ʌ": "AH", "ə": "AH", "ᵊ": "AH",
    "ᵻ": "IH", "ɜ": "ER", "ɔ": "AO", "b": "B", "d": "D", "f": "F", "h": "HH", "j": "Y", "k": "K",
    "l": "L", "m": "M", "n": "N", "p": "P", "s": "S", "t": "T", "v": "V", "w": "W", "z": "Z", "ɡ": "G",
    "g": "G", "ŋ": "NG", "ɹ": "R", "r": "R", "ʃ": "SH", "ʒ": "ZH", "ð": "DH", "θ": "TH", "ʤ": "JH",
    "ʧ": "CH", "ɾ": "T", "T": "T",
}  # fmt: skip
"""CMU phones of the symbols of misaki's alphabet (https://github.com/hexgrad/misaki, EN_PHONES.md)."""


def cmu_phones(misaki: str) -> str:
    """CMU phones, separated by spaces, of a word in misaki's alphabet; marks it does not know (stress,
    length, punctuation) are left out. "fɹˈɪʤ" -> "F R IH JH"."""
    phones = " ".join(_PHONES[symbol] for symbol in misaki if symbol in _PHONES)
    return re.sub(r"\bER( R)+\b", "ER", phones)  # "ɜɹ" is one phone, ER


def _check(text: str) -> None:
    if not text.strip():
        raise InputError("nothing to say: the text is empty; give a sentence")


class Hibari:
    """The American voice of the hibari-tts wheel.

    speed: 0.5 to 2, 1 is natural. seed: of the breath noise in the voice.
    """

    def __init__(self, speed: float = 1.0, seed: int = 0) -> None:
        if not 0.5 <= speed <= 2.0:
            raise InputError(f"speed {speed}; it must be from 0.5 to 2")
        hibari = package(
            "hibari", "speech synthesis needs hibari-tts; install it with: pip install hibari-tts"
        )
        self.speed, self.seed = speed, seed
        self._rate = int(hibari.SAMPLE_RATE)
        self._voice = hibari.Hibari(threads=1)

    def speak(self, text: str) -> Samples:
        _check(text)
        try:
            signal = self._voice(text, speed=self.speed, seed=self.seed)
        except Exception as error:  # a number of forty digits is an IndexError
            short = text if len(text) <= 60 else f"{text[:60]}..."
            raise InputError(f"the voice cannot say {short!r}; give other words") from error
        return to_int16(resample(np.asarray(signal, dtype=np.float64), self._rate))

    def spell(self, word: str) -> str:
        """How the voice pronounces a word, in CMU phones, by its letter-to-sound model."""
        return cmu_phones(" ".join(self._voice.phonemize(word)))


class Espeak:
    """A formant voice of espeak-ng, through the shared library of the espeakng-loader wheel.

    voice: "en-us", "en-gb", ...; words_per_minute: 80 to 450. The library is one per process.
    """

    _lock = threading.Lock()
    _library: ctypes.CDLL | None = None
    _rate = 0
    _pieces: ClassVar[list[bytes]] = []  # filled by the library's callback, under the lock
    _callback: Any = None  # must outlive the library's use

    def __init__(self, voice: str = "en-us", words_per_minute: int = 160) -> None:
        self.voice, self.words_per_minute = voice, words_per_minute
        with self._lock:
            self._load()

    def speak(self, text: str) -> Samples:
        _check(text)
        with self._lock:
            library = self._load()
            # The library's own name of British English is "en"; "en-gb" works on its command line only.
            name = "en" if self.voice == "en-gb" else self.voice
            if library.espeak_SetVoiceByName(name.encode()):
                raise InputError(f"espeak-ng has no voice {self.voice!r}; try en-us or en-gb")
            library.espeak_SetParameter(1, self.words_per_minute, 0)
            Espeak._pieces.clear()
            data = text.encode()
            library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
            library.espeak_Synchronize()
            sound = np.frombuffer(b"".join(Espeak._pieces), dtype=np.int16)
        return to_int16(resample(sound / 32768.0, Espeak._rate))

    @classmethod
    def _load(cls) -> ctypes.CDLL:
        if cls._library is not None:
            return cls._library
        loader = package(
            "espeakng_loader",
            "espeak-ng's voices need espeakng-loader; install it with: pip install espeakng-loader",
        )
        library = ctypes.CDLL(loader.get_library_path())
        retrieval = 1  # AUDIO_OUTPUT_RETRIEVAL of speak_lib.h: samples go to the callback only
        rate = library.espeak_Initialize(retrieval, 0, str(loader.get_data_path()).encode(), 0)
        if rate <= 0:
            raise MissingError("espeak-ng found no voice data; reinstall espeakng-loader")
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

        def receive(sound: Any, count: int, _events: int) -> int:
            if sound and count > 0:
                cls._pieces.append(ctypes.string_at(sound, count * 2))
            return 0

        cls._callback = kind(receive)
        library.espeak_SetSynthCallback(cls._callback)
        cls._library, cls._rate = library, rate
        return library
