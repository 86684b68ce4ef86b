"""What a frame's buffers cost on the way into ROS messages: made anew, or from the pool.

    python -m vla_sim.bench.buffers_cost

CPU seconds of the thread, which other programs on the machine do not change much, and page faults.
"""

from __future__ import annotations

import resource
import time
from array import array
from collections.abc import Callable

import numpy as np

from vla_sim.common.buffers import BufferPool

SIZES = ((320, 240), (640, 480), (1280, 720))
REPETITIONS = 200


def cost(call: Callable[[], object]) -> tuple[float, float]:
    """Median CPU [ms] and page faults of a call."""
    for _ in range(10):
        call()
    faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    spent = []
    for _ in range(REPETITIONS):
        began = time.thread_time()
        call()
        spent.append(1e3 * (time.thread_time() - began))
    faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - faults
    return float(np.median(spent)), faults / REPETITIONS


def main() -> int:
    """Print the figures."""
    pool = BufferPool()
    print(f"{'':12}{'anew':>22}{'from the pool':>26}")
    for width, height in SIZES:
        color = np.zeros((height, width, 3), np.uint8)
        depth = np.zeros((height, width), np.float32)

        def anew(color: np.ndarray = color, depth: np.ndarray = depth) -> object:
            # What a message's constructor does with what it is given, and what it takes.
            return [array("B", array("B", image.tobytes())) for image in (color, depth)]

        def pooled(color: np.ndarray = color, depth: np.ndarray = depth) -> None:
            leases = [pool.lease(image.shape, image.dtype) for image in (color, depth)]
            for lease, image in zip(leases, (color, depth), strict=True):
                lease.array[...] = image
                lease.release()

        (a, fa), (p, fp) = cost(anew), cost(pooled)
        print(f"{width}x{height:<7} {a:8.3f} ms {fa:6.0f} faults {p:10.3f} ms {fp:6.0f} faults")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
