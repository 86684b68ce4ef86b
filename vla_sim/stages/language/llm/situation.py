"""The situation in which a command is given, in one line for a language model.

Figures are rounded and ages are words: the line is part of what an answer is remembered under, so that the
same words in the same situation are answered from the cache, and in another one are not. Names come from a
detector and may be anything: nothing but letters, digits, blanks and hyphens of them passes, so that none can
look like a part of the prompt.
"""

import math
import re

from vla_sim.contract.records import DetectedObject, SafetyState
from vla_sim.stages.language.dialogue_context import Context, nearest_place, place_of
from vla_sim.world.semantic_map import World, surface_below

MAX_SEEN, MAX_NAME = 12, 24
"""Objects, those seen last, and characters of a name."""
METRES, DEGREES = 0.5, 45
"""Steps to which the robot's position and heading are rounded."""
FAR = 1e4
"""[m] A robot further away than this, or at no number, is at no known place."""
AGES = ((2.0, "now"), (60.0, "seconds ago"))
"""Seconds below which what was last seen counts as that old; from there on it is minutes."""
LEVELS = {"ok": "all clear", "estop": "emergency stop"}
NEAR = re.compile(r"(slowed: )?contact predicted in [\d.]+ s")


def situation(world: World, context: Context) -> str:
    """ "You stand in the kitchen at (5, 0.5), facing 90 degrees. Safety: all clear. Seen: red cup on the
    kitchen table, now." What is not known is left out; "" where nothing is."""
    parts = []
    if context.pose is not None and all(abs(value) < FAR for value in context.pose):
        x, y, yaw = context.pose
        place = nearest_place(world, x, y, within=math.inf)
        where = f"in the {_name(place)} at" if place else "at"
        heading = round(math.degrees(yaw) / DEGREES) * DEGREES % 360
        parts.append(f"You stand {where} ({_metres(x)}, {_metres(y)}), facing {heading} degrees.")
    if context.safety is not None:
        parts.append(f"Safety: {_safety(context.safety)}.")
    if context.objects:
        newest = sorted(context.objects, key=lambda one: -one.last_seen)[:MAX_SEEN]
        parts.append(f"Seen: {'; '.join(sorted(_seen(world, one, context.now) for one in newest))}.")
    return " ".join(parts)


def _seen(world: World, one: DetectedObject, now: float) -> str:
    surface = surface_below(world.surfaces, one.position, rim=0.0)
    there = surface.name if surface else place_of(world, one)
    where = f" {'on' if surface else 'in'} the {_name(there)}" if there else ""
    age = next((words for most, words in AGES if now - one.last_seen < most), "minutes ago")
    return f"{_name(f'{one.colour} {one.kind}') or 'object'}{where}, {age}"


def _safety(state: SafetyState) -> str:
    level = LEVELS.get(state.level, state.level)
    reasons = [] if state.level in LEVELS else [NEAR.sub("obstacle near", one) for one in state.reasons]
    return ", ".join([level, *filter(None, map(_name, reasons))])


def _metres(value: float) -> str:
    return f"{round(value / METRES) * METRES + 0.0:g}"


def _name(text: str) -> str:
    return " ".join(re.sub(r"[^\w-]|_", " ", text).split())[:MAX_NAME].strip(" -")
