"""`ros2 run vla_sim NODE`: one node of the table as a program of its own, in your domain and middleware."""

import os
import sys

from vla_sim.bringup import node_table
from vla_sim.common.errors import InputError, nearest


def main() -> int:
    """Become the node that the first argument names; the others are its own (`--ros-args ...`). Returns an
    exit code where there is no such node."""
    modules = {spec.name: spec.module for spec in node_table.STACK}
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in modules:
        error = InputError(f"no node is called {name!r}{nearest(name, modules)}")
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    # A new interpreter: the number of threads must be in the environment before numpy is loaded.
    line = [sys.executable, "-m", modules[name], *sys.argv[2:]]
    return os.execve(sys.executable, line, {**node_table.own(), **os.environ})


if __name__ == "__main__":
    raise SystemExit(main())
