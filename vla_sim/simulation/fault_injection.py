"""What a scenario does to the world and to the sensors: /sim/disturb."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from vla_sim.contract.records import Disturbance
from vla_sim.simulation.simulator import Simulator

Fault = Literal["", "silent", "nan"]


class FaultInjection:
    """Moves objects, freezes nodes, and makes sensors fail for a while.

    freeze: keeps the node of a name from working until a simulated time [s]. now: simulated seconds.
    """

    def __init__(
        self, simulator: Simulator, freeze: Callable[[str, float], None], now: Callable[[], float]
    ) -> None:
        self._simulator, self._freeze, self._now = simulator, freeze, now
        self._sensors: dict[str, tuple[float, Fault]] = {}

    def apply(self, what: Disturbance) -> None:
        """Raises `EngineError` for what cannot be done, which ends the run: it would be judged wrongly."""
        until = self._now() + what.seconds
        if what.kind == "move":
            self._simulator.put(what.name, np.array(what.pose))
        elif what.kind == "freeze":
            self._freeze(what.name, until)
        else:
            self._sensors[what.name] = (until, what.kind)

    def of(self, sensor: str) -> Fault:
        """How a sensor ("lidar", "camera") fails now: it is silent, or measures nothing ("nan"); empty if it
        works."""
        until, fault = self._sensors.get(sensor, (0.0, ""))
        return fault if self._now() < until else ""
