"""One walk along the map: plan, follow, plan again when something stands in the way, wait, give up."""

import math

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.robot.body_size import WALKING_BODY
from vla_sim.stages.navigation.dynamic_obstacles import NEAR, Crossing
from vla_sim.stages.navigation.gait import compose
from vla_sim.stages.navigation.global_planner import HARD, SPACING, NoPath, Path, plan_path
from vla_sim.stages.navigation.local_planner import LocalPlanner
from vla_sim.stages.navigation.state import NavigationState


class NavigationFailure(Exception):  # noqa: N818  (an outcome that is reported, not an error in the program)
    """A goal that was given up; the message is a sentence for a person."""


LOOK = 2.5
"""How far along the path [m] obstacles are looked for."""
BLOCKED_TIMEOUT = 10.0
"""[s] that it waits for a blocked way to clear."""
LOOK_AGAIN = 2.5
"""[s] of waiting after which it steps back from what it does not see, to look whether it still lies there."""
REPLAN_PERIOD = 1.0
"""Shortest time [s] between plans."""
REMEMBERED = 120.0
"""[s] for which it knows what blocked its way, unless it sees that it is gone: on the way around, that is out
of sight, and who forgets it walks to and fro between two ways that are both blocked."""
STRAY = 0.5
"""Distance [m] from the path at which it plans anew."""
PROGRESS_TIMEOUT = 8.0
"""[s] without progress after which it backs up."""
YIELD_TIMEOUT = 60.0
"""Longest time [s] in all that it lets others pass first."""
HELD = 0.5
"""[m] along the path, and more when it is fast, before the way of somebody who is let pass."""
RETREAT = np.array(
    [[-0.25, 0.0, 0.0], [0.0, 0.15, 0.0], [0.0, -0.15, 0.0], [-0.2, 0.12, 0.0], [-0.2, -0.12, 0.0]]
)
"""(n, 3) velocities [m/s] of which one leads off a way on which somebody comes."""


