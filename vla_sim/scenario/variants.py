"""The same job otherwise: in other words, with another thing, at another place, in another light, or without
a sensor that it takes.

    for path in write(load("fetch_cup"), ("words", "blind"), folder): ...

Each variant is a scenario file of its own that says all it needs, so that it can be read, kept and played as
any other. A robot that does the job of the file alone, but none of its variants, has learned the file. One
that does it blind is judged by something that it cannot know.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path, write_output
from vla_sim.common.yaml_records import read
from vla_sim.contract import topics
from vla_sim.scenario.format import Action, CommandAction, Play, Say, Scenario, Type
from vla_sim.scenario.load import File, loads
from vla_sim.world import world_file
from vla_sim.world.semantic_map import Surface, World, surface_below

OTHER_WORDS: dict[str, tuple[str, ...]] = {
    "go to": ("walk to", "head to", "move to"),
    "pick up": ("grab", "take", "grasp"),
    "move forward": ("walk forward", "go forward"),
    "turn left": ("rotate left", "turn to the left"),
    "turn right": ("rotate right", "turn to the right"),
    "find": ("look for", "search for"),
    "bring me": ("fetch me", "get me"),
    "put": ("place", "set"),
}
"""What means the same. This list is the judge's, not the robot's: words that the robot does not know fail."""
VOICES: tuple[dict[str, Any], ...] = (
    {"speed": 0.85}, {"speed": 1.2}, {"voice": "espeak:en-us"}, {"voice": "espeak:en-gb"},
)  # fmt: skip
"""Other ways of speaking than the scenario's."""
LIGHTS = (0.4, 0.7, 1.5)
"""Factors on the world's lights."""
BLIND: dict[str, dict[str, str]] = {
    "microphone": {"fault": "drop", "of": topics.AUDIO.name},
    "camera": {"fault": "silent", "of": "camera"},
    "lidar": {"fault": "silent", "of": "lidar"},
}
"""A fault that leaves the robot without the sensor, from the first command on."""
BLIND_TIMEOUT = 90.0
"""[s] of simulated time, at the most, until a blind run is given up."""
WALKING = ("navigate", "approach", "carry", "move")
Data = dict[str, Any]


def words(file: File) -> Iterator[tuple[str, Data]]:
    """The first way of saying each phrase, the second, and so on; only what is spoken or typed changes."""
    before = [_said(file.scenario)]
    for k in range(max(map(len, OTHER_WORDS.values()))):
        others = {phrase: other[min(k, len(other) - 1)] for phrase, other in OTHER_WORDS.items()}
        data = _data(file)
        for action in data["script"]:
            if action["do"] in (_tag(Say), _tag(Type)):
                action["words"] = _swapped(action["words"], others)
        now = [action.get("words") for action in data["script"]]
        if now not in before:
            before.append(now)
            yield f"words_{len(before) - 1}", _asked(data, others)


def objects(file: File) -> Iterator[tuple[str, Data]]:
    """Each thing that stands on the same surface in place of the one that is commanded first, and that one
    in its place where the scenario speaks of both."""
    wanted = next((step.object for step in _steps(file) if step.object), None)
    world = World.load(file.scenario.world)
    models = {m.name: m for m in world_file.load(world.path).models if not m.static}
    known = {f"{o.colour} {o.kind}": o.name for o in world.objects if o.name in models}
    if wanted not in known:
        return

    def stands(name: str) -> Surface | None:
        x, y, z = (float(v) for v in models[name].pose[:3, 3])
        return surface_below(world.surfaces, (x, y, z), 0.0)

    here = stands(known[wanted])
    for other, name in known.items():
        if other != wanted and here is not None and stands(name) == here:
            swap = {wanted: other, other: wanted, known[wanted]: name, name: known[wanted]}
            yield name, _replaced(_asked(_data(file), swap), swap)


def places(file: File) -> Iterator[tuple[str, Data]]:
    """Each other place in place of the first one that is walked to, if nothing is fetched there."""
    steps = _steps(file)
    wanted = next((step.place for step in steps if step.skill == "navigate"), None)
    if wanted is None or any(step.object for step in steps):
        return
    for place in World.load(file.scenario.world).places:
        if place.name != wanted:
            swap = {wanted: place.name, place.name: wanted}
            yield place.name.replace(" ", "_"), _replaced(_asked(_data(file), swap), swap)


def voices(file: File) -> Iterator[tuple[str, Data]]:
    """All that is spoken, slower, faster, and by others."""
    if not any(isinstance(action, Say) for action in file.scenario.script):
        return
    for change in VOICES:
        data = _data(file)
        for action in data["script"]:
            if action["do"] == _tag(Say):
                action.update(change)
        yield "_".join(f"{key}_{value}".replace(":", "_") for key, value in change.items()), data


