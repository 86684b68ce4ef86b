"""Many runs: each in a process of its own, so many at once, none lost and none counted twice.

A run leaves `record.json` in its folder as its last act. A process that ends without one has died, and its
run is done again; a run that did not pass is tried again only as often as its scenario allows, and says so.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.bringup.fork_server import in_child
from vla_sim.bringup.reservations import Reservations
from vla_sim.bringup.resources import Needs
from vla_sim.common.errors import INTERRUPTED, BusyError, InputError, MissingError, StackError
from vla_sim.scenario.format import Scenario
from vla_sim.scenario.record import RunRecord

DEATHS = 3
"""How often a run whose process died is done again."""
LONGEST = 1800.0
"""[s] of the machine's clock for one run; a scenario is bounded in simulated time, this is for the worst."""


PATIENCE = 1800.0
"""[s] that a run waits for its share of the machine."""
LOCKSTEP = Needs(cpu=0.8, memory=2000.0, disk=20.0)
"""What a run takes: all nodes together were seen to use 0.5 to 1 core, and 1810 MB resident."""
CLOCK = Needs(cpu=1.0, memory=2000.0, disk=20.0)
ALL = Needs(cpu=1e6, memory=2000.0, disk=20.0)
_records = msgspec.json.Decoder(RunRecord)


@dataclass(frozen=True)
class Task:
    """One scenario with one seed on one engine. attempts: how often it may be tried. needs: what of the
    machine it takes; of more than there is, all of it."""

    path: str
    name: str
    engine: str
    seed: int
    attempts: int
    out: Path
    needs: Needs = LOCKSTEP

    def folder(self, attempt: int) -> Path:
        again = "" if attempt == 1 else f"-try{attempt}"
        return self.out / self.name / f"{self.engine}-seed{self.seed:03d}{again}"


Runner = Callable[[Sequence[Task]], Iterator[RunRecord]]
"""Plays tasks and gives each one's last record as it comes, in any order."""


def needs(scenario: Scenario, speed: float) -> Needs:
    """What of the machine a run takes at this speed (0: in lock-step): a scenario about the machine's load
    all that there is, so that nobody is beside it."""
    if scenario.pace == "clock":
        return ALL
    return LOCKSTEP if speed == 0.0 else CLOCK


def command(task: Task, attempt: int, arguments: Sequence[str], folder: Path) -> list[str]:
    """The process that plays a task."""
    return [
        sys.executable, "-m", "vla_sim.cli.main", "play", task.path, "--engine", task.engine, "--seed",
        str(task.seed), "--attempt", str(attempt), "--out", str(folder), "--quiet", *arguments,
    ]  # fmt: skip


@dataclass
class Processes:
    """The processes that play now, so that an interruption ends them all.

    resources: where each run reserves its share of the machine, so that sweeps beside each other do not
    overbook it; None: nowhere. say: told once, when a run has to wait for its share.
    """

    running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    ending: bool = False
    resources: Reservations | None = None
    say: Callable[[str], None] = lambda words: None
    patience: float = PATIENCE
    _told: bool = False

    def play(self, task: Task, attempt: int, arguments: Sequence[str]) -> RunRecord:
        """One try. Raises `InputError` or `MissingError` for what no repetition mends, `StackError` if its
        process died `DEATHS` times, `BusyError` if its share of the machine was not free for `patience`."""
        held = self._reserve(task)
        try:
            return self._play(task, attempt, arguments)
        finally:
            if held:
                assert self.resources is not None
                self.resources.release(held)

    def _reserve(self, task: Task) -> str:
        """The id of a reservation for a run; "" where none is made."""
        if self.resources is None:
            return ""
        needs = task.needs.within(self.resources.machine().limit)
        name = f"{task.name} on {task.engine}, seed {task.seed}"
        try:
            return self.resources.reserve(
                name, needs, timeout=self.patience, say=self._say, given_up=lambda: self.ending
            ).id
        except BusyError:
            if self.ending:
                raise KeyboardInterrupt from None
            raise

    def _say(self, words: str) -> None:
        if not self._told:
            self._told = True
            self.say(words)

    def _play(self, task: Task, attempt: int, arguments: Sequence[str]) -> RunRecord:
        folder = task.folder(attempt)
        record = folder / "record.json"
        why = ""
        for _ in range(DEATHS):
            record.unlink(missing_ok=True)
            process = subprocess.Popen(
                command(task, attempt, arguments, folder), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if "--verbose" not in arguments else None, stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=in_child,
            )  # fmt: skip
            self.running.add(process)
            try:
                _, err = process.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                _, err = process.communicate()
            finally:
                self.running.discard(process)
            said = err.decode(errors="replace").strip().splitlines()
            why = said[-1] if said else f"exit code {process.returncode}"
            if record.is_file():
                return read(record)
            if process.returncode in (InputError.exit_code, MissingError.exit_code):
                kind = InputError if process.returncode == InputError.exit_code else MissingError
                raise kind(f"{task.name}: {why.removeprefix('error: ')}")
            if self.ending or process.returncode == INTERRUPTED:
                raise KeyboardInterrupt
        raise StackError(f"{task.name}, seed {task.seed}: its process died {DEATHS} times ({why})")

    def end(self) -> None:
        """End them all; what they played is not done again."""
        self.ending = True
        for process in list(self.running):
            process.send_signal(signal.SIGINT)
        for process in list(self.running):
            process.wait()


