"""YAML into typed records: every error says file, line, column, what was given and what is allowed.

A file is read within a budget, so that a short text of aliases does not grow to gigabytes.
"""

import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

import msgspec
import yaml

from vla_sim.common.errors import InputError, nearest
from vla_sim.common.files import read_whole

T = TypeVar("T")

MOST_BYTES = 1_000_000
MOST_NODES = 50_000
"""Of the document, each alias counted with all that it stands for."""
MOST_DEPTH = 50

At = dict[str, tuple[int, int]]
"""Path such as "$.script[0].words" to (line, column), both from 1."""


class Problem(Exception):  # noqa: N818
    """What is wrong at a path."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def read(path: Path) -> str:
    """The text of a file. Raises `InputError`."""
    try:
        return read_whole(path, MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8 ({error}); save it as UTF-8") from None


def parse(text: str, name: str, expected: str, make: Callable[[dict[str, Any]], T]) -> T:
    """What `make` makes of the mapping in a YAML text; it may raise `Problem`. name: stands in errors.
    expected: what is said where there is no mapping. Raises `InputError`."""
    at: At = {}
    try:
        root = _compose(text)
        data = _plain(root, "$", at, 0) if root is not None else None
        if not isinstance(data, dict):
            raise Problem("$", expected)
        return make(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise InputError(f"{where}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{name}: not YAML: {error}".replace("\n", " ")) from None
    except Problem as problem:
        path = problem.path
        while path not in at and path:  # the nearest part around it
            path = path[: max(path.rfind("."), path.rfind("["))] if len(path) > 1 else ""
        line, column = at.get(path, (1, 1))
        raise InputError(f"{name}:{line}:{column}: {problem}") from None


def fail(text: str, name: str, path: str, why: str) -> NoReturn:
    """Raise an `InputError` about a part ("$.script[0]") of a YAML text that was read without one."""

    def refuse(_: dict[str, Any]) -> NoReturn:
        raise Problem(path, why)

    parse(text, name, "", refuse)
    raise InputError(f"{name}: {why}")


def _compose(text: str) -> yaml.Node | None:
    """The nodes of a YAML text. Raises `yaml.YAMLError`."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        raise
    except Exception as error:  # PyYAML leaves unchecked what "\U0011ffff" or "\Uffffffff" ends in
        raise yaml.YAMLError(error) from None


def _plain(node: yaml.Node, path: str, at: At, depth: int) -> Any:
    """Plain data of a YAML node, noting where each part stands. Raises `Problem`."""
    at[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if len(at) > MOST_NODES or depth > MOST_DEPTH:
        raise Problem(path, f"{MOST_NODES} parts, nested {MOST_DEPTH} deep, are the most; make it smaller")
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Any] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise Problem(path, "a name must be a text")
            key = str(key_node.value)
            inner = f"{path}.{key}"
            if key in out:
                at[inner] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                raise Problem(inner, f"{key} is given twice")
            out[key] = _plain(value, inner, at, depth + 1)
            at[f"{inner}!"] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, f"{path}[{i}]", at, depth + 1) for i, one in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except yaml.YAMLError:
        raise
    except Exception as error:  # for month 13 or 5000 digits; PyYAML leaves unchecked what ends in others
        raise Problem(path, f"{str(node.value)[:40]!r} has no value: {error}") from None


def typed(data: Any, kind: Any, path: str) -> Any:
    """`data` as `kind`, a msgspec type. Raises `Problem`."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        inner = path + where.rstrip("`").removeprefix("$")
        unknown = re.search(r"unknown field `(.+?)`", message)
        if unknown:
            raise Problem(
                f"{inner}.{unknown[1]}!",
                f"{unknown[1]!r} is not known here{_near(kind, inner, unknown[1], data)}",
            ) from None
        given = re.fullmatch(r"Invalid enum value '?(.*?)'?", message)
        if given:
            message += nearest(given[1], _allowed(kind, where.rstrip("`"), data))
        message = message[0].lower() + message[1:]
        if message.startswith(("expected", "invalid")):
            last = inner.replace("[...]", "").rpartition(".")[2]
            message = f"{last}: {message}" if last != "$" else message
        raise Problem(inner, message) from None


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    """The record in a type such as `list[Record] | None`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next(filter(None, map(_struct, getattr(kind, "__args__", ()))), None)


def _alternatives(kind: Any) -> list[Any]:
    """What a type such as `list[Literal["a"] | Record]` is made of."""
    if get_origin(kind) is Literal:
        return [kind]
    return [one for part in get_args(kind) for one in _alternatives(part)] or [kind]


def _allowed(kind: Any, where: str, data: Any) -> list[str]:
    """The values of the choice at a path such as "$.script[0].do"."""
    kinds = _alternatives(kind)
    for step in re.findall(r"\w+", where):
        if step.isdigit():
            data = data[int(step)]
            continue
        records = [one for one in kinds if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        tags = [one.__struct_config__ for one in records]
        mine = [r for r, c in zip(records, tags, strict=True) if c.tag in (None, data.get(c.tag_field))]
        fields = [field for record in mine for field in msgspec.structs.fields(record)]
        kinds = [one for f in fields if f.encode_name == step for one in _alternatives(f.type)]
        data = data.get(step)
    enums = [m.value for one in kinds if isinstance(one, type) and issubclass(one, Enum) for m in one]
    return [str(v) for one in kinds if get_origin(one) is Literal for v in get_args(one)] + enums


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
            inner = _struct(field.type)
            if inner is not None and f".{field.name}" in path:
                fields = set(inner.__struct_fields__)
    return nearest(word, sorted(fields))
