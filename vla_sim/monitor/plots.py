"""Plots of a monitor's report as SVG files, in the style of the scenario reports."""

from __future__ import annotations

from collections.abc import Sequence

from vla_sim.contract import limits
from vla_sim.contract.records import MonitorState
from vla_sim.monitor.core import RATES
from vla_sim.monitor.latency import budget
from vla_sim.report.charts import distribution
from vla_sim.report.curves import Panel, stacked
from vla_sim.report.page import standalone
from vla_sim.report.svg import sane


def latency(latencies: dict[str, list[float]]) -> bytes | None:
    """Each stage's latencies [ms] on its budget; None if there are none."""
    rows = [(stage, budget(stage), [v for v in values if sane(v)]) for stage, values in latencies.items()]
    return standalone(distribution([row for row in rows if row[2]]))


def machine(states: Sequence[MonitorState]) -> bytes | None:
    """CPU, memory and the watched rates over time, each with its threshold; None for less than two states."""

    def panel(title: str, threshold: str, values: Sequence[float | None]) -> Panel:
        series = [(s.mono - states[0].mono, v) for s, v in zip(states, values, strict=True) if v is not None]
        return Panel(title, series, limit=limits.THRESHOLDS[threshold].value if threshold else None)

    return standalone(stacked([
        panel("cpu [%]", "system.cpu", [s.cpu for s in states]),
        panel("memory [%]", "system.memory", [s.memory for s in states]),
        *(panel(f"{c} [Hz]", f"{c}.rate", [s.rates.get(RATES[c]) for s in states])
          for c in ("control", "perception")),
        panel("real-time factor", "", [s.real_time_factor or None for s in states]),
    ]))  # fmt: skip