def lights(file: File) -> Iterator[tuple[str, Data]]:
    """Darker and brighter."""
    for factor in LIGHTS:
        yield f"light_{factor:g}", {**_data(file), "light": factor * file.scenario.light}


def blind(file: File) -> Iterator[tuple[str, Data]]:
    """Without each sensor that the job takes: the first command that takes it must not be done, and nothing
    be hurt. What is spoken takes the microphone, a thing the camera, a walk the lidar. What comes after that
    command, and the scenario's own faults, may wait for what a blind robot does not do, and are left out."""
    _steps(file)
    for sensor, fault in BLIND.items():
        script = file.scenario.script
        last = next((k for k, action in enumerate(script) if _takes(action, sensor)), None)
        if last is None:
            continue
        number = sum(isinstance(action, CommandAction) for action in script[: last + 1])
        data = _data(file)
        data["script"] = data["script"][: last + 1]
        data["faults"] = [fault]
        data["expect"] = [
            {"check": "undone", "command": number}, {"check": "no_fall"}, {"check": "no_collision"},
        ]  # fmt: skip
        data["timeout"] = min(BLIND_TIMEOUT, file.scenario.timeout)
        data["attempts"] = 1
        data["proves"] = f"Without its {sensor} the robot does not do what takes it, and hurts nothing."
        yield f"no_{sensor}", data


def _takes(action: Action, sensor: str) -> bool:
    """Whether an action is a command that cannot be done without this sensor."""
    if sensor == "microphone":
        return isinstance(action, Say | Play)
    steps = (action.means or []) if isinstance(action, CommandAction) else []
    return any(step.object if sensor == "camera" else step.skill in WALKING for step in steps)


KINDS: dict[str, Callable[[File], Iterator[tuple[str, Data]]]] = {
    "words": words, "voices": voices, "objects": objects, "places": places, "lights": lights, "blind": blind,
}  # fmt: skip


def write(file: File, kinds: Sequence[str], folder: Path) -> list[File]:
    """The variants of these kinds, each written into `folder` as `<scenario>-<variant>.yaml`. Raises
    `InputError` if there is none."""
    found = []
    for name, data in itertools.chain.from_iterable(KINDS[kind](file) for kind in kinds):
        path = folder / f"{file.name}-{name}.yaml"
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
        write_output(path, text.encode())
        found.append(File(path.stem, path, loads(text, str(path))))
    if not found:
        raise InputError(f"{file.name} has no variant of the kind {' or '.join(kinds)}: nothing in it varies")
    return found


def _data(file: File) -> Data:
    """Of the scenario's file, with its world and recordings found from everywhere."""
    data: Data = yaml.safe_load(read(file.path))
    if (world := Path(file.scenario.world)).is_file():
        data["world"] = str(world.resolve())
    for action in data["script"]:
        if action["do"] == _tag(Play):
            action["file"] = str((file.path.parent / user_path(action["file"])).resolve())
    return data


def _tag(action: type[CommandAction]) -> str:
    return str(action.__struct_config__.tag)


def _said(scenario: Scenario) -> list[str | None]:
    return [getattr(action, "words", None) for action in scenario.script]


def _steps(file: File) -> list[Any]:
    """What the words of all commands mean. Raises `InputError` where the scenario does not say."""
    found = []
    for action in file.scenario.script:
        if isinstance(action, CommandAction):
            if action.means is None:
                raise InputError(f'{file.path}: say what "{action.words}" means; variants are made by it')
            found += action.means
    return found


def _swapped(text: str, swap: Mapping[str, str]) -> str:
    """All phrases at once, whole words, longest first; a capital stays one."""
    phrases = "|".join(map(re.escape, sorted(swap, key=len, reverse=True)))
    others = {phrase.lower(): other for phrase, other in swap.items()}

    def other(match: re.Match[str]) -> str:
        found = others[match[0].lower()]
        return found[0].upper() + found[1:] if match[0][0].isupper() else found

    return re.sub(rf"\b({phrases})\b", other, text, flags=re.IGNORECASE)


def _asked(data: Data, swap: Mapping[str, str]) -> Data:
    """What stands in for the language model is asked in the other words, too."""
    if answers := data.get("scripted_llm"):
        data["scripted_llm"] = {_swapped(words, swap): steps for words, steps in answers.items()}
    return data


def _replaced(data: Any, swap: Mapping[str, str]) -> Any:
    """In every text of the data that names no file."""
    if isinstance(data, dict):
        return {k: v if k in ("world", "file") else _replaced(v, swap) for k, v in data.items()}
    if isinstance(data, list):
        return [_replaced(value, swap) for value in data]
    return _swapped(data, swap) if isinstance(data, str) else data
