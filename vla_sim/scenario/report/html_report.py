"""One HTML file about many runs, for a colleague: what held, what did not and why, how fast, how near.

    write(records, "runs/report.html")

The file needs nothing else, no network either. Times are simulated seconds since a run's first command,
latencies milliseconds, said to be modelled or measured.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from vla_sim.common.errors import VlaSimError
from vla_sim.common.files import write_output
from vla_sim.common.pictures import encoded
from vla_sim.contract import budgets
from vla_sim.recording.about import FILE
from vla_sim.report import page
from vla_sim.report.map_sheet import Plan
from vla_sim.report.svg import thin
from vla_sim.report.text import plural
from vla_sim.scenario import statistics
from vla_sim.scenario.record import RunRecord, SweepCheck
from vla_sim.scenario.report import run_charts, run_map
from vla_sim.scenario.statistics import Rate, by_engine, by_scenario, failed, runs_of, verdict
from vla_sim.world.semantic_map import World

TITLE = "Scenario report"
REASONS = 6  # of a run, in the list of what did not pass
EVENTS, LOG_LINES, CONTACTS = 150, 40, 20


class Mark(NamedTuple):
    """A verdict in words, and the class of its colours."""

    words: str
    colour: str


MARKS = {
    "passed": Mark("✓ passed", "is-passed"), "passed later": Mark("✓ passed on try {}", "is-later"),
    "failed": Mark("✗ failed", "is-failed"), "error": Mark("✗ error", "is-failed"),
    "not judged": Mark("– not judged", "is-later"),
}  # fmt: skip


class Moment(NamedTuple):
    """What was seen at a key moment. when: in words."""

    when: str
    head: Photo | None
    outside: Photo | None


def write(
    records: Sequence[RunRecord], path: Path | str, title: str = TITLE, over: Sequence[SweepCheck] = ()
) -> None:
    """The file is whole or not there. Raises `InputError` if it cannot be written."""
    write_output(Path(path), render(records, title, over).encode())


def render(records: Sequence[RunRecord], title: str = TITLE, over: Sequence[SweepCheck] = ()) -> str:
    """The page of any number of records, in the order in which they were played. over: what had to hold over
    all of them."""
    values: dict[str, Any] = {
        "title": title, "over": over, "records": records, "rate": Rate.of(records), "runs": runs_of(records),
        "engines": list(by_engine(records)), "scenarios": by_scenario(records), "versions": versions(records),
        "comparisons": comparisons(records), "selection": Selection.of(records),
        "budget": budgets.TOTAL_BUDGET,
    }  # fmt: skip
    return page.render(TEMPLATES, "report.html.j2", values)


def mark(record: RunRecord) -> Mark:
    words, colour = MARKS[verdict(record)]
    return Mark(words.format(record.attempt), colour)


def run_name(record: RunRecord) -> str:
    again = f", try {record.attempt}" if record.attempt > 1 else ""
    return f"seed {record.seed}, {record.engine}{again}"


def played(records: Sequence[RunRecord]) -> str:
    """When, how much, on what and where."""
    days = sorted(r.started[:16].replace("T", " ") for r in records if r.started)
    when = "" if not days else f"{days[0]} UTC" if days[0] == days[-1] else f"{days[0]} to {days[-1]} UTC"
    engines, worlds = ", ".join(by_engine(records)), ", ".join(dict.fromkeys(r.world for r in records))
    scenarios = plural(len(by_scenario(records)), "scenario")
    return " · ".join(filter(None, [when, scenarios, f"on {engines}", f"in {worlds}"]))


def nearest(records: Sequence[RunRecord]) -> RunRecord | None:
    """The run that came nearest to what it must not touch."""
    measured = [r for r in records if r.clearance is not None]
    return min(measured, key=lambda r: r.clearance or 0.0, default=None)


def versions(records: Sequence[RunRecord]) -> dict[str, str]:
    names = dict.fromkeys(name for r in records for name in r.versions)
    of = {name: dict.fromkeys(r.versions[name] for r in records if name in r.versions) for name in names}
    return {name: " and ".join(several) for name, several in of.items()}


def comparisons(records: Sequence[RunRecord]) -> dict[str, list[statistics.Measure]]:
    """Of each scenario that was played on several engines, what was measured side by side."""
    played = {name: by_engine(own) for name, own in by_scenario(records).items()}
    return {name: statistics.compared(own) for name, own in played.items() if len(own) > 1}


def reasons(tries: Sequence[RunRecord]) -> list[str]:
    """Why a run did not pass, or not at once."""
    record = tries[-1]
    if failed(record):
        broke = not record.reasons and record.error
        return [f"broke off: {record.error}"] if broke else statistics.reasons(record)
    found = [f"try {r.attempt}: {why}" for r in tries[:-1] for why in [r.error, *r.reasons] if why]
    return found or [f"passed on try {record.attempt} only: earlier tries did not pass"]


def moments(record: RunRecord, most: int) -> list[Moment]:
    """At most `most` of a run's key moments, evenly, always with the last: what came of it."""
    found = []
    for shot in thin(record.shots, most) if most > 1 else record.shots[-1:] if most else ():
        head, outside = photo(record.folder, shot.file), photo(record.folder, shot.outside)
        if head or outside:
            found.append(Moment(f"{shot.stamp:.1f} s {shot.title}".strip(), head, outside))
    return found


