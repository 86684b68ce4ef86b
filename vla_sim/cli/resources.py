"""`vla-sim resources`: who has reserved what of this machine, and what is free."""

import argparse
import time
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError


def add(commands: Any) -> None:
    parser = commands.add_parser("resources", help="what of this machine is reserved, by whom, what is free")
    common.add_flags(parser, "json")
    parser.add_argument("--release", metavar="ID", help="end a reservation; its holder goes on without it")
    parser.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.text import Text

    from vla_sim.bringup.reservations import Reservations, free
    from vla_sim.bringup.resources import UNITS

    reservations = Reservations()
    if a.release is not None:
        if a.release not in [r.id for r in reservations.held()]:
            raise InputError(f"--release {a.release}: no such reservation; vla-sim resources shows them all")
        reservations.release(a.release)
    machine, held = reservations.machine(), reservations.held()
    left = free(machine, held)
    console = Console(highlight=False, stderr=a.json == "-")
    for title, needs in (("may be reserved", machine.limit), ("unused", machine.unused), ("free", left)):
        console.print(f"{title + ':':17}{needs.text(list(UNITS))}", soft_wrap=True)
    now = time.monotonic()
    for r in held:
        ends = "with its process" if r.expires is None else f"in {(r.expires - now) / 60.0:.0f} min"
        line = f"{r.id}  {r}, for {(now - r.began) / 60.0:.0f} min, ends {ends}"
        console.print(Text(line), soft_wrap=True)
    if not held:
        console.print("nothing is reserved")
    common.write_json(a.json, [{"limit": machine.limit, "free": left, "reservations": held}])
    return 0
