"""What a stage may do at the present load: what the monitor says, and everything when that is silent."""

from __future__ import annotations

from vla_sim.contract.limits import LOAD_LEVELS, LOAD_SILENCE, LoadLevel
from vla_sim.contract.records import Load


class LoadFollower:
    """One stage's knowledge of the load. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._level = 0
        self._heard = 0.0

    def heard(self, load: Load, mono: float) -> None:
        """Take the monitor's word."""
        self._level, self._heard = load.level, mono

    def index(self, mono: float) -> int:
        """The row of `LOAD_LEVELS` that holds now; 0 when nothing was heard for `LOAD_SILENCE`."""
        return self._level if mono - self._heard < LOAD_SILENCE else 0

    def level(self, mono: float) -> LoadLevel:
        """What holds now."""
        return LOAD_LEVELS[self.index(mono)]
