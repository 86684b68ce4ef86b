"""A node's profile holds its main thread and the threads that it started, with either tool."""

import json
import pstats
import sys
import threading
import time

import pytest

from vla_sim.common.errors import InputError
from vla_sim.common.profiling import node_profile


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Sets what a profiled node has in its environment; threads are as before afterwards."""
    monkeypatch.setattr(threading.Thread, "run", threading.Thread.run)

    def ask(tool):
        for name, value in node_profile.environment(tool, tmp_path).items():
            monkeypatch.setenv(name, value)
        return node_profile.begin()

    yield ask
    sys.setprofile(None)


def work():
    end = time.perf_counter() + 0.1
    while time.perf_counter() < end:
        sum(range(500))


def play(profile):
    stop = profile.watch()
    thread = threading.Thread(target=work, name="camera")
    thread.start()
    thread.join()
    work()
    stop()
    node_profile.finish(profile, "engine")


def test_calls_are_counted_in_all_threads(asked, tmp_path):
    play(asked("cprofile"))
    stats = pstats.Stats(str(tmp_path / "engine.pstats"))
    counted = stats.get_stats_profile().func_profiles
    assert counted["work"].ncalls == "2"


def test_stacks_are_sampled_in_all_threads(asked, tmp_path):
    pytest.importorskip("pyinstrument")
    play(asked("pyinstrument"))
    session = json.loads((tmp_path / "engine.pyisession").read_text())
    threads = {stack[0].partition("\0")[0] for stack, _ in session["frame_records"]}
    assert threads == {"MainThread", "camera"}
    assert session["target_description"] == "engine"
    assert session["duration"] >= 0.2


def test_an_unknown_tool_is_refused(asked):
    with pytest.raises(InputError, match="one of pyinstrument, cprofile is allowed"):
        asked("gprof")