class Route:
    """Leads to (x, y) in map. `step` gives the command; `arrived`, `wants_back_up` say what next."""

    def __init__(
        self, state: NavigationState, goal: tuple[float, float], tolerance: float, speed: float
    ) -> None:
        self.goal, self.tolerance, self.speed = goal, tolerance, speed
        self.path: Path | None = None
        self.remaining = math.inf
        self.wants_back_up = False
        self.note = ""
        self._state = state
        self._local = LocalPlanner()
        self._blocked_since = self._best = math.inf
        self._held_since, self._held_before = math.inf, 0.0
        self._planned = self._progress = -math.inf

    @property
    def arrived(self) -> bool:
        return self.remaining < 0.25

    def plan(self) -> None:
        """Find a path, first around what is seen, then by the map alone (what is in the way may go).

        Raises `NavigationFailure` if not even the map has a way."""
        state = self._state
        self._planned = state.time
        pose = state.pose
        start = (float(pose[0]), float(pose[1]))
        found = plan_path(state.costmap.whole(), start, self.goal, self.tolerance)
        self.note = ""
        if isinstance(found, NoPath):
            found = plan_path(state.costmap.static.clearance, start, self.goal, self.tolerance)
            if isinstance(found, NoPath):
                raise NavigationFailure(found.reason)
            self.note = "waiting: the way is blocked"
        self.path, self.remaining = found, found.length
        self._local.start(found.points, found.clearance)
        self._best = math.inf

    def step(self) -> Array:
        """The command (3,) for now. Raises `NavigationFailure` when it gives up."""
        state = self._state
        time, pose, velocity = state.time, state.pose, state.filter.velocity
        assert self.path is not None, "plan first"
        ahead = self._blocked_ahead()
        index = self._local.index
        off = math.hypot(*(self.path.points[index] - pose[:2]))
        if ahead < math.inf:
            blocked = self.path.points[index + round(ahead / SPACING)]
            state.costmap.hold(blocked, time + REMEMBERED)
        if (ahead < math.inf or off > STRAY) and time - self._planned > REPLAN_PERIOD:
            self.plan()
            ahead = self._blocked_ahead()
        if ahead < 0.9:  # nothing to walk towards: wait until it goes
            self._local.halt()
            return self._wait(ahead)
        stretch = self.path.points[index : index + int(LOOK / SPACING)]
        crossing = state.dynamic_obstacles.crossing(stretch, self._waited)
        if self._yields(crossing, float(velocity[0])):
            return self._off(crossing.way) if crossing.retreats else np.zeros(3)
        moving = state.dynamic_obstacles.discs()
        command = self._local.step(pose, velocity, state.costmap.local, self.speed, moving, fine=state.fine)
        self.remaining = self._local.remaining(float(pose[0]), float(pose[1]))
        if command is None:
            if time - self._planned > REPLAN_PERIOD:
                self.plan()
            if time - min(self._blocked_since, time) > 2.5:
                self.wants_back_up = True
            return self._wait(0.0)
        self._blocked_since = math.inf
        self._check_progress(pose)
        return command

    def resume(self) -> None:
        """After backing up: plan from here."""
        self.wants_back_up = False
        self._progress = self._state.time
        self.plan()

    @property
    def _waited(self) -> float:
        """[s] in all for which others were let pass."""
        return self._held_before + max(0.0, self._state.time - self._held_since)

    def _yields(self, crossing: Crossing, speed: float) -> bool:
        """Whether to wait before the way of a moving obstacle."""
        time = self._state.time
        if crossing.ahead < HELD + 0.3 * max(0.0, speed):
            self._held_since = min(self._held_since, time)
            if self._waited > YIELD_TIMEOUT:
                where = f"{crossing.ahead + NEAR:.1f} m ahead of me"
                raise NavigationFailure(f"somebody keeps crossing my way {where}")
            self.note = "waiting for somebody to pass"
            self._local.halt()
            self._progress, self._blocked_since = time, math.inf
            return True
        if self._held_since < math.inf and crossing.ahead == math.inf:
            self._held_before, self._held_since = self._waited, math.inf
            self.plan()  # the way is open: take the best one
        return False

    def _off(self, way: Array) -> Array:
        """The command (3,) that leads farthest off the way (n, 2) of a moving obstacle; zero where there is
        no room."""
        state, best = self._state, np.zeros(3)
        farthest = float(np.hypot(*(way - state.pose[:2]).T).min())
        for step in RETREAT:
            apart = float(np.hypot(*(way - compose(state.pose, step)[:2]).T).min())
            command = state.guard(step, WALKING_BODY)
            if apart > farthest and command.any():
                best, farthest = command, apart
        return best

    def _blocked_ahead(self) -> float:
        """Way [m] along the path to the first point without room for the body; infinite if none."""
        assert self.path is not None
        index = self._local.index
        end = index + int(LOOK / SPACING)
        clear = self._state.costmap.local.along(self.path.points[index:end])
        known = self.path.clearance[index:end]
        # Where the path itself was planned tight (leaving a table) only a new obstacle counts.
        bad = np.nonzero(clear < np.minimum(HARD - 0.04, known - 0.04))[0]
        return float(bad[0]) * SPACING if len(bad) else math.inf

    def _wait(self, ahead: float) -> Array:
        time = self._state.time
        self._blocked_since = min(self._blocked_since, time)
        self.note = "waiting: something is in the way"
        if self._state.hides_ahead and time - self._blocked_since > LOOK_AGAIN:
            self.wants_back_up = True
        if time - self._blocked_since > BLOCKED_TIMEOUT:
            where = f"({self.goal[0]:.2f}, {self.goal[1]:.2f})"
            raise NavigationFailure(f"the way to {where} is blocked {ahead:.1f} m ahead of me")
        return np.zeros(3)

    def _check_progress(self, pose: Array) -> None:
        """Progress is way covered, or heading turned towards the path."""
        assert self.path is not None
        time = self._state.time
        points = self.path.points
        target = points[min(len(points) - 1, self._local.index + 12)]
        error = abs(wrap(math.atan2(target[1] - pose[1], target[0] - pose[0]) - float(pose[2])))
        left = self.remaining + 0.3 * error
        if left < self._best - 0.08:
            self._best, self._progress = left, time
        elif time - max(self._progress, self._planned) > PROGRESS_TIMEOUT:
            self.wants_back_up = True
