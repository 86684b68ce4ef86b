"""One HTML file about many runs, for a colleague: what held, what did not and why, how fast, how near.

    write(records, "runs/report.html")

The file needs nothing else, no network either. Times are simulated seconds since a run's first command,
latencies milliseconds of the wall clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vla_sim import contract
from vla_sim.errors import VlaSimError
from vla_sim.scenario import report_svg as svg
from vla_sim.scenario.record import CommandRecord, RunRecord, Shot
from vla_sim.scenario.report_parts import (
    Markup,
    Part,
    figure,
    join,
    number,
    page,
    photo,
    plural,
    scroll,
    table,
    tag,
    write_whole,
)
from vla_sim.scenario.statistics import (
    Rate,
    by_engine,
    by_scenario,
    label,
    percentile,
    runs_of,
    verdict,
)
from vla_sim.world import World

TITLE = "Scenario report"
MANY = 30  # runs of a scenario; above, those that passed are rows of a table alone
PASSED_IN_FULL, FAILED_IN_FULL = 120, 150  # runs in all that are shown with drawings
PICTURE_CHARACTERS = 3_000_000  # of all embedded pictures together
MOMENT_CHARACTERS = 36_000  # about what one moment takes: head camera and outside
MOMENTS = 8  # of a run at most
EVENTS, LOG_LINES, REASONS = 150, 40, 6

LATENCY_APART, LATENCY_SHARE = 100.0, 0.25  # [ms] and share by which engines' medians may lie apart
PATH_APART, CLEARANCE_APART, FACTOR_SHARE = 0.5, 0.10, 0.25  # [m], [m], share

WORDS = {"passed": "✓ passed", "passed later": "✓ passed on try {}", "failed": "✗ failed", "error": "✗ error"}
CLASSES = {"passed": "is-passed", "passed later": "is-later", "failed": "is-failed", "error": "is-failed"}


def write(records: Sequence[RunRecord], path: Path | str, title: str = TITLE) -> None:
    """The file is whole or not there. Raises `InputError` if it cannot be written."""
    write_whole(Path(path), render(records, title))


def render(records: Sequence[RunRecord], title: str = TITLE) -> str:
    """The page of any number of records, in the order in which they were played."""
    site = _Site.of(records)
    several = len(by_engine(records)) > 1
    body = [
        _head(records, title),
        _failures(records, site),
        _scenarios(records, site) if records else None,
        _engines(records) if several else None,
        _runs(records, site) if records else None,
    ]
    plans = tag("svg", tag("defs", *(p.draw() for p in site.plans.values() if p)), width=0, height=0,
                style="position:absolute", aria_hidden="true")  # fmt: skip
    foot = tag("footer", "By vla_sim. A run passes by the simulator's truth, not by what the robot says.")
    return page(title, body[0], plans, tag("main", *body[1:]), foot)


@dataclass(frozen=True)
class _Site:
    """What the sections need of each other. records are told apart by their `id()`: two may be equal."""

    anchors: dict[int, str]
    """Record to the id of its part of the page; records without one are missing."""
    moments: dict[int, int]
    """Record to how many moments with pictures it may show."""
    plans: dict[str, svg.Plan | None]
    """World, as the records name it, to its plan; None if it cannot be loaded."""
    scenarios: dict[str, str]
    """Scenario to the id of its part of the page."""

    @staticmethod
    def of(records: Sequence[RunRecord]) -> _Site:
        full = _in_full(records)
        plans = {
            world: _plan(f"plan-{i}", world) for i, world in enumerate(dict.fromkeys(r.world for r in full))
        }
        return _Site(
            anchors={id(r): f"run-{i}" for i, r in enumerate(full, 1)},
            moments=_moments(full),
            plans=plans | {r.world: None for r in records if r.world not in plans},
            scenarios={name: f"scenario-{i}" for i, name in enumerate(by_scenario(records), 1)},
        )

    def link(self, record: RunRecord, words: str) -> Part:
        anchor = self.anchors.get(id(record))
        return tag("a", words, href=f"#{anchor}") if anchor else words


def _moments(records: Sequence[RunRecord]) -> dict[int, int]:
    """Record's `id()` to how many moments with pictures it may show, so that all fit into the page."""
    most = PICTURE_CHARACTERS // MOMENT_CHARACTERS
    bad = [r for r in records if _bad(r)]
    if len(bad) >= most:  # one of each, the last, as far as it goes
        return {id(r): 1 for r in bad[:most]}
    weights = {id(r): 2 if _bad(r) else 1 for r in records}
    share = most / max(1, sum(weights.values()))
    counts = {key: min(MOMENTS, int(weight * share)) for key, weight in weights.items()}
    return counts | {id(r): max(1, counts[id(r)]) for r in bad}


