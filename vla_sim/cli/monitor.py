"""`vla-sim top`, `trace`, `health`: a running stack from another terminal, and what its monitor left."""

import argparse
import os
import time
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError, StackError
from vla_sim.common.files import user_path

STATE_TIMEOUT = 6.0  # [s] until the first state: discovery, then at most a second
SILENCE_TIMEOUT = 10.0  # [s] without a state after which the stack counts as ended


def add(commands: Any) -> None:
    top = commands.add_parser("top", help="watch a running stack: latencies, rates, machine, alerts")
    common.add_flags(
        top, "domain", "json",
        domain=common.HERE,
        json={"help": "with --once: the record; - for standard output"},
    )  # fmt: skip
    top.add_argument("--once", action="store_true", help="print it once and end")
    top.add_argument(
        "--timeout",
        type=common.positive,
        default=STATE_TIMEOUT,
        metavar="SECONDS",
        help="to find the monitor",
    )
    top.set_defaults(call=call_top)

    trace = commands.add_parser("trace", help="a run as a trace for ui.perfetto.dev or chrome://tracing")
    trace.add_argument("target", metavar="FOLDER", help="of a run, or the monitor's journal.jsonl")
    trace.add_argument("-o", "--out", metavar="FILE", help="default: trace.json beside the journal")
    trace.set_defaults(call=call_trace)

    health = commands.add_parser("health", help="what the monitor saw of a run, as Markdown, JSON and plots")
    health.add_argument("target", metavar="FOLDER", help="of a run, or the monitor's journal.jsonl")
    health.add_argument("-o", "--out", metavar="FOLDER", help="also write the files here")
    health.set_defaults(call=call_health)


def call_top(a: argparse.Namespace) -> int:
    if a.json and not a.once:
        raise InputError("--json writes one state: give --once with it")
    domain, ours = find_domain(a.domain)
    from vla_sim.monitor.top_view import render
    from vla_sim.monitor.viewer import Viewer

    console = common.console(a.json)
    with Viewer(domain, own_middleware=ours) as viewer:
        deadline = time.monotonic() + a.timeout
        while viewer.seen().state is None:
            if time.monotonic() > deadline:
                raise StackError(no_monitor(domain, sorted(viewer.nodes)))
            time.sleep(0.05)
        if a.once:
            console.print(render(seen := viewer.seen()))
            common.write_json(a.json, [seen.state])
            return 0
        from rich.live import Live

        whole = console.is_terminal
        with Live(render(viewer.seen()), console=console, screen=whole, auto_refresh=False) as live:
            while True:
                seen = viewer.seen()
                live.update(render(seen), refresh=True)
                if seen.age > SILENCE_TIMEOUT:
                    break
                time.sleep(0.5)
        console.print(render(seen))
        console.print(f"the stack in domain {domain} has ended", style="bold")
    return 0


def find_domain(given: int | None) -> tuple[int, bool]:
    """The domain that was given, else ROS_DOMAIN_ID, else that of the one stack here; and whether `vla-sim`
    chose its middleware. Raises `InputError`, `StackError`."""
    from vla_sim.bringup.supervisor import running_domains

    running, text = running_domains(), os.environ.get("ROS_DOMAIN_ID", "")
    if given is None and text.isdecimal():
        given = int(text)
        if given > common.LAST_DOMAIN:
            raise InputError(f"ROS_DOMAIN_ID={text}: a ROS domain id is a number from 0 to 232")
    if given is not None:
        return given, given in running
    if len(running) > 1:
        known = ", ".join(map(str, running))
        raise InputError(f"{len(running)} stacks run here: say with --domain which, one of {known}")
    if running:
        return running[0], True
    raise StackError(
        "no stack is running on this machine: start one with vla-sim run, or say with --domain where it is"
    )


def no_monitor(domain: int, nodes: list[str]) -> str:
    """Why nothing is to be seen."""
    if not nodes:
        return (
            f"no node reports in ROS domain {domain}: no stack is running there, or it is just starting; "
            "start one with vla-sim run, or say with --domain where it is"
        )
    who = ", ".join(nodes[:4]) + (" and others" if len(nodes) > 4 else "")
    return (
        f"no monitor runs in ROS domain {domain}, where {who} do: it is switched off (--no-monitor), or the "
        "run is in lock-step"
    )


def call_trace(a: argparse.Namespace) -> int:
    from vla_sim.monitor import journal, perfetto_trace

    path = journal.find(a.target)
    out = user_path(a.out) if a.out else path.with_name(perfetto_trace.FILE)
    perfetto_trace.write(journal.read(path), out)
    common.console().print(f"{out}: open it in https://ui.perfetto.dev or chrome://tracing", soft_wrap=True)
    return 0


def call_health(a: argparse.Namespace) -> int:
    from vla_sim.monitor import health, journal

    entries = journal.read(journal.find(a.target))
    console = common.console()
    console.print(health.markdown(health.health(entries)), end="", soft_wrap=True)
    if a.out:
        for path in health.write(entries, user_path(a.out)):
            console.print(f"written: {path}", soft_wrap=True)
    return 0
