"""What a finished run has left in its folder, as a client is told of it."""

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from vla_sim.common.errors import InputError, StackError
from vla_sim.common.pictures import encoded
from vla_sim.recording.about import FILE
from vla_sim.recording.reader import Recording
from vla_sim.scenario.record import OWN_PLAN, RECORD, RunRecord
from vla_sim.scenario.statistics import verdict
from vla_sim.scenario.sweep.tasks import read
from vla_sim.tool_server.calls import CheckFound, Moment, Outcome, Picture, Reasons, State, short, texts
from vla_sim.view.video.moment import moment

STATES: dict[str, State] = {
    "passed": "passed", "passed later": "passed", "failed": "failed", "error": "broke off",
    "not judged": "not judged",
}  # fmt: skip
SHEET = "run.png"
MOST_BYTES = 700_000
"""Of a picture that goes out, which grows by a third on its way."""


def find(root: Path, name: str) -> Path:
    """The folder of a run of this name; "": of the latest. A name leads nowhere else. Raises `InputError`."""
    try:
        runs = {p.name: p for p in root.iterdir() if (p / RECORD).is_file() and not p.is_symlink()}
    except OSError as error:
        raise InputError(f"{root}: cannot be read: {error.strerror or error}") from None
    newest = sorted(runs, key=lambda one: (runs[one] / RECORD).stat().st_mtime, reverse=True)
    if not newest:
        raise InputError(f"no run has been judged in {root}; run_scenario plays one")
    if name and name not in runs:
        raise InputError(
            f"no judged run is called {short(name, 100)!r}; the latest are {', '.join(newest[:10])}"
        )
    return runs[name or newest[0]]


def record_of(folder: Path) -> RunRecord:
    """Raises `StackError` for a broken one."""
    return read(folder / RECORD)


def outcome(folder: Path, record: RunRecord) -> Outcome:
    own = any(c.judged_against == "robot's plan" for c in record.commands)
    return Outcome(
        run=folder.name, state=STATES[verdict(record)], scenario=short(record.scenario),
        command=short(record.command), reasons=texts(record.reasons), robot_said=short(record.answer),
        first_motion_ms=None if record.total_ms is None else round(record.total_ms, 1),
        first_motion_limit_ms=record.total_limit_ms, simulated_seconds=round(record.simulated_seconds, 2),
        seconds=round(record.ready_seconds + record.wall_seconds, 1), note=OWN_PLAN if own else "",
        again=short(record.again),
    )  # fmt: skip


def reasons(folder: Path, record: RunRecord) -> Reasons:
    checks = [CheckFound(name=short(c.name), passed=c.passed, detail=short(c.detail)) for c in record.checks]
    return Reasons(
        run=folder.name, state=STATES[verdict(record)], reasons=texts(record.reasons),
        checks=sorted(checks, key=lambda c: c.passed)[:100],
        latencies_ms={short(s.stage): (round(s.milliseconds, 1), s.limit) for s in record.stages[:20]},
        contacts=texts([f"{t.stamp:.2f} s: {t.a} and {t.b}, {t.force:.0f} N" for t in record.contacts]),
        events=texts([f"{e.stamp:.2f} s: {e.text}" for e in record.events]), warnings=texts(record.log),
        moments=[Moment(at=round(s.stamp, 2), title=short(s.title)) for s in record.shots[:100]],
    )  # fmt: skip


def picture(folder: Path, record: RunRecord, call: Picture) -> tuple[str, bytes]:
    """What it shows, in words, and a PNG of at most `MOST_BYTES`. Raises `InputError`, `StackError`."""
    if call.view == "sheet":
        return "the whole run", png(_opened(folder, SHEET), call.width)
    if call.at is not None and (folder / FILE).is_file():
        image = moment(Recording(folder), call.at, call.view, (call.width, call.width * 3 // 4))
        return f"{call.at:.2f} s", png(image, call.width)
    shots = [s for s in record.shots if call.view == "head" or s.outside]
    if not shots:
        raise InputError(f"run {folder.name} has no picture {call.view}; view sheet shows its map")
    at = shots[-1].stamp if call.at is None else call.at
    shot = min(shots, key=lambda s: abs(s.stamp - at))
    file = shot.file if call.view == "head" else shot.outside
    return f"{shot.stamp:.2f} s: {short(shot.title)}", png(_opened(folder, file), call.width)


def _opened(folder: Path, file: str) -> Image.Image:
    """A picture of the run, whatever its record says. Raises `InputError`, `StackError`."""
    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise InputError(f"run {folder.name} has no file {short(file, 100)}")
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise StackError(f"{path} is no picture: {error}") from None


def png(picture: Image.Image, width: int) -> bytes:
    """As PNG, at most `width` pixels wide and of at most `MOST_BYTES`; `picture` is shrunk."""
    while True:
        picture.thumbnail((width, 4 * width))
        data = encoded(picture, "PNG", optimize=True)
        if len(data) <= MOST_BYTES:
            return data
        width = picture.width * 3 // 4
