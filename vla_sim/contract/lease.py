"""A goal's lease: whoever asked for it says that it is still wanted, or it ends."""

GOAL_LEASE = 1.0
"""[s] for which the executive asks navigation and manipulation to go on."""
RENEW_PERIOD = 0.2
"""[s] between its renewals."""
LONGEST_STEP = 0.25
"""[s] Most that counts between two checks: in longer ones the holder itself stood still, and what was sent to
it meanwhile it has not read yet."""


class Lease:
    """The lease of the present goal. Times are of the steady clock (`vla_sim.common.clock`) [s]."""

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, seconds: float) -> None:
        """A goal was taken; 0 seconds: it needs no renewal."""
        self.seconds = seconds
        self._passed = 0.0
        self._checked: float | None = None

    def renew(self) -> None:
        """It is still wanted."""
        self._passed = 0.0

    def expired(self, now: float) -> bool:
        """Whether nobody has renewed it in time; to be asked at every tick."""
        step = 0.0 if self._checked is None else now - self._checked
        self._checked = now
        self._passed += min(max(0.0, step), LONGEST_STEP)
        return 0.0 < self.seconds < self._passed