def clip(record: RunRecord) -> str | None:
    """The seconds around a failure as a data URI; None if there is no such file, or it is too large."""
    path = None if record.clip is None else own_file(record.folder, record.clip.file)
    if path is None or path.suffix != ".webp" or path.stat().st_size > CLIP_BYTES:
        return None
    return f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode()}"


def film_words(record: RunRecord) -> list[str]:
    """Commands that show a recorded run; none if it has no recording."""
    if own_file(record.folder, FILE) is None:
        return []
    around = []
    if record.clip is not None:  # a film counts from the first command
        at = record.clip.stamp - min((c.given for c in record.commands), default=0.0)
        around = ["--from", f"{max(0.0, at - 5.0):.0f}", "--to", f"{at + 2.0:.0f}"]
    return [
        shlex.join(["vla-sim", *words])
        for words in (["view", record.folder], ["video", record.folder, *around])
    ]


HELPERS = (
    clip, film_words, mark, run_name, played, nearest, reasons, moments, failed, id, Rate, by_engine, runs_of,
    statistics.first_motions, statistics.percentile, statistics.label,
    statistics.real_time_factors, run_charts.source,
    run_charts.total_bar, run_charts.rate_bar, run_charts.waterfall, run_charts.distribution,
    run_charts.course, run_map.run_map, run_map.ways_map, run_map.moved,
)  # fmt: skip
TEMPLATES = page.environment("vla_sim.scenario.report")
TEMPLATES.globals |= {one.__name__: one for one in HELPERS} | {
    "REASONS": REASONS, "EVENTS": EVENTS, "LOG_LINES": LOG_LINES, "CONTACTS": CONTACTS,
    "RULE": statistics.RULE, "BESIDE": run_charts.BESIDE,
}  # fmt: skip
TEMPLATES.filters["spoken"] = run_map.spoken
TEMPLATES.tests |= {
    "failed": failed,
    "failed_at_last": lambda tries: failed(tries[-1]),
    "passed_later": lambda tries: verdict(tries[-1]) == "passed later",
}


MANY = 30  # runs of a scenario; above, those that passed are rows of a table alone
PASSED_IN_FULL, FAILED_IN_FULL = 120, 150  # runs in all that are shown with drawings
PICTURE_CHARACTERS = 3_000_000  # of all embedded pictures together
MOMENT_CHARACTERS = 36_000  # about what one moment takes: head camera and outside
MOMENTS = 8  # of a run at most
CLIPS, CLIP_BYTES = 6, 300_000  # in all, and of one at most


