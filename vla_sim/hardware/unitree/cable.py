"""The cable between a simulated robot and its network, and what may be wrong with it."""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.hardware.unitree.network import Network

LONGEST_JITTER = 1.0
"""[s]"""


class Cable:
    """A network seen through it. Each message, either way, is late by up to `jitter` [s], evenly distributed,
    and lost with the probability `loss`; none overtakes another on its topic. While it is unplugged all are
    lost. Times are the robot's [s]. Raises `InputError` for a jitter or a loss that cannot be.

    copied: a sample as it is now; its sender may go on with it.
    """

    def __init__(
        self, network: Network, copied: Callable[[Any], Any], jitter: float = 0.0, loss: float = 0.0,
        seed: int = 0,
    ) -> None:  # fmt: skip
        if not 0.0 <= jitter <= LONGEST_JITTER:
            raise InputError(
                f"a jitter of {1e3 * jitter:g} ms: from 0 to {1e3 * LONGEST_JITTER:g} is allowed"
            )
        if not 0.0 <= loss < 1.0:
            raise InputError(f"a loss of {100 * loss:g} %: from 0 to less than 100 is allowed")
        self._network, self._copied, self._jitter, self._loss = network, copied, jitter, loss
        self._random = np.random.default_rng(seed)
        self._now = 0.0
        self._unplugged_until = -math.inf
        self._out: list[tuple[_Lane, Callable[[Any], None]]] = []

    def unplug(self, seconds: float) -> None:
        """From now on."""
        self._unplugged_until = self._now + seconds

    def tick(self, now: float) -> None:
        """Time goes on; what has been under way for long enough is sent."""
        self._now = now
        for lane, send in self._out:
            for sample in lane.arrived(now):
                send(sample)

    def writer(self, name: str, kind: Any) -> Callable[[Any], None]:
        """As of `dds.Bus`."""
        send, lane = self._network.writer(name, kind), _Lane()
        self._out.append((lane, send))

        def put(sample: Any) -> None:
            delay = self._delay()
            if delay == 0.0 and not lane:
                send(sample)
            elif delay is not None:
                lane.put(self._copied(sample), self._now + delay)

        return put

    def reader(self, name: str, kind: Any) -> Callable[[], list[Any]]:
        """As of `dds.Bus`."""
        take, lane = self._network.reader(name, kind), _Lane()

        def arrived() -> list[Any]:
            for sample in take():
                if (delay := self._delay()) is not None:
                    lane.put(sample, self._now + delay)
            return lane.arrived(self._now)

        return arrived

    def _delay(self) -> float | None:
        """Of the next message [s]; None where it is lost."""
        if self._now < self._unplugged_until or (self._loss and self._random.random() < self._loss):
            return None
        return self._jitter * self._random.random() if self._jitter else 0.0


class _Lane(deque[tuple[float, Any]]):
    """Messages on their way, and when they arrive [s]."""

    def put(self, sample: Any, arrives: float) -> None:
        self.append((max(arrives, self[-1][0]) if self else arrives, sample))

    def arrived(self, now: float) -> list[Any]:
        found = []
        while self and self[0][0] <= now:
            found.append(self.popleft()[1])
        return found
