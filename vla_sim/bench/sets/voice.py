"""Voice: the chapter's five commands, spoken by a synthesised voice into the recogniser at a microphone's
pace; from the last voiced sample to the transcript, and whether the words are right."""

import time
from functools import cache, partial

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.stages.voice.audio import CHUNK_SECONDS, Samples, chunks
from vla_sim.stages.voice.grammar import Grammar
from vla_sim.stages.voice.listener import Listener, Utterance
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.recogniser import Recogniser, warm
from vla_sim.stages.voice.simulated_microphone import babble, in_room
from vla_sim.stages.voice.spoken_numbers import normalise
from vla_sim.stages.voice.synthesis import Hibari
from vla_sim.world.semantic_map import World

COMMANDS = {
    "move_forward": "Move forward 2 meters",
    "go_to_kitchen": "Go to the kitchen",
    "pick_up_cup": "Pick up the red cup",
    "turn_left": "Turn left 90 degrees",
    "stop": "Stop the robot",
}


@cache
def ear() -> tuple[Recogniser, Grammar]:
    """As the voice node has it."""
    grammar = Grammar.of(World.load("apartment"))
    recogniser = Pocketsphinx(grammar)
    warm(recogniser, babble(2.0))
    return recogniser, grammar


def command(meter: Meter, words: str) -> None:
    """Each sample in another room's noise."""
    recogniser, grammar = ear()
    speech = Hibari().speak(words)
    for k in range(meter.repeat):
        heard, latency = listen(Listener(recogniser, grammar), in_room(speech, seed=k))
        if heard is None or not heard.complete or normalise(heard.text) != normalise(words):
            meter.fault(f'"{words}" was heard as {heard and heard.text!r} ({heard and heard.reason})')
        else:
            meter.add(1e3 * latency)


def listen(listener: Listener, sound: Samples) -> tuple[Utterance | None, float]:
    """What is recognised in a sound that arrives at a microphone's pace, and the seconds from the arrival of
    its last voiced chunk until then. None if nothing was recognised by its end."""
    begin = time.monotonic()
    for k, chunk in enumerate(chunks(sound), start=1):
        arrival = begin + k * CHUNK_SECONDS
        time.sleep(max(0.0, arrival - time.monotonic()))
        heard = listener.feed(chunk, arrival)
        if heard is not None:
            return heard, time.monotonic() - heard.speech_end
    return None, 0.0


def synthesis(meter: Meter) -> None:
    """The robot's own voice."""
    voice = Hibari()

    def check(sound: Samples) -> None:
        if not 1.0 < sound.size * CHUNK_SECONDS / 320 < 4.0 or not sound.any():
            raise Wrong(f"{sound.size} samples are no sentence")

    meter.time(lambda: voice.speak("I am going to the kitchen."), check=check)


BENCHMARKS = (
    *(
        Benchmark(
            f"voice.hear_{name}", f'"{words}": end of speech to the right transcript',
            partial(command, words=words), repeat=8, quick=1,
        )
        for name, words in COMMANDS.items()
    ),
    Benchmark("voice.synthesis", "a sentence of the robot's own voice", synthesis, repeat=20, quick=5),
)  # fmt: skip
