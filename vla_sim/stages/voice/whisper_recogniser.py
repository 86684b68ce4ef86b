"""Whisper through faster-whisper: an optional recogniser that hears any words, in 0.3 s and more.

It decodes an utterance at its end, so it cannot say what has been heard so far.
"""

import math
from pathlib import Path

import numpy as np

from vla_sim.common.errors import InputError, package
from vla_sim.common.files import user_path
from vla_sim.stages.voice.audio import FULL_SCALE, Samples
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.spoken_numbers import normalise


def model_folder(model: str | Path) -> Path:
    """The folder of a model. Raises `InputError` where there is none."""
    folder = user_path(model)
    if not str(model) or not (folder / "model.bin").is_file():
        raise InputError(
            f"whisper_model is {str(model)!r}; give the folder of a faster-whisper model (with model.bin)"
        )
    return folder


class Whisper:
    """model: folder of a converted model (model.bin, config.json, tokenizer.json)."""

    name = "whisper"
    free_form = True

    def __init__(self, model: str | Path, threads: int = 2) -> None:
        whisper = package(
            "faster_whisper", "the whisper recogniser needs faster-whisper; install it with: "
            "pip install faster-whisper, or use recogniser pocketsphinx",
        )  # fmt: skip
        self._model = whisper.WhisperModel(
            str(model_folder(model)), device="cpu", compute_type="int8", cpu_threads=threads
        )
        self._heard: list[Samples] = []

    def start(self) -> None:
        self._heard = []

    def feed(self, chunk: Samples) -> None:
        self._heard.append(chunk)

    def so_far(self) -> Recognition:
        return Recognition("", 0.0)

    def finish(self) -> Recognition:
        if not self._heard:
            return Recognition("", 0.0)
        signal = np.concatenate(self._heard).astype(np.float32) / np.float32(FULL_SCALE)
        self._heard = []
        segments, _ = self._model.transcribe(signal, language="en", beam_size=1, without_timestamps=True)
        found = [one for one in segments if one.no_speech_prob < 0.6]
        text = normalise(" ".join(one.text for one in found))
        if not text:
            return Recognition("", 0.0)
        mean = sum(one.avg_logprob for one in found) / len(found)
        return Recognition(text, min(1.0, math.exp(mean)))

    def again(self) -> Recognition | None:
        return None
