"""What a stage may do at the present load: what the monitor says, and everything when that is silent."""

import time
from collections.abc import Callable

from vla_sim.contract.limits import LOAD_LEVELS, LOAD_SILENCE, LoadLevel
from vla_sim.contract.records import Load


class LoadFollower:
    """One stage's knowledge of the load. log: takes a line at every change of level."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._level = self._logged = 0
        self._received = 0.0

    def on_load(self, load: Load) -> None:
        """Take the monitor's word."""
        self._level, self._received = load.level, time.monotonic()
        self.check()

    def check(self) -> None:
        """Log a change; to be called now and then, since the monitor's silence makes no message."""
        if self.index != self._logged:
            self._logged = self.index
            self._log(f"load level {self.index} ({self.level.name})")

    @property
    def index(self) -> int:
        """The row of `LOAD_LEVELS` that holds now; 0 when nothing was received for `LOAD_SILENCE`."""
        return self._level if time.monotonic() - self._received < LOAD_SILENCE else 0

    @property
    def level(self) -> LoadLevel:
        """What holds now."""
        return LOAD_LEVELS[self.index]
