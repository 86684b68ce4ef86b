"""Spoken commands through the real ear: from the last voiced sample to the transcript."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from vla_sim.bench.suite import Benchmark, Once, Options, Prepare, WrongError
from vla_sim.language.rules import RulePlanner
from vla_sim.voice.audio import CHUNK_SECONDS, Samples, chunks
from vla_sim.voice.grammar import Grammar
from vla_sim.voice.listener import Listener
from vla_sim.voice.mouth import in_room
from vla_sim.voice.sphinx import Pocketsphinx
from vla_sim.voice.synthesis import Hibari
from vla_sim.world import World

COMMANDS = (
    "Move forward 2 meters", "Go to the kitchen", "Pick up the red cup", "Turn left 90 degrees",
    "Stop the robot",
)  # fmt: skip


def benchmarks(options: Options) -> list[Benchmark]:
    return [Benchmark(f"voice/{words}", _heard(words), repetitions=20, warmup=1) for words in COMMANDS]


def _heard(words: str) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        world = World.load("apartment")
        grammar = Grammar.of(world)
        rules = RulePlanner(world)
        listener = Listener(Pocketsphinx(grammar), grammar)
        voice = Hibari()
        recordings = [in_room(voice.speak(words), seed) for seed in range(4)]
        wanted = rules.plan(words).intent
        turn = 0

        def once() -> float:
            nonlocal turn
            turn += 1
            text, spent = listen(listener, recordings[turn % len(recordings)])
            if rules.plan(text).intent != wanted:
                raise WrongError(f"{words!r} was heard as {text!r}")
            return spent

        yield once

    return prepared


def listen(listener: Listener, sound: Samples) -> tuple[str, float]:
    """What is heard of a recording, and how long after its last voiced sample [ms]: the silence that the
    ear waits for, by the recording's own time, and the work on top, by the clock. Work on a chunk that takes
    longer than the chunk delays all that come after it, as it would in life."""
    ready = 0.0
    for k, chunk in enumerate(chunks(sound)):
        arrival = (k + 1) * CHUNK_SECONDS
        begin = time.perf_counter()
        heard = listener.feed(chunk, arrival)
        ready = max(ready, arrival) + time.perf_counter() - begin
        if heard is not None:
            listener.close(arrival)
            return heard.text, 1e3 * (ready - heard.speech_end)
    raise WrongError("nothing was heard before the recording ended")
