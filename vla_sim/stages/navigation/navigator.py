"""Goals to velocities: the navigation stage without ROS.

Feed `Navigator.state` odometry and scans, call `tick` 20 times a second, apply the command.
"""

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.contract.records import GoalState, NavigationRequest, NavigationStatus
from vla_sim.stages.navigation.behaviors import Behavior, Behaviors
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.route import NavigationFailure
from vla_sim.stages.navigation.state import NavigationState


@dataclass(frozen=True)
class Output:
    """command: (3,) velocity in base_link. active: a goal is being worked on. status: set when something
    changed or 0.2 s passed. path: (n, 2) in map when it is new."""

    command: Array
    active: bool
    status: tuple[NavigationStatus, ...] = ()
    path: Array | None = None


class Navigator:
    """One robot's navigation. All times are of one clock, in seconds (simulated time)."""

    def __init__(self, static: StaticMap, localise: bool = True) -> None:
        self.state = NavigationState(static, localise)
        self._behaviors = Behaviors(self.state)
        self._behavior: Behavior | None = None
        self._request: NavigationRequest | None = None
        self._pending: list[NavigationStatus] = []
        self._reported = -math.inf

    @property
    def active(self) -> bool:
        return self._behavior is not None

    def request(self, request: NavigationRequest) -> None:
        """Take a goal, in place of the present one; mode "cancel" only ends that."""
        if self._request is not None:
            why = "cancelled" if request.mode == "cancel" else "a new goal came"
            self._end("cancelled", why)
        if request.mode == "cancel":
            return
        self._request, self._behavior = request, self._behaviors.start(request)
        self._reported = -math.inf

    def tick(self, time: float) -> Output:
        """The command for now; call at 20 Hz."""
        self.state.time = time
        command = np.zeros(3)
        if self._behavior is not None and self.state.filter.ready:
            try:
                command = next(self._behavior)
            except StopIteration:
                self._end("succeeded", self._behaviors.detail)
            except NavigationFailure as failure:
                self._end("failed", str(failure))
            else:
                if time - self._reported >= 0.2:
                    self._reported = time
                    self._report("active", self._behaviors.detail)
        self.state.filter.command(command)
        status, self._pending = tuple(self._pending), []
        path, self._behaviors.path = self._behaviors.path, None
        return Output(command, self.active, status, path)

    def _report(self, state: GoalState, detail: str) -> None:
        assert self._request is not None
        remaining = self._behaviors.remaining
        self._pending.append(
            NavigationStatus(
                goal_id=self._request.goal_id, state=state, detail=detail,
                distance_remaining=remaining if math.isfinite(remaining) else 0.0,
            )
        )  # fmt: skip

    def _end(self, state: GoalState, detail: str) -> None:
        self._report(state, detail)
        if self._behavior is not None:
            self._behavior.close()
        self._behavior = self._request = None
