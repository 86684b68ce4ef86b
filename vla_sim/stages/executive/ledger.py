"""Which commands wait for an answer, so that each gets one, and one alone, whoever falls silent."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from vla_sim.contract.records import FINAL_STATES, SILENT, CommandState, Plan, Status, Verdict

HELD_UP = "I was held up. Please say it again."
STOPPED = "Stopped."
PLAN_TIMEOUT = 8.0
"""[s] for language's plan: perception is waited for 1 s, a model 4 s and what waits before it 2 s."""
VERDICT_TIMEOUT = 2.0
"""[s] for safety's verdict on a plan."""
STOOD = 3.0
"""[s] without a look at the time after which this process stood still: what it finds now may be old, and
language may have answered it (`EXECUTIVE_TIMEOUT`)."""
CATCH_UP = 0.5
"""[s] in which what came meanwhile is read."""
REORDERED = 2.0
"""[s] by which a plan may overtake its command."""
MOST = 256
"""Commands that are remembered after their answer."""

Answer = tuple[str, CommandState, str]
"""A command id, its last state, and why."""


@dataclass(frozen=True)
class Waiting:
    """since: [s]. stop: whether it is one, which is carried out without a plan and without a verdict."""

    since: float
    stop: bool


class Ledger:
    """A command is heard, planned, judged, answered. Times are of the steady clock [s]; each method is told
    what it is now. plan_timeout: [s] for a plan or an answer to a command that was heard."""

    def __init__(self, plan_timeout: float) -> None:
        self.plan_timeout = plan_timeout
        self._unplanned: dict[str, Waiting] = {}
        self._unjudged: dict[str, Waiting] = {}
        self._late: dict[str, float] = {}
        """Allowed plans that were found after a standstill, and when."""
        self._void: OrderedDict[str, float] = OrderedDict()
        """Commands that were answered before their verdict came: it does not count any more."""
        self._ahead: OrderedDict[str, float] = OrderedDict()
        """Commands whose plan or answer came before they were heard."""
        self._verdicts: deque[Verdict] = deque(maxlen=MOST)
        self._looked: float | None = None
        self._catching_up = -1.0

    def heard(self, command_id: str, now: float, *, stop: bool = False) -> None:
        """A command came, spoken or typed."""
        if now - self._ahead.pop(command_id, now - REORDERED) < REORDERED:
            return
        self._void.pop(command_id, None)
        self._unplanned[command_id] = Waiting(now, stop)

    def planned(self, plan: Plan, now: float, *, stop: bool = False) -> None:
        """Language has made a plan. stop: it is one."""
        self._known(plan.command_id, now)
        judged = any(one.plan == plan for one in self._verdicts)
        if plan.steps and not judged and plan.command_id not in self._void:
            self._unjudged[plan.command_id] = Waiting(now, stop)

    def judged(self, verdict: Verdict, now: float, *, stop: bool = False) -> bool:
        """Safety has said its word; whether it counts. stop: on a stop, which is never too old."""
        command_id = verdict.command_id
        if verdict in self._verdicts:
            return False  # it came twice
        self._verdicts.append(verdict)
        self._known(command_id, now)
        if self._void.pop(command_id, None) is not None:
            return False
        self._look(now)
        if now < self._catching_up and verdict.allowed and not stop:
            self._late[command_id] = now
            return False
        return True

    def ended(self, status: Status, now: float) -> bool:
        """Another node's status; whether it is an answer."""
        if status.state not in FINAL_STATES:
            return False
        self._known(status.command_id, now)
        self._late.pop(status.command_id, None)
        self.void(status.command_id, now)
        return True

    def void(self, command_id: str, now: float) -> None:
        """It is answered; what comes of it from now on does not count."""
        self._void[command_id] = now
        self._void.move_to_end(command_id)
        if len(self._void) > MOST:
            self._void.popitem(last=False)

    def overdue(self, now: float) -> Iterator[Answer]:
        """What is to be answered now, since nobody else does: not before what came meanwhile is read."""
        self._look(now)
        if now < self._catching_up:
            return
        for waiting, timeout, silent in (
            (self._unplanned, self.plan_timeout, SILENT["language"]),
            (self._unjudged, VERDICT_TIMEOUT, SILENT["safety"]),
        ):
            for command_id in [c for c, one in waiting.items() if now - one.since > timeout]:
                stop = waiting.pop(command_id).stop
                self.void(command_id, now)
                yield (command_id, "succeeded", STOPPED) if stop else (command_id, "failed", silent)
        for command_id in [c for c, since in self._late.items() if now - since > CATCH_UP]:
            del self._late[command_id]
            self.void(command_id, now)
            yield command_id, "failed", HELD_UP

    def _known(self, command_id: str, now: float) -> None:
        """Something came of a command."""
        waited = [self._unplanned.pop(command_id, None), self._unjudged.pop(command_id, None)]
        if not any(waited):
            self._ahead[command_id] = now
            self._ahead.move_to_end(command_id)
            if len(self._ahead) > MOST:
                self._ahead.popitem(last=False)

    def _look(self, now: float) -> None:
        if self._looked is not None and now - self._looked > STOOD:
            self._catching_up = now + CATCH_UP
        self._looked = now
