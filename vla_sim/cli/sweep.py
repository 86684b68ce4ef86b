"""`vla-sim merge`, `compare`: what several sweeps say together; and the lines that sum up a sweep."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vla_sim.cli import common
from vla_sim.common.errors import BusyError, InputError

if TYPE_CHECKING:
    from vla_sim.scenario.format import Scenario
    from vla_sim.scenario.paired import Paired
    from vla_sim.scenario.record import RunRecord, SweepCheck
    from vla_sim.scenario.sequential import Decision


def add(commands: Any) -> None:
    merging = commands.add_parser(
        "merge", help="put the parts of a sweep together (vla-sim test --shard)",
        description="One verdict and one report of a sweep whose parts were played elsewhere. Refused unless "
        "every part is there once, whole, and of the same scenarios, seeds, flags and versions.",
    )  # fmt: skip
    merging.add_argument("folders", nargs="+", metavar="FOLDER", help="of a part, as vla-sim test wrote it")
    merging.add_argument("--junit", metavar="FILE", help="also write JUnit XML here")
    common.add_flags(
        merging, "json", "out", json={"help": "also write all records here; - for standard output"},
        out={"help": "default: runs/merge-<date>-<time>; report.html is in it"},
    )  # fmt: skip
    merging.set_defaults(call=merge)

    comparing = commands.add_parser(
        "compare", help="two sweeps of the same seeds beside each other: which passes more often, is faster",
        description="Runs are compared in pairs of the same scenario, engine and seed. Exit code 1: the "
        "second passes less often, or moves later.",
    )  # fmt: skip
    comparing.add_argument("first", metavar="A", help="the folder of a sweep, as vla-sim test wrote it")
    comparing.add_argument("second", metavar="B", help="that of another, of another version for instance")
    comparing.set_defaults(call=compare)


def merge(a: argparse.Namespace) -> int:
    from vla_sim.scenario.load import loads
    from vla_sim.scenario.sweep import shards

    sweep, records = shards.merge(a.folders)
    folder, console = common.folder(a.out, "merge-"), common.console(a.json)
    sweep.write(folder)
    shards.write_records(records, folder)
    scenarios = {name: loads(text, name) for name, text in sweep.scenarios.items()}
    return leave(a, folder, console, records, scenarios)


def compare(a: argparse.Namespace) -> int:
    from vla_sim.scenario import paired
    from vla_sim.scenario.sweep import shards

    found = paired.compare(shards.records(a.first), shards.records(a.second))
    if not any(one.pairs for one in found):
        raise InputError(
            f"{a.first} and {a.second} have no judged run in common: give two sweeps of the same scenarios, "
            "engines and seeds"
        )
    show_pairs(common.console(), found, a.first, a.second)
    return 1 if any(one.worse for one in found) else 0


def leave(
    a: argparse.Namespace, folder: Any, console: Any, records: Sequence[RunRecord],
    scenarios: Mapping[str, Scenario], decisions: Mapping[tuple[str, str], Decision] | None = None,
    incomplete: bool = False,
) -> int:  # fmt: skip
    """Write a sweep's report and what else was asked for, print its verdicts; the exit code. decisions: where
    the rate was to be decided, by scenario and engine. incomplete: whether it ended before its last run."""
    from vla_sim.scenario import junit
    from vla_sim.scenario.report import html_report

    over = over_all(records, scenarios)
    title = f"{html_report.TITLE} (ended before the last run)" if incomplete else html_report.TITLE
    html_report.write(records, folder / "report.html", title, over)
    if a.junit:
        junit.write(records, a.junit, over)
    common.write_json(a.json, list(records))
    code = verdicts(console, records, over, decisions or {})
    console.print(f"report: {folder / 'report.html'}", soft_wrap=True)
    return code


def over_all(records: Sequence[RunRecord], scenarios: Mapping[str, Scenario]) -> list[SweepCheck]:
    """What had to hold over all runs of each scenario on each engine."""
    from vla_sim.scenario.checks.registry import judge_sweep
    from vla_sim.scenario.record import SweepCheck
    from vla_sim.scenario.result import spoilt
    from vla_sim.scenario.statistics import grouped

    found = []
    for (name, engine), mine in grouped(records, lambda r: (r.scenario, r.engine)).items():
        for check in judge_sweep(mine, scenarios[name].expect):
            busy = (spoilt([check], r.total_source, r.others) for r in mine)
            why = next(filter(None, busy), "")
            found.append(SweepCheck(scenario=name, engine=engine, check=check, unjudged=why))
    return found


def verdicts(
    console: Any, records: Sequence[RunRecord], over: Sequence[SweepCheck],
    decisions: Mapping[tuple[str, str], Decision],
) -> int:  # fmt: skip
    """A line for each scenario on each engine, its checks over all runs, and what goes with its failures."""
    from vla_sim.scenario.sensitivity import factors
    from vla_sim.scenario.statistics import Rate, grouped

    code = common.exit_code(records) if not decisions else 0
    several = len({r.engine for r in records}) > 1
    for (name, engine), mine in grouped(records, lambda r: (r.scenario, r.engine)).items():
        rate = Rate.of(mine)
        style = "red" if rate.passed < rate.runs else "yellow" if rate.unjudged else ""
        console.print(f"{name} on {engine}: {rate.text}" if several else f"{name}: {rate.text}",
                      style=style, soft_wrap=True)  # fmt: skip
        decision = decisions.get((name, engine))
        if decision is not None:
            console.print(f"  {decision.text}", soft_wrap=True)
            code = code if decision.side == "above" else 1
        for factor in factors(mine):
            if factor.significant:
                console.print(f"  {factor.text}", soft_wrap=True)
        for one in over:
            if (one.scenario, one.engine) == (name, engine):
                missed = f"not judged, {one.unjudged}" if one.unjudged else "FAIL"
                console.print(f"  {'ok' if one.check.passed else missed}  {one.text}", soft_wrap=True)
                if not one.check.passed and code != 1:
                    code = BusyError.exit_code if one.unjudged else 1
    return code


def show_pairs(console: Any, pairs: Sequence[Paired], first: str, second: str) -> None:
    """What differs between two sweeps, scenario by scenario."""
    console.print(f"{second} beside {first}: differences are second minus first", soft_wrap=True)
    for one in pairs:
        style = "red" if one.worse else "green" if one.verdict == "better" else ""
        word = {"as often": "passes as often", "cannot tell": "cannot tell which passes more often"}
        counts = f"both {one.both}, first alone {one.lost}, second alone {one.won}, neither {one.neither}"
        what = word.get(one.verdict, f"passes {'less' if one.verdict == 'worse' else 'more'} often")
        test = f"; McNemar's exact test, p = {one.p_value:.3f}" if one.lost + one.won else ""
        console.print(f"{one.scenario} on {one.engine}: {what} ({counts}{test})", style=style, soft_wrap=True)
        for apart in one.differences:
            console.print(
                f"  {apart.title}: {apart.text}", style="red" if apart.worse else "", soft_wrap=True
            )
        if one.single:
            console.print(f"  {one.single} without a twin or a verdict", style="yellow", soft_wrap=True)
