"""A sweep in parts, each played by another machine, and put together again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

import vla_sim
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path, write_output
from vla_sim.contract.records import Record
from vla_sim.scenario.record import DECODER, RunRecord
from vla_sim.scenario.result import versions
from vla_sim.scenario.sweep.tasks import RECORDS, Key, Task

FILE = "sweep.json"
"""In a sweep's folder."""


class Shard(Record, frozen=True, kw_only=True):
    """Part `number` of `of`; 1 of 1 is a whole sweep."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Of "2/5". Raises `InputError`."""
        number, slash, of = text.partition("/")
        if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= 10_000:
            return cls(number=int(number), of=int(of))
        raise InputError(f"--shard {text}: which part of how many is allowed, as 2/5")

    def part(self, tasks: Sequence[Task]) -> list[Task]:
        """Every `of`-th, so that each part gets of all scenarios, the slow ones too."""
        return list(tasks[self.number - 1 :: self.of])


class Sweep(Record, frozen=True, kw_only=True):
    """What a sweep was to play, and with what.

    scenarios: text of each file by name. runs: scenario, engine, seed of every run of all parts. stack: the
    flags that are not at their defaults. code: digest of this package. versions: of what else a result
    depends on.
    """

    scenarios: dict[str, str]
    runs: list[Key]
    stack: list[str]
    code: str
    versions: dict[str, str]
    shard: Shard = Shard()

    @property
    def mine(self) -> list[Key]:
        """The runs of this part."""
        return self.runs[self.shard.number - 1 :: self.shard.of]

    def write(self, folder: Path) -> None:
        """Raises `InputError`."""
        write_output(folder / FILE, msgspec.json.format(msgspec.json.encode(self), indent=1))


SWEEP_DECODER = msgspec.json.Decoder(Sweep)


def sweep_of(tasks: Sequence[Task], scenarios: dict[str, str], stack: Sequence[str], shard: Shard) -> Sweep:
    """That begins now. tasks: of all parts."""
    return Sweep(
        scenarios=scenarios, runs=[task.key for task in tasks], stack=list(stack), code=code(),
        versions=versions(), shard=shard,
    )  # fmt: skip


@cache
def code() -> str:
    """Digest of the package's own files: a version stays the same while the code changes."""
    root = Path(vla_sim.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def read(folder: str | Path) -> tuple[Sweep, list[RunRecord]]:
    """What a sweep was to play, and its records. Raises `InputError`."""
    path = user_path(folder) / FILE
    try:
        return SWEEP_DECODER.decode(path.read_bytes()), records(folder)
    except OSError:
        raise InputError(f"{folder} holds no {FILE}: give the folder that vla-sim test wrote") from None
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: of another version: {error}") from None


def records(folder: str | Path) -> list[RunRecord]:
    """Of a sweep's folder, wherever it lies now; of a run that was played twice, the last. Raises
    `InputError`."""
    path = user_path(folder)
    found: dict[Key, RunRecord] = {}
    number = 0
    try:
        for line in (path / RECORDS).read_bytes().splitlines():
            number += 1
            one = DECODER.decode(line)
            there = path.joinpath(*Path(one.folder).parts[-2:])
            if there.is_dir():
                one = msgspec.structs.replace(one, folder=str(there))
            found[(one.scenario, one.engine, one.seed)] = one
    except OSError:
        raise InputError(f"{folder} holds no {RECORDS}: give the folder that vla-sim test wrote") from None
    except msgspec.MsgspecError as error:
        raise InputError(f"{path / RECORDS}:{number}: no record of this version: {error}") from None
    return list(found.values())


def write_records(records: Sequence[RunRecord], folder: Path) -> None:
    """As a sweep leaves them. Raises `InputError`."""
    lines = (msgspec.json.encode(one) + b"\n" for one in records)
    write_output(folder / RECORDS, b"".join(lines))


def merge(folders: Sequence[str]) -> tuple[Sweep, list[RunRecord]]:
    """All parts as one sweep, its records in the order in which one machine would have given them. Raises
    `InputError` unless every part is there once, whole, and of the same sweep."""
    parts = [(folder, *read(folder)) for folder in folders]
    name, first, _ = parts[0]
    seen: dict[int, str] = {}
    found: dict[Key, RunRecord] = {}
    for folder, sweep, own in parts:
        for what, ours, theirs in _apart(first, sweep):
            raise InputError(f"{name} and {folder} are no parts of one sweep: {what}: {ours} and {theirs}")
        if sweep.shard.number in seen:
            raise InputError(
                f"{seen[sweep.shard.number]} and {folder} are both part {sweep.shard.number} of "
                f"{sweep.shard.of}: the same seeds; give each part once"
            )
        seen[sweep.shard.number] = folder
        played = {(r.scenario, r.engine, r.seed): r for r in own}
        strange, left = played.keys() - set(sweep.mine), [key for key in sweep.mine if key not in played]
        if strange or left:
            what = (
                "plays what is not of it" if strange else f"has not played {len(left)} of {len(sweep.mine)}"
            )
            scenario, engine, seed = min(strange or left)
            raise InputError(f"{folder} {what}: {scenario} on {engine}, seed {seed}; play this part again")
        found |= played
    missing = [str(k) for k in range(1, first.shard.of + 1) if k not in seen]
    if missing:
        raise InputError(f"part {', '.join(missing)} of {first.shard.of} is missing; give all parts")
    return msgspec.structs.replace(first, shard=Shard()), [found[key] for key in first.runs]


def _apart(a: Sweep, b: Sweep) -> list[tuple[str, Any, Any]]:
    """In what two parts differ that must be the same."""
    rows: list[tuple[str, Any, Any]] = [
        ("parts", a.shard.of, b.shard.of), ("flags", " ".join(a.stack), " ".join(b.stack)),
        ("the code of vla_sim", a.code, b.code),
    ]  # fmt: skip
    names = sorted(a.versions.keys() | b.versions.keys())
    rows += [(n, a.versions.get(n, "none"), b.versions.get(n, "none")) for n in names]
    rows += [("scenarios", ", ".join(a.scenarios), ", ".join(b.scenarios))]
    rows += [
        (f"the file of {n}", "one", "another") for n, t in a.scenarios.items() if b.scenarios.get(n) != t
    ]
    rows += [("runs", "one list", "another")] * (a.runs != b.runs)
    return [row for row in rows if row[1] != row[2]]
