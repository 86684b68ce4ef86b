"""Wrong input, as a new user would give it: one clear line, a meaningful exit code, no traceback."""

import subprocess
import sys
import wave

import pytest

from vla_sim.cli import main
from vla_sim.common.errors import StackError


def run(capsys, *arguments):
    code = main.main(arguments)
    return code, capsys.readouterr()


@pytest.mark.integration
def test_the_help_waits_for_no_heavy_library():
    code = (
        "import sys; from vla_sim.cli import main; main.main([]); "
        "print(*{'numpy', 'mujoco', 'numba', 'rclpy', 'yaml', 'lxml'} & sys.modules.keys(), file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "COMMAND" in found.stdout
    assert found.stderr.split() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--world", "castle"), "no world 'castle': give one of apartment"),
        (("run", "--world", "/nowhere/my.sdf"), "/nowhere/my.sdf"),
        (("run", "--audio", "/nowhere/command.wav"), "no audio file '/nowhere/command.wav'"),
        (("run", "--speed", "fast"), "--speed fast: a factor such as 1 or 0.5, or max"),
        (("run", "--speed", "-1"), "--speed -1"),
        (("run", "--seeds", "0"), "--seeds 0: give at least 1"),
        (("run", "--voice-speed", "9"), "--voice-speed: 9 is given; a factor from 0.5 to 2.0"),
        (("run", "--then", "soon", "stop"), "--then 'soon': the first value is a number of seconds"),
        (("run", "--then", "nan", "stop"), "--then 'nan': the first value is a number of seconds from 0"),
        (("run", "--then", "-3", "stop"), "--then '-3': the first value is a number of seconds from 0"),
        (("run", "--priority", "background"), "--priority background: what is spoken carries no priority"),
        (("list", "--world", "castle"), "no world 'castle'"),
        (("run", "--timeout", "-5"), "--timeout: -5 is given; a positive number is allowed"),
        (("test",), "give a scenario's name, a file or a folder, or --all"),
        (("test", "fetch_cap"), "did you mean fetch_cup"),
        (("test", "/nowhere/my.yaml"), "/nowhere/my.yaml: no such scenario"),
        (("test", "fetch_cup", "--jobs", "0"), "--jobs 0: give at least 1"),
        (
            ("test", "fetch_cup", "--seeds", "x"),
            "--seeds: x is given; a whole number of 0 or more is allowed",
        ),
        (("test", "fetch_cup", "--without", "nobody"), "no node 'nobody' can be left out"),
        (("test", "fetch_cup", "--costs", "voice=never"), "cost 'voice=never': NAME=NUMBER"),
        (("test", "fetch_cup", "--engines", "chalk"), "engine 'chalk' is not known; choose one of mujoco"),
        (("test", "fetch_cup", "--speed", "warp"), "--speed warp"),
        (("play", "fetch_cap"), "did you mean fetch_cup"),
        (("play",), "required: SCENARIO; vla-sim play --help shows what is allowed"),
        (("walk",), "COMMAND: invalid choice: 'walk'"),
        (("rnu",), "COMMAND: invalid choice: 'rnu'; did you mean run?"),
        (("run", "--engine", "mojoco"), "--engine: invalid choice: 'mojoco'; did you mean mujoco?"),
        (("run", "go", "to", "the", "kitchen"), 'too much: to the kitchen; words go in quotes, as "go to'),
        (("doctor", "now"), "too much: now; vla-sim doctor takes flags alone"),
        (("fault-table", "--show", "--results", "/nowhere/r"), "--results /nowhere/r: there is no such file"),
        (("fault-table", "--show", "--results", "/"), "/: no results of faults: "),
        (("check-body", "os:path"), "body 'os:path' cannot be used: TypeError: path is no subclass of"),
        (("run", ""), "a command without words; give some"),
        (("run", "stop", "--then", "5", " "), "a command without words; give some"),
        (("run", "--sped", "max"), "--sped is not known; did you mean --speed?"),
        (("run", "--sped=max"), "--sped is not known; did you mean --speed?"),
        (("run", "stop", "--mic"), "--mic: you speak yourself; leave out words, --then and --seeds"),
        (("run", "--mic", "--speed", "max"), "--mic: nobody can speak in lock-step; give --speed 1"),
        (("run", "--mic", "--text"), "--text: not allowed with argument --mic"),
        (("microphone", "--seconds", "0"), "--seconds: 0 is given; a positive number is allowed"),
        (("run", "--zzz"), "--zzz is not known; vla-sim run --help shows what is"),
        (("run", "--seed", "-1"), "--seed: -1 is given; a whole number of 0 or more is allowed"),
        (("run", "--seed", "9" * 40), "is given; at most 9223372036854775807 is allowed"),
        (("run", "--replace", "language=nowhere.py"), "--replace language: there is no program nowhere.py"),
        (("run", "--replace", "language=no-such-program x"), "there is no program no-such-program; give its"),
        (
            ("run", "--recogniser", "both", "--whisper-model", "no"),
            "whisper_model is 'no'; give the folder of a",
        ),
        (("run", "--base-url", "ftp://nowhere"), "is no address of a model's server (its scheme is ftp)"),
        (("run", "--base-url", "scripted:nowhere.yaml"), "scripted:nowhere.yaml: there is no such file"),
        (
            ("run", "--timeout", "soon"),
            "--timeout: soon is given; a positive number is allowed; vla-sim run --help",
        ),
        (("run", "--engine", "chalk"), "--engine: invalid choice: 'chalk'"),
        (("run", "--json", "/proc/here.json"), "cannot write /proc/here.json"),
        (("test", "fetch_cup", "--junit", "/"), "cannot write /: Is a directory"),
        (
            ("param", "safety.max_forwad=1"),
            "safety.max_forwad=1: safety has no parameter max_forwad; did you",
        ),
        (("param", "max_forward"), "max_forward: NODE.NAME is allowed, as in perception.rate"),
    ],
)
def test_wrong_input_is_one_clear_line(capsys, arguments, words):
    code, said = run(capsys, *arguments)
    assert code == 2
    assert words in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_a_broken_world_names_file_and_line(capsys, tmp_path):
    broken = tmp_path / "broken.sdf"
    broken.write_text('<?xml version="1.0"?>\n<sdf version="1.10">\n<world name="w">\n<model>\n</sdf>')
    code, said = run(capsys, "run", "--world", str(broken))
    assert code == 2
    assert f"{broken}:5" in said.err


