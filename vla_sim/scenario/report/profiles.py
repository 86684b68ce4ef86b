"""What a profiled run leaves: a flame graph a node, a table of the longest, a summary for the terminal."""

from __future__ import annotations

import pstats
from pathlib import Path

import msgspec

from vla_sim.common.files import write_whole
from vla_sim.common.markdown import table
from vla_sim.common.profiling.component import SUMMARY, TOP, Row, rows
from vla_sim.common.profiling.tree import WAITS, Sampled, plumbing, top
from vla_sim.report import flame

REPORT = "profile.md"
_sampled = msgspec.json.Decoder(Sampled)


def write(folder: Path) -> dict[str, list[Row]]:
    """Make of the nodes' profiles in a folder their flame graphs and `profile.md`; the top 10 of each node.
    A file that cannot be read is as one that is not there. Raises `OSError`."""
    found: dict[str, list[Row]] = {}
    lines = ["# Where the nodes' time went", ""]
    for path in sorted(folder.glob("*.json")):
        try:
            sampled = _sampled.decode(path.read_bytes())
        except (msgspec.MsgspecError, OSError):
            continue
        write_whole(path.with_suffix(".html"), flame.page(sampled).encode())
        found[sampled.node] = top(sampled.threads, TOP)
        share = 100.0 * sampled.waited / sampled.seconds if sampled.seconds > 0.0 else 0.0
        lines += [f"## {sampled.node}", "", (
            f"{sampled.seconds:.1f} s, of which its main thread waited {share:.0f} %; "
            f"[flame graph]({path.stem}.html)"
        ), "", *_table(found[sampled.node]), ""]  # fmt: skip
    for path in sorted(folder.glob("*.pstats")):
        try:
            found[path.stem] = rows(pstats.Stats(str(path)), TOP, _hidden)
        except (ValueError, TypeError, EOFError, OSError):
            continue
        lines += [f"## {path.stem}", "", *_table(found[path.stem]), ""]
    if found:
        write_whole(folder / REPORT, "\n".join(lines).encode())
    return found


def summary(found: dict[str, list[Row]]) -> str:
    """The top 5 of each node as text."""
    lines = []
    for node, tops in found.items():
        lines.append(f"{node}: top {SUMMARY} by cumulative time")
        lines += [f"  {row.cumulative:8.3f} s  {row.function} ({row.where})" for row in tops[:SUMMARY]]
    return "\n".join(lines)


def _table(tops: list[Row]) -> list[str]:
    return table(
        ("function", "where", "calls", "own [s]", "cumulative [s]"),
        [
            (f"`{r.function}`", r.where, "" if r.calls is None else r.calls, f"{r.own:.3f}",
             f"{r.cumulative:.3f}")
            for r in tops
        ],
    )  # fmt: skip


def _hidden(function: str, file: str) -> bool:
    """Of cProfile's names: waiting, and the way to where work is done."""
    waits = file == "~" and any(f"'{name}'" in function or f".{name}>" in function for name in WAITS)
    return waits or plumbing(function, file)
