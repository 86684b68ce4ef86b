"""Reservations: never more than there is, whoever asks at once, and nothing held by the dead."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.bringup.reservations import holder
from vla_sim.bringup.reservations.manager import HEADROOM, MATURE, Reservation, Resources, free
from vla_sim.bringup.reservations.needs import Machine, Needs, this_machine
from vla_sim.common.errors import BusyError, InputError

BOX = Machine(Needs(2.0, 10_000.0, 100_000.0, 100.0))
"""Of which 1.6 cores, 8000 MB, 90000 MB and 100 MB/s may be reserved."""
BUSY = """
import sys, time
from pathlib import Path
from vla_sim.common.errors import BusyError
from vla_sim.bringup.reservations.manager import Resources
from vla_sim.bringup.reservations.needs import Machine, Needs
book = Resources(Path(sys.argv[1]), lambda: Machine(Needs(2.0, 10_000.0, 100_000.0, 100.0)))
granted = 0
while granted < 20:
    try:
        one = book.reserve("many", Needs(cpu=0.5, memory=100.0))
    except BusyError:
        time.sleep(0.001)
        continue
    granted += 1
    all_cpu = sum(r.needs.cpu for r in book.reservations())
    if all_cpu > 1.6 + 1e-6:
        sys.exit(f"overbooked: {all_cpu}")
    book.release(one.id)
print(granted)
"""
ONCE = """
import sys
from pathlib import Path
from vla_sim.common.errors import BusyError
from vla_sim.bringup.reservations.manager import Resources
from vla_sim.bringup.reservations.needs import Machine, Needs
book = Resources(Path(sys.argv[1]), lambda: Machine(Needs(2.0, 10_000.0, 100_000.0, 100.0)))
print("ready", flush=True)
input()
try:
    book.reserve("one of many", Needs(cpu=0.5))
    print("granted", flush=True)
except BusyError:
    print("refused", flush=True)
