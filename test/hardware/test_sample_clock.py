"""A sample is as old as it is, however late its block comes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.hardware.sample_clock import WINDOW, SampleClock

RATE, BLOCK = 48_000, 480
LENGTH = BLOCK / RATE


def heard(clock, late, begin=100.0):
    """How much later than it was each block is told to have begun [s]; late: (n,) how late each comes [s]."""
    ends = begin + LENGTH * np.arange(1, len(late) + 1)
    come = np.maximum.accumulate(ends + late)  # none overtakes another
    return [clock.begin(BLOCK, now) - (end - LENGTH) for now, end in zip(come, ends, strict=True)]


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=200))
def test_each_is_dated_by_the_one_that_came_soonest(late):
    come = np.maximum.accumulate(LENGTH * np.arange(len(late)) + late) - LENGTH * np.arange(len(late))
    assert heard(SampleClock(RATE), np.array(late)) == pytest.approx(np.minimum.accumulate(come), abs=1e-6)


def test_a_backlog_is_as_old_as_it_is_from_its_last_block_on():
    late = 0.3 - LENGTH * np.arange(30)  # all at once
    found = heard(SampleClock(RATE), np.concatenate((late, np.zeros(5))))
    assert found[0] == pytest.approx(0.3)
    assert found[-6:] == pytest.approx([LENGTH] + 5 * [0.0], abs=1e-6)


def test_what_was_lost_is_no_age():
    clock = SampleClock(RATE)
    clock.begin(BLOCK, 10.0)
    assert clock.begin(BLOCK, 12.0, lost=True) == pytest.approx(12.0 - LENGTH)
    assert clock.begin(BLOCK, 12.5) == pytest.approx(12.0)


@pytest.mark.parametrize("off", [2e-4, -2e-4])
def test_a_device_whose_rate_is_off_is_followed(off):
    clock = SampleClock(RATE)
    length = LENGTH * (1.0 + off)
    for k in range(1, 100_000):  # a quarter of an hour
        wrong = clock.begin(BLOCK, k * length) - (k - 1) * length
    assert wrong == pytest.approx(0.0, abs=1.1 * abs(off) * WINDOW)


def test_what_is_lost_unsaid_is_forgotten():
    clock = SampleClock(RATE)
    for k in range(1, 2000):
        wrong = clock.begin(BLOCK, k * LENGTH + (5.0 if k > 500 else 0.0)) - (k - 1) * LENGTH - 5.0
    assert wrong == pytest.approx(0.0, abs=1e-6)
