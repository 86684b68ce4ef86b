"""The messages for a language model: what the robot can do in this world, examples, the command."""

import math

import msgspec

from vla_sim.contract.records import Step
from vla_sim.contract.vocabulary import PACES
from vla_sim.robot import facts
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.plan_format import WrittenStep, object_names
from vla_sim.stages.language.llm.situation import situation
from vla_sim.stages.language.understanding.intent_extractor import Extractor
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reference_resolver import Resolver, Unresolved
from vla_sim.world.semantic_map import World

Message = dict[str, str]

_SYSTEM = """Turn a command for a household robot into JSON: {{"steps": [...]}}. Skills:
navigate: walk to a place. find: look for an object. pick: find an object and take it.
place: put down what is held on a surface; place_next_to, place_on_top_of: next to an object, on one.
carry: bring what is held to a place; "user" is the speaker.
move: meters, backward negative. sidestep: meters, left positive. turn: degrees, left positive.
wait: seconds. stop: stop everything. ask: a question to the speaker if the command is unclear or
impossible. Only if the command says so: "pace" {paces}, "hand" "left" or "right".
In [brackets] before a command stands the situation.
Places: {places}. Surfaces: {surfaces}. Objects: {objects}."""

_UNCLEAR = ("Juggle with three swords", "I cannot do that. What should I do?")


def head(lexicon: Lexicon) -> list[Message]:
    """System message and examples: the same for every command, so that a server can keep their evaluation.
    About 1 ms."""
    system = _SYSTEM.format(
        places=", ".join(lexicon.place_names), surfaces=", ".join(lexicon.surface_place) or "none",
        objects=", ".join(object_names(lexicon)) or "none", paces=" or ".join(f'"{one}"' for one in PACES),
    )  # fmt: skip
    if facts.HAND is None:
        system += f"\n{facts.NO_HAND}: ask what else to do."
    out = [{"role": "system", "content": system}]
    for command, answer in examples(lexicon):
        out += [{"role": "user", "content": command}, {"role": "assistant", "content": answer}]
    return out


def messages(head: list[Message], world: World, context: Context, text: str) -> list[Message]:
    """The head, and as the last message the command in its situation."""
    now = situation(world, context)
    said = _with_context(text, context)
    return [*head, {"role": "user", "content": f"[{now}]\n{said}" if now else said}]


def examples(lexicon: Lexicon) -> list[tuple[str, str]]:
    """(command, answer) made from the world's names; the rules write the answers."""
    extractor = Extractor(lexicon)
    out = [(_UNCLEAR[0], _answer([{"skill": "ask", "question": _UNCLEAR[1]}]))]
    for command in _commands(lexicon):
        found = extractor.extract(command)
        resolver = Resolver(lexicon, Context())
        try:
            steps = [one for said in found.said for step in resolver.resolve(said) for one in _written(step)]
        except Unresolved:  # a name of this world that the rules read differently
            continue
        out.append((command, _answer(steps or [{"skill": "stop"}])))
    return out


def _commands(lexicon: Lexicon) -> list[str]:
    places, things = lexicon.place_names, [str(one) for one in lexicon.objects]
    out = ["Move forward 3 meters", "Turn right 45 degrees", "Stop moving"]
    if lexicon.surface_place and things:
        out.append(f"Put the {things[0]} on the {next(iter(lexicon.surface_place))}")
    if things:
        out += [f"Find the {things[-1]} and take it", f"Grab the {things[0]} with your left hand"]
    if len(things) > 1:
        out.append(f"Put the {things[0]} next to the {things[-1]}")
    if places and things:
        out.append(f"Bring me the {things[-1]} from the {places[0]}")
    if places:
        out.append(f"Walk slowly to the {places[0]}")
    if places and things:
        out.append(f"Go to the {places[-1]} and take the {things[-1]}")
    return out


def _written(step: Step) -> list[WrittenStep]:
    """As a model should write it."""
    thing = {"object": str(step.object) if step.object else ""}
    pace = next(({"pace": name} for name, speed in PACES.items() if speed == step.speed), {})
    there: WrittenStep = {"place": step.place} | pace
    match step.skill:
        case "pick":
            way = [{"skill": "navigate"} | there] if step.place else []
            return [*way, {"skill": "pick"} | thing | ({"hand": step.arm} if step.arm else {})]
        case "place" if step.relation:
            return [{"skill": f"place_{step.relation.replace(' ', '_')}"} | thing]
        case "place":
            return [{"skill": "pick"} | thing, {"skill": "place", "surface": step.place}]
        case "find":
            return [{"skill": "find"} | thing]
        case "navigate" | "carry":
            return [{"skill": step.skill} | there]
        case "move":
            return [{"skill": "move", "meters": step.distance or 0.0}]
    return [{"skill": "turn", "degrees": round(math.degrees(step.angle or 0.0))}]


def _answer(steps: list[WrittenStep]) -> str:
    return msgspec.json.encode({"steps": steps}).decode()


def _with_context(text: str, context: Context) -> str:
    held, it = context.held, context.mentioned
    notes = [f"you hold the {held}"] * bool(held) + [f'"it" is the {it}'] * bool(it)
    return f"{text} ({'; '.join(notes)})" if notes else text
