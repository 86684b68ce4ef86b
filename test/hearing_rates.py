"""How well synthetic voices are heard, in quiet and in noise, by both ears. Nobody was recorded for it.

    python test/hearing_rates.py                     # the test voices (hours on a busy machine: see --share)
    python test/hearing_rates.py --voices development --share 0.2
    python test/hearing_rates.py --grammar-alone     # without the free ear
    python test/hearing_rates.py --limits            # each limit of both ears at other values too

Interrupted by Ctrl-C, it prints what it has.

Counted are, of what somebody said to the robot: word errors, command errors (not acted on as said), what was
asked back, and what was *acted on wrongly*: a transcript that may be acted on and means something else. The
voices of the test were never used to tune anything; single failures of theirs are not to be looked at, so
that they stay unseen: tune with the voices of the development.

Needs espeakng-loader (of the requirements for development) and the Debian package flite; voices of which the
program is missing are left out, and said.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from unittest.mock import patch

import numpy as np

from vla_sim.common.errors import VlaSimError
from vla_sim.common.geometry import Array
from vla_sim.contract.records import Step
from vla_sim.scenario.statistics import wilson
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.voice import audio, two_ears
from vla_sim.stages.voice import listener as one_ear
from vla_sim.stages.voice.audio import CHUNK_SECONDS, FULL_SCALE, SAMPLE_RATE, Samples, chunks
from vla_sim.stages.voice.grammar import Grammar
from vla_sim.stages.voice.listener import Listener, Utterance
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.second_ear import SecondEar
from vla_sim.stages.voice.simulated_microphone import in_room, room_noise
from vla_sim.stages.voice.spoken_numbers import normalise
from vla_sim.stages.voice.synthesis import Espeak, Hibari
from vla_sim.stages.voice.whisper_recogniser import Whisper
from vla_sim.world.semantic_map import World

DEVELOPMENT = ("hibari", "espeak:en-us", "espeak:en-gb", "flite:kal16", "espeak:en-us+f2", "espeak:en-us+m3")
TEST = (
    "flite:awb", "flite:rms", "flite:slt", "espeak:en-gb-scotland", "espeak:en-029", "espeak:en-gb-x-rp",
    "espeak:en-gb-x-gbclan", "espeak:en-gb-x-gbcwmd", "espeak:en-us-nyc", "espeak:en-us+f4",
    "espeak:en-us+Andy", "espeak:en+Alicia", "espeak:en-us+m7",
)  # fmt: skip

COMMANDS = (
    "go to the kitchen", "go to the bedroom", "walk to the hallway", "navigate to the charging station",
    "return to the living room", "go to the kitchen table", "go to the dresser", "come back", "come here",
    "move forward two meters", "move forward ten meters", "move back one meter", "walk forward half a meter",
    "go forward one and a half meters", "move left fifty centimeters", "walk ahead three meters",
    "move backward one point five meters", "turn left ninety degrees", "turn right forty five degrees",
    "turn around", "rotate right thirty degrees", "turn left one hundred eighty degrees",
    "turn right fifteen degrees", "turn right fifty degrees", "pick up the red cup", "pick up the blue box",
    "grab the green bottle", "take the yellow ball", "grasp the cup", "lift the red box",
    "pick up the ball from the dresser", "find the red ball", "look for the blue cup", "where is the bottle",
    "search for the green box", "find a cup in the kitchen", "bring me the red cup",
    "bring me the blue box from the bedroom", "fetch the yellow bottle", "get me the green ball",
    "carry the red box to the kitchen", "put the cup on the kitchen table", "put it down",
    "place the ball on the dresser", "drop it", "wait five seconds", "wait for ten seconds",
    "go to the kitchen and pick up the red cup", "turn around and come back",
    "find the red ball and grasp it", "please go to the bedroom", "could you bring me the red cup",
    "take the cup to the bedroom", "say hello", "stop", "stop the robot", "halt", "freeze", "stop moving",
    "emergency stop",
)  # fmt: skip
OTHERS = (
    "the weather is nice today", "what time does the train leave", "i think we should eat out tonight",
    "my sister bought a red car", "turn the music down a little", "did you stop at the bank",
    "they moved to a town by the sea", "he picked up the phone and left", "that was a good football game",
    "she is ten years old", "can you hear the rain", "the bottle of wine is empty",
)  # fmt: skip
"""Said by somebody to somebody else: there is nothing to be done."""
NOISES = ("pink", "talkers", "motors")
TALK = (
    "and so the whole family went home by bus", "we had soup with bread and some cheese",
    "nobody knows how long this will last", "yesterday the sun was shining all afternoon",
)  # fmt: skip
CROWD_SECONDS = 20.0
"""Of people talking, of which each sample has another piece."""
RATIOS = (20.0, 10.0)
"""[dB] of the voice above the noise."""
SHARE_OF_NOISE = 0.35
"""Of the sentences that are also played in each noise at each ratio."""
LIMITS: Mapping[str, tuple[object, tuple[float, ...]]] = {
    "confidence": (None, (0.3, 0.4, 0.6, 0.7, 0.8)),
    "MAX_UNEXPLAINED": (one_ear, (0.2, 0.5, 0.8)),
    "QUIET": (one_ear, (28.0, 32.0, 40.0, 44.0)),
    "RIVAL": (two_ears, (0.05, 0.1, 0.3, 0.5)),
    "FREE_CONFIDENCE": (two_ears, (0.3, 0.4, 0.6, 0.7)),
}
"""Where each stands (None: it is the listener's own), and its other values."""
HOME = World.load("apartment")
RULES = RulePlanner(HOME)


def speak(voice: str, text: str) -> Samples:
    """Raises `VlaSimError` or `OSError` where the voice's program is missing."""
    kind, _, name = voice.partition(":")
    if kind == "hibari":
        return Hibari().speak(text)
    if kind == "espeak":
        return Espeak(name).speak(text)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", name, "-t", text, "-o", file.name], check=True)
        return audio.load(file.name)


@cache
def crowd() -> Array:
    """Four people who talk at once."""
    rng, count = np.random.default_rng(0), int(CROWD_SECONDS * SAMPLE_RATE)
    sound = np.zeros(count)
    for text in TALK:
        speech = Hibari(speed=float(rng.uniform(0.8, 1.2))).speak(text).astype(float)
        sound += np.roll(np.resize(speech, count), int(rng.integers(count)))
    return sound


def talkers(count: int, rng: np.random.Generator) -> Array:
    """A piece of the crowd."""
    sound = np.resize(crowd(), max(count, crowd().size))
    return np.roll(sound, int(rng.integers(crowd().size)))[:count]


def motors(count: int, rng: np.random.Generator) -> Array:
    """A fan of 110 Hz with its harmonics, gears of 1.7 kHz and two steps a second."""
    t = np.arange(count) / SAMPLE_RATE
    fan = sum(np.sin(2 * np.pi * 110 * k * t + rng.uniform(0, 6)) / k for k in range(1, 8))
    gears = 0.3 * np.sin(2 * np.pi * (1700 * t + 20 * np.sin(2 * np.pi * t)))
    steps = np.exp(-40.0 * (t % 0.5)) * rng.standard_normal(count) * 3.0
    sound: Array = fan + gears + steps + 0.5 * rng.standard_normal(count)
    return sound


def with_noise(speech: Samples, kind: str, ratio: float, seed: int) -> Samples:
    """The speech in a quiet room (kind "") or in a noise that is `ratio` dB below it."""
    quiet = in_room(speech, seed, lead=0.6, tail=1.2)
    if not kind:
        return quiet
    rng = np.random.default_rng(seed)
    make: dict[str, Callable[[int, np.random.Generator], Array]] = {
        "pink": room_noise, "talkers": talkers, "motors": motors,
    }  # fmt: skip
    noise = make[kind](quiet.size, rng)
    voiced = speech[np.abs(speech) > 0.02 * np.abs(speech).max()].astype(float)
    noise *= voiced.std() / noise.std() * 10.0 ** (-ratio / 20.0)
    return np.clip(quiet + noise, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def deeds(text: str) -> tuple[Step, ...]:
    """What the robot would do at these words; nothing where it asks or says that it cannot."""
    return RULES.intent(text).intent


def meaning(text: str) -> object:
    return deeds(text) or normalise(text)


def word_errors(said: str, heard: str) -> int:
    """Words to insert, delete or replace (Levenshtein, 1966)."""
    a, b = said.split(), heard.split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, start=1):
        above, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]


