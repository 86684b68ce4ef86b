"""Every error that the code can raise at a user, read from the code: its words and its kind.

`docs/generate.py` makes tables of them. What stands in {braces} is filled in when it happens.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import vla_sim
from vla_sim.common import errors

PACKAGE = Path(vla_sim.__file__).parent
KINDS: dict[str, type[errors.VlaSimError]] = {
    name: kind for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.VlaSimError) and kind is not errors.VlaSimError
}  # fmt: skip
IN_YAML, IN_SDF = "{file}:{line}:{column}: ", "{file}:{line}: "
FORMAT = ("scenario/format.py", "scenario/checks/")
"""Files in which a `ValueError` is said of a part of a scenario's file."""
HINTS = {"hint", "near", "_near", "own", "quote", "nearest", "meant", "busy", "bad", "_others"}
"""Variables and functions of what is only said at times, such as "did you mean"."""
WHY = {"error", "strerror"}


WHERE = {
    "common": "What every command reads: names of worlds and robots, files, parameters.",
    "contract": "Faults, of `vla-sim fault` and of scenarios.",
    "world": "SDF files of worlds and models, and maps. They begin with the place in the file.",
    "robot": "Profiles of robots, URDF, where the sensors sit.",
    "report": "Reports.",
    "ros": "In the logs of the nodes, and as what an answer says; of lock-step also in the terminal.",
    "stages": "In the logs of the nodes (`logs` in the run's folder), and as the answer to what was asked of "
    "them; what is missing is said in the terminal, too.",
    "homes": "`vla-sim world`.",
    "hardware": "The robot's own protocol, its lidar, sound devices.",
    "simulation": "Simulators, and what they need of the machine.",
    "bringup": "Starting nodes, their parameters, reservations of the machine.",
    "monitor": "The monitor, its journal and thresholds.",
    "recording": "Recordings (`run.mcap`), replays.",
    "view": "The page in a browser, its 3D scene, films.",
    "scenario": "Scenario files, and playing them.",
    "demonstrations": "`vla-sim record`.",
    "bench": "`vla-sim bench`.",
    "tool_server": "What an agent is answered by `vla-sim mcp`.",
    "cli": "Flags and arguments of `vla-sim`.",
}
"""By room: where its errors are met."""


WORK = {
    "str", "len", "repr", "sorted", "next", "iter", "max", "short", "self", "get", "join", "rpartition",
    "removeprefix", "strip", "text", "np", "abs",
}  # fmt: skip
"""What is done with a value to show it, and is no name of it."""


class Message(NamedTuple):
    """text: the words, with what is filled in in {braces}. kind: name of the class."""

    room: str
    text: str
    kind: str


class Maker(NamedTuple):
    """A call that makes an error. argument: the number of the one that says the words."""

    kind: str
    argument: int
    before: str = ""


