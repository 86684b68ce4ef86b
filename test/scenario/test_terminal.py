"""What the terminal shows can be copied from it."""

import io

from vla_sim.report.console import Console
from vla_sim.scenario.terminal import Display


def test_a_path_is_printed_whole_however_narrow_the_terminal():
    out = io.StringIO()
    path = "/home/me/Müller's [robot] = 50% #1/runs/a name of a folder that is long/profile/profile.md"
    Display(Console(file=out, width=40)).event(1.5, f"profiles: {path}")
    assert out.getvalue() == f"   1.50 s  profiles: {path}\n"
