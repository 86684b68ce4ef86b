"""What a soak found, as a table for the terminal."""

from __future__ import annotations

from rich.table import Table

from vla_sim.memory.soak import Soak


def table(found: Soak) -> Table:
    """Each process's unique memory after warming up, and how fast it grew."""
    done = ", ".join(f"{count} {state}" for state, count in sorted(found.commands.items())) or "none"
    title = f"{found.seconds / 60.0:.0f} min, {found.simulated:.0f} s simulated; commands: {done}"
    out = Table(title=title, title_justify="left")
    out.add_column("process")
    for name in ("first [MB]", "last [MB]", "most [MB]", "RSS [MB]", "slope [MB/h]", "risen [MB]", ""):
        out.add_column(name, justify="right")
    for g in found.growth:
        out.add_row(
            g.name, f"{g.first:.1f}", f"{g.last:.1f}", f"{g.most:.1f}", f"{g.rss:.1f}", f"{g.slope:+.2f}",
            f"{g.risen:+.2f}", "GROWS" if g.grows else "ok",
        )  # fmt: skip
    return out
