"""What the terminal shows can be copied from it, and says against what it was judged."""

import io

import pytest
from report_records import command, record

from vla_sim.contract.records import GroundTruth, Status
from vla_sim.report.console import Console
from vla_sim.scenario.recording import Recording
from vla_sim.scenario.terminal import Display, LiveView
from vla_sim.world.semantic_map import World


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


def walking():
    recording = Recording()
    for k in range(20):
        pose = (0.1 * k, 0.0, 0.79, 1.0, 0.0, 0.0, 0.0)
        truth = GroundTruth(stamp=float(k), robot=pose, objects={}, fallen=False, clearance=0.5)
        recording.truths.append(truth)
    recording.planned_path[:] = [(2.0, 0.0), (4.0, 0.0)]
    return recording


def shown(**console):
    """What a view of a run prints in such a terminal while the run goes on."""
    out = io.StringIO()
    options = {"force_terminal": True, "color_system": "truecolor", "width": 120, "height": 40}
    with Display(Console(file=out, **(options | console))) as display:
        LiveView(display, walking(), [], World.load("corridor")).show(0.0)
        return out.getvalue()


def test_a_terminal_with_room_and_colours_shows_a_map_beside_the_facts():
    text = shown()
    assert text.count("▀") > 100
    assert "walked 1.9 m" in text
    assert "235;98;20" in text  # the robot
    assert "46;160;67" in text  # where it goes


@pytest.mark.parametrize(
    "console", [{"width": 70}, {"height": 20}, {"no_color": True}, {"color_system": None}], ids=str
)
def test_another_terminal_shows_one_line(console):
    text = shown(**console)
    assert "▀" not in text
    assert "walked 1.9 m  nearest 0.50 m" in text


def test_what_is_no_terminal_shows_no_progress():
    assert shown(force_terminal=False) == ""


def test_a_planned_path_ends_with_the_step_that_walks_it():
    recording = walking()
    recording.on_status(Status(command_id="c", state="running", skill="find", step=1, steps=2, mono=0.0))
    assert recording.planned_path == []
