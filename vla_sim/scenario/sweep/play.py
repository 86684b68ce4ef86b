"""Plays tasks with a runner: progress on the terminal, records on the disk."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from vla_sim.common.errors import StackError
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.sweep.tasks import Runner, Task


def play(tasks: Sequence[Task], runner: Runner, folder: Path, console: Console) -> list[RunRecord]:
    """Records in the order of the tasks. A progress bar and a line for each run as it ends are printed; each
    record is appended to `records.jsonl` at once. Raises `StackError` if `folder` cannot be written."""
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
