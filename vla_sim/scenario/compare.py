"""The same commands with the same seeds on several engines, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec

from vla_sim.scenario.record import RunRecord

MAIN_JOB = "Go to the kitchen and pick up the red cup"


@dataclass(frozen=True)
class Case:
    """What is said in which world; `later` (seconds, words) after it."""

    words: str
    world: str = "apartment"
    later: tuple[tuple[float, str], ...] = ()

    @property
    def title(self) -> str:
        return "; ".join([self.words, *(text for _, text in self.later)])


CASES = (
    Case(MAIN_JOB),
    Case("Move forward 2 meters"),
    Case("Go to the kitchen"),
    Case("Pick up the red cup", "tabletop"),
    Case("Turn left 90 degrees"),
    Case("Go to the kitchen", later=((8.0, "Stop the robot"),)),
    Case("Go to kitchen and pick up cup"),
    Case("Navigate to charging station"),
    Case("Find red ball and grasp it"),
    Case("Bring me the blue box from the bedroom"),
)
"""Every command of the main job."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One command on one engine over all seeds; medians of the runs. control_ms, total_ms: None where
    nothing had to move."""

    command: str
    world: str
    engine: str
    runs: int
    passed: int
    total_ms: float | None
    control_ms: float | None
    path_length: float
    clearance: float | None
    real_time_factor: float
    ready_seconds: float
    reasons: list[str]


def summarise(case: Case, engine: str, records: Sequence[RunRecord]) -> Row:
    """records: at least one."""
    control = [s.milliseconds for r in records for s in r.stages if s.stage == "control"]
    total = [r.total_ms for r in records if r.total_ms is not None]
    near = [r.clearance for r in records if r.clearance is not None]
    return Row(
        command=case.title, world=case.world, engine=engine, runs=len(records),
        passed=sum(r.passed for r in records),
        total_ms=median(total) if total else None,
        control_ms=median(control) if control else None,
        path_length=median(r.path_length for r in records),
        clearance=min(near) if near else None,
        real_time_factor=median(r.real_time_factor for r in records),
        ready_seconds=median(r.ready_seconds for r in records),
        reasons=[f"seed {r.seed}: {reason}" for r in records for reason in r.reasons],
    )  # fmt: skip


def compare(
    cases: Iterable[Case],
    engines: Sequence[str],
    seeds: Sequence[int],
    run: Callable[[str, Case, int], RunRecord],
    report: Callable[[Row], None],
) -> list[Row]:
    """run(engine, case, seed) does one run; each finished row is reported."""
    rows = []
    for case in cases:
        for engine in engines:
            row = summarise(case, engine, [run(engine, case, seed) for seed in seeds])
            rows.append(row)
            report(row)
    return rows


def differences(rows: Sequence[Row]) -> list[str]:
    """Commands whose verdict is not the same on every engine, in words."""
    out = []
    for command, world in dict.fromkeys((r.command, r.world) for r in rows):
        same = [r for r in rows if (r.command, r.world) == (command, world)]
        if len({r.passed == r.runs for r in same}) > 1:
            counts = ", ".join(f"{r.engine} {r.passed} of {r.runs}" for r in same)
            out.append(f'"{command}" in {world}: {counts}')
    return out
