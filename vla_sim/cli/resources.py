"""`vla-sim resources`: who has reserved what of this machine, and what is free."""

from __future__ import annotations

import argparse
import time
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError


def add(commands: Any) -> None:
    parser = commands.add_parser("resources", help="what of this machine is reserved, by whom, what is free")
    parser.add_argument("--json", metavar="FILE", help="also as a record; - for standard output")
    parser.add_argument(
        "--optimise", action="store_true", help="give back what holders measurably do not use"
    )
    parser.add_argument("--release", metavar="ID", help="end a reservation; its holder goes on without it")
    parser.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vla_sim.bringup.reservations.manager import Resources
    from vla_sim.bringup.reservations.needs import UNITS

    book = Resources()
    if a.release is not None:
        if a.release not in [r.id for r in book.reservations()]:
            raise InputError(f"--release {a.release}: no such reservation; vla-sim resources shows them all")
        book.release(a.release)
    advice = book.optimise(apply=a.optimise)
    machine, held, free = book.state()
    console = Console(highlight=False, stderr=a.json == "-")
    table = Table(box=None, pad_edge=False)
    for name in ("", *(f"{name} [{unit}]" for name, unit in UNITS.items())):
        table.add_column(Text(name, style="dim"), justify="right" if name else "left")
    for title, needs in (("may be reserved", machine.limit), ("in use now", machine.used), ("free", free)):
        table.add_row(title, *(f"{v:.1f}" if k == "cpu" else f"{v:.0f}" for k, v in needs.items()))
    console.print(table)
    now = time.monotonic()
    for r in held:
        age, left = (now - r.began) / 60.0, (r.expires - now) / 60.0
        console.print(Text(f"{r.id}  {r}, for {age:.0f} min, ends in {left:.0f} min"), soft_wrap=True)
    if not held:
        console.print("nothing is reserved")
    for one in advice:
        how = "given back" if a.optimise else "could be given back (--optimise)"
        spare = one.reservation.needs.less(one.needs)
        console.print(
            Text(f"{one.reservation.component}: used {one.used.told()}; {spare.told()} {how}"),
            soft_wrap=True,
        )  # fmt: skip
    common.write_json(a.json, [{"limit": machine.limit, "free": free, "reservations": held}])
    return 0
