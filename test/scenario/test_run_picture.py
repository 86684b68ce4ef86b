"""The film of a run shows the robot on its way."""

import numpy as np
import pytest
from PIL import Image

from vla_sim.contract.records import GroundTruth
from vla_sim.robot import facts
from vla_sim.scenario.recording import Recording
from vla_sim.scenario.report.run_picture import FRAME_SIZE, fitted, save_film
from vla_sim.world.semantic_map import World


def truth(stamp):
    pose = (0.2 * stamp, 0.0, 0.79, 1.0, 0.0, 0.0, 0.0)
    joints = [0.0] * len(facts.JOINTS)
    return GroundTruth(stamp=stamp, robot=pose, objects={}, fallen=False, clearance=1.0, joints=joints)


@pytest.mark.gl
def test_a_film_has_a_frame_of_each_moment_and_repeats(tmp_path):
    film = tmp_path / "run.gif"
    assert save_film(Recording(truths=[truth(0.0), truth(1.0), truth(2.0)]), World.load("tabletop"), film)
    with Image.open(film) as frames:
        assert (frames.n_frames, frames.size, frames.info["loop"]) == (3, FRAME_SIZE, 0)
        pictures = []
        for k in range(3):
            frames.seek(k)
            pictures.append(np.asarray(frames.convert("RGB"), float))
    assert np.abs(pictures[0] - pictures[2]).mean() > 1.0


def test_a_run_without_joints_has_no_film(tmp_path):
    film = tmp_path / "run.gif"
    bare = GroundTruth(stamp=0.0, robot=(0.0,) * 7, objects={}, fallen=False, clearance=1.0)
    assert not save_film(Recording(truths=[bare]), World.load("tabletop"), film)
    assert not film.exists()


def test_a_title_is_cut_only_where_no_size_fits():
    assert fitted("short") == ("short", 22)
    text, size = fitted("a rather long command that ends in a reason " * 3)
    assert text.endswith("reason ")
    assert 15 <= size < 22
    text, size = fitted("W" * 100_000)
    assert size == 15
    assert text.endswith("W...")
