"""A microphone that dies, hangs or is pulled out is looked for again; here a program of the test's stands for
the process that reads it."""

import errno
import subprocess
import sys
import time

import pytest
from waiting import wait_for

from vla_sim.common.errors import InputError, MissingError
from vla_sim.hardware import capture
from vla_sim.hardware.capture import Capture
from vla_sim.stages.voice.audio import CHUNK

pytestmark = pytest.mark.integration

PROGRAM = """
import json, os, sys, time
from pathlib import Path
import numpy as np
from vla_sim.hardware.capture import PIECE
def opened():
    print(json.dumps({"device": "test", "rate": 48000, "channels": 1, "latency": 0.04}), flush=True)
def piece(value, lost=False):
    os.write(1, PIECE.pack(float(value), lost) + np.full(320, value, np.int16).tobytes())
def first():
    "Whether this is the first start."
    seen = Path(sys.argv[1]).exists()
    Path(sys.argv[1]).touch()
    return not seen
"""


class Ears:
    def __init__(self, folder, body):
        self.values, self.problems = [], []
        line = [sys.executable, "-c", PROGRAM + body, str(folder / "seen")]
        self.capture = Capture(line, self.take, self.problems.append)

    def take(self, samples, captured):
        assert samples.shape == (CHUNK,)
        assert set(samples.tolist()) == {int(captured)}
        self.values.append(int(captured))


@pytest.fixture
def ears(tmp_path):
    made = []

    def make(body):
        made.append(Ears(tmp_path, body))
        return made[-1]

    yield make
    for one in made:
        one.capture.close()


def test_sound_comes_with_its_time_and_what_was_lost_is_counted(ears):
    one = ears("opened()\nfor k in range(1, 6): piece(k, k == 3)\nos.read(0, 1)")
    one.capture.start()
    wait_for(lambda: len(one.values) == 5)
    assert one.values == [1, 2, 3, 4, 5]
    assert (one.capture.overruns, one.capture.lost, one.capture.problem) == (1, 0, "")
    assert one.capture.opened.rate == 48000
    assert one.capture.opened.verdict() == ""


def test_what_is_wrong_at_the_start_is_raised(ears):
    for code, kind in ((2, InputError), (3, MissingError), (1, MissingError)):
        one = ears(f"print('noise of a library\\nerror: no such thing', file=sys.stderr); sys.exit({code})")
        with pytest.raises(kind, match=r"^no such thing$"):
            one.capture.start()


def test_one_that_gives_no_sound_at_the_start_is_told(ears, monkeypatch):
    monkeypatch.setattr(capture, "STARTS", 1.5)
    one = ears("opened()\ntime.sleep(60)")
    with pytest.raises(MissingError, match="no sound comes from"):
        one.capture.start()


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("sys.exit('error: the device has stopped')", "the device has stopped"),
        ("time.sleep(60)", "no sound comes from microphone 'test'"),
        ("os.kill(os.getpid(), 9)", "microphone 'test' has stopped"),
    ],
)
def test_one_that_is_pulled_out_comes_back(ears, monkeypatch, end, why):
    monkeypatch.setattr(capture, "SILENT", 1.0)
    one = ears(
        f"opened(); piece(1)\nif first():\n    {end}\nfor k in range(2, 2000): piece(k); time.sleep(0.02)"
    )
    one.capture.start()
    wait_for(lambda: 5 in one.values, 40.0)
    assert one.problems == [f"{why}; it is looked for again in 0.5 s", ""]
    assert (one.capture.lost, one.capture.problem) == (1, "")


def test_where_no_process_can_be_started_for_now_it_is_tried_again(ears, monkeypatch):
    monkeypatch.setattr(capture, "FIRST_DELAY", 0.05)
    one = ears("opened(); piece(1)\nif not first():\n    for k in range(2, 99): piece(k)\n    time.sleep(99)")
    one.capture.start()
    start, failures = subprocess.Popen, [OSError(errno.EAGAIN, "none left")]

    def failing(*given, **named):
        if failures:
            raise failures.pop()
        return start(*given, **named)

    monkeypatch.setattr(subprocess, "Popen", failing)
    wait_for(lambda: 5 in one.values, 40.0)
    assert one.problems[1].startswith("the microphone's process cannot be started: none left; ")
    assert one.capture.problem == ""


def test_it_is_looked_for_less_and_less_often(ears, monkeypatch):
    monkeypatch.setattr(capture, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(capture, "LONGEST_DELAY", 0.1)
    one = ears("if not first(): sys.exit('error: none there')\nopened(); piece(1)")
    one.capture.start()
    wait_for(lambda: len(one.problems) >= 4, 60.0)
    assert [problem.rpartition(" again in ")[2] for problem in one.problems[:4]] == [
        "0.05 s", "0.1 s", "0.1 s", "0.1 s",
    ]  # fmt: skip
    assert one.problems[1].startswith("none there;")
    assert one.capture.lost == 1


def test_it_ends_at_once_while_it_waits_and_leaves_no_process(ears):
    one = ears("opened(); piece(1); time.sleep(600)")
    one.capture.start()
    process = one.capture._process
    began = time.monotonic()
    one.capture.close()
    assert time.monotonic() - began < 5.0
    assert process.poll() is not None
    one.capture.close()