def _in_full(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The records that are shown with drawings."""
    groups = by_scenario(records)
    good = [r for own in groups.values() if len(own) <= MANY for r in own if not _bad(r)]
    if len(good) > PASSED_IN_FULL:  # then the first of each scenario stands for the others
        firsts = [next((r for r in own if not _bad(r)), None) for own in groups.values()]
        good = [r for r in firsts if r is not None][:PASSED_IN_FULL]
    bad = [r for r in records if _bad(r)][:FAILED_IN_FULL]
    chosen = {id(r) for r in [*good, *bad]}
    return [r for own in groups.values() for r in own if id(r) in chosen]


def _bad(record: RunRecord) -> bool:
    return not verdict(record).startswith("passed")


def _plan(name: str, world: str) -> svg.Plan | None:
    try:
        return svg.Plan.of(name, World.load(world))
    except (VlaSimError, OSError, ValueError):
        return None  # a world of somebody else's machine: the path alone is drawn


def _mark(record: RunRecord) -> Markup:
    kind = verdict(record)
    return tag("span", WORDS[kind].format(record.attempt), class_=f"mark {CLASSES[kind]}")


def _name(record: RunRecord) -> str:
    again = f", try {record.attempt}" if record.attempt > 1 else ""
    return f"seed {record.seed}, {record.engine}{again}"


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
    totals = _totals(records)
    if totals:
        median, high = percentile(totals, 0.5), percentile(totals, 0.95)
        note = f"median; 95 % within {number(high, 0, 'ms')}, limit {contract.TOTAL_BUDGET.limit:.0f} ms"
        tiles.append(("First motion after", number(median, 0, "ms"), note))
    near = [(r.clearance, r) for r in records if r.clearance is not None]
    if near:
        least, record = min(near, key=lambda pair: pair[0])
        tiles.append(("Nearest approach", number(least, 2, "m"), f"{label(record)}, {_name(record)}"))
    factors = _factors(records)
    if factors:
        note = f"median; slowest {min(factors):.2f}"
        tiles.append(("Real-time factor", number(percentile(factors, 0.5), 2), note))
    return tag(
        "dl",
        *(tag("div", tag("dt", t), tag("dd", value, tag("span", note))) for t, value, note in tiles),
        class_="tiles",
    )


def _totals(records: Iterable[RunRecord]) -> list[float]:
    """End of speech to first motion [ms] of each command that moved the robot."""
    return next((v for name, _, v in svg.latency_rows(records) if name == "first motion"), [])


def _factors(records: Iterable[RunRecord]) -> list[float]:
    return [r.real_time_factor for r in records if not r.error and r.real_time_factor > 0]


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


def _failures(records: Sequence[RunRecord], site: _Site) -> Markup | None:
    if not records:
        return None
    runs = runs_of(records)
    bad = [tries for tries in runs if _bad(tries[-1])]
    later = [tries for tries in runs if verdict(tries[-1]) == "passed later"]
    intro = None if bad else tag("p", "Every run passed." if not later else "Every run passed in the end.")
    entries = [_entry(tries, site) for tries in bad + later]
    return tag(
        "section",
        tag("h2", "What did not pass", id="failures"),
        intro,
        tag("ul", *entries, class_="failures") if entries else None,
    )


def _entry(tries: Sequence[RunRecord], site: _Site) -> Markup:
    """A run that did not pass, or not at once: why."""
    record = tries[-1]
    if _bad(record):
        reasons = list(record.reasons) or ([f"broke off: {record.error}"] if record.error else [])
    else:
        told = [f"try {r.attempt}: {why}" for r in tries[:-1] for why in [r.error, *r.reasons] if why]
        reasons = told or [f"passed on try {record.attempt} only: earlier tries did not pass"]
    shown = reasons[:REASONS] or ["no reason was recorded"]
    if len(reasons) > REASONS:
        shown.append(f"and {len(reasons) - REASONS} more")
    title = tag("strong", site.link(record, label(record)))
    return tag(
        "li", _mark(record), " ", title, tag("span", f" {_name(record)}", class_="soft"),
        tag("ul", *(tag("li", r) for r in shown), class_="why"), class_=None if _bad(record) else "later",
    )  # fmt: skip


# --------------------------------------------------------------------------- scenarios


def _scenarios(records: Sequence[RunRecord], site: _Site) -> Markup:
    rows: list[list[Part]] = []
    for name, own in by_scenario(records).items():
        engines = by_engine(own)
        for i, (engine, played) in enumerate(engines.items()):
            row = _scenario_row(engine, played)
            if i == 0:
                proves = tag("div", own[0].proves, class_="soft small") if own[0].proves else None
                title = tag("a", name, href=f"#{site.scenarios[name]}")
                row.insert(0, tag("th", title, proves, scope="rowgroup" if len(engines) > 1 else "row",
                                  rowspan=len(engines), class_="wide"))  # fmt: skip
            rows.append(row)
    heads = ["Scenario, and what it proves", "Engine", "Verdict", "Passed at once",
             "First motion: median, 95 %", "Nearest", "Real-time factor"]  # fmt: skip
    budget = contract.TOTAL_BUDGET
    caption = (
        "Passed at once: the dot is the rate, the bar its 95 % Wilson interval. First motion, from the last "
        "voiced sample: the bar ends at the median, the dot is the 95th percentile, the dashed line the goal "
        f"({budget.goal:.0f} ms), the solid one the limit ({budget.limit:.0f} ms)."
    )
    return tag(
        "section",
        tag("h2", "Scenarios", id="scenarios"),
        table(None, heads, (_typed(r) for r in rows), "scenarios"),
        tag("p", caption, class_="soft small"),
    )


def _typed(row: list[Part]) -> list[Part]:
    """The row of a further engine has no cell of its own that heads it."""
    first = row[0]
    if isinstance(first, Markup) and first.startswith("<th"):
        return row
    return [tag("td", first), *row[1:]]


def _scenario_row(engine: str, records: Sequence[RunRecord]) -> list[Part]:
    rate = Rate.of(records)
    missed = rate.runs - rate.passed - rate.later
    if missed:
        broke = sum(1 for tries in runs_of(records) if tries[-1].error)
        words = f"{missed - broke} failed" if missed > broke else ""
        words += f"{', ' if words else ''}{broke} broke off" if broke else ""
        mark = tag("span", f"✗ {words}", class_="mark is-failed")
    elif rate.later:
        mark = tag("span", f"✓ {rate.later} on a later try", class_="mark is-later")
    else:
        mark = tag("span", "✓ passed", class_="mark is-passed")
    totals = _totals(records)
    if totals:
        budget = contract.TOTAL_BUDGET
        median, high = percentile(totals, 0.5) or 0.0, percentile(totals, 0.95) or 0.0
        over = (
            " over the limit" if high > budget.limit
            else ", goal missed" if high > budget.goal else ""
        )  # fmt: skip
        words = tag("span", f"{median:.0f}, {high:.0f} ms{over}", class_="n")
        latency = join([words, svg.budget_bar(median, high, budget)])
    else:
        latency = Markup("–")
    near = [r.clearance for r in records if r.clearance is not None]
    factors = _factors(records)
    interval = tag("span", rate.interval, class_="soft small n")
    text = join([rate.counts, tag("br"), interval, svg.rate_bar(rate)])
    return [
        engine, mark, text, latency,
        tag("span", number(min(near, default=None), 2, "m"), class_="n"),
        number(percentile(factors, 0.5), 2),
    ]  # fmt: skip


# --------------------------------------------------------------------------- engines side by side


def _engines(records: Sequence[RunRecord]) -> Markup:
    engines = list(by_engine(records))
    bodies = []
    for name, own in by_scenario(records).items():
        played = by_engine(own)
        if len(played) < 2:
            continue
        rows = [tag("tr", tag("th", name, colspan=len(engines) + 2, scope="rowgroup", class_="group"))]
        for title, cells, why in _compared(played):
            shown = [tag("td", cells.get(e, "not played"), class_="n") for e in engines]
            words = f"≠ {why}" if why else tag("span", "alike", class_="soft")
            note = tag("td", words, class_=f"why-cell{' differs' if why else ''}")
            rows.append(tag("tr", tag("th", title, scope="row", class_="n"), *shown, note))
        bodies.append(tag("tbody", *rows))
    intro = (
        f"Medians, and the nearest approach of all runs. Marked ≠ is what lies apart: another share of runs "
        f"passed, first motion by more than {100 * LATENCY_SHARE:.0f} % and {LATENCY_APART:.0f} ms, path by "
        f"more than {PATH_APART:g} m, clearance by more than {CLEARANCE_APART:g} m, real-time factor by more "
        f"than {100 * FACTOR_SHARE:.0f} %."
    )
    head = tag("h2", "Engines side by side", id="engines")
    if not bodies:
        return tag("section", head, tag("p", "No scenario was played on more than one engine."))
    heads = tag("tr", *(tag("th", h, scope="col") for h in ["", *engines, "difference"]))
    grid = scroll(tag("table", tag("thead", heads), *bodies), "Engines side by side")
    return tag("section", head, tag("p", intro, class_="soft"), grid)


def _compared(played: dict[str, list[RunRecord]]) -> list[tuple[str, dict[str, str], str]]:
    """(measure, engine to its cell, why they differ or "")."""
    rates = {e: Rate.of(own) for e, own in played.items()}
    shares = {e: (r.passed / r.runs, r.later / r.runs) for e, r in rates.items()}
    why = "; ".join(_first_reason(e, played[e]) for e, (share, _) in shares.items() if share < 1.0)
    rows = [("passed", {e: r.counts for e, r in rates.items()}, why if len(set(shares.values())) > 1 else "")]
    seeds = {e: sorted({r.seed for r in own}) for e, own in played.items()}
    if len({tuple(s) for s in seeds.values()}) > 1:
        told = {e: ", ".join(map(str, s[:8])) + (" …" if len(s) > 8 else "") for e, s in seeds.items()}
        rows.append(("seeds", told, "not the same seeds were played"))
    total = {e: percentile(_totals(own), 0.5) for e, own in played.items()}
    rows.append(("first motion", {e: number(v, 0, "ms") for e, v in total.items()},
                 _apart(total, LATENCY_APART, LATENCY_SHARE, 0, "ms")))  # fmt: skip
    way = {e: percentile([r.path_length for r in own if not r.error], 0.5) for e, own in played.items()}
    rows.append(("path", {e: number(v, 1, "m") for e, v in way.items()},
                 _apart(way, PATH_APART, 0.0, 1, "m")))  # fmt: skip
    near = {e: min((r.clearance for r in own if r.clearance is not None), default=None)
            for e, own in played.items()}  # fmt: skip
    rows.append(("nearest approach", {e: number(v, 2, "m") for e, v in near.items()},
                 _apart(near, CLEARANCE_APART, 0.0, 2, "m")))  # fmt: skip
    factor = {e: percentile(_factors(own), 0.5) for e, own in played.items()}
    rows.append(("real-time factor", {e: number(v, 2) for e, v in factor.items()},
                 _apart(factor, 0.0, FACTOR_SHARE, 2, "")))  # fmt: skip
    return rows


def _first_reason(engine: str, records: Sequence[RunRecord]) -> str:
    for tries in runs_of(records):
        last = tries[-1]
        if _bad(last):
            reason = last.error or next(iter(last.reasons), "no reason was recorded")
            return f"{engine}, seed {last.seed}: {reason}"
    return f"{engine}: passed on a later try only"


def _apart(values: dict[str, float | None], least: float, share: float, digits: int, unit: str) -> str:
    """How far the largest lies from the smallest, if by more than `least` and by more than `share` of it."""
    known = {e: v for e, v in values.items() if v is not None}
    if not known:
        return ""
    missing = [e for e in values if e not in known]
    if missing:
        return f"not measured on {', '.join(missing)}"
    low, high = min(known, key=lambda e: known[e]), max(known, key=lambda e: known[e])
    apart = known[high] - known[low]
    if apart <= least or apart <= share * known[low]:
        return ""
    return f"{high} {number(apart, digits, unit)} more than {low}"


# --------------------------------------------------------------------------- runs


def _runs(records: Sequence[RunRecord], site: _Site) -> Markup:
    parts: list[Part] = [tag("h2", "Runs", id="runs"), tag("div", id="tools", class_="tools")]
    for name, own in by_scenario(records).items():
        parts.append(tag("h3", name, id=site.scenarios[name]))
        if own[0].proves:
            parts.append(tag("p", own[0].proves, class_="soft"))
        parts += _together(own, site)
        shown = [r for r in own if id(r) in site.anchors]
        if len(own) > len(shown) or len(own) > 5:
            parts.append(_run_table(own, site))
        if len(own) > len(shown):
            rest = len(own) - len(shown)
            told = f"{rest} of these are in the table alone; record.json in a run's folder has all of it."
            parts.append(tag("p", told, class_="soft small"))
        ordered = sorted(shown, key=lambda r: not _bad(r))
        parts += [_run(r, site) for r in ordered]
    return tag("section", *parts)


def _together(records: Sequence[RunRecord], site: _Site) -> list[Part]:
    """Of all runs of a scenario: latencies, and ways."""
    parts: list[Part] = []
    for engine, own in by_engine(records).items():
        rows = svg.latency_rows(own)
        if len(own) > 1 and any(len(values) > 1 for _, _, values in rows):
            chart = svg.distribution(rows)
            count = max(len(values) for _, _, values in rows)
            box = "; the box is from the 25th to the 75th percentile, the median in it" if count > 4 else ""
            caption = (
                f"Latencies on {engine}, {count} commands, a dot each{box}. The field up to the dashed line "
                "is the goal, up to the solid one the limit."
            )
            if chart is not None:
                parts.append(figure(scroll(chart, f"Latencies on {engine}"), caption))
    if len(records) > 2:
        good, bad = [r for r in records if not _bad(r)], [r for r in records if _bad(r)]
        ways = svg.ways_map(good, bad, _plan_of(records[0], site))
        if ways is not None:
            caption = (
                f"The ways of {plural(len(good), 'run')} that passed (solid) and {len(bad)} that did not "
                "(dashed); crosses are forbidden contacts."
            )
            parts.append(figure(ways, caption))
    return [tag("div", *parts, class_="pair")] if len(parts) > 1 else parts


def _plan_of(record: RunRecord, site: _Site) -> svg.Plan | None:
    return site.plans.get(record.world)


def _run_table(records: Sequence[RunRecord], site: _Site) -> Markup:
    rows = []
    for r in sorted(records, key=lambda r: not _bad(r)):
        name = tag("th", site.link(r, f"seed {r.seed}"), scope="row", class_="n")
        rows.append([
            name, r.engine, _mark(r), number(r.total_ms, 0, "ms"),
            number(None if r.error else r.path_length, 1, "m"), number(r.clearance, 2, "m"),
            number(r.real_time_factor or None, 2), number(r.wall_seconds, 0, "s"),
        ])  # fmt: skip
    heads = ["Run", "Engine", "Verdict", "First motion", "Path", "Nearest", "Real-time factor", "Took"]
    return table(f"All {len(records)} runs", heads, rows, "tight" if len(records) > 10 else "")


def _run(record: RunRecord, site: _Site) -> Markup:
    bad = _bad(record)
    facts = [
        f"first motion {number(record.total_ms, 0, 'ms')}" if record.total_ms is not None else None,
        None if record.error else f"{record.path_length:.1f} m walked",
        f"nearest {record.clearance:.2f} m" if record.clearance is not None else None,
        plural(len(record.contacts), "forbidden contact") if record.contacts else None,
    ]
    head = tag(
        "summary", _mark(record), " ", tag("h4", _name(record)),
        tag("span", " · ".join(f for f in facts if f), class_="facts"),
    )  # fmt: skip
    body = tag(
        "div",
        _why(record) if bad else None,
        _again(record),
        _spoken(record),
        _checks(record),
        _drawings(record, site),
        _frames(record, site),
        tag("div", tag("div", _events(record)), tag("div", _things(record), _log(record), _facts(record)),
            class_="pair"),
    )  # fmt: skip
    return tag("details", head, body, class_="run", open=bad, id=site.anchors[id(record)])


def _why(record: RunRecord) -> Markup:
    reasons = list(record.reasons) or ([f"broke off: {record.error}"] if record.error else [])
    entries = (tag("li", r) for r in reasons or ["no reason was recorded"])
    return tag("ul", *entries, class_="why is-failed")


def _again(record: RunRecord) -> Markup | None:
    if not record.again:
        return None
    return tag("p", "To play this run again:", tag("code", record.again, class_="all"), class_="again")


def _spoken(record: RunRecord) -> Markup | None:
    pairs = [("Commanded", record.command), ("It answered", record.answer)]
    return _pairs([(name, f"“{words}”") for name, words in pairs if words])


def _pairs(pairs: Sequence[tuple[str, str]]) -> Markup | None:
    if not pairs:
        return None
    return tag("dl", *(join([tag("dt", k), tag("dd", v)]) for k, v in pairs), class_="facts-list")


def _checks(record: RunRecord) -> Markup | None:
    if not record.checks:
        return None
    rows = [
        [c.name, tag("span", "✓ passed" if c.passed else "✗ failed",
                     class_=f"mark {'is-passed' if c.passed else 'is-failed'}"),
         tag("td", c.detail, class_="why-cell")]
        for c in sorted(record.checks, key=lambda c: c.passed)
    ]  # fmt: skip
    return join([tag("h5", "Checks"), table(None, ["What had to hold", "", "Measured"], rows)])


def _drawings(record: RunRecord, site: _Site) -> Markup | None:
    """The map, and beside it what happened over time and how long the commands took."""
    plan = _plan_of(record, site)
    map_ = svg.run_map(record, plan)
    curves = svg.timeline(record)
    way = course = None
    if map_ is not None:
        way = tag("div", tag("h5", "The way"), figure(map_, _map_caption(record, plan)))
    if curves is not None:
        told = (
            "Over simulated time: distance of the body from anything it must not touch; processor use of all "
            "nodes, 100 % being one core; their resident memory. Short strokes at the bottom are events"
        )
        told += ", crosses forbidden contacts." if record.contacts else "."
        course = join([tag("h5", "The course"), figure(scroll(curves, "Curves over time"), told)])
    beside = join([course, _commands(record)])
    if way is None or not beside:
        return way or beside or None
    return tag("div", way, tag("div", beside), class_="pair")


def _map_caption(record: RunRecord, plan: svg.Plan | None) -> str:
    told = ["From above: the way walked, a dot every 10 s." if len(record.path) > 1 else "From above."]
    if record.objects:
        moved = svg.moved(record)
        far = ", ".join(f"{name.replace('_', ' ')} by {way:.2f} m" for name, way in moved.items())
        rings = f", rings those that were moved: {far}" if far else ""
        told.append(f"Filled dots are objects at first{rings}.")
    if plan is not None and plan.world.forbidden:
        told.append("Dashed rectangles are floor that it must not enter.")
    if plan is None:
        told.append(f"The world {record.world} could not be loaded: walls and furniture are missing.")
    return " ".join(told)


def _commands(record: RunRecord) -> Markup | None:
    figures = []
    commands = svg.commands_of(record)
    for i, command in enumerate(commands, 1):
        chart = svg.waterfall(command, record.total_limit_ms)
        caption = _command_caption(i, command)
        if chart is None:
            figures.append(tag("p", caption, " No stage was timed.", class_="soft small"))
        else:
            figures.append(figure(scroll(chart, f"Latencies of command {i}"), caption))
    if not figures:
        return None
    note = "Stages one after the other, each on a pale field as wide as its limit."
    if any(s.stage in svg.BESIDE for c in commands for s in c.stages):
        note += " Perception (grey) is timed from an image to its objects, beside the others."
    return join([tag("h5", "Latency of each command"), tag("p", note, class_="soft small"), *figures])


def _command_caption(number_: int, command: CommandRecord) -> str:
    how = "spoken" if command.spoken else "typed"
    heard = f", heard “{command.heard}”" if command.spoken and command.heard != command.text else ""
    end = f" It {command.state}." if command.state in ("succeeded", "failed") else ""
    if command.state and not end:
        end = f" It was {command.state}."
    if command.detail:
        end = f"{end[:-1]}: {command.detail}." if end else f" {command.detail}."
    return f"Command {number_}, {how} at {command.given:.1f} s: “{command.text}”{heard}.{end}"


def _frames(record: RunRecord, site: _Site) -> Markup | None:
    most = site.moments.get(id(record), 0)
    shots: Sequence[Shot] = record.shots
    if most < 1 or not shots:
        return None
    if len(shots) > most:  # evenly, and the last, which shows what came of it, in any case
        at = [round(i * (len(shots) - 1) / max(1, most - 1)) for i in range(most)] if most > 1 else [-1]
        shots = [shots[i] for i in at]
    figures = []
    for shot in shots:
        head = photo(record.folder, shot.file)
        outside = photo(record.folder, shot.outside)
        when = f"{shot.stamp:.1f} s {shot.title}".strip()
        views = [head.tag(f"Head camera at {when}") if head else None,
                 outside.tag(f"From outside at {when}") if outside else None]  # fmt: skip
        if any(views):
            figures.append(figure(join(views), when))
    if not figures:
        return None
    return join([tag("h5", "What the robot saw, and how it looked"), tag("div", *figures, class_="frames")])


def _things(record: RunRecord) -> Markup | None:
    parts: list[Part] = []
    if record.contacts:
        rows = [[str(i), f"{t.a} and {t.b}", number(t.stamp, 1, "s"), number(t.force, 0, "N")]
                for i, t in enumerate(record.contacts[:20], 1)]  # fmt: skip
        more = f", the first 20 of {len(record.contacts)}" if len(record.contacts) > 20 else ""
        heads = ["", "What touched what", "First at", "Largest force"]
        parts += [tag("h5", f"Forbidden contacts{more}"), table(None, heads, rows)]
    if record.grasps:
        rows = [
            [g.object, number(g.lifted, 2, "m"), number(g.held, 1, "s"), "held" if g.passed else "not held"]
            for g in record.grasps
        ]
        parts += [tag("h5", "Grasps"), table(None, ["Object", "Lifted", "Held up", ""], rows)]
    return join(parts) if parts else None


def _events(record: RunRecord) -> Markup | None:
    if not record.events:
        return None
    events = record.events[:EVENTS]
    rows = [[tag("td", number(e.stamp, 2, "s"), class_="n"), e.text] for e in events]
    more = len(record.events) - len(events)
    note = tag("p", f"{more} later events are in record.json.", class_="soft small") if more else None
    return join([tag("h5", "Events"), table(None, ["Time", "What happened"], rows, "tight events"), note])


def _log(record: RunRecord) -> Markup | None:
    if not record.log:
        return None
    lines = tag("pre", "\n".join(record.log[-LOG_LINES:]))
    return join([tag("h5", "Last warnings and errors of the nodes"), scroll(lines, "Log")])


def _facts(record: RunRecord) -> Markup:
    facts = [
        ("Started", f"{record.started[:19].replace('T', ' ')} UTC" if record.started else ""),
        ("World", record.world),
        ("Engine", f"{record.engine}{', in lock-step' if record.lockstep else ''}"),
        ("Real-time factor", number(record.real_time_factor or None, 2)),
        ("Simulated", number(record.simulated_seconds, 1, "s")),
        ("Took", number(record.wall_seconds, 1, "s")),
        ("Ready after", number(record.ready_seconds, 1, "s")),
        ("Folder", record.folder),
    ]  # fmt: skip
    return join([tag("h5", "Facts"), _pairs([(k, v) for k, v in facts if v])])
