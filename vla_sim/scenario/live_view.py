"""What a terminal shows of a run while it goes on."""

from __future__ import annotations

import time

from vla_sim.scenario.events import Lines
from vla_sim.scenario.recording import Recording, path_length, path_of
from vla_sim.scenario.terminal import Display

PROGRESS_PERIOD = 0.5  # [s] wall, of the line that is rewritten


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
