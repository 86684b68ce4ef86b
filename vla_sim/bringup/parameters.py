"""Parameters that a user sets for single nodes: `--param NODE.NAME=VALUE`, and ROS's files of parameters.

A file names nodes, or all of them by a wildcard:

    perception:
      ros__parameters: {rate: 5.0}
    /**:
      ros__parameters: {memory_limit: 500.0}

One that is an option of the whole run, such as `engine.seed`, counts for the whole run.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from vla_sim.bringup.node_table import EVERY, OPTIONS, StackOptions
from vla_sim.common import yaml_records
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.files import user_path
from vla_sim.common.params import check, named, read_text

NODES = {spec.name: spec for spec in EVERY}
WILDCARDS = ("/**", "/*", "*", "**")
Setting = tuple[str, str, Any]
"""Node, name, value."""


def of_word(word: str, flag: str = "--param ") -> Setting:
    """The setting of "perception.rate=5"; a text is taken as it stands. flag: stands before it in errors.
    Raises `InputError`."""
    path, equals, text = word.partition("=")
    if not equals or "." not in path:
        raise InputError(f"{flag}{word}: NODE.NAME=VALUE is allowed, as in perception.rate=5")
    try:
        node, name = of_name(path)
        value = read_text(named(_params(node))[name], text)
        _checked(node, name, value)
        return node, name, value
    except InputError as error:
        raise InputError(f"{flag}{word}: {error}") from None


def of_name(path: str) -> tuple[str, str]:
    """Node and name of "perception.rate". Raises `InputError`."""
    node, dot, name = path.partition(".")
    if not dot:
        raise InputError(f"{path}: NODE.NAME is allowed, as in perception.rate")
    return node, _known(node, name)


def of_file(path: str | Path) -> list[Setting]:
    """The settings of a ROS file of parameters. Raises `InputError`, which says where it is wrong."""
    text = yaml_records.read(user_path(path))
    return yaml_records.parse(text, str(path), "a mapping of names of nodes belongs here", _settings)


def words(path: str | Path) -> list[str]:
    """The settings of a ROS file of parameters as `of_word` reads them. Raises `InputError`."""
    return [f"{node}.{name}={value}" for node, name, value in of_file(path)]


def _settings(data: dict[str, Any]) -> list[Setting]:
    settings, where = [], "$"
    try:
        for key, block in data.items():
            where = f"$.{key}!"
            if key not in WILDCARDS:
                _params(key.rpartition("/")[2])
            where = f"$.{key}"
            own = _mapping(block, "ros__parameters")
            if set(own) != {"ros__parameters"}:
                raise InputError(
                    f"{key}: ros__parameters alone is allowed; got {', '.join(own) or 'nothing'}"
                )
            for name, value in _mapping(own["ros__parameters"], "parameters").items():
                where = f"$.{key}.ros__parameters.{name}!"
                nodes = [(node, _known(node, name)) for node in _nodes(key, name)]
                where = where[:-1]
                for node, known in nodes:
                    _checked(node, known, value)
                    settings.append((node, known, value))
    except InputError as error:
        raise yaml_records.Problem(where, str(error)) from None
    return settings


def applied(options: StackOptions, files: Iterable[str] = (), words: Iterable[str] = ()) -> StackOptions:
    """`options` with what the files say, and then the words. Raises `InputError`."""
    overrides = {node: dict(values) for node, values in options.overrides.items()}
    for node, name, value in chain(*map(of_file, files), map(of_word, words)):
        if name in OPTIONS:
            options = replace(options, **{name: value})
        else:
            overrides.setdefault(node, {})[name] = value
    return check(replace(options, overrides=overrides))


def _nodes(key: str, name: str) -> list[str]:
    """The nodes that a key of a file means: one, or all that have such a parameter."""
    if key not in WILDCARDS:
        return [key.rpartition("/")[2]]
    found = [node for node, spec in NODES.items() if name in named(spec.params)]
    if not found:
        known = {known for spec in EVERY for known in named(spec.params)}
        raise InputError(f"no node has a parameter {name}{nearest(name, sorted(known))}")
    return found


def _params(node: str) -> Any:
    if node not in NODES:
        raise InputError(f"no node is called {node!r}{nearest(node, NODES)}")
    return NODES[node].params


def _known(node: str, name: str) -> str:
    names = named(_params(node))
    if name not in names:
        raise InputError(f"{node} has no parameter {name}{nearest(name, names)}")
    return name


def _checked(node: str, name: str, value: Any) -> None:
    check(_params(node)(**{name: value}))


def _mapping(data: Any, of: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InputError(f"a mapping of {of} belongs here")
    return data
