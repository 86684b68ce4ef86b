"""`vla-sim fault`: break something of a running stack on purpose, for a while, and mend it; `fault-table`:
everything in every phase of a job."""

from __future__ import annotations

import argparse
import contextlib
import time
import uuid
from typing import Any

from vla_sim.cli import common
from vla_sim.cli.monitor import find_domain
from vla_sim.common.errors import INTERRUPTED, InputError, StackError
from vla_sim.report.text import plural

ANSWER_TIMEOUT = 20.0
"""[s] for whoever started the stack to be found and to answer: a node that is killed is waited for."""
_share = common.number("a number from 0 to 1", lambda value: 0.0 <= value <= 1.0)


def add(commands: Any) -> None:
    fault = commands.add_parser(
        "fault", help="break something of a running stack on purpose: nodes, topics, sensors, the machine"
    )
    fault.add_argument("kind", nargs="?", metavar="KIND", help="of fault; left out: show what is in force")
    fault.add_argument("target", nargs="?", metavar="TARGET", default="", help="a node, topic or sensor")
    fault.add_argument("--list", action="store_true", help="show every kind of fault")
    fault.add_argument(
        "--at", default="", metavar="NODE",
        help="the one node at which a topic is disturbed, or the other of two",
    )  # fmt: skip
    fault.add_argument(
        "--seconds", type=common.positive, metavar="SECONDS",
        help="how long; the command waits for the end, and Ctrl-C ends it early. Left out: until --clear",
    )  # fmt: skip
    fault.add_argument("--share", type=_share, default=1.0, metavar="SHARE", help="of the messages, 0 to 1")
    fault.add_argument("--amount", type=float, metavar="AMOUNT", help="how much, in the kind's unit")
    fault.add_argument("--clear", action="store_true", help="end every fault")
    common.add_flags(
        fault, "seed", "domain", seed={"help": "of what is random in it"},
        domain=common.HERE,
    )  # fmt: skip
    fault.set_defaults(call=call)
    add_table(commands)


def call(a: argparse.Namespace) -> int:
    console = common.console()
    if a.list:
        if a.kind:
            raise InputError(f"--list shows every kind of fault: leave {a.kind} out")
        console.print(kinds())
        return 0
    if a.clear and a.kind:
        raise InputError(f"give either a fault, {a.kind}, or --clear")
    from vla_sim.contract import faults
    from vla_sim.contract.records import FaultRequest
    from vla_sim.scenario.fault_host import ALL

    made = _made(a) if a.kind else None
    domain, ours = find_domain(a.domain)
    from vla_sim.scenario.fault_client import FaultClient

    with FaultClient(domain, own_middleware=ours) as client:
        state = client.find(ANSWER_TIMEOUT)
        if state is None:
            raise StackError(
                f"nobody breaks anything in ROS domain {domain}: vla-sim stack, run and soak do, and "
                "ros2 launch does for its simulation; but not in lock-step, and not on a robot"
            )
        if made is None:
            if a.clear:
                _ask(client, FaultRequest(request_id=_new("clear"), end=ALL))
                ended = plural(len(state.faults), "fault") if state.faults else "nothing was in force"
                console.print(f"over: {ended}")
            else:
                for one in state.faults:
                    console.print(faults.words(one))
                if not state.faults:
                    console.print("no fault is in force; vla-sim fault --list shows what can be")
            return 0
        try:
            _ask(client, FaultRequest(request_id=made.fault_id, begin=made))
            console.print(f"fault: {faults.words(made)}")
            if not a.seconds:
                return 0
            while client.in_force(made.fault_id):
                time.sleep(0.05)
        except KeyboardInterrupt:
            with contextlib.suppress(InputError):  # it has not begun, or is over
                _ask(client, FaultRequest(request_id=_new("end"), end=made.fault_id))
            console.print("over: ended early")
            return INTERRUPTED
        console.print(f"over: {faults.words(made)}")
    return 0


