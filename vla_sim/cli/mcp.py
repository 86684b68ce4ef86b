"""`vla-sim mcp`: a server of the Model Context Protocol, with which agents play runs and read verdicts."""

import argparse
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError, package
from vla_sim.common.files import user_path, writing


def add(commands: Any) -> None:
    mcp = commands.add_parser(
        "mcp", help="let an agent play runs and read their verdicts, by the Model Context Protocol on stdio"
    )
    mcp.add_argument("--out", default="runs", metavar="FOLDER", help="of all runs; default: runs")
    mcp.add_argument(
        "--scenarios", metavar="FOLDER", help="of scenarios that may be played besides the shipped"
    )
    common.add_flags(mcp, "robot")
    mcp.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    package("mcp", "the Model Context Protocol needs the package mcp: pip install mcp==2.3.0")
    common.check_gl()
    root = user_path(a.out)
    with writing(f"to {root}"):
        root.mkdir(parents=True, exist_ok=True)
    own = None if a.scenarios is None else user_path(a.scenarios).resolve()
    if own is not None and not own.is_dir():
        raise InputError(f"--scenarios {a.scenarios}: no such folder")
    from vla_sim.tool_server import server

    server.serve(root.resolve(), own)
    return 0
