"""A check of your own: in a scenario file, `- {check: keeps_away, object: blue box, at_least: 0.3}`."""

import math

from vla_sim.scenario.checks.base import CheckSpec, Run, outcome
from vla_sim.scenario.record import Check
from vla_sim.scenario.targets import object_name


class KeepsAway(CheckSpec, frozen=True, kw_only=True, tag="keeps_away"):
    """The robot's pelvis never comes nearer than `at_least` [m] to an object, seen from above."""

    object: str
    at_least: float

    def judge(self, run: Run) -> Check:
        truths = run.recording.truths  # the simulator's truth, twenty-five times a second
        name = object_name(run.world, self.object, truths[0])
        nearest = min(math.dist(truth.robot[:2], truth.objects[name][:2]) for truth in truths)
        what = f"keeps {self.at_least:g} m away from the {self.object}"
        return outcome(what, nearest >= self.at_least, f"came as near as {nearest:.2f} m")
