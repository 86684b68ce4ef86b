"""One walk along the map: plan, follow, plan again when something stands in the way, wait, give up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.geometry import wrap
from vla_sim.stages.navigation.costmap import Costmap
from vla_sim.stages.navigation.dynamic_obstacles import NEAR, DynamicObstacles
from vla_sim.stages.navigation.gait import GAIT, Gait
from vla_sim.stages.navigation.global_planner import HARD, SPACING, GlobalPlanner, NoPath, Path
from vla_sim.stages.navigation.local_planner import LocalPlanner


class NavigationFailure(Exception):  # noqa: N818  (an outcome that is reported, not an error in the program)
    """A goal that was given up; the message is a sentence for a person."""


@dataclass(frozen=True)
class RouteSettings:
    """look: how far along the path [m] obstacles are looked for. patience: how long [s] it waits for a
    blocked way to clear. replan: shortest time [s] between plans. stray: distance [m] from the path at
    which it plans anew. stuck: seconds without progress after which it backs up. courtesy: longest time
    [s] it lets others pass first."""

    look: float = 2.5
    patience: float = 10.0
    replan: float = 1.0
    stray: float = 0.5
    stuck: float = 8.0
    courtesy: float = 25.0


class Route:
    """Leads to (x, y) in map. `step` gives the command; `arrived`, `wants_back_up` say what next."""

    def __init__(
        self,
        costmap: Costmap,
        movers: DynamicObstacles,
        goal: tuple[float, float],
        tolerance: float,
        speed: float,
        settings: RouteSettings | None = None,
        gait: Gait = GAIT,
    ) -> None:
        self.goal, self.tolerance, self.speed = goal, tolerance, speed
        self.settings = settings or RouteSettings()
        self.path: Path | None = None
        self.remaining = math.inf
        self.wants_back_up = False
        self.note = ""
        self._costmap = costmap
        self._movers = movers
        self._held_since = math.inf
        self._planner = GlobalPlanner()
        self._local = LocalPlanner(gait=gait)
        self._planned = -math.inf
        self._blocked_since = math.inf
        self._best = math.inf
        self._progress = -math.inf

    @property
    def arrived(self) -> bool:
        return self.remaining < 0.25

    def plan(self, time: float, pose: Array) -> None:
        """Find a path, first around what is seen, then by the map alone (what is in the way may go).

        Raises `NavigationFailure` if not even the map has a way."""
        self._planned = time
        start = (float(pose[0]), float(pose[1]))
        found = self._planner.plan(self._costmap.whole(), start, self.goal, self.tolerance)
        if isinstance(found, NoPath):
            static = self._planner.plan(self._costmap.static.clearance, start, self.goal, self.tolerance)
            if isinstance(static, NoPath):
                raise NavigationFailure(static.reason)
            found = static
            self.note = "waiting: the way is blocked"
        else:
            self.note = ""
        self._take(found)

    def _take(self, path: Path) -> None:
        self.path = path
        self._local.start(path.points, path.clearance)
        self._best = math.inf

    def step(self, time: float, pose: Array, velocity: Array) -> Array:
        """The command (3,) for now. Raises `NavigationFailure` when it gives up."""
        s = self.settings
        if self.path is None:
            self.plan(time, pose)
        assert self.path is not None
        ahead = self._blocked_ahead()
        index = self._local.index
        off = math.hypot(*(self.path.points[index] - pose[:2]))
        if (ahead < math.inf or off > s.stray) and time - self._planned > s.replan:
            self.plan(time, pose)
            ahead = self._blocked_ahead()
        if ahead < 0.9:  # nothing to walk towards: wait until it goes
            self._local.halt()
            return self._wait(time, ahead)
        crossing = self._movers.hold(self.path.points[index : index + int(s.look / SPACING)])
        if self._let_pass(time, pose, crossing, float(velocity[0])):
            return np.zeros(3)
        command = self._local.step(pose, velocity, self._costmap.local, self.speed, self._movers.discs())
        self.remaining = self._local.remaining(float(pose[0]), float(pose[1]))
        if command.blocked:
            if time - self._planned > s.replan:
                self.plan(time, pose)
            if time - min(self._blocked_since, time) > 2.5:
                self.wants_back_up = True
            return self._wait(time, 0.0)
        self._blocked_since = math.inf
        self._watch(time, pose)
        return command.velocity

    def _let_pass(self, time: float, pose: Array, crossing: float, speed: float) -> bool:
        """Whether to stand still before a mover's way, which lies `crossing` [m] ahead. One who is already
        on that way goes on, and the rollouts keep clear."""
        if crossing < 0.35 + 0.3 * max(0.0, speed):
            self._held_since = min(self._held_since, time)
            if time - self._held_since > self.settings.courtesy:
                raise NavigationFailure(f"somebody keeps crossing my way {crossing + NEAR:.1f} m ahead of me")
            self.note = "waiting for somebody to pass"
            self._local.halt()
            self._progress = time
            return True
        elif self._held_since < math.inf and crossing == math.inf:
            self._held_since = math.inf
            self.plan(time, pose)  # the way is open: take the best one
        return False

    def resume(self, time: float, pose: Array) -> None:
        """After backing up: plan from here."""
        self.wants_back_up = False
        self._progress = time
        self.plan(time, pose)

    def _blocked_ahead(self) -> float:
        """Way [m] along the path to the first point without room for the body; infinite if none."""
        assert self.path is not None
        index = self._local.index
        end = index + int(self.settings.look / SPACING)
        clear = self._costmap.local.along(self.path.points[index:end])
        known = self.path.clearance[index:end]
        # Where the path itself was planned tight (leaving a table) only a new obstacle counts.
        bad = np.nonzero(clear < np.minimum(HARD - 0.04, known - 0.04))[0]
        return float(bad[0]) * SPACING if len(bad) else math.inf

    def _wait(self, time: float, ahead: float) -> Array:
        self._blocked_since = min(self._blocked_since, time)
        self.note = "waiting: something is in the way"
        if time - self._blocked_since > self.settings.patience:
            where = f"({self.goal[0]:.2f}, {self.goal[1]:.2f})"
            raise NavigationFailure(f"the way to {where} is blocked {ahead:.1f} m ahead of me")
        return np.zeros(3)

    def _watch(self, time: float, pose: Array) -> None:
        """Progress is way covered, or heading turned towards the path."""
        assert self.path is not None
        points = self.path.points
        target = points[min(len(points) - 1, self._local.index + 12)]
        error = abs(wrap(math.atan2(target[1] - pose[1], target[0] - pose[0]) - float(pose[2])))
        left = self.remaining + 0.3 * error
        if left < self._best - 0.08:
            self._best, self._progress = left, time
        elif time - max(self._progress, self._planned) > self.settings.stuck:
            self.wants_back_up = True