@dataclass
class Rates:
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of computing at the end of the speech, with the silence waited for, by ear."""

    def add(self, said: str, heard: list[tuple[Utterance, float]], command: bool) -> None:
        c = self.counts
        understood = [one.text for one, _ in heard if one.complete]
        acted = [text for text in understood if deeds(text)]
        for one, seconds in heard:
            if one.complete:
                self.seconds[one.ear].append(seconds)
        right = command and [meaning(text) for text in understood] == [meaning(said)]
        stops = command and RULES.intent(said).priority == "stop"
        c["said"] += 1
        if command:
            c["words"] += len(said.split())
            c["word errors"] += word_errors(said, " ".join(one.text for one, _ in heard))
            c["commands"] += 1
            c["right"] += right
            c["stops"] += stops
            c["stops missed"] += stops and not right
        if acted and not right:
            c["acted on wrongly"] += 1
        elif not understood:
            c["asked back"] += any(one.reason == "partial" for one, _ in heard)
            c["unheard"] += not any(one.reason == "partial" for one, _ in heard)

    def row(self, *names: str) -> str:
        """Of a table in Markdown."""
        c = self.counts

        def percent(what: str, of: str) -> str:
            return f"{100 * c[what] / max(1, c[of]):.1f}"

        cells = (
            *names, c["said"], percent("word errors", "words"), percent("right", "commands"),
            percent("asked back", "said"), percent("unheard", "said"), c["acted on wrongly"],
            f"{c['stops missed']} of {c['stops']}",
        )  # fmt: skip
        return f"| {' | '.join(map(str, cells))} |"


def head(*names: str) -> str:
    columns = ("said", "% word errors", "% right", "% asked back", "% unheard", "wrong acts", "stops missed")
    return f"| {' | '.join((*names, *columns))} |\n|{' --- |' * len(names)}{' ---: |' * len(columns)}"


Setting = tuple[tuple[object, str, object], ...]
"""What has another value than usual: whose, which, what."""


class Kept:
    """A recogniser or a second ear of which nothing is asked twice about one utterance."""

    def __init__(self, one: Pocketsphinx | SecondEar) -> None:
        self._one = one
        self.answers: dict[tuple[str, ...], object] = {}

    def __getattr__(self, name: str) -> object:
        method = getattr(self._one, name)
        if name not in ("again", "stop", "fit", "hear"):
            return method

        def ask(*args: object) -> object:
            key = (name, *(one for one in args if isinstance(one, str)))
            if key not in self.answers:
                self.answers[key] = method(*args)
            return self.answers[key]

        return ask


class Judges(Listener):
    """Judges each utterance by several settings, of which the first is the product's."""

    def __init__(self, ear: Pocketsphinx, grammar: Grammar, second: SecondEar | None) -> None:
        self.kept = [Kept(ear), *([Kept(second)] if second else [])]
        if second is not None:
            second.witness = self.kept[0]
        super().__init__(self.kept[0], grammar, second=self.kept[1] if second else None)
        self.settings: dict[tuple[str, str], Setting] = {("as shipped", ""): ()}
        self.verdicts: dict[tuple[str, str], Utterance] = {}

    def vary_limits(self) -> None:
        two_ears.nearest = cache(two_ears.nearest)
        if self.second is not None:
            self.settings["grammar's ear alone", ""] = ((self, "second", None),)
        for name, (owner, values) in LIMITS.items():
            for value in values:
                self.settings[name, str(value)] = ((owner or self, name, value),)

    def _judge(self, first: Recognition) -> Utterance:
        for one in self.kept:
            one.answers.clear()
        for name, setting in self.settings.items():
            with ExitStack() as patches:
                for owner, what, value in setting:
                    patches.enter_context(patch.object(owner, what, value))
                self.verdicts[name] = super()._judge(first)
        return self.verdicts["as shipped", ""]


