"""Makes docs/latency.md: `python docs/make_latency.py`, or `make latency`, on an idle machine.

At the clock's pace the commands of `docs/latency.yaml` are spoken by every voice, idle and while other
processes want the cores; about an hour for each ear. Whisper listens, too, where `--whisper-model FOLDER`
says where its model is. `--runs FOLDER` takes the runs of an earlier measurement instead.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import psutil
import yaml

from vla_sim.common.errors import InputError
from vla_sim.common.markdown import table
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.statistics import latency_rows, percentile
from vla_sim.scenario.sweep import shards

HERE = Path(__file__).parent
PAGE, COMMANDS = HERE / "latency.md", HERE / "latency.yaml"
EARS = ("pocketsphinx", "whisper")
"""Recognisers."""
LOADS: Mapping[str, list[dict[str, object]]] = {"idle": [], "cores busy": [{"fault": "cpu"}]}
"""What is wrong meanwhile."""
SEEDS = 5
"""Of each voice: five voices, ten commands and four seeds are the least that 200 commands take."""
SHARES = (0.5, 0.95, 0.99, 1.0)
Measured = dict[tuple[str, str], list[RunRecord]]
"""Records by ear and load."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="of an earlier measurement")
    parser.add_argument("--whisper-model", metavar="FOLDER", help="of faster-whisper; left out: without it")
    arguments = parser.parse_args()
    given, whisper = arguments.runs, arguments.whisper_model
    folder = given or Path("runs") / f"latency-{datetime.now():%Y%m%d-%H%M%S}"
    if given is None:
        for ear in EARS if whisper else EARS[:1]:
            for load in LOADS:
                play(folder, ear, load, ["--whisper-model", whisper] if whisper else [])
    PAGE.write_text("\n".join(page(read(folder))) + "\n")
    return 0


def play(folder: Path, ear: str, load: str, more: Sequence[str]) -> None:
    """Runs that fail are measured, too: what counts here is when the robot moved."""
    scenario = yaml.safe_load(COMMANDS.read_text()) | {"faults": LOADS[load]}
    out = place(folder, ear, load)
    out.mkdir(parents=True)
    path = out / "latency.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    words = [
        "test", str(path), "--variants", "voices", "--seeds", str(SEEDS), "--speed", "1",
        "--recogniser", ear, *more, "--out", str(out),
    ]  # fmt: skip
    subprocess.run([sys.executable, "-m", "vla_sim.cli.main", *words], check=False)


def place(folder: Path, ear: str, load: str) -> Path:
    return folder / f"{ear}-{load.replace(' ', '_')}"


def read(folder: Path) -> Measured:
    """Raises `InputError` if nothing was measured."""
    keys = [(ear, load) for ear in EARS for load in LOADS if place(folder, ear, load).is_dir()]
    found = {key: shards.records(place(folder, *key)) for key in keys}
    if not any(found.values()):
        raise InputError(f"{folder} holds no measurement; leave out --runs to make one")
    return found


def page(measured: Measured) -> Iterator[str]:
    """Lines of the page."""
    first = next(records[0] for records in measured.values() if records)
    used = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    others = max((r.others or 0.0 for own in measured.values() for r in own), default=0.0)
    yield from (
        "# Latency", "",
        "From the end of speech to the first motion, and each stage's share, in milliseconds, measured at",
        "the clock's pace. `make latency` measures it anew and writes this page.", "",
        f"Machine: {machine()}. Other programs used {100 * others:.0f} % of the cores at most.", "",
        f"Measured {datetime.now(timezone.utc):%Y-%m-%d} with {used}.", "",
        "## End of speech to first motion", "",
    )  # fmt: skip
    head = ["ear", "machine", "commands", "moved", "p50", "p95", "p99", "worst"]
    rows = [[*key, str(said(own)), *row("first motion", own)] for key, own in measured.items()]
    yield from table(head, rows)
    yield from ("", "## By voice", "")
    rows = [
        [*key, voice, str(said(mine)), *row("first motion", mine)]
        for key, own in measured.items() for voice, mine in by_voice(own).items()
    ]  # fmt: skip
    yield from table([*head[:2], "voice", *head[2:]], rows)
    yield from ("", "## By stage", "")
    rows = [
        [*key, name, *row(name, own)]
        for key, own in measured.items() for name, _, _ in latency_rows(own) if name != "first motion"
    ]  # fmt: skip
    yield from table(["ear", "machine", "stage", "times", *head[4:]], rows)


def said(records: Sequence[RunRecord]) -> int:
    return sum(len(record.commands) for record in records)


def row(name: str, records: Sequence[RunRecord]) -> list[str]:
    """How many were measured, and `SHARES` of them."""
    values = next((found for title, _, found in latency_rows(records) if title == name), [])
    return [str(len(values)), *(f"{percentile(values, share) or 0.0:.0f}" for share in SHARES if values)]


def by_voice(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    found: dict[str, list[RunRecord]] = {}
    for record in records:
        voice = record.scenario.partition("-")[2].removeprefix("voice_").replace("_", " ")
        found.setdefault(voice or "hibari", []).append(record)
    return found


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    name = next(
        (line.partition(":")[2].strip() for line in lines if "model name" in line), platform.machine()
    )
    return f"{name}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 1e9:.0f} GB"


if __name__ == "__main__":
    raise SystemExit(main())
