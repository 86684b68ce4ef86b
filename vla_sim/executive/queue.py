"""Commands that wait for their turn: stop, then urgent, then normal, then background."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from vla_sim.contract import PRIORITIES, Plan

RANK = {name: rank for rank, name in enumerate(PRIORITIES)}
CAPACITY = 32


@dataclass
class Job:
    """A plan, where to go on in it, and the pose (x, y, yaw) at which the command was received."""

    plan: Plan
    user_pose: tuple[float, float, float]
    step: int = 0


@dataclass
class CommandQueue:
    """Highest priority first, within one priority in order of arrival; a preempted job goes back to
    the head of its priority. Bounded: `push` says False when full."""

    _heap: list[tuple[int, int, Job]] = field(default_factory=list)
    _next: int = 0
    _front: int = 0

    def push(self, job: Job, *, front: bool = False) -> bool:
        if len(self._heap) >= CAPACITY and not front:
            return False
        if front:
            self._front -= 1
            order = self._front
        else:
            self._next += 1
            order = self._next
        heapq.heappush(self._heap, (RANK[job.plan.priority], order, job))
        return True

    def pop(self, *, background: bool = True) -> Job | None:
        """The next job; without `background`, none of that priority, which waits on."""
        if not self._heap or (not background and self._heap[0][0] == RANK["background"]):
            return None
        return heapq.heappop(self._heap)[2]

    def outranks(self, plan: Plan) -> bool:
        """Whether something waits that should run before `plan` goes on."""
        return bool(self._heap) and self._heap[0][0] < RANK[plan.priority]

    def clear(self) -> list[Job]:
        """Take everything out, in order."""
        jobs = []
        while (job := self.pop()) is not None:
            jobs.append(job)
        return jobs

    def __len__(self) -> int:
        return len(self._heap)