Heard = list[tuple[Utterance, float]]


def hear(judges: Judges, sound: Samples) -> dict[tuple[str, str], Heard]:
    """What is heard by each setting, with the seconds from its last voiced sample to the transcript."""
    heard: dict[tuple[str, str], Heard] = {name: [] for name in judges.settings}
    judges.activity = type(judges.activity)()  # another room

    def add(one: Utterance | None, seconds: float) -> None:
        for name in judges.settings if one is not None else ():
            verdict = judges.verdicts.get(name, one)
            heard[name].append((verdict, seconds))
        judges.verdicts.clear()

    for k, chunk in enumerate(chunks(sound), start=1):
        begin = time.perf_counter()
        if one := judges.feed(chunk, k * CHUNK_SECONDS):
            add(one, k * CHUNK_SECONDS - one.speech_end + time.perf_counter() - begin)
    add(judges.close(k * CHUNK_SECONDS), 0.0)
    return heard


def listener(free: bool) -> Judges:
    grammar = Grammar.of(HOME)
    ear = Pocketsphinx(grammar)
    # How long the free ear takes is no matter here: this machine may be busy.
    second = SecondEar(Whisper(threads=1), ear, budget=600.0) if free else None
    return Judges(ear, grammar, second)


Sample = tuple[str, str, bool, str, float]
"""Voice, sentence, whether it is a command, kind of noise, ratio."""


