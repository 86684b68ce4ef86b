"""One HTML file about many runs, for a colleague: what held, what did not and why, how fast, how near.

    write(records, "runs/report.html")

The file needs nothing else, no network either. Times are simulated seconds since a run's first command,
latencies milliseconds, said to be modelled or measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vla_sim.common.files import write_output
from vla_sim.contract import budgets
from vla_sim.report import page
from vla_sim.report.photo import Photo, photo
from vla_sim.report.text import number, plural
from vla_sim.scenario import compare, statistics
from vla_sim.scenario.record import CommandRecord, RunRecord, Shot
from vla_sim.scenario.report import run_charts, run_map
from vla_sim.scenario.report.selection import Selection, failed
from vla_sim.scenario.statistics import Rate, by_engine, by_scenario, first_motions, percentile, runs_of

TITLE = "Scenario report"
REASONS = 6  # of a run, in the list of what did not pass
EVENTS, LOG_LINES, CONTACTS = 150, 40, 20
WORDS = {"passed": "✓ passed", "passed later": "✓ passed on try {}", "failed": "✗ failed", "error": "✗ error"}
CLASSES = {"passed": "is-passed", "passed later": "is-later", "failed": "is-failed", "error": "is-failed"}


class Mark(NamedTuple):
    """A verdict in words, and the class of its colours."""

    words: str
    colour: str


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
        "title": title, "records": records, "rate": Rate.of(records), "tiles": tiles(records),
        "runs": runs_of(records), "engines": list(by_engine(records)), "scenarios": by_scenario(records),
        "selection": Selection.of(records), "comparisons": comparisons(records),
        "budget": budgets.TOTAL_BUDGET, "versions": versions(records),
    }  # fmt: skip
    return page.render(TEMPLATES, "report.html.j2", values)


def mark(record: RunRecord) -> Mark:
    kind = statistics.verdict(record)
    return Mark(WORDS[kind].format(record.attempt), CLASSES[kind])


def group_mark(records: Sequence[RunRecord]) -> Mark:
    """Of all runs of a scenario on an engine."""
    rate = Rate.of(records)
    missed = rate.runs - rate.passed - rate.later
    if missed:
        broke = sum(1 for tries in runs_of(records) if tries[-1].error)
        words = [f"{n} {what}" for n, what in ((missed - broke, "failed"), (broke, "broke off")) if n]
        return Mark(f"✗ {', '.join(words)}", "is-failed")
    if rate.later:
        return Mark(f"✓ {rate.later} on a later try", "is-later")
    return Mark("✓ passed", "is-passed")


def headline(rate: Rate) -> Mark:
    missed = rate.runs - rate.passed - rate.later
    if not rate.runs:
        return Mark("No runs", "is-later")
    if missed:
        return Mark(f"✗ Failed: {missed} of {plural(rate.runs, 'run')} did not pass", "is-failed")
    if rate.later:
        runs = plural(rate.runs, "run")
        return Mark(f"✓ Passed, but {rate.later} of {runs} on a later try only", "is-later")
    return Mark(f"✓ Passed: {f'all {rate.runs} runs' if rate.runs > 1 else 'the one run'}", "is-passed")


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


def tiles(records: Sequence[RunRecord]) -> list[tuple[str, str, str]]:
    """Title, value and note of each key figure."""
    if not records:
        return []
    rate = Rate.of(records)
    errors = sum(1 for tries in runs_of(records) if tries[-1].error)
    later = f"{rate.later} on a later try, not counted here" if rate.later else "at the first try"
    out = [
        ("Runs passed", f"{rate.passed} of {rate.runs}", later),
        ("Pass rate", f"{100 * rate.passed / rate.runs:.0f} %", rate.interval),
        ("Runs that broke off", str(errors), "a node or the simulator gave up"),
    ]
    totals = first_motions(records)
    if totals:
        high, limit = number(percentile(totals, 0.95), 0, "ms"), budgets.TOTAL_BUDGET.limit
        note = f"{run_charts.source(records)}, median; 95 % within {high}, limit {limit:.0f} ms"
        out.append(("First motion after", number(percentile(totals, 0.5), 0, "ms"), note))
    near = [(r.clearance, r) for r in records if r.clearance is not None]
    if near:
        least, record = min(near, key=lambda pair: pair[0])
        where = f"{statistics.label(record)}, {run_name(record)}"
        out.append(("Nearest approach", number(least, 2, "m"), where))
    factors = statistics.real_time_factors(records)
    if factors:
        note = f"median; slowest {min(factors):.2f}"
        out.append(("Real-time factor", number(percentile(factors, 0.5), 2), note))
    return out


def versions(records: Sequence[RunRecord]) -> dict[str, str]:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, version in record.versions.items():
            found.setdefault(name, {})[version] = None
    return {name: " and ".join(several) for name, several in found.items()}


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


def facts(record: RunRecord) -> list[tuple[str, str]]:
    """Of a run."""
    found = [
        ("Started", f"{record.started[:19].replace('T', ' ')} UTC" if record.started else ""),
        ("World", record.world),
        ("Engine", f"{record.engine}{', in lock-step' if record.lockstep else ''}"),
        ("Real-time factor", number(record.real_time_factor or None, 2)),
        ("Simulated", number(record.simulated_seconds, 1, "s")),
        ("Took", number(record.wall_seconds, 1, "s")),
        ("Ready after", number(record.ready_seconds, 1, "s")),
        ("Folder", record.folder),
    ]  # fmt: skip
    return [(name, value) for name, value in found if value]


def command_caption(place: int, command: CommandRecord) -> str:
    how = "spoken" if command.spoken else "typed"
    heard = f", heard “{command.heard}”" if command.spoken and command.heard != command.text else ""
    end = "" if not command.state else f" It was {command.state}"
    if command.state in ("succeeded", "failed"):
        end = f" It {command.state}"
    why = command.detail.removesuffix(".")
    if why:
        end = f"{end}: {why}" if end else f" {why}"
    end = f".{end}." if end else "."
    return f"Command {place}, {how} at {command.given:.1f} s: “{command.text}”{heard}{end}"


def moments(record: RunRecord, most: int) -> list[Moment]:
    """At most `most` of a run's key moments, evenly, and the last in any case, which shows what came of
    it."""
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
    mark, group_mark, headline, run_name, played, reasons, facts, command_caption, moments, failed, id,
    statistics.label, by_engine, statistics.commands_of, percentile, statistics.real_time_factors, Rate,
    run_charts.source, run_charts.total_bar, run_charts.rate_bar, run_charts.waterfall,
    run_charts.distribution, run_charts.course, run_map.run_map, run_map.ways_map, run_map.moved,
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
