"""When a command first moves the robot: the end of the latency chain, for the trace."""

from __future__ import annotations

from vla_sim.contract import Status, Verdict

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

    def verdict(self, verdict: Verdict, walking: bool) -> None:
        if verdict.allowed and any(step.skill not in STILL for step in verdict.plan.steps):
            self._waiting = (verdict.command_id, verdict.mono)
            self._queued = walking
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

    def tick(self, walking: bool) -> tuple[str, float] | None:
        """Command id and the monotonic time its control began, in the tick that first moves for it."""
        moved, self._hand = walking or self._hand, False
        if not moved or self._waiting is None or self._queued:
            return None
        done, self._waiting = self._waiting, None
        return done
