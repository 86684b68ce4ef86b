"""How many generated homes' commands are heard, and planned as their scenarios mean, by ear and rules alone.

    vla-sim world --seeds 100 --out homes
    python test/homes_heard.py homes

Each sentence is spoken once in the shipped voice, in a quiet room; nothing is walked or grasped.
"""

import sys
from pathlib import Path

from vla_sim.contract.records import Step
from vla_sim.scenario import load
from vla_sim.scenario.format import Say
from vla_sim.scenario.statistics import wilson
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.voice.audio import CHUNK_SECONDS, chunks
from vla_sim.stages.voice.grammar import Grammar
from vla_sim.stages.voice.listener import Listener
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Hibari
from vla_sim.world.semantic_map import World


def misheard(path: Path, voice: Hibari) -> list[str]:
    """Of a home's commands those that are not planned as meant, and what was heard instead."""
    file = load.load(path)
    world = World.load(file.scenario.world)
    rules, grammar = RulePlanner(world), Grammar.of(world)
    ear = Pocketsphinx(grammar, voice.spell)
    found: list[str] = []
    held = None
    for command in file.scenario.script:
        assert isinstance(command, Say)
        text = heard(Listener(ear, grammar), voice, command.words)
        planned = rules.plan(text, Context(held=held, mentioned=held)).steps
        wanted = command.steps or ()
        if [told(s) for s in planned if s.skill != "approach"] != [told(s) for s in wanted]:
            found.append(f"{command.words}: {text or 'nothing that is a sentence'}")
        held = wanted[-1].object or held
    return found


def heard(listener: Listener, voice: Hibari, words: str) -> str:
    """The one whole sentence that was heard, or ""."""
    pieces = list(chunks(in_room(voice.speak(words))))
    out = [listener.feed(piece, (i + 1) * CHUNK_SECONDS) for i, piece in enumerate(pieces)]
    out.append(listener.close(len(pieces) * CHUNK_SECONDS))
    whole = [one for one in out if one is not None]
    return whole[0].text if len(whole) == 1 and whole[0].complete else ""


def told(step: Step) -> tuple[str, str, str]:
    return step.skill, step.place, str(step.object or "")


def main(folder: str) -> None:
    voice, good, homes = Hibari(), 0, sorted(Path(folder).glob("*.yaml"))
    for path in homes:
        wrong = misheard(path, voice)
        good += not wrong
        for line in wrong:
            print(f"{path.stem}: {line}", flush=True)
    low, high = wilson(good, len(homes))
    print(f"{good} of {len(homes)} homes, 95 % interval {100 * low:.0f} to {100 * high:.0f} %")


if __name__ == "__main__":
    main(sys.argv[1])
