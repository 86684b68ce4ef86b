"""Engines side by side: what was measured of one scenario on each, and where they lie apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vla_sim.report.text import number
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.statistics import Rate, first_motions, percentile, real_time_factors, runs_of

LATENCY_APART, LATENCY_SHARE = 100.0, 0.25  # [ms] and share by which engines' medians may lie apart
PATH_APART, CLEARANCE_APART, FACTOR_SHARE = 0.5, 0.10, 0.25  # [m], [m], share
RULE = (
    f"Medians, and the nearest approach of all runs. Marked ≠ is what lies apart: another share of runs "
    f"passed, first motion by more than {100 * LATENCY_SHARE:.0f} % and {LATENCY_APART:.0f} ms, path by "
    f"more than {PATH_APART:g} m, clearance by more than {CLEARANCE_APART:g} m, real-time factor by more "
    f"than {100 * FACTOR_SHARE:.0f} %."
)
FIGURES: tuple[tuple[str, Callable[[list[RunRecord]], float | None], float, float, int, str], ...] = (
    ("first motion", lambda own: percentile(first_motions(own), 0.5), LATENCY_APART, LATENCY_SHARE, 0, "ms"),
    ("path", lambda own: percentile([r.path_length for r in own if not r.error], 0.5),
     PATH_APART, 0.0, 1, "m"),
    ("nearest approach", lambda own: min((r.clearance for r in own if r.clearance is not None), default=None),
     CLEARANCE_APART, 0.0, 2, "m"),
    ("real-time factor", lambda own: percentile(real_time_factors(own), 0.5), 0.0, FACTOR_SHARE, 2, ""),
)  # fmt: skip
"""Title, value of an engine's runs, by how much and which share engines may lie apart, digits, unit."""


@dataclass(frozen=True)
class Measure:
    """title; cells: engine to its figure in words; apart: how they differ, "" where they are alike."""

    title: str
    cells: dict[str, str]
    apart: str


def compared(played: dict[str, list[RunRecord]]) -> list[Measure]:
    """played: one scenario's records by engine."""
    rates = {e: Rate.of(own) for e, own in played.items()}
    shares = {e: (r.passed / r.runs, r.later / r.runs) for e, r in rates.items()}
    why = "; ".join(_first_reason(e, played[e]) for e, (share, _) in shares.items() if share < 1.0)
    different = len(set(shares.values())) > 1
    rows = [Measure("passed", {e: r.counts for e, r in rates.items()}, why if different else "")]
    seeds = {e: sorted({r.seed for r in own}) for e, own in played.items()}
    if len({tuple(s) for s in seeds.values()}) > 1:
        words = {e: ", ".join(map(str, s[:8])) + (" …" if len(s) > 8 else "") for e, s in seeds.items()}
        rows.append(Measure("seeds", words, "not the same seeds were played"))
    for title, of, least, share, digits, unit in FIGURES:
        values = {e: of(own) for e, own in played.items()}
        cells = {e: number(v, digits, unit) for e, v in values.items()}
        rows.append(Measure(title, cells, _apart(values, least, share, digits, unit)))
    return rows


def _first_reason(engine: str, records: Sequence[RunRecord]) -> str:
    for tries in runs_of(records):
        last = tries[-1]
        if not last.passed:
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
