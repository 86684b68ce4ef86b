"""Running nodes: one in a process of its own from start to end, or some in the process that looks at them."""

import contextlib
import faulthandler
import gc
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions

from vla_sim.common.errors import StackError, VlaSimError
from vla_sim.common.files import runtime_folder
from vla_sim.common.profiling import node_profile
from vla_sim.common.signals import ENDING
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.lockstep.turn_taking import RunEnds
from vla_sim.ros.stage_node import StageNode

LONGEST_END = 25.0
"""[s] that a node may take to end; launch waits 30 s before it kills."""
Until = Callable[[Callable[[], object], float], bool]
"""Runs callbacks until that is true; False: it was not within so many seconds."""


def spin(make: Callable[[], StageNode[Any]]) -> int:
    """Run one node until SIGINT, SIGTERM or shutdown; the exit code.

    A `VlaSimError` becomes one line on stderr and its exit code.
    """
    node: StageNode[Any] | None = None
    profile: node_profile.NodeProfile | None = None
    stop: Callable[[], None] | None = None
    try:
        init_with_signals()
        profile = node_profile.begin()
        node = make()
        executor = SerialExecutor()
        executor.add_node(node)
        settle()
        node.get_logger().info("ready")
        if profile is not None:
            stop = profile.watch()
        node.run(executor)
    except (ExternalShutdownException, RunEnds):
        pass
    except VlaSimError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Exception:
        # A shutdown in the middle of a turn or a callback takes rclpy's handles away from under it.
        if rclpy.ok():
            raise
    finally:
        if stop is not None:
            stop()
        if node is not None:
            node.close()
            if profile is not None and stop is not None:
                node_profile.finish(profile, node.get_name())
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def start(arguments: list[str] | None = None) -> None:
    """`rclpy.init` without handlers of signals; arguments: default is the process's.

    ROS keeps a log of each process and does not start where it cannot: then the log goes to a folder of ours.
    Raises `StackError` if it does not start all the same.
    """
    if "ROS_LOG_DIR" not in os.environ and "ROS_HOME" not in os.environ:
        try:
            folder = Path(os.environ["HOME"], ".ros", "log")
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except (KeyError, OSError):
            os.environ["ROS_LOG_DIR"] = str(runtime_folder() / "ros-log")
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        raise StackError(f"ROS does not start: {error}") from None


@contextlib.contextmanager
def beside(*make: Callable[[], StageNode[Any]]) -> Iterator[tuple[Any, Until]]:
    """Nodes of this process, in the ROS domain of its environment, and what runs their callbacks."""
    start([])
    nodes: list[StageNode[Any]] = []
    try:
        executor = SerialExecutor()
        for one in make:
            nodes.append(one())
            executor.add_node(nodes[-1])

        def until(true: Callable[[], object], seconds: float) -> bool:
            end = time.monotonic() + seconds
            while not true():
                if time.monotonic() > end:
                    return False
                executor.spin_once(timeout_sec=0.01)
            return True

        yield nodes, until
        executor.shutdown()
        for node in nodes:
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


def init_with_signals() -> None:
    """`rclpy.init`, and from now on SIGINT and SIGTERM shut ROS down, which ends every wait.

    A thread hears of the signal at once, also while the main thread waits in C. rclpy's own handlers raise
    `KeyboardInterrupt` as well, which could come in the middle of a message or of the node's end.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.detach())
    for number in ENDING:
        signal.signal(number, lambda *_: None)
    start()

    def wait() -> None:
        while reader.recv(1):
            # A middleware that hangs at its end is told with the place, and does not outlive the run.
            faulthandler.dump_traceback_later(LONGEST_END, exit=True)
            rclpy.try_shutdown()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def settle() -> None:
    """The end of start-up. What it made need not be looked at again by the garbage collector: with numba
    loaded, a full collection takes some 100 ms, in the middle of a command. From now on a kernel that is
    compiled is reported."""
    gc.collect()
    gc.freeze()
    kernels = sys.modules.get("vla_sim.common.numba_cache")
    if kernels is not None:  # not every node has kernels, and numba takes long to import
        kernels.settled()
