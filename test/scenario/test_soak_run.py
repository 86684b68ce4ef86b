"""A soak of the real stack finds a real leak, and a profiled run that is interrupted keeps its profiles."""

import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from vla_sim.cli import main

pytestmark = pytest.mark.ros

LEAK = """
import os, sys, threading, time
def leak():
    kept = []
    while True:
        if "__node:=executive" in sys.argv:
            kept.append(bytearray(b"x" * 100_000))
        time.sleep(0.1)
os.register_at_fork(after_in_child=lambda: threading.Thread(target=leak, daemon=True).start())
"""
BOUND = 400.0  # [s] of a start on a busy machine, and the run


def vla_sim(*arguments, folder, more=""):
    path = os.pathsep.join(p for p in (more, *sys.path) if p)
    return subprocess.Popen(
        [sys.executable, "-m", "vla_sim.cli.main", *arguments, "--out", str(folder)],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def ended(process):
    try:
        return process.communicate(timeout=BOUND)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


@pytest.mark.scenario
@pytest.mark.variant  # long: a minute of commands in rounds
def test_a_node_that_leaks_is_named_and_no_other(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(LEAK)
    words = ["--hours", str(24.0 / 3600.0), "--every", "1", "--engine", "kinematic", "--world", "tabletop"]
    words += ["--no-reserve", "--no-monitor", "--command", "turn left 30 degrees"]
    words += ["--command", "turn right 30 degrees"]
    process = vla_sim("soak", *words, folder=tmp_path / "out", more=str(tmp_path))
    said = ended(process)
    assert process.returncode == 1, said
    found = json.loads((tmp_path / "out" / "soak.json").read_text())
    assert [g["name"] for g in found["growth"] if g["grows"]] == ["executive"], said
    assert "executive grows by" in said
    assert (tmp_path / "out" / "soak.svg").exists()
    assert {g["name"] for g in found["growth"]} >= {"engine", "perception", "navigation", "safety", "soak"}


@pytest.mark.scenario
def test_a_profiled_run_that_is_interrupted_keeps_the_profile_of_every_node(tmp_path):
    pytest.importorskip("pyinstrument")
    process = vla_sim(
        "run", "go to the table", "--text", "--engine", "kinematic", "--world", "tabletop", "--profile",
        "--no-reserve", folder=tmp_path,
    )  # fmt: skip
    log = tmp_path / "logs" / "engine.log"
    said = []
    end = time.monotonic() + BOUND
    while time.monotonic() < end:
        line = process.stdout.readline()
        said.append(line)
        if "ready after" in line or not line:
            break
    time.sleep(2.0)  # the run goes on: this is what is profiled
    process.send_signal(signal.SIGINT)
    said.append(ended(process))
    assert process.returncode == 130, "".join(said)
    assert log.exists()
    profiles = {path.stem for path in (tmp_path / "profile").glob("*.html")}
    assert profiles >= {"engine", "perception", "navigation", "safety", "language", "executive", "voice"}
    engine = msgspec.json.decode((tmp_path / "profile" / "engine.pyisession").read_bytes())
    assert engine["duration"] > 1.0
    assert "camera" in {stack[0].partition("\x00")[0] for stack, _ in engine["frame_records"]}
    assert "engine: top 5 by cumulative time" in "".join(said)
    assert "SimulatorNode.tick" in (tmp_path / "profile" / "profile.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("soak", "--hours", "0"), "--hours: 0 is given; a positive number is allowed"),
        (("soak", "--hours", "nan"), "--hours: nan is given"),
        (("soak", "--every", "-1"), "--every: -1 is given; a positive number is allowed"),
        (("soak", "--limit", "-3"), "--limit: -3 is given; a number from 0 is allowed"),
        (("soak", "--speed", "max"), "--speed max: a soak runs by the clock"),
        (("soak", "--world", "castle"), "no world 'castle'"),
    ],
)
def test_wrong_input_of_a_soak_is_one_clear_line(capsys, arguments, words):
    assert main.main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_a_missing_profiler_is_said_before_anything_starts(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyinstrument", None)
    assert main.main(("run", "stop", "--profile")) == 3
    assert 'pip install "vla_sim[profile]", or use --profiler cprofile' in capsys.readouterr().err