@dataclass(frozen=True)
class Selection:
    """Records are told apart by their `id()`: two may be equal.

    anchors: of each record in full, the id of its part of the page. moments: how many moments with pictures
    it may show. clips: those whose failure is shown as a clip. plans: of each world, as the records name it;
    None if it cannot be loaded. scenarios: the id of each scenario's part of the page."""

    anchors: dict[int, str]
    moments: dict[int, int]
    clips: frozenset[int]
    plans: dict[str, Plan | None]
    scenarios: dict[str, str]

    @staticmethod
    def of(records: Sequence[RunRecord]) -> Selection:
        full = _in_full(records)
        worlds = dict.fromkeys(r.world for r in full)
        return Selection(
            anchors={id(r): f"run-{i}" for i, r in enumerate(full, 1)},
            moments=moment_counts(full),
            clips=frozenset([id(r) for r in full if r.clip is not None][:CLIPS]),
            plans={world: _plan(f"plan-{i}", world) for i, world in enumerate(worlds)},
            scenarios={name: f"scenario-{i}" for i, name in enumerate(by_scenario(records), 1)},
        )

    def anchor(self, record: RunRecord) -> str:
        """ "" of a record that is not shown in full."""
        return self.anchors.get(id(record), "")

    def shown(self, records: Sequence[RunRecord]) -> list[RunRecord]:
        """Those that are shown in full."""
        return [r for r in records if id(r) in self.anchors]

    def plan(self, record: RunRecord) -> Plan | None:
        """Of the record's world."""
        return self.plans.get(record.world)


def moment_counts(records: Sequence[RunRecord]) -> dict[int, int]:
    """Record's `id()` to how many moments with pictures it may show, so that all fit into the page."""
    most = PICTURE_CHARACTERS // MOMENT_CHARACTERS
    bad = [r for r in records if failed(r)]
    if len(bad) >= most:  # one of each, the last, as far as it goes
        return {id(r): 1 for r in bad[:most]}
    weights = {id(r): 2 if failed(r) else 1 for r in records}
    share = most / max(1, sum(weights.values()))
    counts = {key: min(MOMENTS, int(weight * share)) for key, weight in weights.items()}
    return counts | {id(r): max(1, counts[id(r)]) for r in bad}


def _in_full(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The records that are shown with drawings."""
    groups = by_scenario(records)
    good = [r for own in groups.values() if len(own) <= MANY for r in own if not failed(r)]
    if len(good) > PASSED_IN_FULL:  # then the first of each scenario stands for the others
        firsts = [next((r for r in own if not failed(r)), None) for own in groups.values()]
        good = [r for r in firsts if r is not None][:PASSED_IN_FULL]
    bad = [r for r in records if failed(r)][:FAILED_IN_FULL]
    chosen = {id(r) for r in [*good, *bad]}
    return [r for own in groups.values() for r in own if id(r) in chosen]


def _plan(name: str, world: str) -> Plan | None:
    try:
        return Plan.of(name, World.load(world))
    except (VlaSimError, OSError, ValueError):
        return None  # a world of another machine: the path alone is drawn


class Photo(NamedTuple):
    """A JPEG as a data URI, width and height [px]."""

    uri: str
    width: int
    height: int


def own_file(folder: str, name: str) -> Path | None:
    """A file of a run. Only those in its folder are read, as a record may come from another machine."""
    try:
        root = Path(folder).resolve()
        path = (root / name).resolve()
        return path if folder and name and path.is_relative_to(root) and path.is_file() else None
    except (OSError, ValueError):
        return None


def photo(folder: str, file: str, width: int = 480, most: int = 30_000) -> Photo | None:
    """A picture of a run, at most `width` pixels wide and of about `most` bytes; None if there is none."""
    path = own_file(folder, file)
    if path is None:
        return None
    try:
        with Image.open(path) as image:
            small = image.convert("RGB")
        small.thumbnail((width, width), Image.Resampling.LANCZOS)
        data = encoded(small, "JPEG", quality=72, optimize=True)
        if len(data) > most:
            small.thumbnail((width * 2 // 3, width * 2 // 3), Image.Resampling.LANCZOS)
            data = encoded(small, "JPEG", quality=55, optimize=True)
    except Exception:  # Pillow raises many kinds; a broken picture must not lose the report
        return None
    return Photo(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", small.width, small.height)
