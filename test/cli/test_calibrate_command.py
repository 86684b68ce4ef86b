"""`vla-sim calibrate` and `vla-sim map`: what they want, what they print and write."""

import numpy as np
import pytest

from vla_sim.cli import calibrate, main
from vla_sim.cli import map as map_command
from vla_sim.common.errors import InputError
from vla_sim.hardware.calibration import Measure, Report
from vla_sim.robot.extrinsics import pose_of
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.semantic_map import World


class Console:
    def __init__(self):
        self.lines = []

    def print(self, text, **how):
        self.lines.append(text)


def test_without_anything_known_there_is_nothing_to_measure(capsys):
    assert main.main(["calibrate", "--domain", "3"]) == 2
    assert "give --wall for the lidar, --table or --cup for the camera" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--wall", "1", "--seconds", "0"],
        ["--wall", "nan"],
        ["--wall", "1000"],
        ["--table", "1"],
        ["--cup", "a", "1"],
    ],
)
def test_a_number_that_is_none_is_refused(words, capsys):
    assert main.main(["calibrate", "--domain", "3", *words]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_what_is_off_is_said_with_the_line_that_mends_it():
    console = Console()
    pose = pose_of("0.0003 0 0.4162 3.14159 0.0401 0")
    good = Report("head_camera", [Measure("table's edge", 0.51, 0.50)], pose)
    bad = Report(
        "head_lidar",
        [Measure("wall ahead", 2.08, 2.0), Measure("wall ahead, turned", 0.035, 0.0, turn=True)],
        pose,
    )
    calibrate._print([good, bad], console)
    text = "\n".join(console.lines)
    assert "table's edge                 measured   0.510  stated   0.500 m    within 0.02: ok" in text
    assert "OFF by +0.080 m" in text
    assert "OFF by +2.005 deg" in text
    assert console.lines[-1] == "head_lidar: 0.0003 0 0.4162 3.1416 0.0401 0"
    assert not any(line.startswith("head_camera: ") for line in console.lines)


def test_a_map_that_was_made_is_a_world(tmp_path):
    cells = np.zeros((40, 40), dtype=bool)
    cells[0] = True
    unknown = np.zeros_like(cells)
    unknown[:, -1] = True
    grid = Grid(cells, -1.0, -1.0, 0.05, unknown=unknown & ~cells)
    map_command.write(tmp_path / "home", grid, {"Küche: hinten": (0.5, 0.25, 1.5)})
    world = World.load(str(tmp_path / "home" / "home.yaml"))
    assert [(p.name, p.x, p.yaw) for p in world.places] == [("start", 0.0, 0.0), ("Küche: hinten", 0.5, 1.5)]
    back = world.rasterise(0.05)
    column, row = (round((-1.0 - low) / 0.05) for low in (back.x0, back.y0))
    np.testing.assert_array_equal(back.occupied[row : row + 40, column : column + 40], cells | unknown)


def test_a_map_needs_a_stack_to_listen_to(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "vla_sim.cli.map.find_domain", lambda given: (_ for _ in ()).throw(InputError("none"))
    )
    assert main.main(["map", "--out", str(tmp_path / "m")]) == 2
