"""A film of a recorded run: what is in it, how long and how large it is, and what cannot be filmed."""

import sys
from typing import get_args

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rclpy")
import video_run

from vla_sim.cli import main
from vla_sim.cli import video as command
from vla_sim.common.assets import share_folder
from vla_sim.common.errors import InputError
from vla_sim.contract import records
from vla_sim.recording.reader import Recording
from vla_sim.recording.world import world_of
from vla_sim.report.floor_plan import ROBOT
from vla_sim.view.state import Command
from vla_sim.view.video import film, frame, outside
from vla_sim.view.video.moment import moment
from vla_sim.world.semantic_map import World


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return video_run.write(tmp_path_factory.mktemp("run"))


def call(capsys, *words):
    return main.main(["video", *map(str, words)]), capsys.readouterr()


def pictures(path):
    with Image.open(path) as image:
        for k in range(image.n_frames):
            image.seek(k)
            yield np.asarray(image.convert("RGB"), dtype=int)


def near(picture, colour, far=40):
    return np.abs(picture - colour).max(axis=-1) < far


@pytest.mark.gl
def test_a_film_shows_the_robot_from_outside_its_camera_and_the_map(run, tmp_path, capsys):
    out = tmp_path / "run.gif"
    code, said = call(capsys, run, "-o", out, "--fps", 4, "--size", "480x360", "--from", 0)
    assert (code, said.err) == (0, "")
    assert f"{out}: 2.0 s" in said.out.replace("\n", " ")
    first, *_, last = found = list(pictures(out))
    assert len(found) == 8
    assert first.shape == (360, 480, 3)
    main_width = frame.Layout.of((480, 360)).main[0]
    assert near(last[:, main_width:], video_run.RED).mean() > 0.2  # what the camera saw
    assert near(last[:, main_width:], ROBOT, 60).sum() > 5
    assert np.abs(first[30:280, :main_width] - last[30:280, :main_width]).mean() > 1.0  # it went on


@pytest.mark.gl
def test_an_mp4_has_its_size_and_length(run, tmp_path, capsys):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    words = "--camera", "top", "--size", "320x240", "--speed", 2, "--from", 0, "--to", 2
    assert call(capsys, run / "run.mcap", "-o", tmp_path / "a.mp4", *words)[0] == 0
    reader = ffmpeg.read_frames(str(tmp_path / "a.mp4"))
    about = next(reader)
    reader.close()
    assert (about["size"], about["fps"], about["codec"]) == ((320, 240), 25.0, "h264")
    assert about["duration"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("fps", [15, 30, 40])
def test_a_film_is_as_long_as_what_it_shows(tmp_path, fps, kind):
    recording = Recording(video_run.write(tmp_path / "run", truths=False))
    out = tmp_path / f"a.{kind}"
    how = film.Film(start=0.0, end=2.0, size=(320, 240), view="head", fps=fps)
    assert film.write(recording, out, how) == pytest.approx(2.0, abs=1 / fps)
    total = 0
    with Image.open(out) as image:
        for k in range(image.n_frames):
            image.seek(k)
            image.load()
            total += image.info["duration"]
    assert total / 1000 == pytest.approx(2.0, abs=1 / fps)


def test_a_robot_without_a_simulator_is_seen_through_its_camera(tmp_path, capsys):
    run = video_run.write(tmp_path / "run", truths=False)
    code, said = call(capsys, run, "-o", tmp_path / "a.gif")
    assert code == 2
    assert "has no poses from a simulator" in said.err
    assert "--camera head" in said.err
    words = "--camera", "head", "--size", "320x240", "--fps", 2
    assert call(capsys, run, "-o", tmp_path / "a.webp", *words)[0] == 0
    found = list(pictures(tmp_path / "a.webp"))
    assert len(found) == 6
    assert near(found[-1], video_run.RED).mean() > 0.4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--size", "huge"), "--size huge: width x height from 320x240 to 1920x1080"),
        (("--size", "9999x9999"), "--size 9999x9999: width x height from 320x240"),
        (("--size", "321x241"), "--size 321x241: width and height must be even"),
        (("--fps", "0"), "--fps 0: from 1 to 50"),
        (("--speed", "nan"), "--speed: nan is given; a factor from 0.05 to 100"),
        (("--from", "nan"), "--from: nan is given; a number of seconds"),
        (("--from", "100"), "the recording goes from -1.0 s to 2.0 s, counted from the first command"),
        (("--from", "2", "--to", "1"), "nothing is between 2 s and 1 s"),
        (("-o", "run.avi"), "run.avi: a film ends in .mp4, .gif, .webp"),
        (("-o", "/proc/no/run.gif"), "cannot write /proc/no/run.gif"),
    ],
)
def test_what_cannot_be_filmed_is_said_in_a_line(run, words, message, capsys):
    code, said = call(capsys, run, *words)
    assert code == 2
    assert message in said.err
    assert said.err.count("\n") == 1


def test_a_run_without_a_recording_says_what_makes_one(tmp_path, capsys):
    code, said = call(capsys, tmp_path)
    assert code == 2
    assert "no run.mcap" in said.err
    assert "--record" in said.err


