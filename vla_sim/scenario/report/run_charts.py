"""Charts of runs: a command's latencies, all latencies of a scenario, a run's course over time."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from vla_sim.contract import budgets
from vla_sim.contract.budgets import Budget
from vla_sim.report import charts
from vla_sim.report.charts import Stage
from vla_sim.report.curves import Panel, stacked
from vla_sim.report.svg import Series, lowest, sane
from vla_sim.scenario.record import CommandRecord, RunRecord
from vla_sim.scenario.statistics import Rate, first_motions, latency_rows, percentile

BESIDE = ("perception",)
"""Stages that are timed by themselves, not on the way from the end of speech to the first motion."""
FAR = 2.0  # [m] of clearance, above which it does not matter how far


def source(records: Iterable[RunRecord]) -> str:
    """Where the latencies of these runs come from, in one word; "" if nothing was timed."""
    found = {
        s for record in records for c in record.commands
        for s in (*(stage.source for stage in c.stages), *([] if c.total_ms is None else [c.total_source]))
    }  # fmt: skip
    return "measured and modelled" if len(found) > 1 else next(iter(found), "")


def waterfall(command: CommandRecord, limit: float) -> Markup | None:
    """limit: of the whole way [ms]."""
    stages = [Stage(s.stage, s.milliseconds, s.limit, s.stage in BESIDE, s.source) for s in command.stages]
    budget = Budget(limit, budgets.TOTAL_BUDGET.goal)
    return charts.waterfall(stages, command.total_ms, budget, command.total_source)


def distribution(records: Sequence[RunRecord]) -> tuple[Markup, int] | None:
    """All latencies of these runs, and of how many commands; None unless there are several of one kind."""
    rows = latency_rows(records)
    count = max((len(values) for _, _, values in rows), default=0)
    chart = charts.distribution(rows) if len(records) > 1 and count > 1 else None
    return None if chart is None else (chart, count)


def rate_bar(rate: Rate) -> Markup:
    share = rate.passed / rate.runs if rate.runs else None
    return charts.rate_bar(share, rate.low, rate.high, f"pass rate {rate.text}")


def total_bar(records: Sequence[RunRecord]) -> tuple[str, Markup] | None:
    """Median and 95th percentile of the way to the first motion, in words and as a bar."""
    totals, budget = first_motions(records), budgets.TOTAL_BUDGET
    if not totals:
        return None
    median, high = percentile(totals, 0.5) or 0.0, percentile(totals, 0.95) or 0.0
    over = " over the limit" if high > budget.limit else ", goal missed" if high > budget.goal else ""
    return f"{median:.0f}, {high:.0f} ms{over}", charts.budget_bar(median, high, budget)


def course(record: RunRecord) -> Markup | None:
    """Clearance [m], processor [% of one core], memory [MB] and load level over simulated seconds, with the
    moments at which commands were given, events happened and forbidden things were touched. None if nothing
    was recorded over time."""
    near = lowest([p for p in record.near if sane(*p)], 400)
    usage = [u for u in record.usage if sane(u.stamp, u.cpu, u.memory)]
    widest = min(max(0.5, *(v for _, v in near)), FAR) if near else None
    panels = [
        Panel("clearance [m]", near, 108.0, high=widest, extreme="lowest", digits=2, unit="m",
              crosses=[t.stamp for t in record.contacts]),
        Panel("cpu [%]", [(u.stamp, u.cpu) for u in usage], extreme="highest", unit="%"),
        Panel("memory [MB]", [(u.stamp, u.memory) for u in usage], extreme="highest", unit="MB"),
        Panel("load shed [level]", _load(record), extreme="highest", unit="level"),
    ]  # fmt: skip
    begin = min([0.0, *(p.series[0][0] for p in panels if p.series)])
    moments = [(c.given, f"command {i}") for i, c in enumerate(record.commands, 1)]
    return stacked(panels, begin=begin, moments=moments, ticks=[e.stamp for e in record.events])


def _load(record: RunRecord) -> Series:
    """The level that load is shed to, as a curve of steps; empty where it never was."""
    curve, level = [(0.0, 0.0)], 0.0
    for change in record.load:
        curve += [(change.stamp, level), (change.stamp, float(change.level))]
        level = float(change.level)
    return [*curve, (max(record.simulated_seconds, curve[-1][0]), level)] if len(curve) > 1 else []
