"""Reads scenario files: every error says file, line, column, what was given and what is allowed."""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Union

import msgspec

from vla_sim.common.assets import share_folder
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.files import user_path
from vla_sim.common.yaml_records import Problem, parse, read, typed
from vla_sim.contract.budgets import COSTS
from vla_sim.contract.faults import KINDS
from vla_sim.scenario.checks import registry
from vla_sim.scenario.format import ACTIONS, CommandAction, Play, Scenario, When
from vla_sim.world.map_file import PLACES

SUFFIXES = (".yaml", ".yml")
VERSION = 1
ANY_ACTION: Any = Union[ACTIONS]  # noqa: UP007


@dataclass(frozen=True)
class File:
    """A scenario with where it came from. name: of the file, without its ending."""

    name: str
    path: Path
    scenario: Scenario


def find(target: str) -> list[Path]:
    """The files that a name, a file or a folder stands for. Raises `InputError`."""
    path = user_path(target)
    if path.is_dir():
        # A world may lie there too, with its places beside it.
        names = (p for p in path.iterdir() if not f".{p.name}".endswith(f".{PLACES}"))
        found = sorted(p for p in names if p.suffix in SUFFIXES)
        if not found:
            raise InputError(f"{path} holds no scenario; scenario files end in {' or '.join(SUFFIXES)}")
        return found
    if path.is_file():
        return [path]
    if path.suffix in SUFFIXES or "/" in target:
        raise InputError(f"{target}: no such scenario file or folder")
    known = {p.stem: p for p in shipped()}
    if target not in known:
        hint = nearest(target, known, "vla-sim list shows the shipped ones", most=3)
        raise InputError(f"no scenario is called {target!r}{hint}")
    return [known[target]]


def shipped() -> list[Path]:
    """The library."""
    folder = share_folder("test/scenarios")
    return sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES) if folder.is_dir() else []


def load(target: str | Path) -> File:
    """One scenario by name or path. Raises `InputError`."""
    (path, *more) = find(str(target))
    if more:
        raise InputError(f"{target} is a folder; give one file")
    scenario = loads(read(path), str(path))
    if (beside := path.parent / scenario.world).is_file():
        scenario = msgspec.structs.replace(scenario, world=str(beside))
    return File(path.stem, path, scenario)


def load_all(targets: Iterable[str]) -> list[File]:
    """The scenarios that these names, files and folders stand for, each once. Raises `InputError`, also for
    two of one name: the results of one would be taken for those of the other."""
    return distinct(load(path) for target in targets for path in find(target))


def distinct(files: Iterable[File]) -> list[File]:
    """Each file once. Raises `InputError` as `load_all`."""
    found: dict[str, File] = {}
    for file in files:
        other = found.setdefault(file.name, file).path
        if not other.samefile(file.path):
            raise InputError(f"two scenarios are called {file.name}, {other} and {file.path}: rename one")
    return list(found.values())


def loads(text: str, name: str = "scenario") -> Scenario:
    """A scenario from YAML text; `name` stands in errors. Raises `InputError`."""
    return parse(text, name, "a scenario is a mapping with version, proves and script", _convert)


def _convert(data: dict[str, Any]) -> Scenario:
    if "version" in data and data["version"] != VERSION:
        given = data["version"]
        raise Problem("$.version", f"version {given} is not known; this vla_sim reads version {VERSION}")
    scenario = typed(data, Scenario, "$")
    for i, item in enumerate(data["script"]):
        if isinstance(item, dict) and item.get("do") in ("say", "play") and "priority" in item:
            raise Problem(
                f"$.script[{i}].priority!",
                "what is spoken carries no priority in its sound; type it, or say in words that it is urgent "
                '("now")',
            )
    script = _list(data["script"], ANY_ACTION, "$.script", "do", [a.__struct_config__.tag for a in ACTIONS])
    expect = _list(data.get("expect") or [], registry.union(), "$.expect", "check", sorted(registry.known()))
    scenario = msgspec.structs.replace(scenario, script=script, expect=expect)
    _validate(scenario)
    return scenario


def _list(items: Any, kind: Any, path: str, tag: str, tags: list[Any]) -> list[Any]:
    out = []
    for i, item in enumerate(items):
        inner = f"{path}[{i}]"
        if not isinstance(item, dict) or tag not in item:
            raise Problem(inner, f"needs {tag}, one of {', '.join(map(str, tags))}")
        if item[tag] not in tags:
            hint = nearest(str(item[tag]), map(str, tags))
            own = "; install the package of a check of your own" if tag == "check" else ""
            raise Problem(f"{inner}.{tag}", f"{tag} {item[tag]!r} is not known{hint}{own}")
        out.append(typed(item, kind, inner))
    return out


def _validate(scenario: Scenario) -> None:
    """What types cannot say."""
    commands = [a for a in scenario.script if isinstance(a, CommandAction)]
    if not commands:
        raise Problem("$.script", "says nothing: give at least one action say, play or type")
    if commands[0].when.at is None:
        first = scenario.script.index(commands[0])
        raise Problem(
            f"$.script[{first}].when", "the first command is given at a time: nothing has happened yet"
        )
    if scenario.scripted_llm and scenario.planner == "rules":
        raise Problem("$.scripted_llm!", "nobody asks a language model: give planner auto or llm")
    for name in scenario.costs:
        if name not in COSTS:
            raise Problem(f"$.costs.{name}!", f"no work is called {name!r}; known are {', '.join(COSTS)}")
    for i, one in enumerate(scenario.faults):
        try:
            kind = KINDS[one.made(i + 1, 0).kind]
        except InputError as error:
            raise Problem(f"$.faults[{i}]", str(error)) from None
        if not kind.lockstep and scenario.pace != "clock":
            raise Problem(f"$.faults[{i}].fault", f"{kind.name} cannot be in lock-step: give pace: clock")
        if kind.group == "model" and scenario.planner == "rules":
            raise Problem(f"$.faults[{i}].fault", "nobody asks a language model: give planner auto or llm")
    timed = [*(("script", i, a) for i, a in enumerate(scenario.script)),
             *(("faults", i, a) for i, a in enumerate(scenario.faults))]  # fmt: skip
    numbers = [(f"{where}[{i}].when.done", a.when.done) for where, i, a in timed]
    numbers += [(f"expect[{i}].command", getattr(c, "command", None)) for i, c in enumerate(scenario.expect)]
    for where, number in numbers:
        if isinstance(number, int) and number > len(commands):
            raise Problem(f"$.{where}", f"there is no command {number}; the script gives {len(commands)}")


@cache
def schema() -> str:
    """JSON schema of scenario files, with the checks that are installed."""
    parts = (Scenario, list[ANY_ACTION], list[registry.union()], When, Play)  # type: ignore[misc]
    (root, script, expect, *_), components = msgspec.json.schema_components(
        parts, ref_template="#/$defs/{name}"
    )
    properties = components["Scenario"]["properties"]
    properties["script"], properties["expect"] = script, {**expect, "default": []}
    for one in components.values():
        if "description" in one:  # the same on every Python: 3.13 takes docstrings' indents away
            one["description"] = inspect.cleandoc(one["description"])
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "vla_sim scenario",
        **root, "$defs": components,
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode()
