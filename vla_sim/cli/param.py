"""`vla-sim param`: read and set parameters of a running stack's nodes."""

from __future__ import annotations

import argparse
from typing import Any

from vla_sim.cli import common
from vla_sim.cli.monitor import find_domain


def add(commands: Any) -> None:
    param = commands.add_parser("param", help="show and set parameters of a running stack's nodes")
    param.add_argument(
        "settings", nargs="+", metavar="NODE.NAME[=VALUE]",
        help="as safety.max_forward=0.4; without a value: show what it is now",
    )  # fmt: skip
    common.add_flags(param, "domain", domain=common.HERE)
    param.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from vla_sim.bringup import parameters

    wanted = [
        parameters.of_word(word, "") if "=" in word else (*parameters.of_name(word), None)
        for word in a.settings
    ]  # all of them, before any is set
    domain, ours = find_domain(a.domain)
    from vla_sim.bringup.parameter_client import ParameterClient

    console = common.console()
    with ParameterClient(domain, own_middleware=ours) as client:
        for node, name, value in wanted:
            if value is not None:
                client.set(node, name, value)
            console.print(f"{node}.{name}={client.get(node, name)}", soft_wrap=True)
    return 0
