"""Starts nodes as forks of one process that has loaded everything they need.

Nine interpreters that each import ROS, numpy, numba and the same kernels take 7 s of CPU until they are
ready. The server (`multiprocessing.forkserver`) imports them once and opens neither files nor sockets; a node
is a fork of it with its own session, environment and output, and shares the memory of what was loaded. Nodes
that a launch file starts are programs of their own, as on the robot.

The runs of a sweep are forks too. Each has a server of its own, with which its nodes end, and that is a fork
again: nothing is loaded twice.

Threads are not forked. The only ones that loading starts are LTTng's listeners in rclpy, so that ros2_tracing
sees nodes of launch files alone.
"""

import contextlib
import gc
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import connection, forkserver, resource_tracker, util
from typing import IO, Any, cast

import psutil
from setproctitle import setproctitle

from vla_sim.common import compute_threads, process_priority
from vla_sim.common.child_process import terminate_with_parent
from vla_sim.common.errors import StackError

PRELOAD = "vla_sim.bringup.preload"
OWN_PROGRAM = "vla_sim.bringup.own_program"
"""The module whose arguments are the command line of another program."""
GRACE = 4.0  # [s] for a node to end after a signal
END = signal.SIGUSR1
"""Ends the server with all its forks; SIGTERM does so only once its client is gone."""
_context = multiprocessing.get_context("forkserver")
_loaded = False
"""Whether this process is a fork, and so has loaded all that a server of its own would."""
_lock = threading.Lock()  # multiprocessing's list of children is not safe to use from several threads


def prepare(*more: str) -> None:
    """Start the server, if it does not run yet. It loads while the caller goes on with something else.
    more: modules beside the nodes'."""
    os.environ.update(compute_threads.environment())
    _context.set_forkserver_preload([PRELOAD, *more])
    resource_tracker.ensure_running()  # starts with the server otherwise, and lets SIGINT through again
    # A Ctrl-C is for the caller: the server is born with it held back, since it would end its loading.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _forked_server() if _loaded else contextlib.nullcontext():
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_server() -> None:
    """When this process ends, all that it has started is gone, which multiprocessing leaves to a moment
    later: who waits for a command may count on it."""
    server, tracker = cast(Any, forkserver)._forkserver, cast(Any, resource_tracker)._resource_tracker
    started = [psutil.Process(one) for one in (server._forkserver_pid, tracker._pid) if one is not None]
    if server._forkserver_pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, END)
    if tracker._fd is not None:
        os.close(tracker._fd)  # what it ends by
        tracker._fd = None
    psutil.wait_procs(started, GRACE)


util.Finalize(None, _end_server, exitpriority=-1)  # after what multiprocessing itself ends


@contextlib.contextmanager
def _forked_server() -> Iterator[None]:
    """Have multiprocessing start its server as a fork of this process, not as a new interpreter."""
    spawn, util.spawnv_passfds = util.spawnv_passfds, cast(Any, _fork_server)
    try:
        yield
    finally:
        util.spawnv_passfds = spawn


def _fork_server(_: object, arguments: Sequence[Any], kept: Sequence[int]) -> int:
    """Instead of `multiprocessing.util.spawnv_passfds`; arguments: end with the server's code. kept: the file
    descriptors that it needs, of which a new interpreter would get no other but the standard ones."""
    from vla_sim.bringup import node_table  # which the fork has, and others need not wait for

    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()  # it outlives a signal to its parent's group, and ends the forks that did not hear it
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in map(int, os.listdir("/proc/self/fd")):
            if number > 2 and number not in kept:
                os.dup2(nothing, number)  # not closed: Python's object of it may close that number later
        setproctitle(node_table.title("fork-server"))
        end_with_client()
        gc.freeze()
        exec(arguments[-1], {})
    finally:
        os._exit(1)  # what this process was in the middle of is its parent's


def end_with_client() -> None:
    """In the server: when the process that started it has been killed, end every fork, also one that is
    frozen and one that does not listen."""
    server, client = os.getpid(), os.getppid()

    def end(number: int, _: object) -> None:
        if os.getpid() != server:
            return
        if number != END and os.getppid() == client:  # the thread has ended that started it, no more
            return
        forks = psutil.Process().children(recursive=True)
        for sent in (signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
            for one in forks:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(sent)
            if sent == signal.SIGTERM:
                psutil.wait_procs(forks, GRACE)
        os._exit(0)

    def hold(how: int) -> None:
        if os.getpid() == server:
            signal.pthread_sigmask(how, {signal.SIGTERM, END})

    signal.signal(signal.SIGTERM, end)
    signal.signal(END, end)
    # Python forgets a signal that comes while it forks: a fork holds it back until it becomes its node.
    os.register_at_fork(
        before=lambda: hold(signal.SIG_BLOCK), after_in_parent=lambda: hold(signal.SIG_UNBLOCK)
    )
    terminate_with_parent()


class Fork:
    """A running program: the `main` of a module, in a session of its own. output: its standard output and
    error. It gets SIGTERM when the process that started it, or the server, has ended."""

    def __init__(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], *, title: str = "",
        nice: int = 0,
    ) -> None:  # fmt: skip
        """title: what `ps` shows, not the server's command. Raises `StackError` if the server has died."""
        prepare()
        reader, writer = _context.Pipe(duplex=False)
        self._process = _context.Process(
            target=_become,
            args=(module, list(arguments), dict(environment), os.getcwd(), title, nice, writer),
        )
        try:
            with _lock, _without_main():
                self._process.start()
        except (EOFError, OSError) as error:
            raise StackError(f"the process that {module} is forked from has died ({error})") from None
        finally:
            writer.close()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self.output: IO[bytes] = os.fdopen(os.dup(reader.fileno()), "rb")
        reader.close()

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        with _lock:
            return self._process.exitcode

    def wait(self, timeout: float = float("inf")) -> int | None:
        """`poll` once it has ended, or after `timeout` [s]."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None and (left := deadline - time.monotonic()) > 0.0:
            connection.wait([self._process.sentinel], min(left, 1.0))
        return code

    def signal(self, number: int) -> None:
        """Send a signal to it and to all processes that it started."""
        if self.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:  # it has no session yet
                os.kill(self.pid, number)


def in_child(nice: int = 0) -> None:
    """First thing in a child process: get SIGTERM when the parent is killed, and take this niceness."""
    process_priority.own(nice)
    terminate_with_parent()


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the caller's script, which multiprocessing would run in each child as a module: a script without
    `if __name__ == "__main__"` would start everything anew."""
    main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _become(
    module: str, arguments: list[str], environment: dict[str, str], folder: str, title: str, nice: int,
    output: connection.Connection,
) -> None:  # fmt: skip
    """In the fork: become what `python -m module arguments` would be."""
    for ending in (signal.SIGTERM, END):
        signal.signal(ending, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, END})
    os.setsid()  # a Ctrl-C reaches the supervisor alone, which ends the nodes in order
    in_child(nice)
    os.chdir(folder)
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(output.fileno(), number)
        # Made anew: one that was a file, as in `vla-sim run > log`, would seek in what is a pipe now.
        setattr(sys, name, open(number, "w", buffering=1, encoding="utf-8", closefd=False))  # noqa: SIM115
    output.close()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    sys.orig_argv = [sys.executable, "-m", module, *arguments]
    global _loaded
    _loaded = True
    setproctitle(title or module)
    threading.Thread(target=_end_with_parent, name="supervisor", daemon=True).start()
    raise SystemExit(importlib.import_module(module).main())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
