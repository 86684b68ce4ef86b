"""Sampled call stacks as one tree: what a flame graph and a list of the longest are made of."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vla_sim.common.profiling.component import Row, short

WAITS = frozenset({
    "wait", "acquire", "select", "poll", "recv", "recv_into", "accept", "sleep", "lock", "read", "readline",
    "_wait_for_tstate_lock",
})  # fmt: skip
"""Built-in functions in which a thread does nothing but wait."""
PLUMBING = (
    "runpy", "threading.py", "concurrent/futures/", "rclpy/executors.py", "vla_sim/ros/",
    "vla_sim/common/profiling/",
)  # fmt: skip
"""Files that stand between a thread's beginning and its work: of no interest in a list of the longest."""


class Call(msgspec.Struct):
    """A function as called from its parent. seconds: with what it called."""

    function: str
    where: str
    seconds: float = 0.0
    calls: list[Call] = []

    def child(self, function: str, where: str) -> Call:
        """The call of this function from here, made if need be."""
        for one in self.calls:
            if one.function == function and one.where == where:
                return one
        self.calls.append(Call(function, where))
        return self.calls[-1]

    @property
    def own(self) -> float:
        return max(0.0, self.seconds - sum(one.seconds for one in self.calls))


class Sampled(msgspec.Struct):
    """`<node>.json`: what pyinstrument saw of a node. seconds: for how long; waited: for how long its main
    thread had nothing to do. threads: one tree each, without the waiting."""

    node: str
    seconds: float
    waited: float
    interval: float
    threads: list[Call]


def fold(records: Iterable[tuple[list[str], float]], into: Call) -> float:
    """Add samples to a tree; for how many seconds of them the thread waited, which are left out.

    records: as pyinstrument keeps them, a stack from its root on and the seconds that it stands for; a frame
    is its function, file and line with zero bytes between, and after a byte of 1 more about it.
    """
    known: dict[str, tuple[str, str]] = {}
    waited = 0.0
    for stack, seconds in records:
        calls = [known.get(info) or known.setdefault(info, _named(info)) for info in stack]
        if calls and calls[-1][1] == BUILT_IN and calls[-1][0].rpartition(".")[2] in WAITS:
            waited += seconds
            continue
        here = into
        here.seconds += seconds
        for function, where in calls:
            if where == THREAD:
                continue
            here = here.child(function, where)
            here.seconds += seconds
    return waited


BUILT_IN, THREAD = "built-in", "thread"


def _named(info: str) -> tuple[str, str]:
    """Function and place of a frame."""
    identifier, _, more = info.partition("\x01")
    function, file, line = (*identifier.split("\x00"), "", "")[:3]
    of_class = next((a[1:] for a in more.split("\x01") if a.startswith("c")), "")
    name = f"{of_class}.{function}" if of_class else function
    if name.startswith("pybind11"):
        name = name.rpartition(".")[2]
    if file == "<built-in>":
        return name, BUILT_IN
    if file == "<thread>":
        return function, THREAD
    return name, f"{short(file)}:{line}"


def top(trees: list[Call], most: int) -> list[Row]:
    """Functions by cumulative time over all threads; one that calls itself is counted once."""
    total: dict[tuple[str, str], list[float]] = {}

    def walk(call: Call, above: frozenset[tuple[str, str]]) -> None:
        key = call.function, call.where
        entry = total.setdefault(key, [0.0, 0.0])
        entry[0] += call.own
        if key not in above:
            entry[1] += call.seconds
        for one in call.calls:
            walk(one, above | {key})

    for tree in trees:
        for one in tree.calls:
            walk(one, frozenset())
    found = [
        Row(function, where, None, own, cumulative)
        for (function, where), (own, cumulative) in total.items()
        if not plumbing(function, where)
    ]
    return sorted(found, key=lambda row: -row.cumulative)[:most]


def plumbing(function: str, where: str) -> bool:
    """Whether it is no more than the way to where work is done."""
    beginning = function == "<module>" or (function == "main" and "node.py" in where)
    return beginning or any(part in where for part in PLUMBING)
