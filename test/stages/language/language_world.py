"""A small home for the language tests, and plans in a short notation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from vla_sim.contract.codec import encode
from vla_sim.contract.records import ObjectList, Step
from vla_sim.stages.language.gathered_context import GatheredContext
from vla_sim.stages.language.rule_planner import RulePlanner, Understood
from vla_sim.world.objects import ObjectKind
from vla_sim.world.semantic_map import Place, Surface, World

HOME = World(
    name="home",
    path=Path("home.sdf"),
    start=(0.0, 0.0, 0.0),
    places=tuple(
        Place(name, x, y, 0.0)
        for name, x, y in (
            ("living room", 0.0, 0.0), ("kitchen", 5.0, 0.0), ("bedroom", 0.0, 5.0), ("hallway", 3.0, 3.0),
            ("charging station", -3.0, -2.0),
        )
    ),
    surfaces=(
        Surface("kitchen table", "kitchen", 5.0, 1.0, 0.0, 1.2, 0.8, 0.75),
        Surface("kitchen counter", "kitchen", 6.0, 0.0, 0.0, 1.2, 0.6, 0.9),
        Surface("coffee table", "living room", 0.0, 1.0, 0.0, 1.0, 0.6, 0.5),
        Surface("nightstand", "bedroom", 0.0, 6.0, 0.0, 0.5, 0.5, 0.6),
    ),
    objects=tuple(
        ObjectKind(f"{colour}_{kind}", kind, colour, "box", (0.07, 0.07, 0.1), 0.2)
        for colour, kind in (
            ("red", "cup"), ("green", "cup"), ("blue", "box"), ("red", "ball"), ("yellow", "bottle"),
        )
    ),
    solids=(),
    forbidden=(),
)  # fmt: skip
RULES = RulePlanner(HOME)


def short(step: Step) -> str:
    """ "navigate kitchen", "find red cup in kitchen", "place next to ball", "move 2 0", "turn 1.571"."""
    if step.skill == "move":
        return f"move {step.distance or 0:.4g} {step.lateral or 0:.4g}"
    if step.skill == "turn":
        return f"turn {step.angle:.4g}"
    if step.skill == "wait":
        return f"wait {step.seconds:.4g}"
    if step.skill == "say":
        return f"say {step.text}"
    words = [
        step.skill,
        step.relation,
        str(step.object) if step.object else "",
        step.place if not step.object else "",
    ]
    if step.object and step.place:
        words.append(f"in {step.place}")
    return " ".join(word for word in words if word)


def plan_of(found: Understood) -> list[str]:
    return [short(step) for step in found.steps]


def says(record):
    """A record as it arrives."""
    return SimpleNamespace(data=encode(record))


def looking(*objects, now=lambda: 100.0):
    """GatheredContext in which perception has just said what it sees."""
    gathered = GatheredContext(now)
    gathered.on_objects(says(ObjectList(stamp=now(), objects=list(objects))))
    return gathered
