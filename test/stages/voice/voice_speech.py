"""Speech for the tests, synthesised once, and a listener for the apartment."""

from __future__ import annotations

from functools import cache

import numpy as np

from vla_sim.stages.voice.audio import CHUNK_SECONDS, Samples, chunks
from vla_sim.stages.voice.grammar import Grammar, Names
from vla_sim.stages.voice.listener import Listener, Utterance
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Hibari

NAMES = Names(
    places=("living room", "kitchen", "bedroom", "hallway", "charging station"),
    surfaces=("kitchen table", "dresser"),
    kinds=("cup", "ball", "box", "bottle"),
    colours=("red", "green", "blue", "yellow"),
)


@cache
def grammar() -> Grammar:
    return Grammar(NAMES)


@cache
def voice() -> Hibari:
    return Hibari()


@cache
def recogniser() -> Pocketsphinx:
    return Pocketsphinx(grammar())


@cache
def spoken(text: str) -> Samples:
    return in_room(voice().speak(text))


def hear(listener: Listener, sound: Samples) -> list[Utterance]:
    """All that a listener answers to a stream that ends; time is that of the stream."""
    heard = [listener.feed(chunk, (i + 1) * CHUNK_SECONDS) for i, chunk in enumerate(chunks(sound))]
    heard.append(listener.close(len(heard) * CHUNK_SECONDS))
    return [one for one in heard if one is not None]


def understood(sound: Samples) -> list[Utterance]:
    return hear(Listener(recogniser(), grammar()), sound)


def quiet(seconds: float, seed: int = 0) -> Samples:
    return in_room(np.zeros(0, dtype=np.int16), seed, lead=seconds, tail=0.0)
