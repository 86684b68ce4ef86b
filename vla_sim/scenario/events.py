"""What happened in a run, line by line: on the terminal while it goes on, and for the record."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vla_sim.contract.records import Transcript
from vla_sim.scenario.recording import MarkedStatus, Recording, path_length, path_of
from vla_sim.scenario.terminal import Display

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
    """Prints new events, and rewrites one line of progress."""

    def __init__(self, display: Display, recording: Recording, deeds: list[tuple[float, str]]) -> None:
        self._display, self._recording = display, recording
        self._lines = Lines(recording, deeds)
        self._shown = 0.0

    def show(self, begin: float) -> None:
        """begin: stamp of the first command."""
        for line in self._lines.new(begin):
            self._display.event(max(0.0, line.stamp - begin), line.text, line.style)
        r, now = self._recording, time.monotonic()
        if not r.truths or now - self._shown < PROGRESS_PERIOD:
            return
        self._shown = now
        doing = r.statuses[-1].status if r.statuses else None
        what = f"{doing.skill} ({doing.step + 1}/{doing.steps})" if doing and doing.steps else "listening"
        truth = r.truths[-1]
        self._display.progress(
            f"{max(0.0, r.stamp - begin):6.1f} s  {what}  walked {path_length(path_of(r.truths)):.1f} m  "
            f"nearest {truth.clearance:.2f} m  real-time factor {truth.real_time_factor:.2f}"
        )
