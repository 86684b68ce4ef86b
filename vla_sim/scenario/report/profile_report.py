"""What a profiled run leaves: a flame graph of each node, a table of what takes longest, a summary."""

import json
import pstats
from pathlib import Path
from typing import Any

from vla_sim.common.files import write_whole
from vla_sim.common.markdown import table
from vla_sim.common.profiling.component import SUMMARY, TOP, Row, rows
from vla_sim.common.profiling.node_profile import SESSION, WAITS, busy, plumbing, top

REPORT = "profile.md"
POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:\">"
)
"""pyinstrument's page would load fonts from the network."""


def write(folder: Path) -> dict[str, list[Row]]:
    """Make of the nodes' profiles in a folder their flame graphs and `profile.md`; the top 10 of each node.
    A file that cannot be read is left out. Raises `OSError`."""
    found: dict[str, list[Row]] = {}
    lines = ["# Where the nodes' time went", ""]
    for path in sorted(folder.glob(f"*{SESSION}")):
        from pyinstrument.renderers import SpeedscopeRenderer
        from pyinstrument.session import Session

        try:
            session = Session.from_json(json.loads(path.read_bytes()))
        except (ValueError, KeyError, OSError):
            continue
        everything = session.frame_records
        session.frame_records = busy(everything)
        main = [r for r in everything if r[0][0].startswith("MainThread\x00")]
        seconds, used = (sum(s for _, s in records) for records in (main, busy(main)))
        share = 100.0 * (1.0 - used / seconds) if seconds > 0.0 else 0.0
        graph, scope = (path.with_suffix(suffix) for suffix in (".html", ".speedscope.json"))
        write_whole(graph, flame_graph(session).encode())
        write_whole(scope, SpeedscopeRenderer().render(session).encode())
        found[path.stem] = top(session.frame_records, TOP)
        lines += [f"## {path.stem}", "", (
            f"{seconds:.1f} s, of which its main thread waited {share:.0f} %, left out here; "
            f"[flame graph]({graph.name}), [for speedscope]({scope.name})"
        ), "", *_table(found[path.stem]), ""]  # fmt: skip
    for path in sorted(folder.glob("*.pstats")):
        try:
            found[path.stem] = rows(pstats.Stats(str(path)), TOP, _hidden)
        except (ValueError, TypeError, EOFError, OSError):
            continue
        lines += [f"## {path.stem}", "", *_table(found[path.stem]), ""]
    if found:
        write_whole(folder / REPORT, "\n".join(lines).encode())
    return found


def flame_graph(session: Any) -> str:
    """pyinstrument's page of a session, opened as its timeline: with sorted stacks, a flame graph."""
    from pyinstrument.renderers import HTMLRenderer

    page = HTMLRenderer().render(session).replace('viewMode:"call-stack"}', 'viewMode:"timeline"}', 1)
    return page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">{POLICY}', 1)


def summary(found: dict[str, list[Row]]) -> str:
    """The top 5 of each node as text."""
    lines = []
    for node, tops in found.items():
        lines.append(f"{node}: top {SUMMARY} by cumulative time")
        lines += [f"  {row.cumulative:8.3f} s  {row.function} ({row.where})" for row in tops[:SUMMARY]]
    return "\n".join(lines)


def _table(tops: list[Row]) -> list[str]:
    cells = [(f"`{r.function}`", r.where, "" if r.calls is None else r.calls, f"{r.own:.3f}",
              f"{r.cumulative:.3f}") for r in tops]  # fmt: skip
    return table(("function", "where", "calls", "own [s]", "cumulative [s]"), cells)


def _hidden(function: str, file: str) -> bool:
    """Of cProfile's names: waiting, and the way to where work is done."""
    waits = file == "~" and any(f"'{name}'" in function or f".{name}>" in function for name in WAITS)
    return waits or plumbing(function, file)
