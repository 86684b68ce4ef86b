"""Checks of the whole run: what must never be, safety's levels, alerts."""

import itertools
import math
from typing import ClassVar, Literal

from vla_sim.common.errors import InputError, nearest
from vla_sim.contract.limits import THRESHOLDS
from vla_sim.scenario.checks.base import CheckSpec, Run, outcome
from vla_sim.scenario.format import NODES, Name, Positive, exactly_one
from vla_sim.scenario.judge import fastest
from vla_sim.scenario.record import Check
from vla_sim.scenario.targets import Named, as_model, object_name
from vla_sim.world.semantic_map import ROBOT

COMPONENTS = tuple(one.component for one in THRESHOLDS.values() if one.component != "node")
"""Of which the monitor raises alerts, besides those of nodes."""


class Never(CheckSpec, frozen=True, kw_only=True, tag="never"):
    """Something that must not be at any moment; exactly one of: faster_than [m/s, over half a second],
    nearer_than [m], inside [x0, y0, x1, y1] (the pelvis), below [m] (an `object`'s height), safety (a
    level), touched (a model)."""

    faster_than: Positive | None = None
    nearer_than: Positive | None = None
    inside: tuple[float, float, float, float] | None = None
    below: float | None = None
    object: Name | None = None
    safety: Literal["slowed", "stopped", "estop"] | None = None
    touched: Name | None = None

    KINDS: ClassVar[tuple[str, ...]] = (
        "faster_than", "nearer_than", "inside", "below", "safety", "touched",
    )  # fmt: skip

    def __post_init__(self) -> None:
        exactly_one(self, self.KINDS)
        if (self.below is None) != (self.object is None):
            raise ValueError("below and object belong together: give both, or neither")

    def names(self) -> list[Named]:
        if self.touched:
            return [("model", self.touched)]
        return [("object", self.object)] if self.object else []

    def judge(self, run: Run) -> Check:
        kind = exactly_one(self, self.KINDS)
        name = f"never {kind.replace('_', ' ')} {getattr(self, kind)}"
        when, detail = self._broken(run)
        if when is None:
            return outcome(name, True, detail)
        return outcome(name, False, f"{detail} at {when - run.begin:.1f} s")

    def _broken(self, run: Run) -> tuple[float | None, str]:
        truths = [t for t in run.recording.truths if t.stamp >= run.begin]
        if self.faster_than is not None:
            worst, when = fastest(truths, 0.5)
            return (when if worst > self.faster_than else None), f"{worst:.2f} m/s"
        if self.nearer_than is not None:
            near = min(truths, key=lambda t: t.clearance)
            return (near.stamp if near.clearance < self.nearer_than else None), f"{near.clearance:.3f} m"
        if self.inside is not None:
            x0, y0, x1, y1 = self.inside
            hit = next((t for t in truths if x0 <= t.robot[0] <= x1 and y0 <= t.robot[1] <= y1), None)
            return (hit.stamp if hit else None), "inside" if hit else "outside all the time"
        if self.below is not None and self.object is not None:
            key = object_name(run.world, self.object, run.recording.truths[0])
            low = min(truths, key=lambda t: t.objects[key][2])
            height = low.objects[key][2]
            return (low.stamp if height < self.below else None), f"{height:.2f} m"
        if self.safety is not None:
            levels = itertools.pairwise([*run.recording.safety, (math.inf, "", "")])
            hit_at = next(  # one that began before may still hold
                (max(stamp, run.begin) for (stamp, level, _), (end, _, _) in levels
                 if level == self.safety and end > run.begin), None,
            )  # fmt: skip
            return hit_at, self.safety if hit_at is not None else "not reached"
        for (a, b), reports in sorted(run.recording.touches.items()):
            if {ROBOT, as_model(self.touched or "")} <= {as_model(a), as_model(b)}:
                return reports[0][0], f"{a} and {b}"
        return None, "not touched"


class Safety(CheckSpec, frozen=True, kw_only=True, tag="safety"):
    """The safety node reaches this level, within `seconds` of the first command if given."""

    level: Literal["slowed", "stopped", "estop"]
    seconds: Positive | None = None

    def judge(self, run: Run) -> Check:
        found = [(s, why) for s, level, why in run.recording.safety if level == self.level and s >= run.begin]
        passed = bool(found) and (self.seconds is None or found[0][0] - run.begin <= self.seconds)
        detail = f"{found[0][1]} at {found[0][0] - run.begin:.1f} s" if found else "it never was"
        return outcome(f"safety is {self.level}", passed, detail)


class Alert(CheckSpec, frozen=True, kw_only=True, tag="alert"):
    """A node raises a warning or error in /diagnostics, or with `raised: false` none does. In real time the
    monitor's alerts count too: `node` is then the first part of a threshold's name ("system", "voice",
    "simulation"), a node that fell silent, or one that measures something."""

    node: str | None = None
    raised: bool = True

    def judge(self, run: Run) -> Check:
        known = {*NODES, *COMPONENTS, *run.recording.reporting}
        if self.node is not None and self.node not in known:  # else it never could raise one
            raise InputError(f"no node is called {self.node!r}{nearest(self.node, sorted(known))}")
        mine = [a for a in run.recording.alerts if self.node in (None, a[1]) and a[0] >= run.begin]
        who = self.node or "any node"
        name = f"{who} raises an alert" if self.raised else f"no alert of {who}"
        detail = f"{mine[0][1]}: {mine[0][2]} at {mine[0][0] - run.begin:.1f} s" if mine else "none"
        return outcome(name, bool(mine) == self.raised, detail)