@cache
def found() -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The messages, and the places whose words are those of other errors, as "cli/fault.py: answer"."""
    messages, elsewhere = set(), []
    for path in sorted(PACKAGE.rglob("*.py")):
        file = File(path)
        for scope, call in file.calls(file.tree, file.tree):
            made = file.maker(call)
            if made is None or len(call.args) <= made.argument:
                continue
            words = call.args[made.argument]
            texts = [text for text in file.wordings(words, scope) if any(c.isalpha() for c in always(text))]
            if not texts:
                elsewhere.append(f"{file.name}: {ast.unparse(words)}")
            messages |= {Message(file.room, made.before + one_line(text), made.kind) for text in texts}
    return tuple(sorted(messages, key=lambda m: (m.room, always(m.text).lower(), m.text, m.kind))), tuple(
        elsewhere
    )


class File:
    def __init__(self, path: Path) -> None:
        self.name = str(path.relative_to(PACKAGE))
        self.room = self.name.split("/")[0]
        self.tree = ast.parse(path.read_text())
        self.yaml = self.name == "common/yaml_records.py" or any(
            isinstance(n, ast.ImportFrom) and "yaml_records" in ast.unparse(n) for n in ast.walk(self.tree)
        )

    def calls(self, node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        """Each call with the innermost function around it."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield scope, child
            yield from self.calls(child, child if isinstance(child, ast.FunctionDef) else scope)

    def maker(self, call: ast.Call) -> Maker | None:
        name = ast.unparse(call.func).rpartition(".")[2]
        if name in KINDS:
            return Maker(name, 0)
        if name == "Problem" and self.yaml:
            return Maker("InputError", 1, IN_YAML)
        if self.yaml and (name, len(call.args)) in (("parse", 4), ("_read", 3)):
            return Maker("InputError", 2, IN_YAML)
        if name == "ValueError" and self.name.startswith(FORMAT):
            return Maker("InputError", 0, IN_YAML)
        if name == "fail" and self.name.startswith("world/sdf/"):
            return Maker("SdfError", 1, IN_SDF)
        if name == "package":
            return Maker("MissingError", 1)
        return Maker("InputError", 0, "{flag}: ") if name == "ArgumentTypeError" else None

    def wordings(self, node: ast.expr, scope: ast.AST, depth: int = 0) -> Iterator[str]:
        """The texts that an expression may be: written here, in a variable of the function or of the file,
        or returned by a function of the file."""
        inner: list[tuple[ast.expr, ast.AST]] = []
        if isinstance(node, ast.IfExp):
            inner = [(node.body, scope), (node.orelse, scope)]
        elif isinstance(node, ast.Name):
            inner = [(value, scope) for value in assigned(node.id, scope) + assigned(node.id, self.tree)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # "...".replace(...)
            inner = [(node.func.value, scope)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "one_line":
            inner = [(node.args[0], scope)]
        elif isinstance(node, ast.Call):
            inner = [
                (end.value, one) for one in ast.walk(self.tree)
                if isinstance(one, ast.FunctionDef) and one.name == ast.unparse(node.func)
                for end in ast.walk(one) if isinstance(end, ast.Return) and end.value is not None
            ]  # fmt: skip
        else:
            yield self.written(node)
        if depth < 3:
            for value, where in inner:
                yield from self.wordings(value, where, depth + 1)

    def written(self, node: ast.expr) -> str:
        """A text as it stands in the code."""
        if isinstance(node, ast.JoinedStr):
            return "".join(map(self.written, node.values))
        if isinstance(node, ast.FormattedValue):
            return self.written(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.written(node.left) + self.written(node.right)
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.Name) and node.id.isupper():
            for value in assigned(node.id, self.tree):
                if isinstance(value, ast.Constant | ast.JoinedStr | ast.BinOp):
                    return self.written(value)
        return filled(node)


def assigned(name: str, scope: ast.AST) -> list[ast.expr]:
    """What a variable of a function or a file is set to there."""
    return [
        one.value for one in (scope.body if isinstance(scope, ast.Module) else ast.walk(scope))
        if isinstance(one, ast.Assign) and name in map(ast.unparse, one.targets)
    ]  # fmt: skip


def filled(node: ast.expr) -> str:
    """What stands for a value: its name in the code."""
    if isinstance(node, ast.BoolOp):
        return filled(node.values[0])
    function = ast.unparse(node.func) if isinstance(node, ast.Call) else ast.unparse(node)
    if function in HINTS:
        return ""
    if isinstance(node, ast.Call) and function.endswith(".join"):
        return "…"
    names = [
        ast.unparse(n).rpartition(".")[2] for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)
    ]
    if WHY & set(names):
        return "{why}"
    if isinstance(node, ast.BinOp):  # 1e3 * jitter
        names.reverse()
    names = [name for name in names if name not in WORK] or names
    return f"{{{names[0].strip('_').lower().replace('_', ' ')}}}" if names else "…"


def always(text: str) -> str:
    """Of a message what is not filled in, to sort by."""
    out, depth = "", 0
    for c in text:
        depth += (c == "{") - (c == "}")
        out += "" if depth or c == "}" else c
    return out.lstrip(" :.;,'\"…()")


def one_line(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
