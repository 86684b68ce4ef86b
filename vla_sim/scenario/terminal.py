"""What the terminal shows: events as they happen, one live line with a small map, a table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from vla_sim.contract import budgets
from vla_sim.contract.records import Transcript
from vla_sim.report.console import Console
from vla_sim.report.floor_plan import FloorPlan, half_blocks
from vla_sim.scenario.record import OWN_PLAN, RunRecord
from vla_sim.scenario.recording import MarkedStatus, Recording, heading, path_length, path_of, position
from vla_sim.scenario.statistics import Verdict, verdict
from vla_sim.world.semantic_map import World

MAP_SIZE, FACTS_WIDTH, LEAST_HEIGHT = (56, 28), 36, 30
"""The map at most (columns, half rows), what stands beside it, and the height of a terminal that has room for
both and the events: in characters."""


class Display:
    """Lines for events; on a terminal also lines that are rewritten. Use as a context manager."""

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self.console = console or Console()
        self.quiet = quiet
        self.live: Live | None = None
        self._facts: list[str] = []

    def __enter__(self) -> Display:
        if self.console.is_terminal and not self.quiet:
            self.live = Live(console=self.console, auto_refresh=False, transient=True)
            self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def event(self, stamp: float | None, text: str, style: str = "") -> None:
        if self.quiet:
            return
        clock = f"{stamp:7.2f} s  " if stamp is not None else " " * 11
        self.console.print(Text(clock, style="dim") + Text(text, style=style), soft_wrap=True)  # to be copied

    @property
    def map_size(self) -> tuple[int, int] | None:
        """What a map may measure, (columns, half rows); None where there is no room or colour for one."""
        c = self.console
        plain = self.live is None or c.no_color or c.color_system is None or c.options.ascii_only
        if plain or c.width < MAP_SIZE[0] + FACTS_WIDTH or c.height < LEAST_HEIGHT:
            return None
        return MAP_SIZE

    def progress(self, facts: str | Sequence[str], picture: Text | None = None) -> None:
        """Facts in a line, or one below the other beside a picture."""
        facts = [facts] if isinstance(facts, str) else list(facts)
        if facts == self._facts:  # the same again costs nothing
            return
        self._facts = facts
        now: Text | Table = Text(("  " if picture is None else "\n").join(facts), style="cyan")
        if picture is not None:
            beside, now = now, Table.grid(padding=(0, 2))
            now.add_row(picture, beside)
        if self.live is not None:
            self.live.update(now, refresh=True)

    def result(self, record: RunRecord) -> None:
        """The table of latencies and the verdict."""
        console = self.console
        if record.stages:
            columns = [Column(name, justify="right") for name in ("latency", "", "limit", "goal", "")]
            table = Table("stage", *columns, title=f'"{record.command}"', title_justify="left")
            rows = [(s.stage, s.milliseconds, s.source, s.limit, s.goal) for s in record.stages]
            if record.total_ms is not None:
                what = "end of speech to first motion" if record.spoken else "command to first motion"
                total = record.total_ms, record.total_source, record.total_limit_ms
                rows.append((what, *total, budgets.TOTAL_BUDGET.goal))
            for name, ms, source, limit, goal in rows:
                figures = f"{ms:.1f} ms", source, f"{limit:.0f} ms", f"{goal:.0f} ms"
                table.add_row(name, *figures, _mark(ms <= limit))
            console.print(table)
        summary = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        summary.add_row("path", f"{record.path_length:.2f} m")
        clearance = "nothing near" if record.clearance is None else f"{record.clearance:.3f} m"
        summary.add_row("closest approach", clearance)
        summary.add_row("forbidden contacts", str(len(record.contacts)))
        for g in record.grasps:
            summary.add_row(
                "grasp", f"{g.object}: up {g.lifted:.2f} m, held {g.held:.1f} s {_mark(g.passed)}"
            )
        summary.add_row("real-time factor", f"{record.real_time_factor:.2f}")
        summary.add_row("ready after", f"{record.ready_seconds:.1f} s")
        for check in record.checks:
            summary.add_row(check.name, f"{_mark(check.passed)} {check.detail}")
        if record.answer:
            summary.add_row("the robot said", record.answer)
        console.print(summary)
        console.print(f"files: {record.folder}", soft_wrap=True)
        own = [c for c in record.commands if c.judged_against == "robot's plan"]
        asked = "it asked back, and did nothing; " if any(c.state == "asked" for c in own) else ""
        note = f" ({asked}{OWN_PLAN})" if own else ""
        word, colour = WORDS[verdict(record)]
        first, reasons = record.unjudged, record.reasons
        console.print(f"{word}{f': {first}' if first else ''}{note}", style=f"bold {colour}", soft_wrap=True)
        for reason in reasons[1:] if first else reasons:  # none if it passed
            console.print(f"  - {reason}", soft_wrap=True)


WORDS: dict[Verdict, tuple[str, str]] = {
    "passed": ("PASSED", "green"), "passed later": ("PASSED", "green"), "failed": ("FAILED", "red"),
    "error": ("FAILED", "red"), "not judged": ("NOT JUDGED", "yellow"),
}  # fmt: skip
"""Each verdict in one word, and its colour."""


def _mark(ok: bool) -> str:
    return "ok" if ok else "MISSED"


PROGRESS_PERIOD = 0.5  # [s] wall, of the line that is rewritten


@dataclass(frozen=True)
class Line:
    """stamp: simulated seconds. style: of `rich`."""

    stamp: float
    text: str
    style: str = ""


class Lines:
    """Reads a recording as it grows. deeds: (stamp, in words) of what the director had done."""

    def __init__(self, recording: Recording, deeds: list[tuple[float, str]]) -> None:
        self._recording = recording
        self._sources: list[tuple[list[Any], Callable[[Any], Line]]] = [
            (deeds, lambda deed: Line(deed[0], deed[1], "bold")),
            (recording.transcripts, self._heard),
            (recording.statuses, _status),
            (recording.said, lambda said: Line(said[0], f'robot: "{said[1]}"', "magenta")),
            (recording.loads, lambda load: Line(load[0], str(load[1]), "yellow")),
            (recording.safety, lambda s: Line(s[0], f"safety: {s[1]} ({s[2]})", "yellow")),
        ]
        self._read = [0] * len(self._sources)

    def new(self, begin: float) -> list[Line]:
        """Lines since the last call, in order of time. begin: stamp of the first command."""
        found = []
        for k, (source, line) in enumerate(self._sources):
            fresh = source[self._read[k] :]
            self._read[k] += len(fresh)
            if source is self._recording.loads:
                fresh = [one for one in fresh if one[0] >= begin]
            elif source is self._recording.safety:
                fresh = [one for one in fresh if one[0] >= begin and one[1] in ("stopped", "estop")]
            found += [line(one) for one in fresh]
        return sorted(found, key=lambda line: line.stamp)

    def _heard(self, transcript: Transcript) -> Line:
        note = "" if transcript.complete else f" ({transcript.reason or 'incomplete'})"
        stamp = self._recording.understood.get(transcript.command_id, self._recording.stamp)
        return Line(stamp, f'heard: "{transcript.text}"{note}')


def _status(marked: MarkedStatus) -> Line:
    status = marked.status
    if status.state == "running":
        return Line(marked.stamp, f"{status.skill} (step {status.step + 1} of {status.steps})", "cyan")
    detail = f": {status.detail}" if status.detail else ""
    return Line(marked.stamp, f"{status.state}{detail}", "green" if status.state == "succeeded" else "")


class LiveView:
    """Prints new events, and rewrites the progress: where the terminal has room for it, with a map."""

    def __init__(
        self, display: Display, recording: Recording, deeds: list[tuple[float, str]], world: World
    ) -> None:  # fmt: skip
        self._display, self._recording = display, recording
        self._plan = FloorPlan.of(world, display.map_size) if display.map_size else None
        self._lines = Lines(recording, deeds)
        self._shown = 0.0

    def show(self, begin: float) -> None:
        """begin: stamp of the first command."""
        if self._display.quiet:
            return
        for line in self._lines.new(begin):
            self._display.event(max(0.0, line.stamp - begin), line.text, line.style)
        r, now = self._recording, time.monotonic()
        if not r.truths or now - self._shown < PROGRESS_PERIOD:
            return
        self._shown = now
        doing = r.statuses[-1].status if r.statuses else None
        what = f"{doing.skill} ({doing.step + 1}/{doing.steps})" if doing and doing.steps else "listening"
        truth, way = r.truths[-1], path_of(r.truths)
        facts = (
            f"{max(0.0, r.stamp - begin):6.1f} s", what, f"walked {path_length(way):.1f} m",
            f"nearest {truth.clearance:.2f} m", f"real-time factor {truth.real_time_factor:.2f}",
        )  # fmt: skip
        picture = None
        if self._plan is not None:
            robot = (*position(truth), heading(truth))
            picture = half_blocks(self._plan.now([p[1:] for p in way], r.planned_path, robot))
        self._display.progress(facts, picture)
