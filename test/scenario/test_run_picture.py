"""The clip of a run that failed shows the seconds around the failure."""

from contextlib import closing

import numpy as np
import pytest
from PIL import Image
from report_records import COLLISION, record

from vla_sim.contract.records import GroundTruth, Status
from vla_sim.robot import facts
from vla_sim.scenario.recording import MarkedStatus, Recording
from vla_sim.scenario.report.run_picture import (
    CLIP_AFTER,
    CLIP_BEFORE,
    CLIP_FPS,
    CLIP_SIZE,
    SIZE,
    failure,
    fitted,
    save_clip,
)
from vla_sim.view.video.outside import Outside
from vla_sim.world.semantic_map import World


def truth(stamp, fallen=False):
    pose = (0.05 * stamp, 0.0, 0.79, 1.0, 0.0, 0.0, 0.0)
    joints = [0.0] * len(facts.JOINTS)
    return GroundTruth(stamp=stamp, robot=pose, objects={}, fallen=fallen, clearance=1.0, joints=joints)


@pytest.mark.gl
def test_a_clip_has_the_seconds_around_a_failure_and_repeats(tmp_path):
    clip = tmp_path / "failure.webp"
    recording = Recording(truths=[truth(0.04 * k) for k in range(750)])
    world = World.load("tabletop")
    with closing(Outside(world, SIZE)) as outside:
        assert save_clip(recording, world, outside, 20.0, clip)
    with Image.open(clip) as frames:
        assert (frames.size, frames.info["loop"]) == (CLIP_SIZE, 0)
        assert frames.n_frames == pytest.approx((CLIP_BEFORE + CLIP_AFTER) * CLIP_FPS, abs=3)
        pictures = []
        for k in (0, frames.n_frames - 1):
            frames.seek(k)
            pictures.append(np.asarray(frames.convert("RGB"), float))
    assert np.abs(pictures[0] - pictures[1]).mean() > 1.0
    assert clip.stat().st_size < 300_000


@pytest.mark.gl
def test_a_run_without_joints_has_no_clip(tmp_path):
    clip = tmp_path / "failure.webp"
    bare = GroundTruth(stamp=0.0, robot=(0.0,) * 7, objects={}, fallen=False, clearance=1.0)
    world = World.load("tabletop")
    with closing(Outside(world, SIZE)) as outside:
        assert not save_clip(Recording(truths=[bare]), world, outside, 0.0, clip)
    assert not clip.exists()


def test_a_failure_is_where_it_began():
    recording = Recording(truths=[truth(100.0 + k) for k in range(31)])
    assert failure(recording, record(contacts=[])) == 130.0  # nothing can be named: the end
    status = Status(command_id="c", state="failed", mono=0.0)
    recording.statuses.append(MarkedStatus(120.0, None, status))
    assert failure(recording, record(contacts=[])) == 120.0
    assert failure(recording, record(contacts=[COLLISION])) == 104.0
    recording.truths[2:3] = [truth(102.0, fallen=True)]
    assert failure(recording, record(contacts=[COLLISION])) == 102.0


def test_a_title_is_cut_only_where_no_size_fits():
    assert fitted("short") == ("short", 22)
    text, size = fitted("a rather long command that ends in a reason " * 3)
    assert text.endswith("reason ")
    assert 15 <= size < 22
    text, size = fitted("W" * 100_000)
    assert size == 15
    assert text.endswith("W...")
