"""The simulated robot's cable: late, lost, unplugged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.hardware.unitree.cable import Cable

PERIOD = 0.002


class Loop:
    """A network that gives back what is written on a topic."""

    def __init__(self):
        self.sent = []

    def writer(self, name, kind):
        return self.sent.append

    def reader(self, name, kind):
        return lambda: [self.sent.pop(0) for _ in range(len(self.sent))]


def through(count=1000, **cable):
    """(when it was put, when it came out) [s] of messages, one a period, that go through it twice."""
    made = Cable(Loop(), lambda sample: sample, **cable)
    put, take, now, found = made.writer("a", None), made.reader("a", None), 0.0, []
    for k in range(count + 100):
        made.tick(now)
        if k < count:
            put(now)
        found += [(sample, now) for sample in take()]
        now += PERIOD
    return np.array(found).reshape(-1, 2)


def test_a_good_cable_is_none():
    sent, came = through().T
    assert len(sent) == 1000
    np.testing.assert_array_equal(sent, came)


@given(jitter=st.floats(0.0, 0.05), loss=st.floats(0.0, 0.5), seed=st.integers(0, 100))
def test_nothing_is_later_than_it_may_be_nothing_overtakes_and_no_more_is_lost(jitter, loss, seed):
    sent, came = through(400, jitter=jitter, loss=loss, seed=seed).T
    assert (np.diff(sent) > 0.0).all()
    assert (came - sent < 2.0 * (jitter + PERIOD) + 1e-9).all()
    assert 400 * (1.0 - loss) ** 2 == pytest.approx(len(sent), abs=60)


def test_five_milliseconds_and_one_in_a_hundred_are_what_is_asked_for():
    sent, came = through(20_000, jitter=0.005, loss=0.01).T
    assert 1.0 - len(sent) / 20_000 == pytest.approx(1.0 - 0.99**2, abs=0.004)
    assert 0.005 < (came - sent).mean() < 0.010  # twice half of it, and what waits for another


def test_what_is_sent_while_it_is_unplugged_never_comes():
    made = Cable(Loop(), lambda sample: sample)
    put, take = made.writer("a", None), made.reader("a", None)
    made.tick(1.0)
    made.unplug(0.5)
    put("early")
    made.tick(1.4)
    assert take() == []
    made.tick(1.5)
    put("late")
    assert take() == ["late"]


def test_what_is_under_way_is_as_it_was_when_it_was_sent():
    made = Cable(Loop(), list, jitter=0.05)
    put, take, message = made.writer("a", None), made.reader("a", None), [1]
    put(message)
    message[0] = 2
    made.tick(0.1)
    take()
    made.tick(0.2)
    assert take() == [[1]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jitter": 2.0}, "a jitter of 2000 ms: from 0 to 1000 is allowed"),
        ({"jitter": float("nan")}, "a jitter of nan ms"),
        ({"loss": 1.0}, "a loss of 100 %: from 0 to less than 100 is allowed"),
    ],
)
def test_what_cannot_be_is_said(wrong, said):
    with pytest.raises(InputError, match=said):
        Cable(Loop(), list, **wrong)
