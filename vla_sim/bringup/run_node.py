"""`ros2 run vla_sim NODE`: one node of the table as a program of its own, in your domain and middleware."""

import os
import sys

from vla_sim.bringup import node_table
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.params import named


def usage(name: str) -> str:
    """How nodes are started; of a node that there is, with its parameters."""
    spec = next((spec for spec in node_table.EVERY if spec.name == name), None)
    lines = [f"usage: ros2 run vla_sim {name if spec else 'NODE'} --ros-args -p NAME:=VALUE"]
    if spec is None:
        return "\n".join([*lines, f"nodes: {', '.join(one.name for one in node_table.EVERY)}"])
    for key, field in named(spec.params).items():
        lines.append(f"  {key} = {field.default!r}: {field.metadata['doc']}")
    return "\n".join(lines)


def main() -> int:
    """Become the node that the first argument names; the others are its own (`--ros-args ...`). Returns an
    exit code where there is no such node, or where help was asked for."""
    modules = {spec.name: spec.module for spec in node_table.EVERY}
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(usage(name))
        return 0
    if name not in modules:
        error = InputError(f"no node is called {name!r}{nearest(name, modules)}")
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    # A new interpreter: the number of threads must be in the environment before numpy is loaded.
    line = [sys.executable, "-m", modules[name], *sys.argv[2:]]
    return os.execve(sys.executable, line, {**node_table.own(), **os.environ})


if __name__ == "__main__":
    raise SystemExit(main())