def _made(a: argparse.Namespace) -> Any:
    """The fault that the arguments describe. Raises `InputError`."""
    from vla_sim.bringup.node_table import STACK
    from vla_sim.contract import faults
    from vla_sim.contract.records import Fault

    fault = Fault(
        fault_id=_new("fault"), kind=a.kind[:64], target=a.target, at=a.at, seconds=a.seconds or 0.0,
        share=a.share, amount=a.amount, seed=a.seed,
    )  # fmt: skip
    return faults.check(fault, [spec.name for spec in STACK])


def _new(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def _ask(client: Any, request: Any) -> None:
    """Raises `InputError` with why it was refused, `StackError` where nobody answers."""
    answer = client.ask(request, ANSWER_TIMEOUT)
    if answer is None:
        raise StackError("the stack does not answer any more: it has ended, or is just ending")
    if answer:
        raise InputError(answer)


def kinds() -> Any:
    """The table of faults."""
    from rich.table import Table

    from vla_sim.contract import faults

    table = Table("fault", "of", "amount (usual)", "what happens")
    for name, kind in faults.KINDS.items():
        amount = f"{kind.amount} ({kind.usual:g})" if kind.amount else ""
        table.add_row(name, faults.whom(kind), amount, kind.does)
    return table


def add_table(commands: Any) -> None:
    table = commands.add_parser(
        "fault-table", help="play faults in every phase of a job, and show what the robot does"
    )
    table.add_argument(
        "--only", action="append", default=[], metavar="WORDS",
        help="cases with these words in their name (may be repeated)",
    )  # fmt: skip
    table.add_argument("--show", action="store_true", help="play nothing, show the results that there are")
    table.add_argument(
        "--results", default="fault_results.jsonl", metavar="FILE",
        help="results, a line each; what is in it is not played again",
    )  # fmt: skip
    table.add_argument("--again", action="store_true", help="play those that broke again")
    table.add_argument(
        "--together", type=common.count, default=12, metavar="N", help="cases in one run, at most"
    )
    table.add_argument(
        "--minutes", type=common.positive, default=1e6, metavar="MINUTES",
        help="begin nothing new after so long",
    )  # fmt: skip
    common.add_flags(table, "engine", "sensors", "seed", "speed", "out", speed={"default": "max"},
                     out={"help": "for the runs' logs; default: runs/faults-<date>-<time>"})  # fmt: skip
    table.set_defaults(call=call_table)


def call_table(a: argparse.Namespace) -> int:
    from pathlib import Path

    common.check_gl()
    path = Path(a.results).expanduser()
    from vla_sim.bringup.node_table import StackOptions
    from vla_sim.scenario import fault_cases
    from vla_sim.scenario.terminal import Display

    known = fault_cases.cases()
    for words in a.only:
        if not any(words in case.name for case in known):
            raise InputError(f"--only {words!r}: no case has these words; one is 'walking: freeze safety'")
    wanted = [case for case in known if not a.only or any(words in case.name for words in a.only)]
    if a.show and not path.exists():
        raise InputError(f"--results {path}: there is no such file; leave out --show, and cases are played")
    fault_cases.read(path)  # what is wrong with it is said before anything is played
    console = common.console()
    if not a.show:
        from vla_sim.scenario import fault_course

        common.load_nodes()
        stack = StackOptions(
            engine=a.engine, sensors=a.sensors, seed=a.seed, speed=common.speed(a.speed), monitor=False
        )
        end = time.monotonic() + 60.0 * a.minutes
        with Display(console) as display:
            fault_course.play_all(
                wanted, stack, path, common.folder(a.out, "faults-"), display, max(1, a.together),
                lambda: time.monotonic() < end, again=a.again,
            )  # fmt: skip
    found = fault_cases.read(path)
    mine = [found[k] for k in (fault_cases.key(a.engine, case.name) for case in wanted) if k in found]
    console.print(fault_cases.table(mine))
    unheard = sum(one.state == fault_cases.UNHEARD for one in mine)
    broke = sum(not one.held for one in mine)
    console.print(
        f"{len(mine) - unheard} of {len(wanted) - unheard} cases played, {len(mine) - unheard - broke} held, "
        f"{broke} broke; {unheard} of topics that no node listens to"
    )
    return 1 if broke or len(mine) < len(wanted) else 0