def test_another_robots_run_says_how_to_film_it(tmp_path, capsys):
    code, said = call(capsys, video_run.write(tmp_path / "run", robot="t1"))
    assert code == 2
    assert "is of the robot t1: give --robot t1" in said.err


def test_without_a_codec_a_gif_is_offered(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    code, said = call(capsys, run)
    assert code == 3
    assert "pip install 'vla_sim[video]', or make a GIF: -o run.gif" in said.err
    assert not (run / "run.mp4").exists()


def test_what_fails_leaves_no_half_of_a_film(tmp_path):
    def broken():
        yield Image.new("RGB", (32, 32))
        raise InputError("the recording is broken")

    with pytest.raises(InputError, match="is broken"):
        film.save(broken(), tmp_path / "a.gif", 10)
    assert list(tmp_path.iterdir()) == []


def test_a_whole_run_goes_into_so_many_pictures(run):
    recording = Recording(run)
    how = film.whole(recording, 10, film.Film(fps=10))
    assert how.speed == pytest.approx(3.0)
    assert len(film.stamps(recording, how)[1]) == 10
    assert film.whole(recording, 1000, film.Film(fps=10)).speed == 1.0


def test_the_world_is_the_one_that_was_recorded(run):
    with world_of(Recording(run), simulated=True) as world:
        assert {p.name for p in world.places} == {p.name for p in World.load("tabletop").places}


@pytest.mark.parametrize(
    ("state", "step", "colours"),
    [
        ("running", 1, [frame.DONE, frame.RUNNING, frame.WAITING]),
        ("failed", 1, [frame.DONE, frame.BAD, frame.WAITING]),
        ("succeeded", 2, [frame.DONE, frame.DONE, frame.DONE]),
        ("accepted", 0, [frame.WAITING, frame.WAITING, frame.WAITING]),
    ],
)
def test_steps_are_told_apart(state, step, colours):
    steps = [records.Step(skill="pick", object=records.ObjectQuery(kind="cup", colour="red"))] * 3
    plan = records.Plan(command_id="c", text="", steps=steps, planner="rules")
    status = records.Status(command_id="c", state=state, step=step, steps=3, mono=0.0)
    found = frame.steps(Command("c", 0.0, plan=plan, status=status))
    assert [colour for _, colour in found] == colours
    assert found[0][0] == "pick red cup"
    assert frame.steps(None) == []


def test_the_command_offers_every_view():
    assert get_args(frame.View) == command.VIEWS


def test_words_are_cut_where_there_is_no_room():
    assert frame.shortened("short", 12, 200) == "short"
    cut = frame.shortened("a very long sentence " * 20, 12, 200)
    assert cut.endswith("...")
    assert frame.font(12).getlength(cut) <= 200


def test_a_camera_that_follows_keeps_its_side_until_something_hides_the_robot():
    world = World.load("apartment")
    tall = [s for s in world.solids if s.shape == "box" and s.pose[2, 3] + s.size[2] / 2 > outside.TALL]
    camera = outside.Follower(world, 2.3, 2.1)
    before = None
    for k in range(200):  # from the living room to the kitchen
        shot = camera.shot(video_run.truth(0.1 * k, -0.7 + 0.025 * k))
        assert shot.eye[2] == 2.1
        assert not outside.hidden(shot, tall)
        if before is not None:
            assert np.linalg.norm(shot.target - before.target) < 0.1
        before = shot


@pytest.mark.gl
@pytest.mark.parametrize("ending", [".sdf", ".world"])
def test_a_world_can_be_seen(tmp_path, capsys, ending):
    out, world = tmp_path / "tabletop.png", tmp_path / f"tabletop{ending}"
    world.write_bytes((share_folder("worlds") / "tabletop.sdf").read_bytes())
    assert main.main(["list", "--world", str(world), "--picture", str(out)]) == 0
    with Image.open(out) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=int)
    assert pixels.shape[0] == 900
    assert near(pixels, (196, 14, 14), 50).sum() > 20  # the red cup, on the left


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--picture", "a.png"), "--picture: of which world? give --world NAME, too"),
        (("--world", "tabletop", "--picture", "a.jpg"), "--picture a.jpg: give a file that ends in .png"),
    ],
)
def test_a_picture_of_no_world_is_refused(words, message, capsys):
    assert main.main(["list", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.gl
def test_a_moment_is_seen_from_outside_and_by_the_head_camera(run):
    recording = Recording(run)
    early, late = (np.asarray(moment(recording, at, "outside", (160, 120)), float) for at in (0.0, 1.9))
    assert early.shape == late.shape == (120, 160, 3)
    assert np.abs(early - late).mean() > 0.2, "the robot glides"
    seen = moment(recording, 1.0, "head", (160, 120))
    assert np.asarray(seen)[24, 32] == pytest.approx(video_run.RED, abs=10)
    with pytest.raises(InputError, match=r"no picture outside at 9 s: it goes from -1.0 s to 2.0 s"):
        moment(recording, 9.0, "outside", (160, 120))


def test_a_robots_recording_is_seen_by_its_camera_alone(tmp_path):
    recording = Recording(video_run.write(tmp_path, truths=False))
    assert moment(recording, 1.0, "head", (160, 120)).size == (64, 48)
    with pytest.raises(InputError, match="no picture outside"):
        moment(recording, 1.0, "outside", (160, 120))