def plan(voices: list[str], share: float) -> list[Sample]:
    """All that is to be played, shuffled: what has been heard until an interruption is a fair share."""
    found: list[Sample] = []
    for voice in voices:
        try:
            speak(voice, "hello")
        except (VlaSimError, OSError, subprocess.CalledProcessError) as error:
            print(f"{voice} is left out: {error}")
            continue
        for k, text in enumerate((*COMMANDS, *OTHERS)):
            found += [(voice, text, k < len(COMMANDS), *one) for one in conditions(voice, k, share)]
    random.Random(0).shuffle(found)
    return found


def conditions(voice: str, k: int, share: float) -> list[tuple[str, float]]:
    """The noises of a sentence, "" first; which sentences are played in noise is drawn once and for all."""
    noisy = [(kind, ratio) for kind in NOISES for ratio in RATIOS]
    drawn = [
        np.random.default_rng(zlib.crc32(f"{voice} {k} {one}".encode())).random()
        for one in (("", 0.0), *noisy)
    ]
    kept = [one for one, draw in zip(noisy, drawn[1:], strict=True) if draw < SHARE_OF_NOISE * share]
    return [*([("", 0.0)] if drawn[0] < share else []), *kept]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--voices", default="test", help="test, development, or names with commas between them"
    )
    parser.add_argument("--share", type=float, default=1.0, help="of the sentences that is played")
    parser.add_argument("--grammar-alone", action="store_true", help="without the free ear")
    parser.add_argument(
        "--show", action="store_true", help="what was heard, one by one (of the development only!)"
    )
    parser.add_argument("--limits", action="store_true", help="judge by other values of each limit too")
    options = parser.parse_args()
    named = {"test": TEST, "development": DEVELOPMENT}
    voices = list(named.get(options.voices, options.voices.split(",")))
    ears, shipped = listener(not options.grammar_alone), ("as shipped", "")
    if options.limits:
        ears.vary_limits()
    by: dict[str, Rates] = defaultdict(Rates)
    by_setting: dict[tuple[str, str], Rates] = defaultdict(Rates)
    try:
        for voice, text, command, kind, ratio in plan(voices, options.share):
            name = f"{kind} {ratio:.0f} dB" if kind else "quiet"
            seed = zlib.crc32(f"{voice} {text}".encode())
            heard = hear(ears, with_noise(speak(voice, text), kind, ratio, seed))
            if options.show:
                told = [(u.text, round(u.confidence, 2), u.reason, u.ear) for u, _ in heard[shipped]]
                print(f"{voice}, {name} | {text} | {told}", flush=True)
            for rates in (by[voice], by[name]):
                rates.add(text, heard[shipped], command)
            for setting, found in heard.items():
                by_setting[setting].add(text, found, command)
    except KeyboardInterrupt:
        print("interrupted: this is what was heard until then\n")
    total = by_setting[shipped]
    print(head("voice or room"))
    for name in sorted(by, key=lambda name: (name not in voices, name)):
        print(by[name].row(name))
    print(total.row("all"))
    if options.limits:
        print("\n" + head("limit", "value"))
        for setting, rates in by_setting.items():
            print(rates.row(*setting))
    else:
        for ear, seconds in sorted(total.seconds.items()):
            p50, p95 = 1e3 * np.percentile(seconds, (50, 95))
            print(f"{ear or 'grammar'}: {len(seconds)} answers, p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    wrong, said = total.counts["acted on wrongly"], total.counts["said"]
    low, high = wilson(wrong, said)
    print(f"\n{wrong} of {said} acted on wrongly: {100 * low:.2f} to {100 * high:.2f} % (Wilson, 95 %)")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
