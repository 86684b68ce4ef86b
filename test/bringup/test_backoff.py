"""When what has died is started again."""

from hypothesis import given
from hypothesis import strategies as st

from vla_sim.bringup.backoff import FIRST_DELAY, LONGEST_DELAY, MOST, WINDOW, Backoff, crashed


def test_each_time_it_takes_twice_as_long_until_it_is_given_up():
    backoff = Backoff()
    assert [backoff.died(float(k)) for k in range(MOST)] == [1.0, 2.0, 4.0, 8.0, None]


@given(st.lists(st.floats(WINDOW / MOST * 1.05, 1000.0), min_size=1, max_size=50))
def test_what_dies_now_and_then_is_always_started_again(gaps):
    backoff, now = Backoff(), 0.0
    for gap in gaps:
        now += gap
        delay = backoff.died(now)
        assert delay is None or FIRST_DELAY <= delay <= LONGEST_DELAY
        assert delay is not None or MOST * min(gaps) < 1.3 * WINDOW


def test_a_long_life_is_a_new_beginning():
    backoff = Backoff()
    assert backoff.died(0.0) == FIRST_DELAY
    assert backoff.died(1.0) == 2.0 * FIRST_DELAY
    assert backoff.died(2.0 + WINDOW) == FIRST_DELAY


def test_who_said_that_it_cannot_work_did_not_die():
    assert [code for code in (-11, -9, 0, 1, 2, 3, 4, 5, 6, 137) if crashed(code)] == [-11, -9, 1, 137]
