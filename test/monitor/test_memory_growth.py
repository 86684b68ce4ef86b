import contextlib
import mmap
import os
import subprocess
import sys
import textwrap

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.monitor.memory_growth import WARM, Sample, judge, measure, slope
from vla_sim.scenario.soak import MemorySampler, SoakOptions, conclude


def samples(memory, every=10.0):
    return [Sample(k * every, float(m), 2.0 * float(m)) for k, m in enumerate(memory)]


def judged(*lives):
    longest = max(life[-1].seconds for life in lives)
    return judge("node", lives, limit=10.0, least=4.0, warm=WARM * longest)


@given(st.floats(-100.0, 100.0), st.floats(-1e3, 1e3), st.integers(0, 2**32 - 1))
def test_the_slope_is_that_of_the_line_whatever_a_fifth_of_the_points_says(a, b, seed):
    rng = np.random.default_rng(seed)
    x = np.arange(60.0)
    y = a * x + b
    wild = rng.choice(60, 12, replace=False)
    y[wild] += rng.uniform(0.0, 1e6, 12)
    clean = slope(x, a * x + b)
    assert clean == pytest.approx(a, abs=1e-6)
    assert slope(x, y) >= clean - 1e-6


def test_one_step_and_a_saw_tooth_are_no_growth():
    rng = np.random.default_rng(1)
    step = 100.0 + np.where(np.arange(360) > 200, 15.0, 0.0) + rng.normal(0, 0.3, 360)
    saw = 100.0 + 8.0 * (np.arange(360) % 20) / 20
    for memory in (step, saw):
        assert not judged(samples(memory)).grows


def test_a_leak_of_a_quarter_megabyte_a_minute_is_found_beneath_noise():
    rng = np.random.default_rng(2)
    t = np.arange(360) * 10.0
    memory = 100.0 + 15.0 * t / 3600 + rng.normal(0, 2.0, 360) + 5.0 * (np.arange(360) % 12 == 0)
    found = judged(samples(memory))
    assert found.grows
    assert found.slope == pytest.approx(15.0, rel=0.2)


def test_what_is_loaded_at_the_beginning_is_no_growth():
    memory = np.minimum(np.arange(100) * 5.0, 100.0)  # over after a fifth
    assert not judged(samples(memory)).grows


def test_too_few_samples_say_nothing():
    assert judged(samples([1.0] * 5)) is None


def test_a_process_that_has_ended_is_not_measured():
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(child.pid)
    child.wait()
    assert measure(process, 0.0) is None
    own = measure(psutil.Process(os.getpid()), 1.5, children=False)
    assert own.seconds == 1.5
    assert 5.0 < own.own <= own.rss


CHILD = textwrap.dedent("""
    import sys, time
    kept = []
    while True:
        some = bytearray(400_000)
        some[::4096] = b"x" * len(some[::4096])
        if sys.argv[1] == "leaks":
            kept.append(some)
        print(len(kept), flush=True)
        sys.stdin.readline()
""")


def test_a_process_that_has_the_number_of_one_that_has_ended_is_another(monkeypatch):
    process = psutil.Process()
    assert measure(process, 0.0, children=False) is not None
    monkeypatch.setattr(process, "_ident", (process.pid, 1.0))  # one that began long ago
    assert measure(process, 0.0, children=False) is None


