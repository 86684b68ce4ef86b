"""Kernels beside libraries: what is not installed is skipped and never passed, a wrong answer is no ratio."""

import sys
import time

import pytest

from vla_sim.bench import kernels
from vla_sim.bench.requirements import Requirement, check
from vla_sim.bench.rivals.against import against, close
from vla_sim.bench.suite import Options, WrongError, run

RIVALS = (
    "pyastar2d", "skimage.graph", "shapely", "fcl", "mink", "daqp", "scipy.ndimage", "cv2", "aiolimiter",
)  # fmt: skip


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds


def test_the_ratio_is_theirs_over_ours():
    once = against(lambda: spin(0.002), lambda: spin(0.006), lambda a, b: None)
    assert sorted(once() for _ in range(7))[3] == pytest.approx(3.0, rel=0.3)


def test_answers_that_differ_are_no_ratio():
    once = against(lambda: 1.0, lambda: 1.1, lambda a, b: close(a, b, 0.01, "length [m]"))
    with pytest.raises(WrongError, match=r"length \[m\]: 1 with the kernel, 1.1 with the library"):
        once()


def test_nan_is_not_close():
    with pytest.raises(WrongError):
        close(float("nan"), 1.0, 0.1, "gap [m]")


def test_a_library_that_is_not_installed_is_skipped_and_says_how_to_get_it(monkeypatch):
    for name in RIVALS:
        monkeypatch.setitem(sys.modules, name, None)
    for one in kernels.benchmarks(Options()):
        if one.name.endswith(": ours"):
            continue
        (found,) = run(one, Options())
        assert (found.success, found.skipped) == (False, True)
        assert "is not installed; pip install" in found.error
        needed = Requirement(
            name="n", benchmark=found.name, statistic="p50", at="least", limit=1, goal=1, unit="times",
            source="s",
        )  # fmt: skip
        assert check([needed], [found])[0].state == "not measured"
