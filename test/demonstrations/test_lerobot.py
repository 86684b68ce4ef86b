"""A dataset says of its frames what the episodes do; LeRobot's own reader is tried where it is installed."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from vla_sim.cli import main
from vla_sim.common.errors import InputError
from vla_sim.demonstrations import episode, lerobot
from vla_sim.demonstrations.episode import ACTION, STATE, Episode, Track
from vla_sim.scenario.record import DECODER

parquet = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("imageio_ffmpeg")

RECORD = DECODER.decode(json.dumps({
    "command": "go", "heard": "", "spoken": False, "world": "flat", "engine": "mujoco", "seed": 4,
    "started": "",
    "passed": True, "state": "", "answer": "", "reasons": [], "checks": [], "stages": [], "total_ms": None,
    "total_limit_ms": 2000.0, "path_length": 0.0, "clearance": None, "contacts": [], "grasps": [],
    "real_time_factor": 1.0, "ready_seconds": 0.0, "simulated_seconds": 0.0, "wall_seconds": 0.0, "path": [],
    "events": [], "versions": {}, "folder": "", "scenario": "walk",
}))  # fmt: skip
COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))


def picture(colour, size=(64, 48)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def made(count=12, task="Pick up the red cup", success=True, size=(64, 48), fps=10):
    rng = np.random.default_rng(count)
    skills = ["find"] * (count // 2) + ["pick"] * (count - count // 2)
    pictures = [picture(COLOURS[k % 3], size) for k in range(count)]
    state, action = rng.normal(size=(count, len(STATE))), rng.normal(size=(count, len(ACTION)))
    return Episode(task, success, fps, pictures, state, action, skills, RECORD)


@pytest.fixture
def dataset(tmp_path):
    episodes = [made(), made(7, "Take the red cup", success=False), made(9)]
    assert lerobot.write(episodes, tmp_path / "set") == (3, 2, 28)
    return tmp_path / "set", episodes


def test_every_frame_is_there_once_with_what_was_felt_and_done(dataset):
    folder, episodes = dataset
    tables = [parquet.read_table(p) for p in sorted(folder.glob("data/*/*.parquet"))]
    assert [t.num_rows for t in tables] == [12, 7, 9]
    assert [i for t in tables for i in t["index"].to_pylist()] == list(range(28))
    for table, one in zip(tables, episodes, strict=True):
        assert np.allclose(table["observation.state"].to_pylist(), one.state, atol=1e-5)
        assert np.allclose(table["action"].to_pylist(), one.action, atol=1e-5)
        assert np.allclose(table["timestamp"].to_pylist(), np.arange(len(one)) / 10, atol=1e-6)
        assert table["next.done"].to_pylist() == [False] * (len(one) - 1) + [True]


def test_a_failed_episode_is_marked_and_not_dropped(dataset):
    folder, _ = dataset
    rows = parquet.read_table(next(folder.glob("meta/episodes/*/*.parquet"))).to_pylist()
    assert [row["success"] for row in rows] == [True, False, True]
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in rows] == [
        (0, 12),
        (12, 19),
        (19, 28),
    ]
    last = [parquet.read_table(p)["next.success"].to_pylist()[-1] for p in sorted(folder.glob("data/*/*"))]
    assert last == [True, False, True]


def test_words_and_skills_are_named_once(dataset):
    folder, _ = dataset
    tasks = parquet.read_table(folder / "meta/tasks.parquet").to_pydict()
    assert tasks["__index_level_0__"] == ["Pick up the red cup", "Take the red cup"]
    assert parquet.read_table(folder / "meta/subtasks.parquet").to_pydict()["__index_level_0__"] == [
        "find",
        "pick",
    ]
    second = parquet.read_table(sorted(folder.glob("data/*/*"))[1])
    assert set(second["task_index"].to_pylist()) == {1}
    assert second["subtask_index"].to_pylist() == [0] * 3 + [1] * 4


def test_the_film_has_a_picture_a_frame_in_their_colours(dataset):
    import imageio_ffmpeg

    film = imageio_ffmpeg.read_frames(str(next(dataset[0].glob("videos/*/*/file-000.mp4"))))
    about = next(film)
    pictures = [np.frombuffer(one, np.uint8).reshape(48, 64, 3) for one in film]
    assert about["fps"] == 10
    assert len(pictures) == 12
    for k, one in enumerate(pictures):
        assert np.abs(one.mean(axis=(0, 1)) - COLOURS[k % 3]).max() < 12


def test_the_statistics_are_those_of_all_frames(dataset):
    folder, episodes = dataset
    found = json.loads((folder / "meta/stats.json").read_text())
    every = np.concatenate([one.state for one in episodes])
    assert np.allclose(found["observation.state"]["mean"], every.mean(axis=0), atol=1e-5)
    assert np.allclose(found["observation.state"]["q99"], np.quantile(every, 0.99, axis=0), atol=1e-5)
    assert np.shape(found[lerobot.CAMERA]["mean"]) == (3, 1, 1)
    info = json.loads((folder / "meta/info.json").read_text())
    assert (info["total_episodes"], info["total_frames"], info["fps"]) == (3, 28, 10)
    assert info["features"]["action"]["shape"] == [len(ACTION)]


def test_what_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="of one camera"):
        lerobot.write([made(), made(size=(32, 32))], tmp_path / "a")
    with pytest.raises(InputError, match="no episode is in it"):
        lerobot.write([], tmp_path / "b")
    with pytest.raises(InputError, match="is not empty"):
        lerobot.write([made()], tmp_path / "a")
    assert main.main(["record", str(tmp_path / "b")]) == 2


def test_a_skill_is_cut_out_and_a_run_without_it_left_out():
    one = made()
    cut = one.cut("pick")
    assert (len(cut), cut.skills[0]) == (6, "pick")
    assert np.array_equal(cut.state, one.state[6:])
    assert one.cut("place") is None


def test_what_was_said_last_holds_until_something_else_is_said():
    track = Track()
    track.add(1.0, "a")
    track.add(2.0, "b")
    assert [track.at(t, None) for t in (0.5, 1.0, 1.9, 2.0, 9.0)] == [None, "a", "a", "b", "b"]


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(InputError, match="--record all"):
        episode.find([tmp_path])
