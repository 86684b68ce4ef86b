"""The clock on which latencies are measured, and what work costs on it.

Usually that is the machine's monotonic clock, and work costs what it takes. In lock-step
(`vla_sim.ros.lockstep`) it is simulated time: it stands still while a node computes, and `charge` says how
much later its results come out. Cores and nodes use this module alone, so that both are one code.
"""

import math
import time
from typing import Any

_source: Any = None
"""What has `mono`, `charge` and `spend` in place of the machine's clock."""


def mono() -> float:
    """Seconds on the clock on which latencies are measured."""
    return time.monotonic() if _source is None else float(_source.mono())


def charge(work: str, seconds: float, most: float = math.inf) -> float:
    """Report that `work` ("voice", "planning", ...) took `seconds` of this process. Returns its cost [s];
    at most `most` of that is charged: a caller that allows so much time judges by the cost whether the work
    was late, and the verdict is the same on any machine."""
    return seconds if _source is None else float(_source.charge(work, seconds, most))


def spend(seconds: float) -> None:
    """In lock-step: let `seconds` pass, for a wait. Otherwise waiting spends time by itself."""
    if _source is not None:
        _source.spend(seconds)


def lockstep() -> bool:
    """Whether time waits for this process: then work is done in place, not handed to threads."""
    return _source is not None


def use(source: Any) -> None:
    """Take time from `source`, or with None from the machine again."""
    global _source
    _source = source
