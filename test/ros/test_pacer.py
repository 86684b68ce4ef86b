"""Simulated time in step with the clock."""

import pytest

from vla_sim.ros.pacer import MOST_BEHIND, RealTimePacer


def test_ticks_that_come_in_time_are_a_period_apart():
    pacer, now = RealTimePacer(0.02, 2.0), 100.0
    for _ in range(50):
        pacer.tick(now)
        assert pacer.remaining(now) == pytest.approx(0.01)
        now += pacer.remaining(now)
    assert pacer.real_time_factor == pytest.approx(2.0)
    assert pacer.lateness(0.99) == pytest.approx(0.0, abs=1e-9)


def test_a_small_delay_is_caught_up():
    pacer = RealTimePacer(0.02, 1.0)
    pacer.tick(0.0)
    pacer.tick(0.05)
    assert pacer.remaining(0.05) == pytest.approx(-0.01)
    pacer.tick(0.05)
    assert pacer.remaining(0.05) == pytest.approx(0.01)
    assert pacer.lateness(1.0) == pytest.approx(0.03)


def test_no_more_than_a_little_is_caught_up_after_a_long_pause():
    pacer, now = RealTimePacer(0.02, 1.0), 10.0
    pacer.tick(0.0)
    at_once = 0
    while pacer.remaining(now) <= 0.0:
        pacer.tick(now)
        at_once += 1
    assert at_once <= round(MOST_BEHIND / 0.02) + 1


def test_running_free_never_waits():
    pacer = RealTimePacer(0.02, 0.0)
    for k in range(10):
        pacer.tick(0.001 * k)
        assert pacer.remaining(0.001 * k) <= 0.0
    assert pacer.real_time_factor == pytest.approx(20.0)
