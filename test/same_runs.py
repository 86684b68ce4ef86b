"""Are two sweeps the same, run by run?  python test/same_runs.py BEFORE AFTER

Each is a folder that `vla-sim test --out` has left. In lock-step one seed is one run, to the last bit: a
change that should not change what the robot does leaves verdicts, paths and latencies equal. Exit code 0 if
they are, in all runs that both folders have, 1 if not, 2 if nothing can be compared.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

Run = dict[str, Any]


def verdict(run: Run) -> Any:
    """What was judged, and what the robot said to it."""
    commands = [(c["text"], c["heard"], c["state"], c["detail"]) for c in run["commands"]]
    return run["passed"], [(c["name"], c["passed"]) for c in run["checks"]], run["answer"], commands


def path(run: Run) -> Any:
    """Where robot and objects were, and what they touched."""
    names = ("path", "path_length", "clearance", "contacts", "grasps", "objects", "simulated_seconds")
    return [run[name] for name in names]


def latencies(run: Run) -> Any:
    """Of every command: milliseconds by stage, and in all."""
    return [
        ({s["stage"]: s["milliseconds"] for s in c["stages"]}, c["total_ms"]) for c in run["commands"]
    ]  # fmt: skip


COMPARED = {"verdicts": verdict, "paths": path, "latencies": latencies}


def runs(folder: Path) -> dict[tuple[str, str, int], Run]:
    """Records of a sweep by scenario, engine and seed."""
    records = [msgspec.json.decode(line) for line in (folder / "records.jsonl").read_bytes().splitlines()]
    return {(r["scenario"], r["engine"], r["seed"]): r for r in records}


def first_difference(a: Any, b: Any) -> str:
    """Both as text, from a little before where they part."""
    one, other = str(a), str(b)
    at = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), 0)
    begin = max(0, at - 30)
    return f"...{one[begin : at + 50]!r} and ...{other[begin : at + 50]!r}"


def main(before: str, after: str) -> int:
    a, b = runs(Path(before)), runs(Path(after))
    both = sorted(a.keys() & b.keys())
    equal = dict.fromkeys(COMPARED, 0)
    for key in both:
        for what, of in COMPARED.items():
            one, other = of(a[key]), of(b[key])
            if one == other:
                equal[what] += 1
            else:
                print(f"{key[0]}, {key[1]}, seed {key[2]}: {what} differ: {first_difference(one, other)}")
    print(", ".join(f"{what} equal in {count} of {len(both)} runs" for what, count in equal.items()))
    print(f"{len(a.keys() ^ b.keys())} runs are in one folder alone")
    return 2 if not both else int(any(count < len(both) for count in equal.values()))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
