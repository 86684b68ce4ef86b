"""The runs of a server: one at a time, each in a folder of its own, and what has become of them."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vla_sim.common.errors import BusyError, InputError
from vla_sim.common.files import new_folder
from vla_sim.scenario.record import RECORD
from vla_sim.tool_server import run_folder
from vla_sim.tool_server.calls import Outcome, Reasons
from vla_sim.tool_server.child_run import ChildRun, Report

REMEMBERED = 100
"""Runs without a record of which this server still knows what became of them."""


class Runs:
    """root: the folder of all runs, also of those that others have played."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._children: dict[str, ChildRun] = {}

    @property
    def now(self) -> ChildRun | None:
        """The run under way."""
        last = next(reversed(self._children.values()), None)
        return last if last is not None and last.running else None

    def start(self, scenario: str, words: Sequence[str], limit: float) -> ChildRun:
        """Raises `BusyError` while another one is under way, `InputError` if its folder cannot be made."""
        if self.now is not None:
            raise BusyError(f"run {self.now.folder.name} is under way; wait for its verdict, or stop it")
        folder = new_folder(self.root, f"{scenario}-{datetime.now():%Y%m%d-%H%M%S}")
        out = ["--out", str(folder)]
        at = words.index("--") if "--" in words else len(words)
        child = ChildRun(folder, scenario, [*words[:at], *out, *words[at:]], limit)
        self._children[folder.name] = child
        for old in list(self._children)[:-REMEMBERED]:
            del self._children[old]
        return child

    async def outcome(self, name: str, seconds: float, report: Report) -> Outcome:
        """What became of a run; "": the latest. seconds: to wait for it. Raises `InputError`."""
        child = self._child(name)
        if child is not None:
            await child.follow(seconds, report)
            if child.running or not (child.folder / RECORD).is_file():
                return child.outcome()
        folder = child.folder if child is not None else run_folder.find(self.root, name)
        return run_folder.outcome(folder, run_folder.record_of(folder))

    def judged(self, name: str) -> Path:
        """The folder of a run with a record; "": of the latest. Raises `InputError`."""
        child = self._child(name)
        if child is not None and child.running:
            raise InputError(f"run {child.folder.name} is under way; wait for its verdict, or stop it")
        return run_folder.find(self.root, child.folder.name if child is not None else name)

    def reasons(self, name: str) -> Reasons:
        """Raises `InputError`, `StackError`."""
        child = self._child(name)
        if child is not None and not child.running and not (child.folder / RECORD).is_file():
            known = child.outcome()
            return Reasons(run=known.run, state=known.state, reasons=known.reasons, events=known.lines)
        folder = self.judged(name)
        return run_folder.reasons(folder, run_folder.record_of(folder))

    async def stop(self) -> str:
        """End the run under way; its name, "" without one."""
        child = self.now
        if child is None:
            return ""
        child.tell_to_end("it was stopped")
        await child.ended()
        return child.folder.name

    def _child(self, name: str) -> ChildRun | None:
        """Of this server; "": the latest."""
        return self._children.get(name) if name else next(reversed(self._children.values()), None)
