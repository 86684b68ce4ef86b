"""Starts the table of nodes without `ros2 launch`, watches it, and ends it leaving nothing behind."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from vla_sim.bringup import node_table, shared_memory
from vla_sim.bringup.backoff import Backoff, crashed
from vla_sim.bringup.fork_server import GRACE, OWN_PROGRAM, Fork
from vla_sim.bringup.node_table import NodeSpec, StackOptions
from vla_sim.common import loopback, process_priority, secrets, signals
from vla_sim.common.errors import EngineError, InputError, MissingError, StackError
from vla_sim.common.files import machine_lock
from vla_sim.common.printable import printable
from vla_sim.ros import kept_state
from vla_sim.ros.lockstep import run_environment

LAST = ("safety", *node_table.BODIES)  # go down last, one by one: who permits motion, and who controls it
DOMAINS = range(1, 51)  # simulated robots take those up to 100, see `hardware.unitree.network.domain_beside`
LOCK = "vla_sim_domain_"  # how the lock files of domains begin, in the folder for temporary files


class Domain:
    """A ROS domain id that no other run on this machine uses, held by a lock until `release`. joined: other
    programs may be in the one that is `wanted`, as a robot's drivers are. Raises `InputError`, `StackError`,
    and `MissingError` where the loopback interface is down."""

    def __init__(self, wanted: int | None = None, *, joined: bool = False) -> None:
        if wanted is not None and not 0 <= wanted <= 232:
            raise InputError(f"domain {wanted}: a ROS domain id is a number from 0 to 232")
        loopback.check()  # without it the nodes would wait for each other until a time-out
        choices = [wanted] if wanted is not None else random.SystemRandom().sample(DOMAINS, len(DOMAINS))
        for number in choices:
            lock = self._lock(number, joined=joined and wanted is not None)
            if lock is not None:
                self.id, self.lock = number, lock
                return
        if wanted is None:
            raise StackError("no ROS domain id from 1 to 50 is free on this machine; end other runs")
        raise StackError(
            f"ROS domain {wanted} is in use by another program on this machine; choose another "
            "with --domain, or leave it out to have a free one chosen (is it `ros2`? then: ros2 daemon stop)"
        )

    @staticmethod
    def _lock(number: int, *, joined: bool) -> IO[bytes] | None:
        lock = machine_lock(f"{LOCK}{number}.lock")
        if lock is None or joined:
            return lock
        # Every participant of a domain binds the first of these ports, together with the others, where it
        # uses multicast; the first one also binds the second, alone (DDSI-RTPS 9.6.1.1).
        for offset in (0, 10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("", 7400 + 250 * number + offset))
                except OSError:
                    lock.close()
                    return None
        return lock

    def release(self) -> None:
        self.lock.close()


def running_domains() -> list[int]:
    """Domains of the stacks that run on this machine, in order: those whose lock is held."""
    found = []
    for path in Path(tempfile.gettempdir()).glob(f"{LOCK}*.lock"):
        number = path.stem.removeprefix(LOCK)
        try:
            with path.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if number.isdigit():
                found.append(int(number))
        except OSError:
            continue  # another user's, or gone
    return sorted(found)


class Process:
    """One running node; its output goes to `log` line by line, and to `echo` with the node's name. again: the
    log goes on."""

    def __init__(
        self, name: str, fork: Fork, log: Path, echo: Callable[[str, str], None], nice: int = 0, *,
        again: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.fork, self.log, self.echo, self.nice = name, fork, log, echo, nice
        self.again = again
        self.last = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        process_priority.session(self.fork.pid, self.nice)
        file: IO[str] | None = None
        try:
            file = self.log.open("a" if self.again else "w", buffering=1, encoding="utf-8")
        except OSError as error:
            self.echo(self.name, f"its log cannot be written: {error}")
        for raw in self.fork.output:
            text = printable(secrets.strike(raw.decode(errors="replace").rstrip()))
            if text:
                self.last = text
            self.echo(self.name, text)
            if file is not None:
                try:
                    file.write(text + "\n")
                except OSError as error:
                    self.echo(self.name, f"its log cannot be written any more: {error}")
                    file = None
        self.fork.output.close()
        if file is not None:
            file.close()


class Stack:
    """The running nodes of one run. Use as a context manager: leaving it ends every process.

    At the clock's pace `check` starts a node again that has died, but never the engine, with which the world
    would be lost. restarts: how often, by name.
    """

    def __init__(
        self, options: StackOptions, folder: Path, *, domain: int | None = None,
        specs: tuple[NodeSpec, ...] | None = None, echo: Callable[[str, str], None] | None = None,
        guests: tuple[str, ...] = (), variables: dict[str, str] | None = None, simulated: bool = True,
    ) -> None:  # fmt: skip
        """guests: nodes of the caller's process that take turns too, in lock-step. variables: added to the
        nodes' environment. simulated: with an engine; else with a robot."""
        self.options, self.folder, self.simulated = options, folder, simulated
        self.specs = node_table.nodes(options, simulated=simulated) if specs is None else specs
        self.names = tuple(spec.name for spec in self.specs if not spec.observer)
        """Of all nodes that a run cannot do without."""
        self.replaced = tuple(spec.name for spec in self.specs if spec.command)
        self.domain = Domain(domain, joined=not simulated)
        self.echo = echo or (lambda name, text: None)
        self.processes: list[Process] = []
        self.ending = False
        self.guests, self.variables = guests, variables or {}
        self.lockstep = options.speed == 0.0 and bool(guests)
        self.killed: set[str] = set()
        self.restarts: Counter[str] = Counter()
        self._backoff: defaultdict[str, Backoff] = defaultdict(Backoff)
        self._due: dict[str, float] = {}
        """Nodes that have died, and when they are started again [s, monotonic]."""
        self._environment: dict[str, str] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        shared_memory.free()
        logs = self.folder / "logs"
        try:
            logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(f"cannot write to {logs}: {error.strerror}; choose another with --out") from None
        env = node_table.environment(self.domain.id)
        self._folder = tempfile.TemporaryDirectory(prefix="vla_sim-")
        if self.lockstep:
            names = (*(spec.name for spec in self.specs), *self.guests)
            turns = [name for name in names if name != "engine"]  # which gives them
            env |= run_environment.variables(Path(self._folder.name) / "turns", tuple(turns))
        else:
            env[kept_state.FOLDER] = self._folder.name
        os.environ.update({k: v for k, v in env.items() if os.environ.get(k) != v})
        self._environment = env | self.variables
        for spec in self.specs:
            with signals.deferred():  # a node that is begun and not in the list would outlive the run
                self.processes.append(self._begin(spec))

    def _begin(self, spec: NodeSpec, *, again: bool = False) -> Process:
        arguments = [*spec.command, *node_table.arguments(spec, self.options, simulated=self.simulated)]
        # In lock-step there are no deadlines, and so no reason to go before other programs.
        nice = max(0, spec.nice) if self.options.speed == 0.0 else spec.nice
        title = node_table.title(spec.name)
        module = OWN_PROGRAM if spec.command else spec.module
        fork = Fork(module, arguments, self._environment, title=title, nice=nice)
        log = self.folder / "logs" / f"{spec.name}.log"
        return Process(spec.name, fork, log, self.echo, nice, again=again)

    def pids(self) -> list[int]:
        return [p.fork.pid for p in self.processes]

    def kill(self, name: str, *, restart: bool = False) -> None:
        """Kill a node on purpose: `check` does not report it. Returns when it is dead. restart: as if it had
        died by itself."""
        process = self._process(name)
        if not restart:
            self.killed.add(name)
        process.fork.signal(signal.SIGKILL)
        process.fork.wait()

    def freeze(self, name: str, stopped: bool) -> None:
        """Stop a node's process, or let it go on."""
        self._process(name).fork.signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def _process(self, name: str) -> Process:
        found = next((p for p in self.processes if p.name == name), None)
        if found is None:
            known = ", ".join(p.name for p in self.processes)
            raise InputError(f"no node is called {name!r}; there are {known}")
        return found

    def check(self) -> None:
        """To be called a few times a second: start again what has died. Raises `StackError` for a node that
        cannot be started again, `MissingError` or `EngineError` if it ended with their exit codes; of an
        observer it is only a warning."""
        for k, process in enumerate(self.processes):
            code = process.fork.poll()
            if code is None or self.ending or process.name in self.killed:
                continue
            if process.name in self._due:
                if time.monotonic() >= self._due[process.name]:
                    del self._due[process.name]
                    shared_memory.free()
                    with signals.deferred():
                        self.processes[k] = self._begin(self.specs[k], again=True)
                continue
            process.reader.join(1.0)
            why = process.last.removeprefix("error: ") or f"exit code {code}"
            if code < 0:  # its last line, if any, says nothing of it
                why = f"killed by {signal.Signals(-code).name}"
            delay = self._delay(process, code)
            if delay is not None:
                self.restarts[process.name] += 1
                self._due[process.name] = time.monotonic() + delay
                self.echo(process.name, f"[WARN] ended: {why}; it is started again in {delay:.0f} s")
                continue
            if process.name not in self.names:
                self.killed.add(process.name)
                self.echo(process.name, f"[WARN] ended: {why}; the run goes on without it")
                continue
            # What is not installed, and an engine that fails, are told as such.
            kind = next((k for k in (MissingError, EngineError) if k.exit_code == code), StackError)
            often = f", {self.restarts[process.name] + 1} times" if process.name in self.restarts else ""
            raise kind(f"{process.name} ended{often}: {why} (log: {process.log})")

    def _delay(self, process: Process, code: int) -> float | None:
        """Seconds until a node that has ended is started again; None: it is not."""
        fit = self.options.speed > 0.0 and process.name not in node_table.BODIES and crashed(code)
        if not fit or (code > 0 and process.last.startswith("error: ")):
            return None
        return self._backoff[process.name].died(time.monotonic())

    def stop(self) -> None:
        """End every node: SIGINT, then SIGTERM, then SIGKILL; safety after the others, and the engine last.
        Safe to call twice. A second Ctrl-C or SIGTERM does not leave nodes behind."""
        with signals.uninterrupted():
            self._stop()

    def _stop(self) -> None:
        self.ending = True
        for process in self.processes:
            process.fork.signal(signal.SIGCONT)  # what is frozen cannot end
        self._end([p for p in self.processes if p.name not in LAST])
        for name in LAST:
            self._end([p for p in self.processes if p.name == name])
        shared_memory.free()  # of what had to be killed; another run may be long in coming
        self.domain.release()
        if self._folder is not None:
            self._folder.cleanup()
        for name in (run_environment.SOCKET, run_environment.NODES, kept_state.FOLDER):
            os.environ.pop(name, None)

    @staticmethod
    def _end(processes: list[Process]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            for process in processes:
                process.fork.signal(number)
            deadline = time.monotonic() + GRACE
            while any(p.fork.poll() is None for p in processes) and time.monotonic() < deadline:
                time.sleep(0.02)
        for process in processes:
            process.fork.wait()
            process.reader.join(1.0)

    def alive(self) -> list[str]:
        return [p.name for p in self.processes if p.fork.poll() is None]

    def __enter__(self) -> Stack:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
