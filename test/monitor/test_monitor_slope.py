import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.monitor.slope import WINDOW, Slope


@given(st.floats(1.0, 200.0), st.floats(0.3, 1.2))
def test_an_even_rate_is_found_within_its_resolution(rate, every):
    slope = Slope()
    for k in range(30):
        slope.add(k * every, int(k * every * rate))
    assert slope.value == pytest.approx(rate, abs=1.01 * slope.resolution)
    assert WINDOW <= slope.span <= WINDOW + every


def test_it_says_nothing_before_it_can():
    slope = Slope()
    assert slope.value is None
    slope.add(1.0, 5.0)
    slope.add(2.0, 10.0)
    assert slope.value is None
    slope.add(3.0, 15.0)
    assert slope.value == pytest.approx(5.0)


def test_a_node_that_was_started_anew_begins_anew():
    slope = Slope()
    for k in range(5):
        slope.add(float(k), 50.0 * k)
    slope.add(5.0, 3.0)
    assert slope.value is None
    for k in range(6, 9):
        slope.add(float(k), 3.0 + 50.0 * (k - 5))
    assert slope.value == pytest.approx(50.0)


def test_a_clock_that_stands_still_divides_by_nothing():
    slope = Slope()
    for _ in range(3):
        slope.add(1.0, 2.0)
    assert slope.value is None
