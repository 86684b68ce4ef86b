"""Reservations: never more than there is, whoever asks at once, and nothing held by the dead."""

import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.bringup import reservations
from vla_sim.bringup.reservations import (
    Machine,
    Needs,
    ResourceReservationSystem,
    free,
    process_start,
    this_machine,
)
from vla_sim.common.errors import BusyError, InputError

pytestmark = pytest.mark.integration

LIMIT = Needs(1.6, 8000.0, 90_000.0, 100.0)
BOX = Machine(LIMIT, LIMIT)
START = """
import sys, time
from pathlib import Path
from vla_sim.common.errors import BusyError
from vla_sim.bringup.reservations import ResourceReservationSystem
from vla_sim.bringup.reservations import Machine, Needs
limit = Needs(1.6, 8000.0, 90_000.0, 100.0)
book = ResourceReservationSystem(Path(sys.argv[1]), lambda: Machine(limit, limit))
print("ready", flush=True)
input()
"""
ONCE = """
try:
    book.reserve("one of many", Needs(cpu=0.5))
    print("granted", flush=True)
except BusyError:
    print("refused", flush=True)
input()
"""
OFTEN = """
granted = 0
while granted < 20:
    try:
        one = book.reserve("many", Needs(cpu=0.5, memory=100.0))
    except BusyError:
        time.sleep(0.001)
        continue
    granted += 1
    reserved = sum(r.needs.cpu for r in book.held())
    if reserved > 1.6 + 1e-6:
        sys.exit(f"overbooked: {reserved}")
    book.release(one.id)
print(granted, flush=True)
"""


@pytest.fixture
def book(tmp_path):
    return ResourceReservationSystem(tmp_path / "reservations.json", lambda: BOX)


def python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.PIPE, text=True,
    )  # fmt: skip


def all_at_once(code, count, book):
    """So many processes, let go at the same time."""
    processes = [python(START + code, book.path) for _ in range(count)]
    assert [p.stdout.readline() for p in processes] == ["ready\n"] * count
    for p in processes:
        p.stdin.write("go\n")
        p.stdin.flush()
    return processes


def test_what_is_reserved_is_not_there_for_others_until_it_is_released(book):
    first = book.reserve("first", Needs(cpu=1.0, memory=5000.0))
    with pytest.raises(BusyError) as refused:
        book.reserve("second", Needs(cpu=1.0, memory=1000.0))
    assert str(refused.value) == (
        "second asks for 1 cores; free: 0.6 cores of 1.6 cores; held by first (pid "
        f"{os.getpid()}): 1 cores, 5000 MB of memory: end one, wait, or go without (--no-reserve)"
    )
    assert refused.value.exit_code == 6
    book.reserve("third", Needs(cpu=0.6, memory=3000.0))
    book.release(first.id)
    book.release(first.id)
    assert [r.component for r in book.held()] == ["third"]


def test_what_a_process_holds_is_for_those_that_it_starts_as_well(book):
    book.reserve("a test", Needs(cpu=1.6))
    code = "book.reserve('the run in it', Needs(cpu=0.8)); print(len(book.held()), flush=True)"
    (child,) = all_at_once(code, 1, book)
    assert child.communicate(timeout=60.0) == ("1\n", "")


@pytest.mark.parametrize(("needs", "words"), [
    (Needs(cpu=1.7), "asks for 1.7 cores; this machine gives 1.6 cores in all: ask for less"),
    (Needs(memory=8001.0), "8001 MB of memory; this machine gives 8000 MB of memory"),
    (Needs(disk=90_001.0), "90001 MB of disk"),
    (Needs(network=101.0), "101 MB/s of network; this machine gives 100 MB/s"),
])  # fmt: skip
def test_more_than_the_machine_may_give_is_refused_for_good(book, needs, words):
    with pytest.raises(InputError, match=words):
        book.reserve("greedy", needs, timeout=600.0)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_is_no_amount_is_refused(value):
    with pytest.raises(InputError, match="a number from 0 on is allowed"):
        Needs(cpu=value)


