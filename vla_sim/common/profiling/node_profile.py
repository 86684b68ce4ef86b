"""Profiles a node: its main thread and every Python thread that it starts, with one tool; and what of the
stacks that pyinstrument sampled is no waiting, and takes longest."""

import marshal
import os
import sys
import threading
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.common.errors import InputError, package
from vla_sim.common.files import write_whole
from vla_sim.common.profiling.calls import CallProfile, added_up
from vla_sim.common.profiling.component import VARIABLE, Row, default, short

FOLDER = "VLA_SIM_PROFILE_FOLDER"
"""Environment variable: where nodes write their profiles."""
TOOLS = ("pyinstrument", "cprofile")
SESSION = ".pyisession"
"""Ending of a node's samples, as pyinstrument names and reads them."""
INTERVAL = 0.005
"""[s] between two looks of pyinstrument: at the usual 1 ms nine nodes on two cores are noticeably slower."""
Record = tuple[list[str], float]
"""A stack from its root on, and the seconds that it stands for, as `Session.frame_records` has them."""
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


def installed() -> Any:
    """The package pyinstrument. Raises `MissingError`."""
    how = 'pyinstrument is not installed: pip install "vla_sim[profile]", or use --profiler cprofile'
    return package("pyinstrument", how)


def environment(tool: str, folder: Path) -> dict[str, str]:
    """What a node has in its environment that is to be profiled."""
    return {VARIABLE: tool, FOLDER: str(folder.resolve())}


class Counting:
    """Every call. A thread that never ends is there with what it has done until the end."""

    def __init__(self) -> None:
        self._profiles: list[CallProfile] = []

    def watch(self) -> Callable[[], None]:
        """Profile this thread from now on, until what is returned is called in it."""
        profile = CallProfile()
        self._profiles.append(profile)
        profile.enable()
        return profile.disable

    def write(self, node: str, folder: Path) -> None:
        """After the end: the files of a node."""
        stats = added_up(self._profiles)
        stats.add(*(default.stats(component) for component in default.components))
        write_whole(folder / f"{node}.pstats", marshal.dumps(stats.stats))  # type: ignore[attr-defined]


class Sampling:
    """pyinstrument. A thread that has not ended when the node writes is not in it."""

    def __init__(self) -> None:
        self._tool = installed()
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._main: Any = None
        """Session of the main thread."""

    def watch(self) -> Callable[[], None]:
        profiler = self._tool.Profiler(interval=INTERVAL, async_mode="disabled")
        profiler.start()

        def stop() -> None:
            session: Any = profiler.stop()
            with self._lock:
                self._records += session.frame_records
                if threading.current_thread() is threading.main_thread():
                    self._main = session

        return stop

    def write(self, node: str, folder: Path) -> None:
        with self._lock:
            session = self._main
            session.frame_records = merged(self._records)
        session.target_description = node
        write_whole(folder / f"{node}{SESSION}", msgspec.json.encode(session.to_json()))


NodeProfile = Counting | Sampling


def begin() -> NodeProfile | None:
    """In a node, before its threads start: the profile that was asked for, if any.

    From now on each new thread is profiled. Raises `InputError`, `MissingError`.
    """
    tool = os.environ.get(VARIABLE, "")
    if not tool or not os.environ.get(FOLDER):
        return None
    if tool not in TOOLS:
        raise InputError(f"{VARIABLE}={tool}: one of {', '.join(TOOLS)} is allowed, or leave it unset")
    profile: NodeProfile = Counting() if tool == "cprofile" else Sampling()
    run = threading.Thread.run

    def profiled_run(thread: threading.Thread) -> None:
        stop = profile.watch()
        try:
            run(thread)
        finally:
            stop()

    threading.Thread.run = profiled_run  # type: ignore
    return profile


def finish(profile: NodeProfile, node: str) -> None:
    """Write what was seen into the folder that was asked for, or say why that cannot be done."""
    try:
        profile.write(node, Path(os.environ[FOLDER]))
    except OSError as error:
        print(f"[WARN] the profile of {node} cannot be written: {error}", file=sys.stderr)


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
