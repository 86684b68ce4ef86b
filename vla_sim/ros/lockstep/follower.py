"""A node that takes turns."""

import contextlib
import math
import os
import socket
import time
from collections.abc import Callable

import rclpy

from vla_sim.common import clock
from vla_sim.common.errors import StackError
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.lockstep import wire
from vla_sim.ros.lockstep.mail import RunEnds
from vla_sim.ros.lockstep.run_environment import SOCKET, START_TIMEOUT
from vla_sim.ros.lockstep.turn_taking import TurnTaking
from vla_sim.ros.lockstep.wire import LARGEST, Begin, Done, Go, Hello, Meet, Met

SOON = 1e-9


class Follower(TurnTaking):
    """A node's side: `spin` takes turns until the conductor ends or ROS shuts down."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.mail.hold()  # until the first turn: what a constructor publishes would reach no one
        self._cost = 0.0
        self._busy = 0.0
        self._begin = Begin("fixed", {})
        clock.use(self)

    def mono(self) -> float:
        return self.stamp + self._cost

    def charge(self, work: str, seconds: float, most: float = math.inf) -> float:
        cost = self._begin.costs.get(work, 0.0) if self._begin.compute == "fixed" else seconds
        self.spend(min(cost, most))
        return cost

    def spend(self, seconds: float) -> None:
        if seconds > 0.0:
            self._cost += seconds
            self.mail.hold()

    def spin(self, executor: SerialExecutor, listeners: Callable[[], dict[str, int]]) -> None:
        self.take_turns(listeners, rclpy.ok)

    def take_turns(self, listeners: Callable[[], dict[str, int]], alive: Callable[[], bool]) -> None:
        """Until the conductor ends, or `alive` is false. listeners: how many listen to each of this node's
        topics now."""
        self.mail.alive = alive
        with contextlib.suppress(RunEnds), self._connect(alive) as line:
            answer: Hello | Met | Done | None = Hello(self.name, list(self.mail.inboxes))
            while alive():
                try:
                    if answer is not None:
                        line.send(wire.encode(answer))
                        answer = None
                    data = line.recv(LARGEST)
                except TimeoutError:
                    continue
                except ConnectionError:
                    return  # the simulator has died; whoever started it knows
                if not data:
                    return
                word = wire.from_conductor(data)
                if isinstance(word, Meet):
                    answer = Met(listeners())
                elif isinstance(word, Begin):
                    self.begin(word)
                else:
                    answer = self.turn(word)

    def begin(self, word: Begin) -> None:
        """What work costs from now on."""
        self._begin = word

    def turn(self, go: Go) -> Done:
        """Take one turn: messages, then timers, unless still busy."""
        self.stamp = go.stamp
        self.mail.fetch(go.sent)
        if go.stamp >= self._busy - SOON:
            self.mail.release()
            self._cost = 0.0
            self.mail.deliver()
            for timer in self.timers:
                if timer.due <= go.stamp + SOON:
                    timer.due += timer.period
                    if timer.due <= go.stamp:  # turns that were missed stay missed
                        timer.due = go.stamp + timer.period
                    timer.callback()
            self._busy = go.stamp + self._cost
        wakes = [t.due for t in self.timers]
        if self.mail.holding:
            wakes.append(self._busy)
        else:
            self.mail.release()
        return Done(self.mail.published(), self._busy, min(wakes, default=None))

    def _connect(self, alive: Callable[[], bool]) -> socket.socket:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            line.settimeout(0.5)
            try:
                line.connect(os.environ[SOCKET])
                return line
            except OSError as error:
                line.close()
                if not alive():
                    raise RunEnds from None
                if time.monotonic() > deadline:
                    raise StackError(f"lock-step: the simulator does not answer: {error}") from None
                time.sleep(0.02)
