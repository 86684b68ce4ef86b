"""The sounds of a script: spoken words and recordings, as the robot's microphone gets them."""

from pathlib import Path

import numpy as np

from vla_sim.scenario.format import Action, Play, Say
from vla_sim.scenario.load import File
from vla_sim.stages.voice import audio
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Espeak, Hibari

WORDS_PER_MINUTE = 160  # of espeak at speed 1


def sounds(file: File, seed: int) -> dict[int, np.ndarray]:
    """Samples (n,) int16 of each action that is heard, by its place in the script. Raises `InputError`."""
    heard = {k: sound(action, seed, file.path.parent) for k, action in enumerate(file.scenario.script)}
    return {k: samples for k, samples in heard.items() if samples is not None}


def sound(action: Action, seed: int, folder: Path) -> np.ndarray | None:
    """Samples (n,) int16 of an action that is heard, None of any other. folder: where recordings are looked
    for. Raises `InputError`."""
    if isinstance(action, Say):
        rate = min(450, max(80, round(WORDS_PER_MINUTE * action.speed)))
        ours = action.voice == "hibari"
        voice = (
            Hibari(speed=action.speed, seed=seed) if ours else Espeak(action.voice.partition(":")[2], rate)
        )
        return in_room(voice.speak(action.words), seed, noise_db=action.noise)
    if isinstance(action, Play):
        return in_room(audio.load(folder / Path(action.file).expanduser()), seed)
    return None
