"""`vla-sim doctor`: what of the machine a run misses, and what that costs."""

import argparse
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import MissingError

STYLES = {"OK": "green", "WARN": "yellow", "FAIL": "bold red"}


def add(commands: Any) -> None:
    doctor = commands.add_parser(
        "doctor", help="look at the machine: what is missing, what it costs, what to do; exit code 3: no run"
    )
    common.add_flags(doctor, "json", json={"help": "also write the findings here; - for standard output"})
    doctor.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from rich.text import Text

    from vla_sim.bringup import doctor
    from vla_sim.report.text import plural

    console = common.console(a.json)
    findings = doctor.examine()
    for one in findings:
        line = Text(f"{one.state:4}  ", STYLES[one.state]) + Text(f"{one.what:14} {one}", "default")
        console.print(line, soft_wrap=True)
    common.write_json(a.json, findings)
    if doctor.possible(findings):
        warnings = plural(sum(one.state == "WARN" for one in findings), "warning")
        console.print(f"a run is possible ({warnings})", style="bold")
        return 0
    console.print("no run is possible before each FAIL is mended", style="bold red")
    return MissingError.exit_code
