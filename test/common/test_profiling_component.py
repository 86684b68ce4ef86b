import os
import subprocess
import sys
import threading
import time

import pytest

from vla_sim.common.errors import InputError
from vla_sim.common.profiling.component import PerformanceProfiler, profile_function


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        inner()


def inner():
    return sum(range(200))


def test_the_top_of_a_component_is_what_took_longest_with_all_that_it_called():
    profiler = PerformanceProfiler()
    with profiler.of("planner"):
        spin(0.05)
    top = profiler.top("planner")
    assert len(top) <= 10
    assert top[0].function == "spin"
    assert top[0].cumulative >= 0.045
    assert [row.cumulative for row in top] == sorted((row.cumulative for row in top), reverse=True)
    called = next(row for row in top if row.function == "inner")
    assert called.calls > 10
    assert "test_profiling_component.py" in called.where
    assert "planner: top 10" in profiler.report("planner")


def test_each_call_is_counted_with_its_own_time_and_that_of_what_it_calls():
    def twice(n):
        time.sleep(0.01)
        return twice(n - 1) if n else 0

    profiler = PerformanceProfiler()
    for _ in range(2):
        with profiler.of("a"):
            twice(1)
    table = vars(profiler.stats("a"))["stats"]
    (found,) = [figures for (_, _, name), figures in table.items() if name == "twice"]
    outer, calls, own, cumulative, callers = found
    assert (outer, calls) == (2, 4)
    assert 0.04 <= cumulative < 1.0
    assert own < cumulative / 2
    assert sum(one[1] for one in callers.values()) == 2  # from itself; before the others the profile began
    sleep = table["~", 0, "<built-in method time.sleep>"]
    assert sleep[:2] == (4, 4)
    assert sleep[3] >= 0.04


def test_what_runs_within_another_component_counts_for_itself_alone():
    profiler = PerformanceProfiler()
    profiler.start_profiling("outer")
    spin(0.02)
    profiler.start_profiling("inner")
    inner()
    profiler.stop_profiling("inner")
    spin(0.02)
    profiler.stop_profiling("outer")
    (outer,) = [row for row in profiler.top("outer") if row.function == "spin"]
    assert outer.calls == 2
    assert not [row for row in profiler.top("inner") if row.function == "spin"]
    assert "inner: top 5" in profiler.get_profile_summary()
    assert "outer: top 5" in profiler.get_profile_summary()


def test_threads_profile_the_same_component_side_by_side():
    profiler = PerformanceProfiler()

    def work():
        with profiler.of("shared"):
            spin(0.02)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    (row,) = [row for row in profiler.top("shared") if row.function == "spin"]
    assert row.calls == 3


def test_a_component_that_raises_is_stopped():
    profiler = PerformanceProfiler()
    with pytest.raises(ZeroDivisionError), profiler.of("broken"):
        1 / 0  # noqa: B018
    assert sys.getprofile() is None
    profiler.start_profiling("broken")
    profiler.stop_profiling("broken")


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda p: p.stop_profiling("a"), "component 'a' is not the one that is being profiled; 'none' is"),
        (
            lambda p: (p.start_profiling("a"), p.start_profiling("a")),
            "component 'a' is being profiled already",
        ),
        (lambda p: (p.start_profiling("a"), p.start_profiling("b"), p.stop_profiling("a")), "'b' is"),
        (lambda p: p.top("c"), "component 'c' was never profiled; there are: none"),
    ],
)
def test_misuse_is_told(misuse, words):
    profiler = PerformanceProfiler()
    try:
        with pytest.raises(InputError, match=words):
            misuse(profiler)
    finally:
        sys.setprofile(None)


def test_off_the_decorator_gives_back_the_function_itself(monkeypatch):
    monkeypatch.delenv("VLA_SIM_PROFILE", raising=False)
    assert profile_function("planner")(spin) is spin
    monkeypatch.setenv("VLA_SIM_PROFILE", "pyinstrument")  # samples the whole thread, decorated or not
    assert profile_function("planner")(spin) is spin


def test_on_it_profiles_every_call_also_of_one_that_calls_itself(monkeypatch):
    monkeypatch.setenv("VLA_SIM_PROFILE", "cprofile")
    profiler = PerformanceProfiler()

    @profile_function("sums", profiler)
    def down(n):
        """Adds up."""
        return n + down(n - 1) if n else 0

    assert down(5) == 15
    assert down.__doc__ == "Adds up."
    (row,) = [row for row in profiler.top("sums") if row.function == "down"]
    assert row.calls == 6


def test_the_default_profiler_serves_a_program_of_ones_own(tmp_path):
    """As a user would use it, in a process of its own."""
    program = tmp_path / "mine.py"
    program.write_text(
        "from vla_sim.common.profiling.component import default, profile_function\n"
        "@profile_function('mine')\ndef slow():\n    return sum(i * i for i in range(100000))\n"
        "slow()\nprint(default.get_profile_summary())\n"
    )
    for tool, expected in (("cprofile", "slow"), ("", "nothing")):
        environment = {**os.environ, "VLA_SIM_PROFILE": tool}
        said = subprocess.run(
            [sys.executable, program], env=environment, capture_output=True, text=True, check=True
        )
        assert expected in said.stdout