def test_a_reservation_expires_unless_it_is_for_as_long_as_its_process_lives(book, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    book.reserve("short", Needs(cpu=0.5), seconds=10.0)
    book.reserve("default", Needs(cpu=0.5))
    book.reserve("as long as it lives", Needs(cpu=0.1), seconds=None)
    now += 10.0
    assert [r.component for r in book.held()] == ["default", "as long as it lives"]
    now += 3600.0
    assert [r.component for r in book.held()] == ["as long as it lives"]


def test_of_many_who_ask_at_once_as_many_get_it_as_there_is_room_for_and_the_dead_hold_nothing(book):
    processes = all_at_once(ONCE, 6, book)
    answers = [p.stdout.readline() for p in processes]
    assert answers.count("granted\n") <= 3
    assert sum(r.needs.cpu for r in book.held()) == 0.5 * answers.count("granted\n") > 0.0
    for p in processes:
        p.kill()
        p.wait()
    assert book.reserve("other", Needs(cpu=1.6)).component == "other"


def test_many_processes_over_and_over_never_hold_more_than_there_is(book):
    ended = [p.communicate() for p in all_at_once(OFTEN, 4, book)]
    assert [out for out, _ in ended] == ["20\n"] * 4, [err for _, err in ended]
    assert book.held() == []


def test_a_process_with_the_number_of_a_dead_one_holds_nothing(book, monkeypatch):
    book.reserve("old", Needs(cpu=1.6))
    own = process_start(os.getpid())
    monkeypatch.setattr(reservations, "process_start", lambda pid: own + 1)
    assert book.held() == []


def test_who_waits_says_so_once_and_gets_it_when_it_is_free(book):
    first = book.reserve("first", Needs(cpu=1.6))
    said = []

    def say(words):
        said.append(words)
        book.release(first.id)

    assert book.reserve("second", Needs(cpu=1.0), timeout=20.0, say=say).component == "second"
    assert len(said) == 1
    assert said[0].startswith("waiting: second asks for 1 cores; free: 0 cores of 1.6 cores; held by first")
    assert "\n" not in said[0]


def test_who_waits_in_vain_gets_an_error(book):
    book.reserve("first", Needs(cpu=1.6))
    with pytest.raises(BusyError, match=r"held by first .*\(waited [0-9]+ s\)"):
        book.reserve("second", Needs(cpu=1.0), timeout=0.3)
    with pytest.raises(BusyError):
        book.reserve("third", Needs(cpu=1.0), timeout=600.0, given_up=lambda: True)


def test_who_asked_first_is_served_first_though_less_would_be_free(book):
    """Else a run that wants the whole machine would never get it beside many small ones."""
    one, two = (book.reserve(f"small {k}", Needs(cpu=0.8)) for k in range(2))
    order, waits = [], threading.Event()

    def wait(name, cpu):
        held = book.reserve(name, Needs(cpu=cpu), timeout=30.0, say=lambda _: waits.set())
        order.append(name)
        book.release(held.id)

    large = threading.Thread(target=wait, args=("large", 1.6))
    large.start()
    assert waits.wait(20.0)
    waits.clear()
    small = threading.Thread(target=wait, args=("small", 0.8))
    small.start()
    assert waits.wait(20.0)
    book.release(one.id)
    assert book.held() == [two]
    book.release(two.id)
    large.join(20.0)
    small.join(20.0)
    assert order == ["large", "small"]


def test_memory_and_disk_that_others_use_cannot_be_reserved(tmp_path):
    unused = Needs(1.6, 1000.0, 10_000.0, 100.0)
    book = ResourceReservationSystem(tmp_path / "r.json", lambda: Machine(LIMIT, unused))
    with pytest.raises(BusyError, match="2000 MB of memory; free: 1000 MB of memory of 8000 MB"):
        book.reserve("x", Needs(memory=2000.0))
    with pytest.raises(BusyError, match="held by no reservation, but in use"):
        book.reserve("x", Needs(disk=20_000.0))
    book.reserve("x", Needs(cpu=1.6, memory=900.0, disk=9000.0))


def test_a_file_that_is_no_book_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "r.json"
    path.write_bytes(b"no book")
    with pytest.raises(InputError, match=r"reservations cannot be kept in .*r\.json.*--no-reserve"):
        ResourceReservationSystem(path)
    with pytest.raises(InputError, match="--no-reserve"):
        ResourceReservationSystem(tmp_path / "nowhere" / "r.json")


def test_a_process_is_known_by_its_number_and_its_beginning():
    process = python("input()")
    assert process_start(process.pid) is not None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(process.pid) is None  # also before it is waited for
    process.wait()


def test_this_machine_is_measured():
    machine = this_machine()
    assert machine.limit.cpu == pytest.approx(0.8 * len(os.sched_getaffinity(0)))
    assert 0.0 < machine.unused.memory < machine.limit.memory
    assert machine.limit.network == machine.unused.network == 100.0


AMOUNTS = st.builds(
    Needs, cpu=st.floats(0.0, 2.0), memory=st.floats(0.0, 9000.0), disk=st.floats(0.0, 95_000.0),
    network=st.floats(0.0, 110.0),
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(st.one_of(AMOUNTS, st.integers(0, 5)), max_size=12))
def test_in_any_order_of_asking_no_more_is_held_than_there_is(tmp_path_factory, asked):
    """Needs are reserved, numbers are released."""
    book = ResourceReservationSystem(tmp_path_factory.mktemp("r") / "r.json", lambda: BOX)
    held = []
    for one in asked:
        if isinstance(one, int):
            if one < len(held):
                book.release(held.pop(one).id)
            continue
        left = free(BOX, book.held())
        try:
            held.append(book.reserve("x", one))
            granted = True
        except (BusyError, InputError):
            granted = False
        assert granted == (not one.beyond(left))
        assert not sum((r.needs for r in book.held()), Needs()).beyond(LIMIT)
    assert {r.id for r in book.held()} == {r.id for r in held}