def test_a_name_that_no_world_has_is_told_before_the_first_of_a_folder_is_played(capsys, tmp_path):
    script = "script: [{do: type, words: stop, means: []}]\n"
    for name, place in (("a", "kitchen"), ("b", "kichen")):
        text = f"version: 1\nproves: It is there.\n{script}expect: [{{check: arrival, at: {place}}}]\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    code, said = run(capsys, "test", str(tmp_path), "--out", str(tmp_path / "out"))
    assert code == 2
    assert "b.yaml:4:" in said.err
    assert "kichen" in said.err
    assert not (tmp_path / "out" / "a").exists()


def test_what_is_to_be_played_is_played_once_and_nothing_is_left_out(capsys, tmp_path, monkeypatch):
    played = []

    def play(tasks, *_):
        played.extend(tasks)
        return [], None

    monkeypatch.setattr("vla_sim.scenario.sweep.tasks.play", play)
    mine = tmp_path / "mine.yaml"
    mine.write_text("version: 1\nproves: It can be read.\nscript: [{do: type, words: stop, means: []}]\n")
    how = ("--engines", "kinematic", "kinematic", "--no-reserve", "--out", str(tmp_path / "out"))
    run(capsys, "test", "--all", str(mine), "fetch_cup", str(mine), *how)
    keys = [task.key for task in played]
    assert {("mine", "kinematic", 0), ("fetch_cup", "kinematic", 0)} <= set(keys)
    assert len(set(keys)) == len(keys)
    other = mine.rename(tmp_path / "fetch_cup.yaml")
    code, said = run(capsys, "test", "fetch_cup", str(other), *how)
    assert code == 2
    assert "two scenarios are called fetch_cup" in said.err


