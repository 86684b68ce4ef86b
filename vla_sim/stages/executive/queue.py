"""Commands that wait for their turn: stop, then urgent (high), then normal, then background (low).

Two things go wrong with priorities, and neither can here.

*Inversion*, that one command holds up a higher one: a higher one preempts whatever runs, and lower ones
never take its place in a full queue, since each priority has room of its own.

*Starvation*, that a lower one never gets its turn: a priority that has been passed over for its timeout,
seconds of simulated time in which higher ones ran while it waited, is due. The next command is then one of
its own, which runs to its end. So, if no command runs longer than D, a priority's oldest command waits at
most its timeout and 3 D, however much is commanded meanwhile. This is the only way in which a higher command
waits for a lower one, and the emergency stop never does.
"""

from collections import deque
from dataclasses import dataclass, field

from vla_sim.contract.records import PRIORITIES, Plan, Priority, Step

RANK = {name: rank for rank, name in enumerate(PRIORITIES)}
CAPACITY = 32
"""Of each priority."""
STARVATION_TIMEOUT: dict[Priority, float] = {"normal": 120.0, "background": 600.0}
"""[s] of simulated time for which a priority is passed over before it is due."""


@dataclass
class Job:
    """A plan, where to go on in it, and the pose (x, y, yaw) at which the command was received. steps: the
    plan's; of one that had to wait, what was left of it."""

    plan: Plan
    user_pose: tuple[float, float, float]
    step: int = 0
    steps: list[Step] = field(init=False)

    def __post_init__(self) -> None:
        self.steps = list(self.plan.steps)


class CommandQueue:
    """Within one priority in order of arrival; a preempted job goes back to the head of its priority."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Job]] = {name: deque() for name in PRIORITIES}
        self._passed: dict[str, float] = dict.fromkeys(STARVATION_TIMEOUT, 0.0)
        self._granted = ""
        """The command that runs because its priority was due."""
        self._now: float | None = None

    def push(self, job: Job, *, front: bool = False) -> bool:
        """front: it was preempted. False if its priority is full."""
        line = self._lines[job.plan.priority]
        if front:
            line.appendleft(job)
            return True
        if len(line) >= CAPACITY:
            return False
        line.append(job)
        return True

    def pop(self, *, background: bool = True) -> Job | None:
        """The next job: of a priority that is due, else of the highest. Without `background`, none of that
        priority, which waits on."""
        waiting = [name for name in PRIORITIES if self._lines[name] and (background or name != "background")]
        if not waiting:
            return None
        name = waiting[0]
        over = {one: self._passed[one] - most for one, most in STARVATION_TIMEOUT.items() if one in waiting}
        due = max(over, key=lambda one: over[one], default=None)
        if due is not None and over[due] >= 0.0 and name != "stop":
            name = due
            self._passed[due] = 0.0
            self._granted = self._lines[due][0].plan.command_id
        return self._lines[name].popleft()

    def elapse(self, now: float, running: Plan | None) -> None:
        """It is `now` [s, simulated], and since the last call this plan has been running."""
        before, self._now = self._now, now
        if running is None or before is None:
            return
        for name in STARVATION_TIMEOUT:
            if self._lines[name] and RANK[running.priority] < RANK[name]:
                self._passed[name] += max(0.0, now - before)

    def ended(self, plan: Plan) -> None:
        """A plan was run to its end: its priority was served."""
        self._granted = ""
        if plan.priority in self._passed:
            self._passed[plan.priority] = 0.0

    def outranks(self, plan: Plan) -> bool:
        """Whether something waits that should run before `plan` goes on."""
        rank = 1 if plan.command_id == self._granted else RANK[plan.priority]
        return any(self._lines[name] for name in PRIORITIES[:rank])

    def jobs(self) -> list[Job]:
        """All that wait, in order of priority and arrival."""
        return [job for line in self._lines.values() for job in line]

    def remove(self, command_id: str) -> None:
        """Take a command out."""
        for name, line in self._lines.items():
            self._lines[name] = deque(job for job in line if job.plan.command_id != command_id)

    def clear(self) -> list[Job]:
        """Take everything out, in order of priority and arrival."""
        jobs = self.jobs()
        for line in self._lines.values():
            line.clear()
        self._passed = dict.fromkeys(STARVATION_TIMEOUT, 0.0)
        self._granted = ""
        return jobs

    def waiting(self) -> dict[str, int]:
        """How many wait, by priority."""
        return {name: len(line) for name, line in self._lines.items() if name != "stop"}
