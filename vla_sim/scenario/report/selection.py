"""Which runs the report shows in full, with how many pictures, and where their parts of the page are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vla_sim.common.errors import VlaSimError
from vla_sim.report.map_sheet import Plan
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.statistics import by_scenario, verdict
from vla_sim.world.semantic_map import World

MANY = 30  # runs of a scenario; above, those that passed are rows of a table alone
PASSED_IN_FULL, FAILED_IN_FULL = 120, 150  # runs in all that are shown with drawings
PICTURE_CHARACTERS = 3_000_000  # of all embedded pictures together
MOMENT_CHARACTERS = 36_000  # about what one moment takes: head camera and outside
MOMENTS = 8  # of a run at most


@dataclass(frozen=True)
class Selection:
    """Records are told apart by their `id()`: two may be equal.

    anchors: of each record in full, the id of its part of the page. moments: how many moments with pictures
    it may show. plans: of each world, as the records name it; None if it cannot be loaded. scenarios: the id
    of each scenario's part of the page."""

    anchors: dict[int, str]
    moments: dict[int, int]
    plans: dict[str, Plan | None]
    scenarios: dict[str, str]

    @staticmethod
    def of(records: Sequence[RunRecord]) -> Selection:
        full = _in_full(records)
        worlds = dict.fromkeys(r.world for r in full)
        return Selection(
            anchors={id(r): f"run-{i}" for i, r in enumerate(full, 1)},
            moments=moments(full),
            plans={world: _plan(f"plan-{i}", world) for i, world in enumerate(worlds)},
            scenarios={name: f"scenario-{i}" for i, name in enumerate(by_scenario(records), 1)},
        )

    def anchor(self, record: RunRecord) -> str:
        """ "" of a record that is not shown in full."""
        return self.anchors.get(id(record), "")

    def shown(self, records: Sequence[RunRecord]) -> list[RunRecord]:
        """Those that are shown in full."""
        return [r for r in records if id(r) in self.anchors]

    def plan(self, record: RunRecord) -> Plan | None:
        """Of the record's world."""
        return self.plans.get(record.world)


def moments(records: Sequence[RunRecord]) -> dict[int, int]:
    """Record's `id()` to how many moments with pictures it may show, so that all fit into the page."""
    most = PICTURE_CHARACTERS // MOMENT_CHARACTERS
    bad = [r for r in records if failed(r)]
    if len(bad) >= most:  # one of each, the last, as far as it goes
        return {id(r): 1 for r in bad[:most]}
    weights = {id(r): 2 if failed(r) else 1 for r in records}
    share = most / max(1, sum(weights.values()))
    counts = {key: min(MOMENTS, int(weight * share)) for key, weight in weights.items()}
    return counts | {id(r): max(1, counts[id(r)]) for r in bad}


def _in_full(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The records that are shown with drawings."""
    groups = by_scenario(records)
    good = [r for own in groups.values() if len(own) <= MANY for r in own if not failed(r)]
    if len(good) > PASSED_IN_FULL:  # then the first of each scenario stands for the others
        firsts = [next((r for r in own if not failed(r)), None) for own in groups.values()]
        good = [r for r in firsts if r is not None][:PASSED_IN_FULL]
    bad = [r for r in records if failed(r)][:FAILED_IN_FULL]
    chosen = {id(r) for r in [*good, *bad]}
    return [r for own in groups.values() for r in own if id(r) in chosen]


def _plan(name: str, world: str) -> Plan | None:
    try:
        return Plan.of(name, World.load(world))
    except (VlaSimError, OSError, ValueError):
        return None  # a world of another machine: the path alone is drawn


def failed(record: RunRecord) -> bool:
    """Whether this try did not pass, or broke off."""
    return not verdict(record).startswith("passed")
