"""A goal ends when nobody renews it, and not because its holder stood still."""

from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract.lease import GOAL_LEASE, LONGEST_STEP, RENEW_PERIOD, Lease

TICKS = st.lists(st.floats(0.01, 0.2), min_size=5, max_size=200)


def test_a_goal_without_a_lease_holds():
    lease = Lease()
    lease.begin(0.0)
    assert not any(lease.expired(0.1 * k) for k in range(10_000))


@given(TICKS)
def test_one_that_is_not_renewed_ends_in_time(steps):
    lease, now = Lease(), 50.0
    lease.begin(GOAL_LEASE)
    lease.expired(now)
    for step in steps:
        now += step
        if now > 50.0 + GOAL_LEASE + 1e-9:
            assert lease.expired(now)
            return
        assert not lease.expired(now)


@given(st.lists(st.tuples(st.floats(0.01, 0.2), st.booleans()), max_size=300))
def test_one_that_is_renewed_holds_also_when_renewals_are_lost(ticks):
    """Renewed five times a second, three of four in a row may be lost."""
    lease, now, sent, lost = Lease(), 0.0, 0.0, 0
    lease.begin(GOAL_LEASE)
    for step, loses in ticks:
        now += step
        if now - sent >= RENEW_PERIOD:
            sent = now
            lost = lost + 1 if loses and lost < 2 else 0
            if not lost:
                lease.renew()
        assert not lease.expired(now)


@given(st.floats(1.0, 1e6))
def test_time_in_which_the_holder_stood_still_is_not_held_against_who_asked(stood):
    lease = Lease()
    lease.begin(GOAL_LEASE)
    assert not lease.expired(10.0)
    assert not lease.expired(10.0 + stood)
    lease.renew()  # what came meanwhile is read now
    assert not lease.expired(10.1 + stood)
    assert LONGEST_STEP < GOAL_LEASE


def test_a_clock_that_goes_back_renews_nothing_and_ends_nothing():
    lease = Lease()
    lease.begin(GOAL_LEASE)
    assert [lease.expired(t) for t in (5.0, 1.0, 5.0, 5.1)] == [False] * 4


def test_a_new_goal_begins_anew():
    lease = Lease()
    lease.begin(GOAL_LEASE)
    for k in range(8):
        lease.expired(0.2 * k)
    lease.begin(GOAL_LEASE)
    assert not lease.expired(100.0)
    assert not lease.expired(100.2)
