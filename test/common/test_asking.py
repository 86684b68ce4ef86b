"""What an answer costs, and when it is there."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from vla_sim.common import clock
from vla_sim.common.asking import Asking
from vla_sim.stages.policy.client import PolicyClient
from vla_sim.stages.policy.errors import PolicyError, TooLateError


class Says(PolicyClient):
    def __init__(self, answer: dict | PolicyError, wait: Event | None = None) -> None:
        self.said, self.wait, self.closed = answer, wait, False

    def infer(self, observation):
        if self.wait is not None:
            self.wait.wait(5.0)
        if isinstance(self.said, PolicyError):
            raise self.said
        return {**self.said, "asked": observation}

    def close(self):
        self.closed = True


class Modelled:
    """A clock on which the work "policy" costs so much [s]."""

    def __init__(self, cost: float) -> None:
        self.cost, self.spent = cost, 0.0

    def mono(self):
        return 0.0

    def charge(self, work, seconds, most):
        assert work == "policy"
        self.spent += min(self.cost, most)
        return self.cost

    def spend(self, seconds):
        self.spent += seconds


@pytest.fixture
def modelled():
    made = Modelled(0.2)
    clock.use(made)
    yield made
    clock.use(None)


def test_in_lock_step_the_answer_comes_when_it_has_cost_its_time(modelled):
    asking = Asking(Says({"actions": 1}), None, 5.0)
    asking.ask({"q": 1}, 10.0)
    assert asking.busy
    assert asking.answer(10.15) is None
    assert asking.answer(10.2) == {"actions": 1, "asked": {"q": 1}}
    assert not asking.busy
    assert asking.answer(10.3) is None
    assert modelled.spent == 0.0  # the node itself is free meanwhile


def test_in_lock_step_bad_news_take_as_long(modelled):
    asking = Asking(Says(PolicyError("it is closed")), None, 5.0)
    asking.ask({}, 10.0)
    assert asking.answer(10.1) is None
    with pytest.raises(PolicyError, match="it is closed"):
        asking.answer(10.2)


def test_silence_costs_the_time_for_which_it_was_waited(modelled):
    asking = Asking(Says(TooLateError("silent")), None, 1.0)
    asking.ask({}, 10.0)
    assert asking.answer(10.9) is None
    with pytest.raises(TooLateError):
        asking.answer(11.0)


def test_a_modelled_answer_that_takes_too_long_is_none(modelled):
    modelled.cost = 3.0
    asking = Asking(Says({}), None, 1.0)
    asking.ask({}, 10.0)
    assert asking.answer(10.9) is None
    with pytest.raises(TooLateError, match="has not answered for 1 s"):
        asking.answer(11.0)


def test_at_the_clocks_pace_the_robot_goes_on_while_a_thread_asks():
    may = Event()
    with ThreadPoolExecutor(1) as executor:
        asking = Asking(Says({"actions": 1}, may), executor, 5.0)
        asking.ask({}, 10.0)
        assert asking.answer(10.0) is None
        may.set()
        executor.submit(int).result(5.0)
        assert asking.answer(10.0) == {"actions": 1, "asked": {}}


def test_closing_ends_the_connection():
    client = Says({})
    Asking(client, None, 5.0).close()
    assert client.closed
