"""The executor that every node runs in."""

import inspect
from typing import Any

from rclpy.executors import Executor, ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.waitable import NumberOfEntities

ROUNDS = 100


class SerialExecutor(Executor):
    """Callbacks one after another in one thread: everything that is ready, then wait again.

    rclpy's SingleThreadedExecutor makes a new wait set for every callback and wakes itself twice after
    each, so that one message costs it up to three waits. This one keeps its wait set and runs all that one
    wait found: timers first, then subscriptions in the order in which they were made. Callbacks are
    plain functions that do not await; callback groups have no meaning here, and clients
    of services, tasks and futures are not served.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counts: tuple[int, ...] = ()
        self._wait_set: Any = None

    def spin_once(self, timeout_sec: float | None = None) -> bool:
        """Run what is ready, after waiting up to `timeout_sec` (for ever if None); whether anything was.

        Raises `ExternalShutdownException` when the context or the executor was shut down.
        """
        if self._is_shutdown or not self._context.ok():
            raise ExternalShutdownException
        nodes = self.get_nodes()
        timers, subscriptions, services, waitables, guards = (
            [one for node in nodes for one in getattr(node, kind)]
            for kind in ("timers", "subscriptions", "services", "waitables", "guards")
        )
        own = [*guards, self._guard, self._sigint_gc]
        wait = self._prepare(subscriptions, own, timers, services, waitables)
        wait.wait(-1 if timeout_sec is None else max(0, round(timeout_sec * 1e9)))
        if self._is_shutdown or not self._context.ok():
            raise ExternalShutdownException
        events = [one for one in waitables if one.is_ready(wait)]
        ran = bool(events)
        for timer in _ready(wait, "timer", timers):
            if timer.handle.is_timer_ready():
                timer.handle.call_timer()
                timer.callback()
                ran = True
        for one in _ready(wait, "subscription", subscriptions):
            taken = one.handle.take_message(one.msg_type, one.raw)
            if taken is not None:
                one.callback(*(taken[:1] if one._callback_type is one.CallbackType.MessageOnly else taken))
                ran = True
        for guard in _ready(wait, "guard_condition", guards):
            if guard.callback is not None:
                guard.callback()
                ran = True
        for one in _ready(wait, "service", services):
            if (call := self._take_service(one)) is not None:
                _finish(call())
                ran = True
        for one in events:
            _finish(self._take_waitable(one)())
        return ran

    def drain(self) -> None:
        """Run what is ready now until nothing is (bounded), without waiting."""
        for _ in range(ROUNDS):
            if not self.spin_once(0.0):
                return

    def _prepare(self, *kinds: list[Any]) -> Any:
        """The wait set with these subscriptions, guards, timers, services and waitables in it."""
        waitables = kinds[-1]
        counts = tuple(map(len, kinds))
        if counts != self._counts:
            more = NumberOfEntities()
            for one in waitables:
                more += one.get_num_entities()
            self._wait_set = rclpy_implementation.WaitSet(
                counts[0] + more.num_subscriptions, counts[1] + more.num_guard_conditions,
                counts[2] + more.num_timers, more.num_clients, counts[3] + more.num_services, more.num_events,
                self._context.handle,
            )  # fmt: skip
            self._counts = counts
        wait = self._wait_set
        wait.clear_entities()
        add = wait.add_subscription, wait.add_guard_condition, wait.add_timer, wait.add_service
        for take, entities in zip(add, kinds, strict=False):
            for one in entities:
                take(one.handle)
        for one in waitables:
            one.add_to_wait_set(wait)
        return wait


def _ready(wait: Any, kind: str, entities: list[Any]) -> list[Any]:
    """Those of one kind for which the wait has found something."""
    found = wait.get_ready_entities(kind)
    return [one for one in entities if one.handle.pointer in found] if found else []


def _finish(call: Any) -> None:
    """Run an rclpy handler, which is a coroutine around a plain function, to its end."""
    if not inspect.iscoroutine(call):
        return
    try:
        call.send(None)
    except StopIteration:
        return
    call.close()
    raise RuntimeError("a callback awaits something; callbacks in this executor are plain functions")