def test_of_two_processes_that_do_the_same_work_the_one_that_leaks_is_found(tmp_path):
    """Real processes, stepped by hand, so that no clock decides."""
    watch = MemorySampler()
    children = {
        name: subprocess.Popen(
            [sys.executable, "-c", CHILD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("leaks", "clean")
    }
    try:
        for name, child in children.items():
            watch.add(name, child.pid)
        for _ in range(40):
            for child in children.values():
                child.stdout.readline()
            watch.sample()
            for child in children.values():
                child.stdin.write("\n")
                child.stdin.flush()
    finally:
        for child in children.values():
            child.kill()
            child.wait()
    verdict = {g.name: g.grows for g in watch.growth(10.0, 4.0)}
    assert verdict == {"leaks": True, "clean": False}
    found = conclude(SoakOptions(folder=tmp_path, seconds=60.0), watch, {"succeeded": 3}, 60.0, 60.0, False)
    assert not found.passed
    assert found.reasons[0].startswith("leaks grows by ")
    assert (tmp_path / "soak.json").exists()


def test_a_node_that_was_started_again_is_watched_too():
    with contextlib.ExitStack() as children:
        first, second = (
            children.enter_context(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
            for _ in range(2)
        )
        watch = MemorySampler()
        for child in (first, first, second, second):
            watch.follow("node", child.pid)
        watch.sample()
        assert watch.samples.keys() == {"node", "node 2"}
        for child in (first, second):
            child.kill()
            child.wait()
        watch.follow("node", first.pid)
        watch.follow("other", first.pid)  # it has died already
        watch.sample()
    assert {name: len(some) for name, some in watch.samples.items()} == {"node": 1, "node 2": 1}


def test_what_is_killed_after_some_minutes_is_not_judged_by_how_its_caches_filled():
    watch = MemorySampler()
    watch.samples["whole"] = samples([100.0] * 360)
    filling = [219.3] * 14 + [222.3] * 11 + [225.7] * 5  # the voice's, in an hour of faults
    assert judge("voice", [samples(filling)], 10.0, 4.0, warm=70.0).grows
    for name in ("voice", "voice 2", "voice 3"):
        watch.samples[name] = samples([*filling, *[225.7] * 90])
    assert {g.name: g.grows for g in watch.growth(10.0, 4.0)} == {"whole": False, "voice": False}


def test_a_leak_that_each_life_has_is_found_although_none_is_long():
    watch = MemorySampler()
    watch.samples["whole"] = samples([100.0] * 360)
    rng = np.random.default_rng(3)
    for name in ("voice", "voice 2", "voice 3"):  # 20 minutes each, of which 5 count
        watch.samples[name] = samples(200.0 + 20.0 * np.arange(120) / 360 + rng.normal(0.0, 0.1, 120))
    verdict = {g.name: g for g in watch.growth(10.0, 4.0)}
    assert verdict["voice"].slope == pytest.approx(20.0, rel=0.1)
    assert verdict["voice"].grows
    assert not verdict["whole"].grows


def test_lives_that_are_each_level_do_not_grow_although_they_differ():
    lives = [samples([level] * 200) for level in (200.0, 230.0, 260.0)]
    assert judged(*lives).slope == 0.0


def test_shared_memory_that_a_process_reads_is_no_growth_of_its_own():
    own = measure(psutil.Process(), 0.0, children=False)
    with contextlib.closing(mmap.mmap(-1, 64_000_000)) as shared:  # anonymous and shared: RssShmem
        shared.write(bytes(64_000_000))
        seen = measure(psutil.Process(), 1.0, children=False)
    assert own is not None
    assert seen is not None
    assert seen.rss > own.rss + 50.0
    assert seen.own < own.own + 20.0


@pytest.mark.parametrize(
    ("ended", "fallen", "words"),
    [({"failed": 2}, False, "no command succeeded"), ({"succeeded": 1}, True, "the robot fell")],
)
def test_a_soak_of_an_idle_robot_proves_nothing(tmp_path, ended, fallen, words):
    watch = MemorySampler()
    watch.samples["node"] = samples([100.0] * 50)
    found = conclude(SoakOptions(folder=tmp_path, seconds=500.0), watch, ended, 500.0, 500.0, fallen)
    assert not found.passed
    assert words in found.reasons[0]


@pytest.mark.parametrize("faults", [False, True])
def test_a_touch_or_a_command_without_an_answer_fails_a_soak(tmp_path, faults):
    watch = MemorySampler()
    watch.samples["node"] = samples([100.0] * 50)
    options = SoakOptions(folder=tmp_path, seconds=500.0, faults=faults)
    touched = conclude(options, watch, {"succeeded": 1}, 500.0, 500.0, False, collisions=["a touched b"])
    assert touched.reasons == ["a touched b"]
    late = conclude(options, watch, {"succeeded": 1, "late": 1}, 500.0, 500.0, False, unanswered=["go"])
    assert "not answered" in late.reasons[0]


def test_a_soak_that_was_interrupted_is_no_pass(tmp_path):
    watch = MemorySampler()
    watch.samples["node"] = samples([100.0] * 50)
    options = SoakOptions(folder=tmp_path, seconds=500.0)
    assert conclude(options, watch, {"succeeded": 1}, 500.2, 500.0, False).passed
    found = conclude(options, watch, {"succeeded": 1}, 240.0, 240.0, False)
    assert found.reasons == ["interrupted after 240 of 500 s"]
