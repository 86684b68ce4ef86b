"""What can be played: worlds and scenarios by name, and the words of a command line that plays one."""

from pathlib import Path
from typing import Any

import msgspec

from vla_sim.bringup import parameters
from vla_sim.common import assets
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.params import named
from vla_sim.scenario import load
from vla_sim.scenario.format import CommandAction, Part
from vla_sim.tool_server.calls import (
    Bounds,
    RunCommand,
    RunScenario,
    ScenarioFound,
    Scenarios,
    WorldFound,
    Worlds,
    short,
    texts,
)
from vla_sim.world.semantic_map import World


def worlds() -> Worlds:
    found = [World.load(name) for name in assets.world_names()]
    return Worlds(worlds=[
        WorldFound(
            name=one.name, places=texts([p.name for p in one.places]),
            surfaces=texts([f"{s.name} (in {s.place}, {s.height:.2f} m high)" for s in one.surfaces]),
            objects=texts([f"{o.colour} {o.kind}" for o in one.objects]),
        )
        for one in found
    ])  # fmt: skip


def scenario_files(own: Path | None) -> dict[str, Path]:
    """The shipped scenarios and those of a folder, by name; its own go first. Raises `InputError`."""
    files = [*load.shipped(), *(load.find(str(own)) if own is not None else [])]
    return {path.stem: path for path in files}


def scenarios(files: dict[str, Path]) -> Scenarios:
    """Raises `InputError` for a file that is none."""
    return Scenarios(scenarios=[_described(name, path) for name, path in sorted(files.items())])


def _described(name: str, path: Path) -> ScenarioFound:
    scenario = load.load(path).scenario
    commands = [action.words for action in scenario.script if isinstance(action, CommandAction)]
    return ScenarioFound(
        name=name, proves=short(scenario.proves), world=short(scenario.world), pace=scenario.pace,
        commands=texts(commands), checks=texts([_check(one) for one in scenario.expect]),
    )  # fmt: skip


def _check(one: Part) -> str:
    """As "reaches place=kitchen"."""
    given = {field.name: getattr(one, field.name) for field in msgspec.structs.fields(one)}
    words = [
        f"{name}={msgspec.json.encode(value).decode()}"
        for name, value in given.items()
        if value or type(value) in (int, float)
    ]
    return " ".join([str(one.__struct_config__.tag), *words])


def play_words(call: RunScenario, files: dict[str, Path]) -> list[str]:
    """After `vla-sim`. Raises `InputError`."""
    if call.scenario not in files:
        raise InputError(
            f"no scenario is called {call.scenario!r}"
            f"{nearest(call.scenario, files, 'list_scenarios shows them all', most=3)}"
        )
    return ["play", str(files[call.scenario]), *(["--record", "all"] if call.record else []), *_bounds(call)]


def run_words(call: RunCommand) -> list[str]:
    """After `vla-sim`. Raises `InputError`."""
    if call.world not in assets.world_names():
        raise InputError(f"no world {call.world!r}: give one of {', '.join(assets.world_names())}")
    how = [*([] if call.spoken else ["--text"]), *(["--record"] if call.record else [])]
    return ["run", "--world", call.world, *how, *_bounds(call), "--", call.words]


def _bounds(call: Bounds) -> list[str]:
    words = ["--seed", str(call.seed), "--engine", call.engine, "--speed", "1" if call.real_time else "max"]
    return words + [w for name, value in call.parameters.items() for w in ("--param", _setting(name, value))]


def _setting(path: str, value: Any) -> str:
    """Of `--param`. A free text may name files, programs and servers: those are the user's alone. Raises
    `InputError`."""
    node, name = parameters.of_name(path)
    one = named(parameters.NODES[node].params)[name]
    if isinstance(one.default, str) and not one.metadata["choices"]:
        raise InputError(
            f"{path} is a text, which may name files, programs and servers: numbers, switches and choices "
            "alone are allowed here; a person may give it to vla-sim with --param"
        )
    word = f"{path}={str(value).lower() if isinstance(value, bool) else value}"
    parameters.of_word(word, flag="")
    return word
