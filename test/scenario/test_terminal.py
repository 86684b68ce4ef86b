"""What the terminal shows can be copied from it, and says against what it was judged."""

import io

from report_records import command, record

from vla_sim.report.console import Console
from vla_sim.scenario.terminal import Display


def test_a_path_is_printed_whole_however_narrow_the_terminal():
    out = io.StringIO()
    path = "/home/me/Müller's [robot] = 50% #1/runs/a name of a folder that is long/profile/profile.md"
    Display(Console(file=out, width=40)).event(1.5, f"profiles: {path}")
    assert out.getvalue() == f"   1.50 s  profiles: {path}\n"


def test_a_pass_for_asking_back_says_so():
    out = io.StringIO()
    asked = command(state="asked", judged_against="robot's plan")
    Display(Console(file=out, width=80)).result(record(commands=[asked]))
    assert out.getvalue().endswith(
        "PASSED (it asked back, and did nothing; judged by the robot's own plan, as nothing else says "
        "what the words mean)\n"
    )
