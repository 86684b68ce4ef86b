"""Kernels beside libraries: what is not installed is skipped and never passed, a wrong answer is no ratio."""

import sys
import time

import pytest

from vla_sim.bench import suite
from vla_sim.bench.baselines.against import against, close
from vla_sim.bench.benchmark import Meter, Options, Wrong
from vla_sim.bench.sets import kernels

LIBRARIES = (
    "pyastar2d", "skimage.graph", "shapely", "fcl", "mink", "daqp", "scipy.ndimage", "cv2", "aiolimiter",
)  # fmt: skip


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds


def test_the_ratio_is_theirs_over_ours():
    meter = Meter("times", repeat=6, warm_up=1)
    against(meter, lambda: spin(0.002), lambda: spin(0.006), lambda a, b: None)
    assert len(meter.samples) == 6
    assert sorted(meter.samples)[3] == pytest.approx(3.0, rel=0.3)


def test_answers_that_differ_are_no_ratio():
    meter = Meter("times", repeat=4)
    against(meter, lambda: 1.0, lambda: 1.1, lambda a, b: close(a, b, 0.01, "length [m]"))
    assert not meter.samples
    assert meter.wrong == 4
    assert meter.reason == "length [m]: 1 with the kernel, 1.1 with the library"


def test_nan_is_not_close():
    with pytest.raises(Wrong):
        close(float("nan"), 1.0, 0.1, "gap [m]")


def test_a_library_that_is_not_installed_is_skipped_and_says_how_to_get_it(monkeypatch):
    for name in LIBRARIES:
        monkeypatch.setitem(sys.modules, name, None)
    for one in kernels.BENCHMARKS:
        if one.name.endswith("_ours"):
            continue
        result = suite.measure(one, Options(repeat=1))
        assert result.state == "skipped", result
        assert "is not installed; pip install" in result.reason
