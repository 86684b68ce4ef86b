"""Reads the sentences of strangers in `data` and writes what was understood in their notation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from vla_sim.contract.records import ObjectQuery, Step
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.rule_planner import Understood
from vla_sim.world.semantic_map import World

FILES = {"strangers": 0.95, "strangers_after": 0.85}
"""File in `data` -> the share of its sentences that must be understood. `strangers` was written before the
reader could read half of the kinds in it, and is what it was made to read."""
PUT = {"next to": "beside", "on top of": "on", "into": "in"}
HOLDING = "# While it holds"


@dataclass(frozen=True)
class Stranger:
    """text: as it was typed. meanings: any of them is right. held: what the robot holds then."""

    text: str
    meanings: tuple[str, ...]
    held: ObjectQuery | None

    @property
    def context(self) -> Context:
        return Context(held=self.held, place="kitchen" if self.held else "living room")


def sentences(name: str) -> list[Stranger]:
    held, out = None, []
    for line in (Path(__file__).parent / "data" / f"{name}.txt").read_text().splitlines():
        if line.startswith(HOLDING):
            held = ObjectQuery(kind="cup", colour="red")
        elif not line.startswith("#"):
            text, _, meanings = line.partition(" => ")
            out.append(Stranger(text, tuple(meanings.split(" | ")), held))
    return out


def meaning(found: Understood, world: World, held: ObjectQuery | None) -> str:
    """The acts of an intent; "answer", or "none" for what is asked back."""
    if found.answer:
        return "answer"
    if not found.steps:
        return "none"
    acts: list[str] = []
    for step in found.intent:
        thing = _name(step.object, world)
        if step.skill == "pick" and held is not None and step.object.matches(held):
            continue
        brought = step.skill in ("carry", "place") and not step.relation
        if brought and (held is None or not step.object.matches(held)):
            acts.append(f"take {thing}")
        if step.skill in ("pick", "carry", "place"):
            held = step.object if step.skill != "place" else None
        acts.append(_act(step, thing))
    return "; ".join(acts)


def _name(query: ObjectQuery | None, world: World) -> str:
    fits = [f"{one.colour} {one.kind}" for one in world.objects if query is not None and query.matches(one)]
    return fits[0] if len(fits) == 1 else str(query or "")


def _act(step: Step, thing: str) -> str:
    where = {"pick": " from ", "find": " in "}.get(step.skill, "") + step.place if step.place else ""
    pace = {None: ""}.get(step.speed, " slowly" if (step.speed or 0) < 0.5 else " quickly")
    match step.skill:
        case "navigate":
            return f"go {step.place}{pace}"
        case "pick":
            return f"take {thing}{where}{pace}" + (f" {step.arm}" if step.arm else "")
        case "find":
            return f"find {thing}{where}"
        case "carry":
            return "bring" if step.place == "user" else f"carry {step.place}{pace}"
        case "place" if step.relation:
            return f"put {PUT[step.relation]} {thing}"
        case "place":
            return f"put {step.place}"
        case "move" if step.lateral:
            return f"side {step.lateral:.3g}{pace}"
        case "move":
            return f"walk {step.distance:.3g}{pace}"
        case "turn":
            return f"turn {math.degrees(step.angle or 0):.3g}"
        case "wait":
            return f"wait {step.seconds:.3g}"
        case "say":
            return f"say {step.text.lower().rstrip('.')}"
    return step.skill
