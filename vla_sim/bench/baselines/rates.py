"""The rate limiter of the model's requests against aiolimiter."""

import asyncio

from vla_sim.bench.baselines.against import against, close, library
from vla_sim.bench.benchmark import Meter, Wrong
from vla_sim.stages.language.llm.rate_limiter import RateLimiter


def limiter(meter: Meter) -> None:
    """1000 requests that may go at once; and no minute lets more pass than was said."""
    aiolimiter = library("aiolimiter", "aiolimiter")
    bucket, passed = RateLimiter(100), []
    for k in range(1800):
        if bucket.acquire(0.1 * k) == 0.0:
            passed.append(0.1 * k)
    most = max(sum(t <= u < t + 60.0 for u in passed) for t in passed)
    if most > 100:
        raise Wrong(f"{most} of 100 requests passed in a minute")

    def ours() -> int:
        fast = RateLimiter(10_000_000)
        return sum(fast.acquire(1e-3 * k) == 0.0 for k in range(1000))

    async def acquire() -> int:
        limit = aiolimiter.AsyncLimiter(1_000_000, 60.0)
        for _ in range(1000):
            await limit.acquire()
        return 1000

    loop = asyncio.new_event_loop()
    try:
        against(
            meter, ours, lambda: loop.run_until_complete(acquire()),
            lambda a, b: close(a, b, 0, "requests that passed"),
        )  # fmt: skip
    finally:
        loop.close()
