"""Stacks that pyinstrument sampled: what only waits is left out, what takes longest is found.

A record is a stack from its root on, and the seconds that it stands for, as `Session.frame_records` has them.
"""

from collections.abc import Iterable
from functools import cache

from vla_sim.common.profiling.component import Row, short

Record = tuple[list[str], float]
WAITS = frozenset({
    "wait", "acquire", "select", "poll", "recv", "recv_into", "accept", "sleep", "lock", "read", "readline",
    "_wait_for_tstate_lock",
})  # fmt: skip
"""Built-in functions in which a thread does nothing but wait."""
PLUMBING = (
    "runpy", "multiprocessing/", "threading.py", "concurrent/futures/", "rclpy/executors.py",
    "vla_sim/bringup/", "vla_sim/ros/", "vla_sim/common/profiling/",
)  # fmt: skip
"""Files that stand between a thread's beginning and its work: of no interest in a list of the longest."""


def merged(records: Iterable[Record]) -> list[Record]:
    """Each stack once with all its seconds, sorted: read one after the other they are a flame graph."""
    seconds: dict[tuple[str, ...], float] = {}
    for stack, one in records:
        seconds[tuple(stack)] = seconds.get(tuple(stack), 0.0) + one
    return [(list(stack), total) for stack, total in sorted(seconds.items())]


def busy(records: Iterable[Record]) -> list[Record]:
    """Those in which the thread did not wait."""
    return [r for r in records if not waits(*named(r[0][-1]))]


def top(records: Iterable[Record], most: int) -> list[Row]:
    """Functions by cumulative time over all threads; one that calls itself is counted once."""
    total: dict[tuple[str, str], list[float]] = {}
    for stack, seconds in records:
        calls = [named(info) for info in stack]
        for call in set(calls):
            total.setdefault(call, [0.0, 0.0])[1] += seconds
        total[calls[-1]][0] += seconds
    found = [Row(*call, None, own, all_) for call, (own, all_) in total.items() if not plumbing(*call)]
    return sorted(found, key=lambda row: -row.cumulative)[:most]


@cache
def named(info: str) -> tuple[str, str]:
    """Function and place of a frame: its function, file and line with zero bytes between, and after a byte of
    1 more about it, "c" and its class for one."""
    identifier, _, more = info.partition("\x01")
    function, file, line = (*identifier.split("\x00"), "", "")[:3]
    if file.startswith("<"):
        return function.rpartition(".")[2], "thread" if file == "<thread>" else "built-in"
    of_class = next((a[1:] for a in more.split("\x01") if a.startswith("c")), "")
    return f"{of_class}.{function}" if of_class else function, f"{short(file)}:{line}"


def waits(function: str, where: str) -> bool:
    return where == "built-in" and function in WAITS


def plumbing(function: str, where: str) -> bool:
    """Whether it is no more than the way to where work is done."""
    beginning = where == "thread" or function == "<module>" or (function == "main" and "node.py" in where)
    return beginning or any(part in where for part in PLUMBING)
