"""One HTML file about many runs, for a colleague: what held, what did not and why, how fast, how near.

    write(records, "runs/report.html")

The file needs nothing else, no network either. Times are simulated seconds since a run's first command,
latencies milliseconds of the wall clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vla_sim.contract import budgets
from vla_sim.report.page import page
from vla_sim.report.parts import Markup, Part, number, plural, tag, write_text
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.report.engines import engines_section
from vla_sim.scenario.report.run import one_run
from vla_sim.scenario.report.scenarios import run_table, scenarios_section, together
from vla_sim.scenario.report.site import Site, failed, mark, run_name
from vla_sim.scenario.statistics import (
    Rate,
    by_engine,
    by_scenario,
    first_motions,
    label,
    percentile,
    real_time_factors,
    runs_of,
    verdict,
)

TITLE = "Scenario report"
REASONS = 6  # of a run, in the list of what did not pass


def write(records: Sequence[RunRecord], path: Path | str, title: str = TITLE) -> None:
    """The file is whole or not there. Raises `InputError` if it cannot be written."""
    write_text(Path(path), render(records, title))


def render(records: Sequence[RunRecord], title: str = TITLE) -> str:
    """The page of any number of records, in the order in which they were played."""
    site = Site.of(records)
    several = len(by_engine(records)) > 1
    body = [
        _head(records, title),
        _failures(records, site),
        scenarios_section(records, site) if records else None,
        engines_section(records) if several else None,
        _runs(records, site) if records else None,
    ]
    plans = tag("svg", tag("defs", *(p.draw() for p in site.plans.values() if p)), width=0, height=0,
                style="position:absolute", aria_hidden="true")  # fmt: skip
    foot = tag("footer", "By vla_sim. A run passes by the simulator's truth, not by what the robot says.")
    return page(title, body[0], plans, tag("main", *body[1:]), foot)


# --------------------------------------------------------------------------- the head


def _head(records: Sequence[RunRecord], title: str) -> Markup:
    rate = Rate.of(records)
    missed = rate.runs - rate.passed - rate.later
    if not records:
        kind, words = "is-later", "No runs"
    elif missed:
        kind, words = "is-failed", f"✗ Failed: {missed} of {plural(rate.runs, 'run')} did not pass"
    elif rate.later:
        kind = "is-later"
        words = f"✓ Passed, but {rate.later} of {plural(rate.runs, 'run')} on a later try only"
    else:
        kind, words = "is-passed", f"✓ Passed: {f'all {rate.runs} runs' if rate.runs > 1 else 'the one run'}"
    return tag(
        "header",
        tag("h1", title),
        tag("p", words, class_=f"verdict {kind}"),
        _played(records),
        _tiles(records, rate) if records else None,
        _contents(records) if records else None,
        _versions(records),
    )


def _played(records: Sequence[RunRecord]) -> Markup:
    if not records:
        return tag("p", "There is nothing to report: no run was given.", class_="soft")
    days = sorted(r.started[:16].replace("T", " ") for r in records if r.started)
    when = "" if not days else days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    engines, worlds = ", ".join(by_engine(records)), ", ".join(dict.fromkeys(r.world for r in records))
    scenarios = plural(len(by_scenario(records)), "scenario")
    parts = [f"{when} UTC" if when else None, scenarios, f"on {engines}", f"in {worlds}"]
    return tag("p", " · ".join(p for p in parts if p), class_="soft played")


def _tiles(records: Sequence[RunRecord], rate: Rate) -> Markup:
    errors = sum(1 for tries in runs_of(records) if tries[-1].error)
    later = f"{rate.later} on a later try, not counted here" if rate.later else "at the first try"
    tiles: list[tuple[str, str, str]] = [
        ("Runs passed", f"{rate.passed} of {rate.runs}", later),
        ("Pass rate", f"{100 * rate.passed / rate.runs:.0f} %", rate.interval),
        ("Runs that broke off", str(errors), "a node or the simulator gave up"),
    ]
    totals = first_motions(records)
    if totals:
        median, high = percentile(totals, 0.5), percentile(totals, 0.95)
        note = f"median; 95 % within {number(high, 0, 'ms')}, limit {budgets.TOTAL_BUDGET.limit:.0f} ms"
        tiles.append(("First motion after", number(median, 0, "ms"), note))
    near = [(r.clearance, r) for r in records if r.clearance is not None]
    if near:
        least, record = min(near, key=lambda pair: pair[0])
        tiles.append(("Nearest approach", number(least, 2, "m"), f"{label(record)}, {run_name(record)}"))
    factors = real_time_factors(records)
    if factors:
        note = f"median; slowest {min(factors):.2f}"
        tiles.append(("Real-time factor", number(percentile(factors, 0.5), 2), note))
    return tag(
        "dl",
        *(tag("div", tag("dt", t), tag("dd", value, tag("span", note))) for t, value, note in tiles),
        class_="tiles",
    )


def _contents(records: Sequence[RunRecord]) -> Markup:
    entries = [("failures", "What did not pass"), ("scenarios", "Scenarios")]
    if len(by_engine(records)) > 1:
        entries.append(("engines", "Engines side by side"))
    entries.append(("runs", "Runs"))
    links = (tag("li", tag("a", words, href=f"#{anchor}")) for anchor, words in entries)
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _versions(records: Sequence[RunRecord]) -> Markup | None:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, version in record.versions.items():
            found.setdefault(name, {})[version] = None
    if not found:
        return None
    told = ", ".join(f"{name} {' and '.join(all_)}" for name, all_ in found.items())
    return tag("p", f"Versions: {told}", class_="soft small")


# --------------------------------------------------------------------------- what did not pass


def _failures(records: Sequence[RunRecord], site: Site) -> Markup | None:
    if not records:
        return None
    runs = runs_of(records)
    bad = [tries for tries in runs if failed(tries[-1])]
    later = [tries for tries in runs if verdict(tries[-1]) == "passed later"]
    intro = None if bad else tag("p", "Every run passed." if not later else "Every run passed in the end.")
    entries = [_entry(tries, site) for tries in bad + later]
    return tag(
        "section",
        tag("h2", "What did not pass", id="failures"),
        intro,
        tag("ul", *entries, class_="failures") if entries else None,
    )


def _entry(tries: Sequence[RunRecord], site: Site) -> Markup:
    """A run that did not pass, or not at once: why."""
    record = tries[-1]
    if failed(record):
        reasons = list(record.reasons) or ([f"broke off: {record.error}"] if record.error else [])
    else:
        told = [f"try {r.attempt}: {why}" for r in tries[:-1] for why in [r.error, *r.reasons] if why]
        reasons = told or [f"passed on try {record.attempt} only: earlier tries did not pass"]
    shown = reasons[:REASONS] or ["no reason was recorded"]
    if len(reasons) > REASONS:
        shown.append(f"and {len(reasons) - REASONS} more")
    title = tag("strong", site.link(record, label(record)))
    return tag(
        "li", mark(record), " ", title, tag("span", f" {run_name(record)}", class_="soft"),
        tag("ul", *(tag("li", r) for r in shown), class_="why"), class_=None if failed(record) else "later",
    )  # fmt: skip


# --------------------------------------------------------------------------- runs


def _runs(records: Sequence[RunRecord], site: Site) -> Markup:
    parts: list[Part] = [tag("h2", "Runs", id="runs"), tag("div", id="tools", class_="tools")]
    for name, own in by_scenario(records).items():
        parts.append(tag("h3", name, id=site.scenarios[name]))
        if own[0].proves:
            parts.append(tag("p", own[0].proves, class_="soft"))
        parts += together(own, site)
        shown = [r for r in own if id(r) in site.anchors]
        if len(own) > len(shown) or len(own) > 5:
            parts.append(run_table(own, site))
        if len(own) > len(shown):
            rest = len(own) - len(shown)
            told = f"{rest} of these are in the table alone; record.json in a run's folder has all of it."
            parts.append(tag("p", told, class_="soft small"))
        ordered = sorted(shown, key=lambda r: not failed(r))
        parts += [one_run(r, site) for r in ordered]
    return tag("section", *parts)
