"""Whether a stop is heard, in quiet and in noise, and what else is taken for one, by the grammar alone.

    python test/stop_rates.py                        # prints the tables in Markdown
    python test/stop_rates.py --voices hibari --seeds 3 --share 0.2
    python test/stop_rates.py --save stops.json      # each sample, to compare two versions

The noise was there before the voice, as a fan is. Needs what `hearing_rates.py` needs.
"""

import argparse
import json
import subprocess
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from hearing_rates import COMMANDS, HOME, OTHERS, TALK, speak, talkers

from vla_sim.common.errors import VlaSimError
from vla_sim.common.geometry import Array
from vla_sim.stages.voice.audio import CHUNK_SECONDS, FULL_SCALE, SAMPLE_RATE, Samples, chunks
from vla_sim.stages.voice.grammar import Grammar, within_stop_sentence
from vla_sim.stages.voice.listener import Listener
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.simulated_microphone import in_room, room_noise
from vla_sim.stages.voice.spoken_numbers import normalise

VOICES = ("hibari", "flite:slt", "flite:rms", "flite:awb", "flite:kal16", "espeak:en-us", "espeak:en-gb")
STOPS = (
    "stop", "stop now", "stop the robot", "stop moving", "stop walking", "halt", "freeze", "emergency stop",
    "robot stop",
)  # fmt: skip
ORDERS = tuple(text for text in COMMANDS if not within_stop_sentence(text))
SETTLED = 4.0
"""[s] of noise before a sample: the noise floor is that of the noise."""
RATIOS = (20, 15, 10, 5)
"""[dB] of the voice above the noise."""


NOISES: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "white": lambda count, rng: rng.standard_normal(count),
    "pink": room_noise,
    "talkers": talkers,
}
spoken = cache(speak)


class Ear:
    """The listener of the product, in another room for each sample."""

    def __init__(self) -> None:
        grammar = Grammar.of(HOME)
        self.listener = Listener(Pocketsphinx(grammar), grammar)

    def hear(self, sound: Samples, noise: Samples) -> list[str]:
        """What may be acted on. noise: what was there before."""
        ears = self.listener
        ears.activity = type(ears.activity)()
        for chunk in chunks(noise):
            ears.activity.judge(chunk)
        heard = [ears.feed(chunk, k * CHUNK_SECONDS) for k, chunk in enumerate(chunks(sound), start=1)]
        heard.append(ears.close(len(heard) * CHUNK_SECONDS))
        return [one.text for one in heard if one is not None and one.complete]


def sample(speech: Samples, kind: str, ratio: float, seed: int) -> tuple[Samples, Samples]:
    """The speech in a quiet room (kind "") or in noise `ratio` dB below its voiced parts, and the noise that
    was there before it."""
    quiet, rng = in_room(speech, seed, lead=0.6, tail=1.0), np.random.default_rng(seed)
    before = int(SETTLED * SAMPLE_RATE) // 320 * 320
    if not kind:
        return quiet, in_room(np.zeros(0, dtype=np.int16), seed, lead=SETTLED, tail=0.0)
    noise = NOISES[kind](before + quiet.size, rng)
    voiced = speech[np.abs(speech) > 0.02 * np.abs(speech).max()].astype(float)
    noise *= voiced.std() / noise.std() * 10.0 ** (-ratio / 20.0)
    sound = np.concatenate((np.zeros(before), quiet)) + noise
    sound = np.clip(sound, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return sound[before:], sound[:before]


def rooms(ratios: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    yield "", 0
    yield from product(NOISES, ratios)


def verdict(said: str, heard: list[str]) -> str:
    """heard, another (it would do something else) or refused; a stop within other words is a false stop."""
    if within_stop_sentence(said):
        stopped = any(within_stop_sentence(text) for text in heard)
        return "heard" if stopped else "another" if heard else "refused"
    if any(within_stop_sentence(text) for text in heard):
        return "false stop"
    return "heard" if heard == [normalise(said)] else "another" if heard else "refused"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--voices", default=",".join(VOICES), help="names with commas between them")
    parser.add_argument("--seeds", type=int, default=10, help="samples of each stop in each noise")
    parser.add_argument("--share", type=float, default=1.0, help="of the samples, always the same ones")
    parser.add_argument("--save", type=Path, help="file for each sample")
    options = parser.parse_args()
    ear, rows = Ear(), []
    seconds = 0.0
    for voice in options.voices.split(","):
        try:
            spoken(voice, "hello")
        except (VlaSimError, OSError, subprocess.CalledProcessError) as error:
            print(f"{voice} is left out: {error}")
            continue
        plan = [(text, room, options.seeds) for text in STOPS for room in rooms(RATIOS)]
        plan += [(text, room, 1) for text in (*ORDERS, *OTHERS, *TALK) for room in rooms((15,))]
        for text, (kind, ratio), seeds in plan:
            for seed in range(seeds):
                if not within_share(options.share, voice, text, kind, ratio, seed):
                    continue
                number = zlib.crc32(f"{voice} {text} {kind} {ratio} {seed}".encode())
                sound, before = sample(spoken(voice, text), kind, ratio, number)
                heard = ear.hear(sound, before)
                seconds += 0.0 if within_stop_sentence(text) else len(sound) / SAMPLE_RATE
                rows.append((voice, text, kind, ratio, seed, verdict(text, heard), heard))
    if options.save:
        options.save.write_text(json.dumps(rows))
    print_tables(rows, seconds)
    return 0


def within_share(share: float, *sample: object) -> bool:
    return zlib.crc32(f"share {' '.join(map(str, sample))}".encode()) % 1000 < 1000 * share


def print_tables(rows: list[tuple[str, str, str, int, int, str, list[str]]], seconds: float) -> None:
    columns = [("", 0), *product(NOISES, RATIOS)]
    print("| voice | quiet | " + " | ".join(f"{kind} {ratio}" for kind, ratio in columns[1:]) + " |")
    print("| --- |" + " ---: |" * len(columns))
    for voice in (*dict.fromkeys(row[0] for row in rows), "all"):
        cells = []
        for room in columns:
            mine = [
                row[5] for row in rows
                if within_stop_sentence(row[1]) and row[2:4] == room and voice in (row[0], "all")
            ]  # fmt: skip
            cells.append(f"{100 * mine.count('heard') / max(1, len(mine)):.0f}")
        print(f"| {voice} | " + " | ".join(cells) + " |")
    print("\n| said | room | samples | heard | another | refused | false stops |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, texts in (("stops", STOPS), ("commands", ORDERS), ("other talk", (*OTHERS, *TALK))):
        for room in columns:
            counts = Counter(row[5] for row in rows if row[1] in texts and row[2:4] == room)
            if counts:
                found = [counts[one] for one in ("heard", "another", "refused", "false stop")]
                place = f"{room[0]} {room[1]} dB" if room[0] else "quiet"
                print(f"| {name} | {place} | {counts.total()} | " + " | ".join(map(str, found)) + " |")
    false = sum(row[5] == "false stop" for row in rows)
    print(f"\n{false} false stops in {seconds / 3600:.2f} hours of commands and other talk")


if __name__ == "__main__":
    main()
