"""When a command first moves the robot: the end of the latency chain, for the trace."""

from __future__ import annotations

from vla_sim.contract.records import Status, Verdict

STILL = ("stop", "wait", "say")


class FirstMotion:
    """Remembers the last allowed plan that moves, until something moves.

    A plan that is allowed while the robot already walks for another one counts from when the executive
    begins it, for only then is it its turn.
    """

    def __init__(self) -> None:
        self._waiting: tuple[str, float] | None = None
        self._queued = False
        self._hand = False
        self._walking_since: float | None = None

    def verdict(self, verdict: Verdict) -> None:
        """An allowed plan. Its first velocity may have arrived before it, on another topic: whether the
        robot walks for it or for an older one is told by the clock."""
        if verdict.allowed and any(step.skill not in STILL for step in verdict.plan.steps):
            self._waiting = (verdict.command_id, verdict.mono)
            since = self._walking_since
            self._queued = since is not None and since < verdict.mono
            self._hand = False

    def status(self, status: Status) -> None:
        if self._waiting is None or status.command_id != self._waiting[0]:
            return
        if status.state == "running" and self._queued:
            self._waiting, self._queued = (status.command_id, status.mono), False
        elif status.state not in ("accepted", "running"):
            self._waiting = None

    def hand_moved(self) -> None:
        """An arm or gripper trajectory was taken."""
        self._hand = True

    def tick(self, walking: bool, mono: float) -> tuple[str, float] | None:
        """Command id and the monotonic time its control began, in the tick that first moves for it.

        mono: the time of this tick on the monotonic clock.
        """
        if not walking:
            self._walking_since = None
        elif self._walking_since is None:
            self._walking_since = mono
        moved, self._hand = walking or self._hand, False
        if not moved or self._waiting is None or self._queued:
            return None
        done, self._waiting = self._waiting, None
        return done
