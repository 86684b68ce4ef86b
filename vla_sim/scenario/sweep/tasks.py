"""What a sweep plays: tasks, what of the machine each needs, the records that they leave; and playing them.

A run leaves `record.json` in its folder as its last act. A process that ends without one has died, and its
run is repeated; a run that did not pass is tried again only as often as its scenario allows, and says so.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from vla_sim.bringup.reservations import Needs
from vla_sim.common.errors import StackError, VlaSimError
from vla_sim.report.console import Console
from vla_sim.scenario.format import Scenario
from vla_sim.scenario.record import DECODER, RunRecord

RECORDS = "records.jsonl"
"""In a sweep's folder."""
MAX_DEATHS = 3  # after how many deaths of its process a run is given up
LOCKSTEP = Needs(cpu=0.8, memory=2000.0, disk=20.0)
"""Of a run: all nodes together were seen to use 0.5 to 1 core, and 1810 MB resident."""
CLOCK = Needs(cpu=1.0, memory=2000.0, disk=20.0)
ALL = Needs(cpu=1e6, memory=2000.0, disk=20.0)
Key = tuple[str, str, int]
"""Of a run: scenario, engine, seed."""


@dataclass(frozen=True)
class Task:
    """One scenario with one seed on one engine. attempts: how often it may be tried. needs: its share of the
    machine; if it is more than there is, all of it."""

    path: str
    name: str
    engine: str
    seed: int
    attempts: int
    out: Path
    needs: Needs = LOCKSTEP

    @property
    def key(self) -> Key:
        return self.name, self.engine, self.seed

    def folder(self, attempt: int) -> Path:
        again = "" if attempt == 1 else f"-try{attempt}"
        return self.out / self.name / f"{self.engine}-seed{self.seed:03d}{again}"


Wanted = Callable[[Task], bool]
"""Whether a task is still to be played, when its turn comes."""
Runner = Callable[[Sequence[Task], Wanted], Generator[RunRecord, None, None]]
"""Plays the tasks that are wanted and yields each one's last record as it comes, in any order; closed
early, it ends what plays."""


def needs(scenario: Scenario, speed: float) -> Needs:
    """What of the machine a run needs at this speed (0: in lock-step): a scenario about the machine's load
    all of it, so that nothing runs beside it."""
    if scenario.pace == "clock":
        return ALL
    return LOCKSTEP if speed == 0.0 else CLOCK


def tried(task: Task, play: Callable[[int], RunRecord]) -> RunRecord:
    """The first try that passed, or the last one. play: takes the number of the try, from 1."""
    for attempt in range(1, task.attempts + 1):
        record = play(attempt)
        if record.passed:
            break
    return record


def read(path: Path) -> RunRecord:
    """A run's record. Raises `StackError` for a broken one."""
    try:
        return DECODER.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise StackError(f"{path}: no record of a run of this version: {error}") from None


def play(
    tasks: Sequence[Task], runner: Runner, folder: Path, console: Console, *,
    wanted: Wanted = lambda task: True, played: Callable[[RunRecord], None] = lambda record: None,
) -> tuple[list[RunRecord], KeyboardInterrupt | VlaSimError | None]:  # fmt: skip
    """Records in the order of the tasks, and what ended the sweep before its last one: Ctrl-C, or a run that
    cannot be played. A progress bar and a line for each run as it ends are printed; each record is given to
    `played` and written to `records.jsonl` at once, which is this sweep's alone. Raises `StackError` if
    `folder` cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        journal = (folder / RECORDS).open("wb")
    except OSError as error:
        raise StackError(f"cannot write to {folder}: {error.strerror}; choose another with --out") from None
    found: dict[Key, RunRecord] = {}
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    ended: KeyboardInterrupt | VlaSimError | None = None

    def take(record: RunRecord) -> None:
        found[(record.scenario, record.engine, record.seed)] = record
        journal.write(msgspec.json.encode(record) + b"\n")
        journal.flush()
        played(record)
        bar.advance(line)
        mark = "passed" if record.passed else "not judged" if record.unjudged else "FAILED"
        tries = "" if record.attempt == 1 else f" on try {record.attempt}"
        took = f"{record.ready_seconds + record.wall_seconds:.0f} s"
        why = "" if record.passed else ": " + "; ".join(record.reasons[:3])
        text = f"{mark}{tries}  {record.scenario}  {record.engine}  seed {record.seed}  {took}{why}"
        style = "" if record.passed else "yellow" if record.unjudged else "red"
        console.print(Text(text, style=style), soft_wrap=True)

    with journal, Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        line = bar.add_task("playing", total=len(tasks))
        try:
            with closing(runner(tasks, wanted)) as records:
                for record in records:
                    take(record)
        except (KeyboardInterrupt, VlaSimError) as error:
            ended = error
    return [found[task.key] for task in tasks if task.key in found], ended
