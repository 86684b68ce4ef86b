"""Reads scenario files: every error says file, line, column, what was given and what is allowed."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Union

import msgspec
import yaml

from vla_sim.assets import scenarios_dir
from vla_sim.contract import COSTS
from vla_sim.errors import InputError
from vla_sim.scenario import checks
from vla_sim.scenario.format import ACTIONS, COMMANDS, Play, Scenario, When

SUFFIXES = (".yaml", ".yml")
VERSION = 1
At = dict[str, tuple[int, int]]
"""Path such as "$.script[0].words" to (line, column), both from 1."""


@dataclass(frozen=True)
class File:
    """A scenario with where it came from. name: of the file, without its ending."""

    name: str
    path: Path
    scenario: Scenario


def find(target: str) -> list[Path]:
    """The files that a name, a file or a folder stands for. Raises `InputError`."""
    path = Path(target).expanduser()
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES)
        if not found:
            raise InputError(f"{path} holds no scenario; scenario files end in {' or '.join(SUFFIXES)}")
        return found
    if path.is_file():
        return [path]
    if path.suffix in SUFFIXES or "/" in target:
        raise InputError(f"{target}: no such scenario file or folder")
    known = {p.stem: p for p in shipped()}
    if target not in known:
        near = difflib.get_close_matches(target, known, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "vla-sim list shows the shipped ones"
        raise InputError(f"no scenario is called {target!r}; {hint}")
    return [known[target]]


def shipped() -> list[Path]:
    """The library."""
    folder = scenarios_dir()
    return sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES) if folder.is_dir() else []


def load(target: str | Path) -> File:
    """One scenario by name or path. Raises `InputError`."""
    (path, *more) = find(str(target))
    if more:
        raise InputError(f"{target} is a folder; give one file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return File(path.stem, path, loads(text, str(path)))


def loads(text: str, name: str = "scenario") -> Scenario:
    """A scenario from YAML text; `name` stands in errors. Raises `InputError`."""
    at: At = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _plain(root, "$", at) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise InputError(f"{where}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{name}: not YAML: {error}".replace("\n", " ")) from None
    except _Problem as problem:
        raise InputError(f"{_place(name, problem.path, at)}: {problem}") from None
    if not isinstance(data, dict):
        raise InputError(f"{name}:1:1: a scenario is a mapping with version, proves and script")
    try:
        scenario = _convert(data)
        _validate(scenario)
    except _Problem as problem:
        raise InputError(f"{_place(name, problem.path, at)}: {problem}") from None
    return scenario


class _Problem(Exception):  # noqa: N818
    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def _place(name: str, path: str, at: At) -> str:
    while path not in at and path:
        path = path[: max(path.rfind("."), path.rfind("["))] if len(path) > 1 else ""
    line, column = at.get(path, (1, 1))
    return f"{name}:{line}:{column}"


def _plain(node: yaml.Node, path: str, at: At) -> Any:
    """Plain data of a YAML node, noting where each part stands."""
    at[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            inner = f"{path}.{key}"
            if key in out:
                at[inner] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                raise _Problem(inner, f"{key} is given twice")
            out[key] = _plain(value, inner, at)
            at[f"{inner}!"] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, f"{path}[{i}]", at) for i, one in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node)


def _convert(data: dict[str, Any]) -> Scenario:
    if "version" in data and data["version"] != VERSION:
        given = data["version"]
        raise _Problem("$.version", f"version {given} is not known; this vla_sim reads version {VERSION}")
    scenario = _typed(data, Scenario, "$")
    script = _list(data["script"], _actions(), "$.script", "do", [a.__struct_config__.tag for a in ACTIONS])
    expect = _list(data.get("expect") or [], checks.union(), "$.expect", "check", sorted(checks.known()))
    return msgspec.structs.replace(scenario, script=script, expect=expect)


def _actions() -> Any:
    return Union[ACTIONS]  # noqa: UP007


def _list(items: Any, kind: Any, path: str, tag: str, tags: list[Any]) -> list[Any]:
    out = []
    for i, item in enumerate(items):
        inner = f"{path}[{i}]"
        if not isinstance(item, dict) or tag not in item:
            raise _Problem(inner, f"needs {tag}, one of {', '.join(map(str, tags))}")
        if item[tag] not in tags:
            near = difflib.get_close_matches(str(item[tag]), [str(t) for t in tags], 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(map(str, tags))}"
            raise _Problem(f"{inner}.{tag}", f"{tag} {item[tag]!r} is not known; {hint}")
        out.append(_typed(item, kind, inner))
    return out


def _typed(data: Any, kind: Any, path: str) -> Any:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        inner = path + where.rstrip("`").removeprefix("$")
        unknown = re.search(r"unknown field `(.+?)`", message)
        if unknown:
            raise _Problem(
                f"{inner}.{unknown[1]}!",
                f"{unknown[1]!r} is not known here{_near(kind, inner, unknown[1], data)}",
            ) from None
        raise _Problem(inner, message[0].lower() + message[1:]) from None


def _near(kind: Any, path: str, word: str, data: Any) -> str:
    """A hint which field was meant."""
    fields: set[str] = set()
    for one in getattr(kind, "__args__", (kind,)):
        tag = getattr(one, "__struct_config__", None)
        if tag is None or (
            tag.tag is not None and isinstance(data, dict) and data.get(tag.tag_field) != tag.tag
        ):
            continue
        fields |= set(one.__struct_fields__)
        for field in msgspec.structs.fields(one):
            for inner in getattr(field.type, "__args__", (field.type,)):
                if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and f".{field.name}" in path:
                    fields = set(inner.__struct_fields__)
    near = difflib.get_close_matches(word, fields, 1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(fields))}"


def _validate(scenario: Scenario) -> None:
    """What types cannot say."""
    commands = [a for a in scenario.script if isinstance(a, COMMANDS)]
    if not commands:
        raise _Problem("$.script", "says nothing: give at least one action say, play or type")
    first = commands[0].when
    if first.at is None:
        raise _Problem("$.script[0].when", "the first command is given at a time: nothing has happened yet")
    for name in scenario.costs:
        if name not in COSTS:
            raise _Problem(f"$.costs.{name}!", f"no work is called {name!r}; known are {', '.join(COSTS)}")
    for i, action in enumerate(scenario.script):
        done = action.when.done
        if done is not None and done > len(commands):
            raise _Problem(
                f"$.script[{i}].when.done", f"there is no command {done}; the script gives {len(commands)}"
            )
    for i, check in enumerate(scenario.expect):
        number = getattr(check, "command", None)
        if isinstance(number, int) and number > len(commands):
            raise _Problem(
                f"$.expect[{i}].command", f"there is no command {number}; the script gives {len(commands)}"
            )


@cache
def _schema() -> bytes:
    parts = (Scenario, list[_actions()], list[checks.union()], When, Play)  # type: ignore[misc]
    (root, script, expect, *_), components = msgspec.json.schema_components(
        parts, ref_template="#/$defs/{name}"
    )
    properties = components["Scenario"]["properties"]
    properties["script"], properties["expect"] = script, {**expect, "default": []}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "vla_sim scenario",
        **root, "$defs": components,
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def schema() -> str:
    """JSON schema of scenario files, with the checks that are installed."""
    return _schema().decode()
