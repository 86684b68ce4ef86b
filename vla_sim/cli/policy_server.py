"""`vla-sim policy-server`: one of our own policies behind openpi's protocol."""

import argparse
from pathlib import Path
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError
from vla_sim.stages.policy.names import OWN, REFERENCE, SCRIPTED

_milliseconds = common.number("a number from 0 to 60000", lambda value: 0.0 <= value <= 60_000.0)


def add(commands: Any) -> None:
    server = commands.add_parser("policy-server", help="one of our own policies behind openpi's protocol")
    server.add_argument(
        "policy", nargs="?", choices=OWN, default=SCRIPTED,
        help=f"{SCRIPTED}, which plans (default), or {REFERENCE}, which has learned",
    )  # fmt: skip
    server.add_argument(
        "--weights", type=Path, metavar="FILE", help="of the reference policy, in the shipped ones' place"
    )
    server.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1")
    server.add_argument(
        "--port", type=common.count, default=8000, metavar="PORT", help="default: 8000; 0: a free one"
    )
    server.add_argument(
        "--latency", type=_milliseconds, default=0.0, metavar="MS", help="that every answer takes at least"
    )
    server.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    if a.port > 65535:
        raise InputError(f"--port {a.port}: 0 to 65535 is allowed")
    if not a.host:  # which would be every address of this machine
        raise InputError("--host: give an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all")
    from vla_sim.stages.policy import server

    name = REFERENCE if a.weights is not None else a.policy

    def ready(port: int) -> None:
        words = f"serves at openpi://{a.host}:{port}, mapping {name}; Ctrl-C ends it"
        console.print(words, soft_wrap=True)

    console = common.console()
    server.serve(server.maker(name, a.weights), name, a.host, a.port, ready, 1e-3 * a.latency)
    return 0
