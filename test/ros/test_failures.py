"""What a callback raises costs one call: counted, logged once a place, told; repeated ones are a fault."""

import threading

import pytest

from vla_sim.common import clock
from vla_sim.common.errors import EngineError, InputError
from vla_sim.contract.codec import encode
from vla_sim.contract.records import Say
from vla_sim.ros import failures as module
from vla_sim.ros.failures import RECENT, REPEATED, WINDOW, Failures


class Steady:
    """A clock that stands where it is put."""

    now = 100.0

    def mono(self):
        return self.now


@pytest.fixture
def steady():
    made = Steady()
    clock.use(made)
    yield made
    clock.use(None)


@pytest.fixture
def log():
    return []


@pytest.fixture
def failures(log, steady):
    return Failures(log.append)


def recurse():
    return recurse()


def raising(error):
    def callback(*_):
        raise error

    return callback


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("x"), KeyError("k"), MemoryError(), OverflowError("math range error"), InputError("no"),
        AssertionError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), StopIteration(),
    ],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_one_call_is_lost_and_told_with_its_place(failures, log, error):
    assert failures.guard("/topic", raising(error))("message") is None
    assert failures.count == 1
    assert len(log) == 1
    assert log[0].startswith(f"/topic: {type(error).__name__}: ")
    assert "test_failures.py:" in log[0]
    assert failures.values()["callback failures"] == "1"
    assert "a callback failed: /topic" in failures.health()


def test_a_recursion_without_end_costs_one_call(failures, log):
    assert failures.guard("/topic", recurse)() is None
    assert "RecursionError" in log[0]


def test_the_place_is_ours_also_where_a_library_raises(failures, log):
    failures.guard("/say", encode)(Say(text="x", command_id=float("nan")))
    assert "(vla_sim/contract/codec.py:" in log[0]


def test_what_works_is_handed_through(failures, log):
    assert failures.guard("x", lambda a, b: a + b)(1, 2) == 3
    assert (failures.values(), failures.health(), failures.repeated, log) == ({}, "", False, [])


def test_an_engine_that_cannot_go_on_still_ends_the_node(failures):
    with pytest.raises(EngineError):
        failures.guard("x", raising(EngineError("the world is lost")))()
    with pytest.raises(KeyboardInterrupt):
        failures.guard("x", raising(KeyboardInterrupt()))()


def test_a_place_is_logged_once_and_once_more_when_it_goes_on(failures, log, steady):
    fail = failures.guard("timer", raising(ValueError("again")))
    for k in range(20):
        steady.now += 0.1
        fail()
        assert failures.repeated == (k + 1 >= REPEATED)
    assert len(log) == 2
    assert "further failures there are only counted" in log[0]
    assert "fails repeatedly" in log[1]
    assert failures.count == 20
    assert "fails repeatedly" in failures.health()


def test_failures_far_apart_are_no_fault_that_lasts(failures, steady):
    fail = failures.guard("timer", raising(ValueError("now and then")))
    for _ in range(20):
        steady.now += WINDOW / (REPEATED - 1) + 0.01
        fail()
        assert not failures.repeated


def test_it_is_over_when_nothing_fails_any_more(failures, steady):
    fail = failures.guard("timer", raising(ValueError("x")))
    for _ in range(REPEATED):
        fail()
    assert failures.repeated
    steady.now += max(WINDOW, RECENT) + 0.1
    assert not failures.repeated
    assert failures.health() == ""
    assert failures.values()["callback failures"] == str(REPEATED), "the count stays"


def test_who_must_know_is_told_and_may_fail_too(failures, log):
    heard = []
    failures.guard("/vla/command", raising(KeyError()), heard.append)()
    assert heard == ["/vla/command"]
    failures.guard("/vla/command", raising(KeyError()), raising(ValueError("in the handler")))()
    assert failures.count == 3
    assert (
        "/vla/command, afterwards: ValueError: in the handler" in failures.values()["last callback failure"]
    )


def test_what_is_raised_while_the_node_ends_is_nothing(log):
    failures = Failures(log.append, lambda: False)
    assert failures.guard("x", raising(RuntimeError("no handle")))() is None
    assert failures.count == 0


def test_an_exception_that_cannot_be_written_is_told_all_the_same(failures, log):
    class Odd(Exception):  # noqa: N818
        def __str__(self):
            raise ValueError

    failures.guard("x", raising(Odd()))()
    assert "Odd: it cannot be said what" in log[0]


def test_what_it_says_fits_into_a_log_and_a_message(failures, log):
    failures.guard("x", raising(ValueError("a\x1b[2J\udcff\nb" + "c" * 10_000)))()
    assert log[0].isprintable()
    assert log[0].encode().startswith(b"x: ValueError: a [2J  b")
    assert len(failures.health()) < 500


def test_places_are_bounded(failures, monkeypatch, log):
    monkeypatch.setattr(module, "MOST_PLACES", 3)
    code = "\n".join(f"def f{k}(): raise ValueError({k})" for k in range(10))
    names: dict = {}
    exec(compile(code, "/somewhere/own.py", "exec"), names)
    for k in range(10):
        failures.guard("x", names[f"f{k}"])()
    assert failures.count == 10
    assert sum("only counted" in line for line in log) == 4  # three places, and once for all others


def test_threads_lose_no_count(failures):
    def work():
        raise ValueError  # a new one each time: its traceback is walked

    fail = failures.guard("worker", work)
    threads = [threading.Thread(target=lambda: [fail() for _ in range(200)]) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures.count == 800
