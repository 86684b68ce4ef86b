"""Are two sweeps the same, run by run?  python test/same_runs.py FOLDER FOLDER

A folder is what `vla-sim test --out` has left. In lock-step one seed is one run, to the last bit: a change
that should not change what the robot does leaves verdicts, checks, words, paths and latencies equal. Exit
code 0 if all runs that both have are equal, 1 if not, 2 if nothing can be compared.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

COMPARED = (
    "passed", "reasons", "checks", "heard", "state", "answer", "stages", "total_ms", "path", "path_length",
    "clearance", "contacts", "grasps", "commands", "objects", "events", "simulated_seconds",
)  # fmt: skip


def runs(folder: Path) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Records of a sweep by scenario, engine and seed."""
    lines = (folder / "records.jsonl").read_bytes().splitlines()
    records = [msgspec.json.decode(line) for line in lines]
    return {(r["scenario"], r["engine"], r["seed"]): r for r in records}


NEW = ("source", "total_source", "judged_against")
"""Fields that an older record lacks."""


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _comparable(v) for k, v in value.items() if k not in NEW}
    return [_comparable(v) for v in value] if isinstance(value, list) else value


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """What differs between two records, a line each."""
    out = []
    for name in COMPARED:
        one, other = _comparable(a.get(name)), _comparable(b.get(name))
        if name == "events":  # older records stamp them when they were shown
            one, other = (sorted(e["text"] for e in events) for events in (one, other))
        if one != other:
            first, second = str(one), str(other)
            at = next((i for i, (x, y) in enumerate(zip(first, second, strict=False)) if x != y), 0)
            begin = max(0, at - 40)
            out.append(f"{name}: ...{first[begin : at + 60]!r} and ...{second[begin : at + 60]!r}")
    return out


def main(first: str, second: str) -> int:
    a, b = runs(Path(first)), runs(Path(second))
    both = sorted(a.keys() & b.keys())
    different = 0
    for key in both:
        found = differences(a[key], b[key])
        different += bool(found)
        for line in found:
            print(f"{key[0]}, {key[1]}, seed {key[2]}: {line}")
    alone = len(a.keys() ^ b.keys())
    print(f"{len(both) - different} of {len(both)} runs are equal; {alone} were played in one folder alone")
    return 2 if not both else int(different > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
