"""Every check by the name that a scenario file gives it, those of installed packages too."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import metadata
from typing import Any, Union

import msgspec

from vla_sim.common.errors import InputError
from vla_sim.scenario.checks import commands, motion, objects, performance, rules
from vla_sim.scenario.checks.base import CheckSpec, Run, outcome
from vla_sim.scenario.record import Check, RunRecord

GROUP = "vla_sim.checks"  # the entry points by which other packages add checks
BUILT_IN: tuple[type[CheckSpec], ...] = (
    commands.AsCommanded, commands.Undone, commands.Outcome, commands.PlannedBy, commands.Heard,
    commands.Said, commands.Order,
    performance.Budget, performance.Latency, performance.Rate, performance.Resources, performance.Load,
    motion.NoFall, motion.NoCollision, motion.Clearance, motion.Arrival, motion.PathEfficiency,
    motion.Stands, motion.StopsWithin, objects.Grasp, objects.Placed, objects.Inside, objects.Untouched,
    rules.Never, rules.Safety, rules.Alert,
)  # fmt: skip
DEFAULT: tuple[CheckSpec, ...] = (
    commands.AsCommanded(), performance.Budget(), motion.NoFall(), motion.NoCollision()
)  # fmt: skip
"""What must hold where a scenario says nothing."""


@cache
def known() -> dict[str, type[CheckSpec]]:
    """Every check by name. Raises `InputError` for an entry point that is no check."""
    found = {str(kind.__struct_config__.tag): kind for kind in BUILT_IN}
    for point in metadata.entry_points(group=GROUP):
        try:
            kind = point.load()
        except Exception as error:
            raise InputError(
                f"check {point.name!r} ({point.value}) cannot be loaded: {error}; "
                "mend or uninstall its package"
            ) from None
        if not (isinstance(kind, type) and issubclass(kind, CheckSpec)):
            raise InputError(
                f"check {point.name!r} ({point.value}) is no subclass of CheckSpec; derive it from that"
            )
        tag = str(kind.__struct_config__.tag)
        if tag in found:
            raise InputError(
                f"check {point.name!r} ({point.value}): a check {tag!r} exists already; give it another tag"
            )
        found[tag] = kind
    return found


def union() -> Any:
    """The type of any check, for msgspec."""
    return Union[tuple(known().values())]  # noqa: UP007


def judge_all(run: Run, specs: Sequence[CheckSpec]) -> list[Check]:
    """Every check on a run; one that raises has not passed, and says why."""
    return [check for spec in specs or DEFAULT for check in _judged(spec, lambda one: one.judge(run))]


def judge_sweep(records: Sequence[RunRecord], specs: Sequence[CheckSpec]) -> list[Check]:
    """Every check over all runs of a sweep, as `judge_all`."""
    return [check for spec in specs for check in _judged(spec, lambda one: one.judge_runs(records))]


def _judged(spec: CheckSpec, judge: Callable[[CheckSpec], Check | list[Check] | None]) -> list[Check]:
    kind = str(spec.__struct_config__.tag)
    try:
        found = judge(spec)
    except Exception as error:  # a user's check must not lose the run
        why = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        found = outcome(kind, False, f"cannot be judged: {why}")
    checks = found if isinstance(found, list) else [] if found is None else [found]
    return [msgspec.structs.replace(check, kind=check.kind or kind) for check in checks]
