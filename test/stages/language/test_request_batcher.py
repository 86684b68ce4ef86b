"""Who goes to the model's server, and in which order: no more than a batch at once, the strongest first."""

import asyncio
import contextlib
import time

import pytest

from vla_sim.common import clock
from vla_sim.stages.language.llm.errors import RefusedError
from vla_sim.stages.language.llm.request_batcher import MAX_FAILURES, QueuedRequest, RequestBatcher

BOUND = 20.0


class Line:
    """Requests that hold their place until they are told to leave. `went`: names in the order in which they
    got one."""

    def __init__(self, batch=3, batch_wait=BOUND, per_minute=1000):
        self.batcher = RequestBatcher(per_minute, batch, batch_wait)
        self.went, self.tasks, self.leave = [], {}, {}
        self.requests = {}

    async def come(self, *names, priority="normal", within=2 * BOUND):
        for name in names:
            self.leave[name] = asyncio.Event()
            self.requests[name] = QueuedRequest(priority)
            self.tasks[name] = asyncio.create_task(self._go(name, clock.mono() + within))
        await self.settle()

    async def go(self, name):
        self.leave[name].set()
        await self.tasks[name]
        await self.settle()

    async def _go(self, name, deadline):
        async with self.batcher.slot(self.requests[name], deadline):
            self.went.append(name)
            await self.leave[name].wait()

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def end(self):
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def run(scene, **values):
    async def whole():
        line = Line(**values)
        try:
            await asyncio.wait_for(scene(line), BOUND)
        finally:
            await line.end()

    asyncio.run(whole())


def test_a_batch_goes_at_once_and_the_next_as_soon_as_one_is_answered():
    async def scene(line):
        await line.come("a", "b", "c", "d", "e")
        assert line.went == ["a", "b", "c"]
        assert line.batcher.waiting == 2
        await line.go("b")
        assert line.went == ["a", "b", "c", "d"]

    run(scene)


def test_a_command_overtakes_what_waits_in_the_background():
    async def scene(line):
        await line.come("busy")
        await line.come("prefetch", priority="background")
        await line.come("command")
        await line.come("now", priority="urgent")
        assert line.went == ["busy", "now"]  # what is weaker takes no place from it
        await line.go("now")
        await line.go("busy")
        assert line.went == ["busy", "now", "command"]
        await line.go("command")
        assert line.went[-1] == "prefetch"

    run(scene, batch=1)


def test_a_command_does_not_wait_for_background_requests_under_way():
    async def scene(line):
        await line.come("a", "b", "c", "d", priority="background")
        assert line.went == ["a", "b", "c"]
        await line.come("command")
        assert line.went == ["a", "b", "c", "command"]

    run(scene)


def test_who_is_wanted_by_a_command_goes_as_one():
    async def scene(line):
        await line.come("busy")
        await line.come("first", "second", priority="background")
        line.batcher.promote(line.requests["second"], "normal")
        await line.go("busy")
        assert line.went == ["busy", "second"]

    run(scene, batch=1)


def test_requests_that_hang_hold_up_nobody_for_longer_than_the_wait():
    async def scene(line):
        await line.come("a", "b", "c", "d")
        begin = time.monotonic()
        while len(line.went) < 4:
            await asyncio.sleep(0.005)
        assert time.monotonic() - begin > 0.1
        assert line.went[-1] == "d"

    run(scene, batch_wait=0.2)


def test_who_gives_up_leaves_the_line():
    async def scene(line):
        await line.come("a", "b", "c")
        line.tasks["b"].cancel()
        await line.settle()
        assert line.batcher.waiting == 1
        await line.go("a")
        assert line.went == ["a", "c"]

    run(scene, batch=1)


def test_no_turn_by_the_deadline_is_a_refusal():
    async def scene(line):
        await line.come("a")
        await line.come("b", within=0.05)
        with pytest.raises(RefusedError, match=r"no slot within 0\.\d s: 1 under way"):
            await line.tasks["b"]
        assert line.batcher.waiting == 0

    run(scene, batch=1)


def test_the_rate_holds_for_the_strongest_first():
    async def scene(line):
        await line.come("a")  # 10 a minute: one at once, the next in 6.7 s
        for name, priority in (("background", "background"), ("command", "normal")):
            await line.come(name, priority=priority)
        assert line.batcher.waiting == 2
        assert line.went == ["a"]
        await line.come("hasty", priority="urgent", within=1.0)
        with pytest.raises(RefusedError, match="limit is 10 requests a minute"):
            await line.tasks["hasty"]

    run(scene, per_minute=10)


def test_an_open_breaker_refuses_who_waits_as_well():
    async def scene(line):
        await line.come("a", "b", "c")
        for _ in range(MAX_FAILURES):
            line.batcher.breaker.on_result(False, clock.mono())
        await line.go("a")
        with pytest.raises(RefusedError, match="failed 3 times in a row"):
            await line.tasks["b"]
        with contextlib.suppress(RefusedError):
            await line.tasks["c"]
        assert line.went == ["a"]

    run(scene, batch=1)
