import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.monitor.rate_meter import WINDOW, RateMeter


@given(st.floats(1.0, 200.0), st.floats(0.3, 1.2))
def test_an_even_rate_is_found_within_its_resolution(rate, every):
    meter = RateMeter()
    for k in range(30):
        meter.add(k * every, int(k * every * rate))
    assert meter.value == pytest.approx(rate, abs=1.01 * meter.resolution)
    assert WINDOW <= meter.span <= WINDOW + every


def test_it_says_nothing_before_it_can():
    meter = RateMeter()
    assert meter.value is None
    meter.add(1.0, 5.0)
    meter.add(2.0, 10.0)
    assert meter.value is None
    meter.add(3.0, 15.0)
    assert meter.value == pytest.approx(5.0)


def test_a_node_that_was_started_anew_begins_anew():
    meter = RateMeter()
    for k in range(5):
        meter.add(float(k), 50.0 * k)
    meter.add(5.0, 3.0)
    assert meter.value is None
    for k in range(6, 9):
        meter.add(float(k), 3.0 + 50.0 * (k - 5))
    assert meter.value == pytest.approx(50.0)


def test_a_clock_that_stands_still_divides_by_nothing():
    meter = RateMeter()
    for _ in range(3):
        meter.add(1.0, 2.0)
    assert meter.value is None
