"""Checks of objects: grasped, placed, left alone."""

import math

from vla_sim.scenario.checks.base import CheckSpec, Run, outcome
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
        earlier = [t for t in run.recording.truths if t.stamp >= run.recording.truths[-1].stamp - 0.5]
        still = math.dist(pose[:3], earlier[0].objects[name][:3]) < 0.01
        on = rests_on(surface(run.world, self.on), pose)
        where = f"at ({pose[0]:.2f}, {pose[1]:.2f}, {pose[2]:.2f}){'' if still else ', moving'}"
        return outcome(f"the {self.object} is on the {self.on}", on and still, where)


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
