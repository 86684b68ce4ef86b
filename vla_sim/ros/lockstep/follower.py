"""A node that takes turns."""

import contextlib
import os
import socket
import time
from collections.abc import Callable

import rclpy

from vla_sim.common.errors import StackError
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.lockstep import turn_taking
from vla_sim.ros.lockstep.run_environment import SOCKET, START_TIMEOUT

SOON = 1e-9


class Follower(turn_taking.TurnTaking):
    """A node's side: `spin` takes turns until the conductor ends or ROS shuts down."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.mail.hold()  # until the first turn: what a constructor publishes would reach no one
        self._busy = 0.0

    def spin(
        self, executor: SerialExecutor, listeners: Callable[[], dict[str, int]],
        alive: Callable[[], bool] = rclpy.ok,
    ) -> None:  # fmt: skip
        """Take turns until the conductor ends, or `alive` is false."""
        self.mail.alive = alive
        with contextlib.suppress(turn_taking.RunEnds), self._connect(alive) as line:
            answer: turn_taking.Hello | turn_taking.Met | turn_taking.Done | None = turn_taking.Hello(
                self.name, list(self.mail.inboxes)
            )
            while alive():
                try:
                    if answer is not None:
                        line.send(turn_taking.encode(answer))
                        answer = None
                    data = line.recv(turn_taking.LARGEST)
                except TimeoutError:
                    continue
                except ConnectionError:
                    return  # the simulator has died; whoever started it knows
                if not data:
                    return
                word = turn_taking.from_conductor(data)
                if isinstance(word, turn_taking.Meet):
                    answer = turn_taking.Met(listeners())
                elif isinstance(word, turn_taking.Begin):
                    self.charged = word
                else:
                    answer = self.turn(word)

    def turn(self, go: turn_taking.Go) -> turn_taking.Done:
        """Take one turn: messages, then timers, unless still busy."""
        self.stamp = go.stamp
        self.turns += 1
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
        return turn_taking.Done(self.mail.published(), self._busy, min(wakes, default=None))

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
                    raise turn_taking.RunEnds from None
                if time.monotonic() > deadline:
                    raise StackError(f"lock-step: the simulator does not answer: {error}") from None
                time.sleep(0.02)