input()
"""
HOLDS = """
import sys, time
from pathlib import Path
from vla_sim.bringup.reservations.manager import Resources
from vla_sim.bringup.reservations.needs import Machine, Needs
book = Resources(Path(sys.argv[1]), lambda: Machine(Needs(2.0, 10_000.0, 100_000.0, 100.0)))
book.reserve("holder", Needs(cpu=1.6))
print("held", flush=True)
input()
"""


@pytest.fixture
def book(tmp_path):
    return Resources(tmp_path / "resources.db", lambda: BOX)


def python(code, *arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def test_what_is_reserved_is_not_there_for_others_until_it_is_released(book):
    first = book.reserve("first", Needs(cpu=1.0, memory=5000.0))
    with pytest.raises(BusyError) as said:
        book.reserve("second", Needs(cpu=1.0, memory=1000.0))
    assert str(said.value) == (
        "second asks for 1 cores; free: 0.6 cores of 1.6 cores; held by first (pid "
        f"{os.getpid()}): 1 cores, 5000 MB of memory: end one, wait, or go without (--no-reserve)"
    )
    assert said.value.exit_code == 6
    book.reserve("third", Needs(cpu=0.6, memory=3000.0))
    book.release(first.id)
    book.release(first.id)
    assert [r.component for r in book.reservations()] == ["third"]


@pytest.mark.parametrize(("needs", "words"), [
    (Needs(cpu=1.7), "asks for 1.7 cores; this machine gives 1.6 cores in all: ask for less"),
    (Needs(memory=8001.0), "8001 MB of memory; this machine gives 8000 MB of memory"),
    (Needs(disk=90_001.0), "90001 MB of disk"),
    (Needs(network=101.0), "101 MB/s of network; this machine gives 100 MB/s"),
])  # fmt: skip
def test_more_than_the_machine_may_give_is_refused_for_good(book, needs, words):
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        book.reserve("greedy", needs)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_is_no_amount_is_refused(value):
    with pytest.raises(InputError, match="a number from 0 on is allowed"):
        Needs(cpu=value)


def test_a_reservation_needs_a_name_and_a_time(book):
    for component, seconds in (("", 1.0), ("x", 0.0), ("x", float("inf"))):
        with pytest.raises(InputError, match="needs a name and a time"):
            book.reserve(component, Needs(), seconds)


def test_what_is_not_renewed_expires(book, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    one = book.reserve("short", Needs(cpu=1.0), seconds=10.0)
    two = book.reserve("renewed", Needs(cpu=0.5), seconds=10.0)
    assert book.reserve("default", Needs(cpu=0.1)).expires == now + 3600.0
    now += 9.0
    book.renew(two.id, 10.0)
    now += 1.0
    assert [r.component for r in book.reservations()] == ["renewed", "default"]
    with pytest.raises(InputError, match=r"no reservation .*expired"):
        book.renew(one.id)


def test_a_block_holds_and_renews_and_gives_back(book):
    with book.hold("block", Needs(cpu=1.6), seconds=0.4) as held:
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            assert [r.id for r in book.reservations()] == [held.id]
            time.sleep(0.05)
    assert book.reservations() == []


def test_of_many_who_ask_at_once_as_many_get_it_as_there_is_room_for(book):
    processes = [python(ONCE, book.path) for _ in range(8)]
    assert [p.stdout.readline() for p in processes] == ["ready\n"] * 8
    for p in processes:
        p.stdin.write("go\n")
        p.stdin.flush()
    answers = sorted(p.stdout.readline() for p in processes)
    assert answers == ["granted\n"] * 3 + ["refused\n"] * 5
    assert sum(r.needs.cpu for r in book.reservations()) == 1.5
    for p in processes:
        p.kill()
        p.wait()
    assert book.reservations() == []


def test_many_processes_over_and_over_never_hold_more_than_there_is(book):
    processes = [python(BUSY, book.path) for _ in range(6)]
    most = 0.0
    while any(p.poll() is None for p in processes):
        most = max(most, sum(r.needs.cpu for r in book.reservations()))
        time.sleep(0.002)
    ended = [p.communicate() for p in processes]
    assert [p.returncode for p in processes] == [0] * 6, [err for _, err in ended]
    assert most <= 1.6
    assert sum(int(out) for out, _ in ended) == 120
    assert book.reservations() == []


def test_a_holder_that_is_killed_holds_nothing(book):
    process = python(HOLDS, book.path)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(BusyError, match=rf"held by holder \(pid {process.pid}\)"):
        book.reserve("other", Needs(cpu=0.1))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert book.reserve("other", Needs(cpu=1.6)).component == "other"


def test_a_process_with_the_number_of_a_dead_one_holds_nothing(book):
    one = book.reserve("old", Needs(cpu=1.6))
    with sqlite3.connect(book.path) as db:
        db.execute("UPDATE reservation SET start = start - 1 WHERE id = ?", (one.id,))
    assert book.reservations() == []


def test_a_reservation_goes_to_the_process_that_works_and_ends_with_it(book):
    process = python("input()")
    one = book.reserve("run", Needs(cpu=1.0))
    book.hand_over(one.id, process.pid)
    assert book.reservations()[0].pid == process.pid
    process.kill()
    process.wait()
    assert book.reservations() == []
    with pytest.raises(InputError, match="which has ended"):
        book.hand_over(one.id, process.pid)


def test_who_waits_says_so_once_and_gets_it_when_it_is_free(book):
    first = book.reserve("first", Needs(cpu=1.6))
    said = []

    def told(words):
        said.append(words)
        book.release(first.id)

    got = book.wait("second", Needs(cpu=1.0), 20.0, told)
    assert got.component == "second"
    assert len(said) == 1
    assert said[0].startswith("waiting: second asks for 1 cores; free: 0 cores of 1.6 cores; held by first")
    assert "\n" not in said[0]


def test_who_waits_in_vain_is_told_so(book):
    book.reserve("first", Needs(cpu=1.6))
    with pytest.raises(BusyError, match=r"held by first .*\(waited [0-9]+ s\)"):
        book.wait("second", Needs(cpu=1.0), 0.3, lambda _: None)
    with pytest.raises(BusyError):
        book.wait("third", Needs(cpu=1.0), 600.0, lambda _: None, given_up=lambda: True)
    with pytest.raises(InputError, match="ask for less"):
        book.wait("fourth", Needs(cpu=3.0), 600.0, lambda _: None)


def test_who_asked_first_is_served_first_though_less_would_be_free(book):
    """Else a run that wants the whole machine would never get it beside many small ones."""
    one, two = (book.reserve(f"small {k}", Needs(cpu=0.8)) for k in range(2))
    order, waits = [], threading.Event()

    def wait(name, cpu):
        held = book.wait(name, Needs(cpu=cpu), 30.0, lambda _: waits.set())
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
    assert book.reservations() == [two]
    book.release(two.id)
    large.join(20.0)
    small.join(20.0)
    assert order == ["large", "small"]


def test_memory_and_disk_that_others_use_cannot_be_reserved(tmp_path):
    full = Machine(BOX.total, Needs(memory=7000.0, disk=80_000.0))
    book = Resources(tmp_path / "r.db", lambda: full)
    with pytest.raises(BusyError, match="2000 MB of memory; free: 1000 MB of memory of 8000 MB"):
        book.reserve("x", Needs(memory=2000.0))
    with pytest.raises(BusyError, match="held by no reservation, but in use"):
        book.reserve("x", Needs(disk=20_000.0))
    book.reserve("x", Needs(cpu=1.6, memory=900.0, disk=9000.0))


def test_what_a_holder_uses_of_its_own_reservation_counts_once():
    mine = holder.usage(os.getpid())
    assert mine is not None
    held = Reservation("a", "me", Needs(memory=5000.0), os.getpid(), 0, 0.0, 0.0)
    machine = Machine(BOX.total, Needs(memory=1000.0 + mine.memory))
    left = free(machine, [held])
    assert left.memory == pytest.approx(8000.0 - 5000.0 - 1000.0, abs=20.0)


def test_a_disk_that_is_another_is_not_booked_twice():
    other = Reservation("a", "there", Needs(disk=80_000.0), os.getpid(), 0, 0.0, 0.0, device=7)
    assert free(BOX, [other]).disk == pytest.approx(90_000.0)
    assert free(Machine(BOX.total, device=7), [other]).disk == pytest.approx(10_000.0)


def test_what_holders_do_not_use_is_given_back(book, monkeypatch):
    process = python("input()")
    one = book.reserve("idle", Needs(cpu=1.6, memory=4000.0))
    book.hand_over(one.id, process.pid)
    assert book.optimise() == []  # too young to judge by
    used = holder.Usage(MATURE + 1.0, 0.4, 500.0, 1000.0)
    monkeypatch.setattr(holder, "usage", lambda pid: used)
    now = time.monotonic() + MATURE
    monkeypatch.setattr(time, "monotonic", lambda: now)
    (advice,) = book.optimise()
    assert advice.needs == Needs(cpu=HEADROOM * 0.4, memory=HEADROOM * 1000.0)
    assert book.reservations()[0].needs.cpu == 1.6  # advice alone
    book.optimise(apply=True)
    assert book.reservations()[0].needs == advice.needs
    assert book.optimise() == []
    used = holder.Usage(MATURE + 1.0, 1.9, 500.0, 9000.0)
    assert book.optimise(apply=True) == []  # never more than was granted
    process.kill()
    process.wait()


def test_a_file_that_is_no_registry_is_said(tmp_path):
    path = tmp_path / "r.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=r"reservations cannot be kept in .*--no-reserve"):
        Resources(path)
    with pytest.raises(InputError, match="--no-reserve"):
        Resources(tmp_path / "nowhere" / "r.db")


def test_the_folder_is_this_users_alone():
    folder = holder.runtime_folder()
    assert folder.stat().st_uid == os.getuid()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_process_is_known_by_its_number_and_its_beginning():
    process = python("input()")
    start = holder.began(process.pid)
    assert start is not None
    assert holder.lives(process.pid, start)
    assert not holder.lives(process.pid, start + 1)
    process.kill()
    deadline = time.monotonic() + 20.0
    while holder.lives(process.pid, start) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not holder.lives(process.pid, start)  # also before it is waited for
    process.wait()
    assert holder.usage(process.pid) is None


def test_this_machine_is_measured(tmp_path):
    machine = this_machine(tmp_path)
    assert machine.total.cpu == len(os.sched_getaffinity(0))
    assert machine.limit.cpu == pytest.approx(0.8 * machine.total.cpu)
    assert 0.0 < machine.used.memory < machine.total.memory
    assert machine.limit.network == 100.0
    assert machine.device == Path(tmp_path).stat().st_dev


AMOUNTS = st.builds(
    Needs, cpu=st.floats(0.0, 2.0), memory=st.floats(0.0, 9000.0), disk=st.floats(0.0, 95_000.0),
    network=st.floats(0.0, 110.0),
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(AMOUNTS, st.integers(0, 5)), max_size=12))
def test_whatever_is_asked_in_whatever_order_no_more_is_held_than_there_is(tmp_path_factory, asked):
    """Needs are reserved, numbers are released."""
    book = Resources(tmp_path_factory.mktemp("r") / "r.db", lambda: BOX)
    held = []
    for one in asked:
        if isinstance(one, int):
            if one < len(held):
                book.release(held.pop(one).id)
            continue
        left = book.state()[2]
        try:
            held.append(book.reserve("x", one))
            granted = True
        except (BusyError, InputError):
            granted = False
        assert granted == (not one.beyond(left))
        total = Needs()
        for r in book.reservations():
            total += r.needs
        assert not total.beyond(BOX.limit)
    assert {r.id for r in book.reservations()} == {r.id for r in held}
