"""One question at a time to a policy, while the robot goes on; and what the answer costs."""

import time
from concurrent.futures import Executor, Future
from typing import Any

from vla_sim.common import clock
from vla_sim.stages.policy.client import PolicyClient
from vla_sim.stages.policy.errors import PolicyError, TooLateError

Answer = dict[str, Any]


class Asking:
    """executor: asks in its thread. Without one (in lock-step) the question is put at once, and the
    answer, or why there is none, is there when the work "policy" has cost its time on the ROS clock. timeout:
    [s] after which a modelled answer counts as none, as the client's own time-out does for a real one."""

    def __init__(self, client: PolicyClient, executor: Executor | None, timeout: float) -> None:
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
        except PolicyError as error:
            self._under_way.set_exception(error)
        # Not charged to the node, which is not busy meanwhile: the answer is kept back.
        cost = clock.charge("policy", time.perf_counter() - began, 0.0)
        if isinstance(self._under_way.exception(), TooLateError):
            cost = self._timeout
        elif cost > self._timeout:
            self._under_way = Future()
            self._under_way.set_exception(
                TooLateError(f"the policy has not answered for {self._timeout:g} s")
            )
        self._due = now + min(cost, self._timeout)

    def answer(self, now: float) -> Answer | None:
        """The answer, once; None until it is there. Raises `PolicyError`."""
        asked = self._under_way
        if asked is None or not asked.done() or now < self._due - 1e-9:
            return None
        self._under_way = None
        return asked.result()

    def close(self) -> None:
        """End the connection; an answer that is under way is not wanted any more."""
        self._client.close()