def test_a_file_that_is_no_sound_is_refused(capsys, tmp_path):
    file = tmp_path / "command.wav"
    file.write_text("not a sound")
    code, said = run(capsys, "run", "--audio", str(file))
    assert code == 2
    assert "is not an audio file" in said.err


def test_an_empty_recording_is_refused(capsys, tmp_path):
    file = tmp_path / "command.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(44100)
    code, said = run(capsys, "run", "--audio", str(file))
    assert code == 2
    assert "is empty" in said.err


def test_a_folder_that_cannot_be_written_is_said(capsys, tmp_path):
    (tmp_path / "out").write_text("a file is in the way")
    code, said = run(capsys, "run", "--text", "--engine", "kinematic", "--out", str(tmp_path / "out"))
    assert code == 2
    assert "choose another with --out" in said.err


def test_a_run_that_broke_off_is_told_where_even_that_cannot_be_written(capsys, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise StackError("perception ended with exit code 3")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vla_sim.scenario.run.run_once", broken)
    monkeypatch.setattr("vla_sim.scenario.result.save_record", full)
    code, said = run(capsys, "play", "turn_left", "--quiet", "--no-reserve", "--out", str(tmp_path / "out"))
    assert (code, said.err) == (5, "error: perception ended with exit code 3\n")


def test_the_environments_domain_is_a_number_that_ros_knows(capsys, monkeypatch):
    for text, code in (("999", 2), ("²", 5)):
        monkeypatch.setenv("ROS_DOMAIN_ID", text)
        monkeypatch.setattr("vla_sim.bringup.supervisor.running_domains", list)
        assert run(capsys, "top", "--once", "--timeout", "0.1")[0] == code


def test_a_policys_server_does_not_listen_everywhere_without_being_told(capsys):
    code, said = run(capsys, "policy-server", "--host", "")
    assert code == 2
    assert "0.0.0.0 for all" in said.err


def test_a_domain_out_of_range_is_said(capsys, tmp_path):
    code, said = run(capsys, "run", "--text", "--domain", "999", "--out", str(tmp_path))
    assert code == 2
    assert "from 0 to 232" in said.err


def test_list_shows_what_is_there(capsys):
    code, said = run(capsys, "list", "--world", "apartment")
    assert code == 0
    for word in ("kitchen", "charging station", "surfaces", "red cup", "navigate"):
        assert word in said.out


def test_without_a_command_the_help_is_shown(capsys):
    code, said = run(capsys)
    assert code == 0
    assert "vla-sim" in said.out


def test_each_command_says_in_its_help_what_it_does(capsys):
    for name in ("run", "mcp", "calibrate"):
        with pytest.raises(SystemExit):
            main.main([name, "--help"])
    said = capsys.readouterr().out
    assert "Give the robot a command and judge what it does." in said
    assert "by the Model Context Protocol" in said
    assert "The robot stands still" in said


def test_an_unknown_way_of_rendering_is_said(capsys, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    code, said = run(capsys, "run", "--text")
    assert code == 2
    assert said.err.startswith("error: MUJOCO_GL=nonsense: one of egl, glfw, osmesa")


def broken_import(_):
    """As `import mujoco` ends where Ctrl-C comes meanwhile."""
    raise ImportError("initialization failed") from KeyboardInterrupt()


def interrupted(_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("what", [interrupted, broken_import])
def test_an_interruption_is_one_line(capsys, monkeypatch, what):
    monkeypatch.setattr("vla_sim.cli.listing.show", what)
    code, said = run(capsys, "list")
    assert (code, said.err) == (130, "interrupted: every node that it had started has ended\n")


def test_a_module_that_is_missing_is_no_interruption(monkeypatch):
    def missing(_):
        raise ImportError("no such module")

    monkeypatch.setattr("vla_sim.cli.listing.show", missing)
    with pytest.raises(ImportError, match="no such module"):
        main.main(["list"])
