"""One HTML file about many runs, for a colleague: what held, what did not and why, how fast, how near.

    write(records, "runs/report.html")

The file needs nothing else, no network either. Times are simulated seconds since a run's first command,
latencies milliseconds, said to be modelled or measured.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vla_sim.common.files import write_output
from vla_sim.contract import budgets
from vla_sim.report import page
from vla_sim.report.photo import Photo, photo
from vla_sim.report.text import plural
from vla_sim.scenario import compare, statistics
from vla_sim.scenario.record import RunRecord, Shot
from vla_sim.scenario.report import run_charts, run_map
from vla_sim.scenario.report.selection import Selection, failed
from vla_sim.scenario.statistics import Rate, by_engine, by_scenario, first_motions, percentile, runs_of

TITLE = "Scenario report"
REASONS = 6  # of a run, in the list of what did not pass
EVENTS, LOG_LINES, CONTACTS = 150, 40, 20


class Mark(NamedTuple):
    """A verdict in words, and the class of its colours."""

    words: str
    colour: str


MARKS = {
    "passed": Mark("✓ passed", "is-passed"), "passed later": Mark("✓ passed on try {}", "is-later"),
    "failed": Mark("✗ failed", "is-failed"), "error": Mark("✗ error", "is-failed"),
}  # fmt: skip


class Moment(NamedTuple):
    """What was seen at a key moment. when: in words."""

    when: str
    head: Photo | None
    outside: Photo | None


def write(records: Sequence[RunRecord], path: Path | str, title: str = TITLE) -> None:
    """The file is whole or not there. Raises `InputError` if it cannot be written."""
    write_output(Path(path), render(records, title).encode())


def render(records: Sequence[RunRecord], title: str = TITLE) -> str:
    """The page of any number of records, in the order in which they were played."""
    values: dict[str, Any] = {
        "title": title, "records": records, "rate": Rate.of(records), "runs": runs_of(records),
        "engines": list(by_engine(records)), "scenarios": by_scenario(records), "versions": versions(records),
        "comparisons": comparisons(records), "selection": Selection.of(records),
        "budget": budgets.TOTAL_BUDGET,
    }  # fmt: skip
    return page.render(TEMPLATES, "report.html.j2", values)


def mark(record: RunRecord) -> Mark:
    words, colour = MARKS[statistics.verdict(record)]
    return Mark(words.format(record.attempt), colour)


def run_name(record: RunRecord) -> str:
    again = f", try {record.attempt}" if record.attempt > 1 else ""
    return f"seed {record.seed}, {record.engine}{again}"


def played(records: Sequence[RunRecord]) -> str:
    """When, how much, on what and where."""
    days = sorted(r.started[:16].replace("T", " ") for r in records if r.started)
    when = "" if not days else f"{days[0]} UTC" if days[0] == days[-1] else f"{days[0]} to {days[-1]} UTC"
    engines, worlds = ", ".join(by_engine(records)), ", ".join(dict.fromkeys(r.world for r in records))
    scenarios = plural(len(by_scenario(records)), "scenario")
    return " · ".join(filter(None, [when, scenarios, f"on {engines}", f"in {worlds}"]))


def nearest(records: Sequence[RunRecord]) -> RunRecord | None:
    """The run that came nearest to what it must not touch."""
    measured = [r for r in records if r.clearance is not None]
    return min(measured, key=lambda r: r.clearance or 0.0, default=None)


def versions(records: Sequence[RunRecord]) -> dict[str, str]:
    names = dict.fromkeys(name for r in records for name in r.versions)
    of = {name: dict.fromkeys(r.versions[name] for r in records if name in r.versions) for name in names}
    return {name: " and ".join(several) for name, several in of.items()}


def comparisons(records: Sequence[RunRecord]) -> dict[str, list[compare.Measure]]:
    """Of each scenario that was played on several engines, what was measured side by side."""
    played = {name: by_engine(own) for name, own in by_scenario(records).items()}
    return {name: compare.compared(own) for name, own in played.items() if len(own) > 1}


def reasons(tries: Sequence[RunRecord]) -> list[str]:
    """Why a run did not pass, or not at once."""
    record = tries[-1]
    if failed(record):
        found = list(record.reasons) or ([f"broke off: {record.error}"] if record.error else [])
        return found or ["no reason was recorded"]
    found = [f"try {r.attempt}: {why}" for r in tries[:-1] for why in [r.error, *r.reasons] if why]
    return found or [f"passed on try {record.attempt} only: earlier tries did not pass"]


def moments(record: RunRecord, most: int) -> list[Moment]:
    """At most `most` of a run's key moments, evenly, always with the last: what came of it."""
    shots: Sequence[Shot] = record.shots if most > 0 else ()
    if len(shots) > most:
        at = [round(i * (len(shots) - 1) / (most - 1)) for i in range(most)] if most > 1 else [-1]
        shots = [shots[i] for i in at]
    found = []
    for shot in shots:
        head, outside = photo(record.folder, shot.file), photo(record.folder, shot.outside)
        if head or outside:
            found.append(Moment(f"{shot.stamp:.1f} s {shot.title}".strip(), head, outside))
    return found


HELPERS = (
    mark, run_name, played, nearest, reasons, moments, failed, id, Rate, by_engine, runs_of, first_motions,
    percentile, statistics.label, statistics.commands_of, statistics.real_time_factors, run_charts.source,
    run_charts.total_bar, run_charts.rate_bar, run_charts.waterfall, run_charts.distribution,
    run_charts.course, run_map.run_map, run_map.ways_map, run_map.moved,
)  # fmt: skip
TEMPLATES = page.environment("vla_sim.scenario.report")
TEMPLATES.globals |= {one.__name__: one for one in HELPERS} | {
    "REASONS": REASONS, "EVENTS": EVENTS, "LOG_LINES": LOG_LINES, "CONTACTS": CONTACTS, "RULE": compare.RULE,
    "BESIDE": run_charts.BESIDE,
}  # fmt: skip
TEMPLATES.filters["spoken"] = run_map.spoken
TEMPLATES.tests |= {
    "failed": failed,
    "failed_at_last": lambda tries: failed(tries[-1]),
    "passed_later": lambda tries: statistics.verdict(tries[-1]) == "passed later",
}
