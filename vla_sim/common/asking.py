"""One question at a time to a server, while the robot goes on; and what the answer costs."""

import time
from concurrent.futures import Executor, Future
from typing import Any, Protocol

from vla_sim.common import clock

Answer = dict[str, Any]
PATIENCE = 60.0
"""[s] of the machine's clock for an answer in lock-step, where lateness is what an answer costs and not what
the machine is busy with."""


class Client(Protocol):
    """One connection to a server. work: by which name its answers are charged. late: the error that says in
    its message that no answer came in time. `infer` is called from one thread at a time, `close` from any;
    what `infer` raises is raised where the answer is taken."""

    work: str
    late: type[Exception]

    def infer(self, observation: Answer, /) -> Answer: ...
    def close(self) -> None: ...


class Asking:
    """executor: asks in its thread. Without one (in lock-step) the question is put at once, and the
    answer, or why there is none, is there when the client's work has cost its time on the ROS clock. timeout:
    [s] after which a modelled answer counts as none, as the client's own time-out does for a real one."""

    def __init__(self, client: Client, executor: Executor | None, timeout: float) -> None:
        self._client, self._executor, self._timeout = client, executor, timeout
        self._under_way: Future[Answer] | None = None
        self._due = 0.0

    @property
    def busy(self) -> bool:
        return self._under_way is not None

    def ask(self, observation: Answer, now: float) -> None:
        """Put a question; none is under way. now: [s of the ROS clock]."""
        if self._executor is not None:
            self._under_way, self._due = self._executor.submit(self._client.infer, observation), now
            return
        self._under_way, began = Future(), time.perf_counter()
        try:
            self._under_way.set_result(self._client.infer(observation))
        except Exception as error:
            self._under_way.set_exception(error)
        # Not charged to the node, which is not busy meanwhile: the answer is kept back.
        work = self._client.work
        cost = clock.charge(work, time.perf_counter() - began, 0.0)
        if isinstance(self._under_way.exception(), self._client.late):
            cost = self._timeout
        elif cost > self._timeout:
            self._under_way = Future()
            self._under_way.set_exception(
                self._client.late(f"the {work} has not answered for {self._timeout:g} s")
            )
        self._due = now + min(cost, self._timeout)

    def answer(self, now: float) -> Answer | None:
        """The answer, once; None until it is there. Raises what the client raised."""
        asked = self._under_way
        if asked is None or not asked.done() or now < self._due - 1e-9:
            return None
        self._under_way = None
        return asked.result()

    def close(self) -> None:
        """End the connection; an answer that is under way is not wanted any more."""
        self._client.close()
