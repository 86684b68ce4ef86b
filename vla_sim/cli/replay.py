"""`vla-sim replay`: play a recorded run to the stack again, and compare what it decides."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from vla_sim.cli import common

if TYPE_CHECKING:
    from vla_sim.recording.decisions import Decision
    from vla_sim.recording.replay import Replay


def add(commands: Any) -> None:
    replay = commands.add_parser(
        "replay", help="play a recorded run to the stack again: does it decide the same?",
        description="What the sensors saw and what was said to the robot is played in lock-step to its "
        "nodes, or to some of them. Exit code 1: they decide otherwise than they did.",
    )  # fmt: skip
    replay.add_argument("run", metavar="RUN", help="a run's folder, or its run.mcap alone")
    replay.add_argument(
        "--node", action="append", default=[], metavar="NAME",
        help="play to this one (may be repeated); default: to all; what the others said is as recorded",
    )  # fmt: skip
    common.add_flags(
        replay, "param", "robot", "domain", "out", "verbose",
        out={"help": "for logs and run.mcap of the replay; default: runs/replay-<date>-<time>"},
    )  # fmt: skip
    replay.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from vla_sim.recording.reader import Recording

    recording = Recording(a.run)
    common.check_robot(recording)
    common.load_nodes()
    from vla_sim.recording.replay import replay

    console = common.console()
    out = common.folder(a.out, "replay-")

    length = recording.end - recording.start
    with console.status("starting") as status:
        found = replay(
            recording, out, nodes=a.node, settings=a.param, domain=a.domain,
            echo=common.log_echo(console, a.verbose),
            went_on=lambda stamp: status.update(f"{stamp - recording.start:.1f} of {length:.1f} s"),
        )  # fmt: skip
    show(console, found)
    return 0 if found.same else 1


def show(console: Any, found: Replay) -> None:
    """A line for each topic; of what is not the same, both sides."""
    from rich.table import Table

    apart = [one for one in found.compared if not one.same]
    count = Counter(one.topic for one in found.compared)
    wrong = Counter(one.topic for one in apart)
    for topic in found.topics:
        words = f"{wrong[topic]} not the same" if wrong[topic] else "the same"
        console.print(f"{topic:28s} {count[topic]:4d} decisions, {words}", soft_wrap=True)
    for topic in sorted(found.shared):
        console.print(f"{topic:28s} not compared: nodes that were not played to say it, too", soft_wrap=True)
    if apart:
        table = Table("topic", "recorded", "replayed")
        for one in apart:
            table.add_row(one.topic, _cell(one.recorded), _cell(one.replayed))
        console.print(table)
    total = len(found.compared)
    console.print(
        f"{len(apart)} of {total} decisions differ" if apart else f"same decisions ({total})",
        style="bold red" if apart else "bold green",
    )
    console.print(f"the replay: {found.recording.path}", soft_wrap=True)


def _cell(one: Decision | None) -> str:
    return f"{one.stamp:.2f} s  {one.text}" if one else "nothing"
