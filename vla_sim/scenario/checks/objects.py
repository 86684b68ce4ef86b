"""Checks of objects: grasped, placed, left alone."""

import math

from vla_sim.scenario.checks.base import CheckSpec, Run, outcome
from vla_sim.scenario.containment import is_inside
from vla_sim.scenario.format import Name, NotNegative, Positive
from vla_sim.scenario.judge import HOLD, LIFT, grasp, lifted, rests_on
from vla_sim.scenario.record import Check
from vla_sim.scenario.targets import Named, object_name, query, surface


class Grasp(CheckSpec, frozen=True, kw_only=True, tag="grasp"):
    """An object is lifted by `lift` [m] and stays there for `hold` [s]."""

    object: Name
    lift: Positive = LIFT
    hold: NotNegative = HOLD

    def names(self) -> list[Named]:
        return [("kind of object", self.object)]

    def judge(self, run: Run) -> Check:
        found = grasp(run.recording, run.world, query(self.object), self.lift, self.hold)
        return outcome(f"lifts the {self.object}", found.passed, lifted(found, f"{self.lift:g}"))


class Placed(CheckSpec, frozen=True, kw_only=True, tag="placed"):
    """At the end an object rests on a surface."""

    object: Name
    on: Name

    def names(self) -> list[Named]:
        return [("object", self.object), ("surface", self.on)]

    def judge(self, run: Run) -> Check:
        name = object_name(run.world, self.object, run.recording.truths[0])
        pose = run.recording.truths[-1].objects[name]
        still = _is_still(run, name)
        on = rests_on(surface(run.world, self.on), pose)
        where = f"at ({pose[0]:.2f}, {pose[1]:.2f}, {pose[2]:.2f}){'' if still else ', moving'}"
        return outcome(f"the {self.object} is on the {self.on}", on and still, where)


class Inside(CheckSpec, frozen=True, kw_only=True, tag="inside"):
    """At the end an object rests in a container: its middle is within the walls and below the rim."""

    object: Name
    of: Name

    def names(self) -> list[Named]:
        return [("object", self.object), ("object", self.of)]

    def judge(self, run: Run) -> Check:
        first, last = run.recording.truths[0], run.recording.truths[-1]
        name, container = (object_name(run.world, one, first) for one in (self.object, self.of))
        pose, there = last.objects[name], last.objects[container]
        within = is_inside(run.world, name, pose, container, there)
        still = _is_still(run, name)
        off = math.dist(pose[:2], there[:2])
        detail = f"{off:.2f} m beside and {pose[2] - there[2]:.2f} m above it{'' if still else ', moving'}"
        return outcome(f"the {self.object} is in the {self.of}", within and still, detail)


class Untouched(CheckSpec, frozen=True, kw_only=True, tag="untouched"):
    """An object stays where it began, within `within` [m]."""

    object: Name
    within: Positive = 0.03

    def names(self) -> list[Named]:
        return [("object", self.object)]

    def judge(self, run: Run) -> Check:
        name = object_name(run.world, self.object, run.recording.truths[0])
        first = run.recording.truths[0].objects[name]
        off = max(math.dist(t.objects[name][:3], first[:3]) for t in run.recording.truths)
        return outcome(f"leaves the {self.object} alone", off <= self.within, f"moved {off:.3f} m")


def _is_still(run: Run, name: str) -> bool:
    """Whether an object has not moved in the last half second."""
    truths = run.recording.truths
    earlier = next(t for t in truths if t.stamp >= truths[-1].stamp - 0.5)
    return math.dist(truths[-1].objects[name][:3], earlier.objects[name][:3]) < 0.01
