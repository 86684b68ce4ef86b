"""When a command first moves the robot: the end of the latency chain, for the trace."""

from vla_sim.contract.records import Status, Verdict

STILL = ("stop", "wait", "say")

Begun = tuple[str, float]
"""A command id, and the monotonic time [s] at which its control began."""


class FirstMotion:
    """Remembers the last allowed plan that moves, until a motion is let through for it.

    A plan that is allowed while the robot already walks for another one counts from when the executive
    begins it, for only then is it its turn.
    """

    def __init__(self) -> None:
        self._waiting: Begun | None = None
        self._queued = False
        self._walks = False

    def verdict(self, verdict: Verdict) -> None:
        """A verdict is sent: an allowed plan's first motion comes after it."""
        if verdict.allowed and any(step.skill not in STILL for step in verdict.plan.steps):
            self._waiting = (verdict.command_id, verdict.mono)
            self._queued = self._walks

    def status(self, status: Status) -> None:
        if self._waiting is None or status.command_id != self._waiting[0]:
            return
        if status.state == "running" and self._queued:
            self._waiting, self._queued = (status.command_id, status.mono), False
        elif status.state not in ("accepted", "running"):
            self._waiting = None

    def velocity(self, walks: bool) -> Begun | None:
        """A velocity was let through, other than zero if it `walks`; the command that first moves by it."""
        self._walks = walks
        return self.trajectory() if walks else None

    def trajectory(self) -> Begun | None:
        """An arm or gripper trajectory was sent; the command that first moves by it."""
        if self._waiting is None or self._queued:
            return None
        begun, self._waiting = self._waiting, None
        return begun
