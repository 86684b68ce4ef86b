"""Runs on this machine, each in a process of its own."""

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from vla_sim.bringup import fork_server, node_table
from vla_sim.bringup.fork_server import Fork
from vla_sim.bringup.reservations import Reservation, ResourceReservationSystem
from vla_sim.common.errors import INTERRUPTED, BusyError, InputError, MissingError, StackError
from vla_sim.common.signals import uninterrupted
from vla_sim.scenario.record import RECORD, RunRecord
from vla_sim.scenario.sweep.tasks import MAX_DEATHS, Runner, Task, Wanted, read, tried

RUN_TIMEOUT = 1800.0
"""[s] of the machine's clock for one run, the last resort: a scenario is bounded in simulated time."""
LOADED = ("vla_sim.cli.test", "vla_sim.scenario.run")
"""What a run needs beside its nodes."""
RESERVATION_TIMEOUT = 1800.0  # [s] that a run waits for its share of the machine


def command(task: Task, attempt: int, arguments: Sequence[str], folder: Path) -> list[str]:
    """What plays a task: a module, and the arguments of its `main`."""
    return [
        "vla_sim.cli.main", "play", task.path, "--engine", task.engine, "--seed",
        str(task.seed), "--attempt", str(attempt), "--out", str(folder), "--quiet", *arguments,
    ]  # fmt: skip


@dataclass
class Processes:
    """The processes that play now, so that an interruption ends them all.

    resources: where each run reserves its share of the machine, so that concurrent sweeps do not overbook
    it; None: nowhere. say: called once, when a run has to wait for its share. timeout: of that wait [s].
    """

    running: set[Fork] = field(default_factory=set)
    ending: bool = False
    resources: ResourceReservationSystem | None = None
    say: Callable[[str], None] = lambda words: None
    timeout: float = RESERVATION_TIMEOUT
    _said: bool = False

    def play(self, task: Task, attempt: int, arguments: Sequence[str]) -> RunRecord:
        """One try. Raises `InputError` or `MissingError` for what no repetition mends, `StackError` if its
        process died `MAX_DEATHS` times or did not end, `BusyError` if its share of the machine did not become
        free."""
        held = self._reserve(task)
        try:
            words = ["--reserved", held.needs.text()] if held else []
            return self._play(task, attempt, [*arguments, *words])
        finally:
            if held and self.resources is not None:
                self.resources.release(held.id)

    def _reserve(self, task: Task) -> Reservation | None:
        """A reservation for a run; None where none is made."""
        if self.resources is None:
            return None
        needs = task.needs.within(self.resources.machine().limit)
        name = f"{task.name} on {task.engine}, seed {task.seed}"
        try:
            return self.resources.reserve(
                name, needs, timeout=self.timeout, say=self._say, given_up=lambda: self.ending
            )
        except BusyError:
            if self.ending:
                raise KeyboardInterrupt from None
            raise

    def _say(self, words: str) -> None:
        if not self._said:
            self._said = True
            self.say(words)

    def _play(self, task: Task, attempt: int, arguments: Sequence[str]) -> RunRecord:
        folder = task.folder(attempt)
        record = folder / RECORD
        why = ""
        for _ in range(MAX_DEATHS):
            record.unlink(missing_ok=True)
            fork_server.prepare(*LOADED)
            module, *words = command(task, attempt, arguments, folder)
            process, why = Fork(module, words, os.environ, title=node_table.title("play")), ""
            began = time.monotonic()
            self.running.add(process)
            if self.ending:  # since it was begun
                process.signal(signal.SIGINT)
            last_resort = threading.Timer(RUN_TIMEOUT, process.signal, [signal.SIGINT])
            last_resort.start()
            try:
                for raw in process.output:
                    why = raw.decode(errors="replace").strip() or why
                    if "--verbose" in arguments:
                        print(raw.decode(errors="replace"), end="")
                code = process.wait()
            finally:
                last_resort.cancel()
                process.output.close()
                self.running.discard(process)
            why = why or f"exit code {code}"
            if record.is_file():
                return read(record)
            for kind in (InputError, MissingError):
                if code == kind.exit_code:
                    raise kind(f"{task.name}: {why.removeprefix('error: ')}")
            if self.ending:
                raise KeyboardInterrupt
            if time.monotonic() - began >= RUN_TIMEOUT:
                raise StackError(
                    f"{task.name}, seed {task.seed}: not over after {RUN_TIMEOUT:.0f} s, and ended; "
                    f"look into {folder / 'logs'}"
                )
            if code == INTERRUPTED:
                raise KeyboardInterrupt
        raise StackError(f"{task.name}, seed {task.seed}: its process died {MAX_DEATHS} times ({why})")

    def end(self) -> None:
        """End them all; what they played is not repeated."""
        self.ending = True
        with uninterrupted():
            for process in list(self.running):
                process.signal(signal.SIGINT)
            for process in list(self.running):
                process.wait()


def local(
    arguments: Sequence[str], jobs: int, resources: ResourceReservationSystem | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> Runner:  # fmt: skip
    """`jobs` at once, as far as the shares that they reserve in `resources` are free."""

    def runner(tasks: Sequence[Task], wanted: Wanted) -> Generator[RunRecord, None, None]:
        processes = Processes(resources=resources, say=say)

        def one(task: Task) -> RunRecord | None:
            if not wanted(task):
                return None
            return tried(task, lambda attempt: processes.play(task, attempt, arguments))

        with ThreadPoolExecutor(jobs) as pool:
            waiting = [pool.submit(one, task) for task in tasks]
            try:
                for future in as_completed(waiting):
                    record = future.result()
                    if record is not None:
                        yield record
            except BaseException:
                for future in waiting:
                    future.cancel()
                processes.end()
                raise

    return runner