def read(path: Path) -> RunRecord:
    """A run's record. Raises `StackError` for a broken one."""
    try:
        return _records.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise StackError(f"{path}: no record of a run: {error}") from None


def tried(task: Task, play: Callable[[int], RunRecord]) -> RunRecord:
    """The first try that passed, or the last one."""
    for attempt in range(1, task.attempts + 1):
        record = play(attempt)
        if record.passed:
            break
    return record


def local(
    arguments: Sequence[str], jobs: int, resources: Reservations | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> Runner:  # fmt: skip
    """On this machine, `jobs` at once, as far as what they reserve in `resources` is there."""

    def runner(tasks: Sequence[Task]) -> Iterator[RunRecord]:
        processes = Processes(resources=resources, say=say)

        def one(task: Task) -> RunRecord:
            return tried(task, lambda attempt: processes.play(task, attempt, arguments))

        with ThreadPoolExecutor(jobs) as pool:
            waiting = {pool.submit(one, task) for task in tasks}
            try:
                yield from _as_they_come(waiting)
            except BaseException:
                for future in waiting:
                    future.cancel()
                processes.end()
                raise

    return runner


def _as_they_come(waiting: set[Future[RunRecord]]) -> Iterator[RunRecord]:
    while waiting:
        done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def on_ray(arguments: Sequence[str], address: str, jobs: int) -> Runner:
    """On a Ray cluster: its address, or "local" for one started here with `jobs` places. A run whose worker
    is lost is done again by Ray. Raises `MissingError` without Ray."""
    try:
        import ray
    except ImportError:
        raise MissingError("--ray needs the package ray: pip install 'vla_sim[ray]'") from None

    def runner(tasks: Sequence[Task]) -> Iterator[RunRecord]:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        options: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
        _reachable(address)
        try:
            if address == "local":
                ray.init(num_cpus=jobs, include_dashboard=False, **options)
            else:
                ray.init(address=address, **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"--ray {address}: no such cluster ({error}); give its address, or local"
            ) from None
        remote = ray.remote(num_cpus=1, max_retries=DEATHS)(_ray_play)
        pending = {remote.remote(task, list(arguments)): task for task in tasks}
        try:
            while pending:
                done, _ = ray.wait(list(pending), num_returns=1, timeout=1.0)
                for ref in done:
                    task = pending.pop(ref)
                    yield _unpack(task, ray.get(ref))
        finally:
            for ref in pending:
                ray.cancel(ref, force=False)
            ray.shutdown()

    return runner


def _reachable(address: str) -> None:
    """Raises `InputError` at once where Ray would try for minutes: nobody listens at HOST:PORT."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return  # "local", "auto" or another name that Ray resolves
    try:
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=5.0).close()
    except OSError as error:
        raise InputError(
            f"--ray {address}: nobody answers there ({error}); give a cluster's address, or local"
        ) from None


def _ray_play(task: Task, arguments: list[str]) -> tuple[bytes, dict[str, bytes]]:
    """In a worker, which may be another machine: the record and the files of its folder."""
    processes = Processes()
    try:
        record = tried(task, lambda attempt: processes.play(task, attempt, arguments))
    finally:
        processes.end()
    folder = Path(record.folder)
    files = {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.suffix != ".log"
    }
    return msgspec.json.encode(record), files


def _unpack(task: Task, result: tuple[bytes, dict[str, bytes]]) -> RunRecord:
    record = _records.decode(result[0])
    folder = task.folder(record.attempt)
    for name, data in result[1].items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return msgspec.structs.replace(record, folder=str(folder))


def run(tasks: Sequence[Task], runner: Runner, folder: Path, console: Any) -> list[RunRecord]:
    """Play all tasks with a progress bar, one line a run as it comes; each record is kept in
    `records.jsonl` at once. In the tasks' order."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    try:
        folder.mkdir(parents=True, exist_ok=True)
        journal = (folder / "records.jsonl").open("ab")
    except OSError as error:
        raise StackError(f"cannot write to {folder}: {error.strerror}; choose another with --out") from None
    found: dict[tuple[str, str, int], RunRecord] = {}
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with journal, Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        line = bar.add_task("playing", total=len(tasks))
        for record in runner(tasks):
            found[(record.scenario, record.engine, record.seed)] = record
            journal.write(msgspec.json.encode(record) + b"\n")
            journal.flush()
            bar.advance(line)
            mark = "passed" if record.passed else "FAILED"
            tries = "" if record.attempt == 1 else f" on try {record.attempt}"
            took = f"{record.ready_seconds + record.wall_seconds:.0f} s"
            why = "" if record.passed else ": " + "; ".join(record.reasons[:3])
            text = f"{mark}{tries}  {record.scenario}  {record.engine}  seed {record.seed}  {took}{why}"
            console.print(Text(text, style="" if record.passed else "red"), soft_wrap=True)
    keys = [(t.name, t.engine, t.seed) for t in tasks]
    return [found[k] for k in keys if k in found]
