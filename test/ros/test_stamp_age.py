"""Stamps of another machine, whose clock may be wrong."""

import math

import pytest

from vla_sim.ros.stamp_age import MOST_AHEAD, MOST_BEHIND, WINDOW, StampAge


def heard(offset, delays=(0.05, 0.01, 0.2), seconds=2 * WINDOW):
    """Ten messages a second, each on its way for one of these times [s], of a clock ahead by `offset`."""
    age, now = StampAge(), 1000.0
    while now < 1000.0 + seconds:
        delay = delays[round(10 * now) % len(delays)]
        age.hear(now + offset - delay, now)
        now += 0.1
    return age


def test_the_quickest_message_tells_how_far_a_clock_is_ahead():
    assert heard(0.0).least == pytest.approx(0.01)
    assert heard(0.3).least == pytest.approx(-0.29)
    assert math.isnan(StampAge().least)


@pytest.mark.parametrize(
    ("offset", "says"),
    [
        (0.0, ""),
        (MOST_AHEAD, ""),
        (0.3, "stamped 0.29 s in the future"),
        (-MOST_BEHIND, "0.51 s old when it arrives"),
    ],
)
def test_what_is_too_far_off_is_said(offset, says):
    assert heard(offset).alarm().startswith(says)
    assert bool(heard(offset).alarm()) is bool(says)


def test_what_was_is_forgotten_after_two_windows_and_a_message_without_a_stamp_says_nothing():
    age = heard(0.3)
    for k in range(round(20 * WINDOW)):
        age.hear(1100.0 + 0.1 * k - 0.04, 1100.0 + 0.1 * k)
    assert age.least == pytest.approx(0.04)
    age.hear(0.0, 1200.0)
    assert age.least == pytest.approx(0.04)
