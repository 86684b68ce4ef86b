"""A report's scenarios: the table of all, and of each what its runs show together."""

from __future__ import annotations

from collections.abc import Sequence

from vla_sim.contract import budgets
from vla_sim.report import charts
from vla_sim.report.map import ways_map
from vla_sim.report.parts import Markup, Part, figure, join, number, plural, scroll, table, tag
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.report.site import Site, failed, mark
from vla_sim.scenario.statistics import (
    Rate,
    by_engine,
    by_scenario,
    first_motions,
    latency_rows,
    percentile,
    real_time_factors,
    runs_of,
)


def scenarios_section(records: Sequence[RunRecord], site: Site) -> Markup:
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
    budget = budgets.TOTAL_BUDGET
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
    totals = first_motions(records)
    if totals:
        budget = budgets.TOTAL_BUDGET
        median, high = percentile(totals, 0.5) or 0.0, percentile(totals, 0.95) or 0.0
        over = (
            " over the limit" if high > budget.limit
            else ", goal missed" if high > budget.goal else ""
        )  # fmt: skip
        words = tag("span", f"{median:.0f}, {high:.0f} ms{over}", class_="n")
        latency = join([words, charts.budget_bar(median, high, budget)])
    else:
        latency = Markup("–")
    near = [r.clearance for r in records if r.clearance is not None]
    factors = real_time_factors(records)
    interval = tag("span", rate.interval, class_="soft small n")
    text = join([rate.counts, tag("br"), interval, charts.rate_bar(rate)])
    return [
        engine, mark, text, latency,
        tag("span", number(min(near, default=None), 2, "m"), class_="n"),
        number(percentile(factors, 0.5), 2),
    ]  # fmt: skip


def together(records: Sequence[RunRecord], site: Site) -> list[Part]:
    """Of all runs of a scenario: latencies, and ways."""
    parts: list[Part] = []
    for engine, own in by_engine(records).items():
        rows = latency_rows(own)
        if len(own) > 1 and any(len(values) > 1 for _, _, values in rows):
            chart = charts.distribution(rows)
            count = max(len(values) for _, _, values in rows)
            box = "; the box is from the 25th to the 75th percentile, the median in it" if count > 4 else ""
            caption = (
                f"Latencies on {engine}, {count} commands, a dot each{box}. The field up to the dashed line "
                "is the goal, up to the solid one the limit."
            )
            if chart is not None:
                parts.append(figure(scroll(chart, f"Latencies on {engine}"), caption))
    if len(records) > 2:
        good, bad = [r for r in records if not failed(r)], [r for r in records if failed(r)]
        ways = ways_map(good, bad, site.plan(records[0]))
        if ways is not None:
            caption = (
                f"The ways of {plural(len(good), 'run')} that passed (solid) and {len(bad)} that did not "
                "(dashed); crosses are forbidden contacts."
            )
            if records[0].added:
                caption += " Amber is what the scenario added, as it stood at first."
            parts.append(figure(ways, caption))
    return [tag("div", *parts, class_="pair")] if len(parts) > 1 else parts


def run_table(records: Sequence[RunRecord], site: Site) -> Markup:
    rows = []
    for r in sorted(records, key=lambda r: not failed(r)):
        name = tag("th", site.link(r, f"seed {r.seed}"), scope="row", class_="n")
        rows.append([
            name, r.engine, mark(r), number(r.total_ms, 0, "ms"),
            number(None if r.error else r.path_length, 1, "m"), number(r.clearance, 2, "m"),
            number(r.real_time_factor or None, 2), number(r.wall_seconds, 0, "s"),
        ])  # fmt: skip
    heads = ["Run", "Engine", "Verdict", "First motion", "Path", "Nearest", "Real-time factor", "Took"]
    return table(f"All {len(records)} runs", heads, rows, "tight" if len(records) > 10 else "")
