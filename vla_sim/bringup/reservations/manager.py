"""Reservations of a machine's CPU, memory, disk and network, kept together by all processes of a user.

    with Resources().hold("sweep", Needs(cpu=0.8, memory=2000)):
        ...

They stand in an SQLite file; every change is one `BEGIN IMMEDIATE` transaction, so that two processes never
see the same share free. A reservation ends with `release`, when it expires, or with the process that holds
it. It is a booking, not a fence: nobody is kept from using more than he reserved.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vla_sim.bringup.reservations import holder
from vla_sim.bringup.reservations.needs import Machine, Needs, this_machine
from vla_sim.common.errors import BusyError, InputError
from vla_sim.contract.limits import RESERVATION_SECONDS

FILE = "resources.db"
POLL = 0.25
"""[s] between two tries of one who waits."""
LOCKED = 30.0
"""[s] that a transaction waits for another."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS reservation (
    id TEXT PRIMARY KEY, component TEXT, cpu REAL, memory REAL, disk REAL, network REAL, device INTEGER,
    pid INTEGER, start INTEGER, began REAL, expires REAL);
CREATE TABLE IF NOT EXISTS waiting (
    place INTEGER PRIMARY KEY AUTOINCREMENT, component TEXT, pid INTEGER, start INTEGER);
"""
MATURE = 60.0
"""[s] of use before a reservation is judged by it."""
HEADROOM = 1.25
WORTH = 0.1
"""Part of a reservation under which giving back is not worth it."""


@dataclass(frozen=True)
class Reservation:
    """pid, start: the process that holds it. began, expires: [s] of the monotonic clock. device: of the disk
    that is meant."""

    id: str
    component: str
    needs: Needs
    pid: int
    start: int
    began: float
    expires: float
    device: int = 0

    def __str__(self) -> str:
        return f"{self.component} (pid {self.pid}): {self.needs.told()}"


@dataclass(frozen=True)
class Advice:
    """What of a reservation its holder does not use: it used `used`, and `needs` would do."""

    reservation: Reservation
    used: Needs
    needs: Needs


class Resources:
    """The registry. path: its file; left out, one for all processes of this user. machine: what there is."""

    def __init__(self, path: Path | None = None, machine: Callable[[], Machine] = this_machine) -> None:
        """Raises `InputError` if the file cannot be made."""
        self.machine = machine
        try:
            self.path = path or holder.runtime_folder() / FILE
            with self._connect() as db:
                db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            where = path or "a folder of this user's own"
            raise InputError(
                f"reservations cannot be kept in {where}: {error}; go without: --no-reserve"
            ) from None

    # ------------------------------------------------------------------ asking

    def reserve(
        self, component: str, needs: Needs, seconds: float = RESERVATION_SECONDS, pid: int | None = None
    ) -> Reservation:
        """Take a share of the machine for a process (this one), for so long unless renewed.

        Raises `InputError` for more than the machine may give to anybody, `BusyError` while others hold it.
        """
        machine = self._checked(component, needs, seconds)
        with self._transaction() as db:
            return self._grant(db, machine, component, needs, seconds, pid or os.getpid())

    def wait(
        self, component: str, needs: Needs, timeout: float, say: Callable[[str], None], *,
        seconds: float = RESERVATION_SECONDS, given_up: Callable[[], bool] = lambda: False,
    ) -> Reservation:  # fmt: skip
        """As `reserve`, but wait for it: in turn, the first who asked first. say: told once, if it has to
        wait. given_up: whether nobody wants it any more. Raises `BusyError` after `timeout` seconds."""
        machine = self._checked(component, needs, seconds)
        pid = os.getpid()
        begin, told, place = time.monotonic(), False, 0
        with self._transaction() as db:
            values = (component, pid, holder.began(pid))
            place = db.execute("INSERT INTO waiting VALUES (NULL, ?, ?, ?)", values).lastrowid or 0
        try:
            while True:
                try:
                    with self._transaction() as db:
                        first = db.execute("SELECT MIN(place) FROM waiting").fetchone()[0]
                        if first is not None and first < place:
                            raise BusyError(self._queue(db, machine, component, needs))
                        return self._grant(db, machine, component, needs, seconds, pid)
                except BusyError as error:
                    waited = time.monotonic() - begin
                    if given_up() or waited >= timeout:
                        raise BusyError(f"{error} (waited {waited:.0f} s)") from None
                    if not told and waited >= POLL:  # not for a moment's queue
                        say(f"waiting: {error}")
                        told = True
                time.sleep(POLL)
                machine = self.machine()
        finally:
            with self._transaction() as db:
                db.execute("DELETE FROM waiting WHERE place = ?", (place,))

    @contextlib.contextmanager
    def hold(
        self, component: str, needs: Needs, seconds: float = RESERVATION_SECONDS
    ) -> Iterator[Reservation]:
        """Hold a share for as long as the block runs, renewed in time. Raises as `reserve`."""
        held, done = self.reserve(component, needs, seconds), threading.Event()

        def renew() -> None:
            while not done.wait(seconds / 2.0):
                with contextlib.suppress(InputError):
                    self.renew(held.id, seconds)

        threading.Thread(target=renew, name="reservation", daemon=True).start()
        try:
            yield held
        finally:
            done.set()
            self.release(held.id)

    # ------------------------------------------------------------------ holding

    def release(self, id: str) -> None:
        """Give a share back. One that has ended already is no matter."""
        with self._transaction() as db:
            db.execute("DELETE FROM reservation WHERE id = ?", (id,))

    def renew(self, id: str, seconds: float = RESERVATION_SECONDS) -> None:
        """Keep it for so long from now. Raises `InputError` if it has ended: its share may be another's."""
        self._change(id, "expires = ?", time.monotonic() + seconds)

    def hand_over(self, id: str, pid: int) -> None:
        """From now on it is this process's: it ends with it, and what that uses is what counts. Raises
        `InputError` if it has ended, or the process."""
        start = holder.began(pid)
        if start is None:
            raise InputError(f"reservation {id} cannot go to process {pid}, which has ended")
        self._change(id, "pid = ?, start = ?", pid, start)

    def _change(self, id: str, what: str, *values: float) -> None:
        with self._transaction() as db:
            if not db.execute(f"UPDATE reservation SET {what} WHERE id = ?", (*values, id)).rowcount:
                raise InputError(f"no reservation {id}: released, expired, or its holder has ended")

    # ------------------------------------------------------------------ looking

    def reservations(self) -> list[Reservation]:
        """All that hold, the oldest first."""
        with self._transaction() as db:
            return self._all(db)

    def state(self) -> tuple[Machine, list[Reservation], Needs]:
        """The machine, all reservations, and what is free."""
        machine = self.machine()
        with self._transaction() as db:
            held = self._all(db)
        return machine, held, free(machine, held)

    def optimise(self, *, apply: bool = False) -> list[Advice]:
        """What of the reservations their holders measurably do not use: of each older than `MATURE` whose
        process holds no other, `HEADROOM` over its use is enough. apply: give the rest back at once."""
        held = self.reservations()
        own = [r for r in held if sum(o.pid == r.pid for o in held) == 1]
        out = []
        for one in own:
            measured = holder.usage(one.pid)
            if measured is None or min(measured.age, time.monotonic() - one.began) < MATURE:
                continue
            used = Needs(cpu=measured.cpu, memory=measured.peak)
            needs = replace(
                one.needs, cpu=min(one.needs.cpu, HEADROOM * used.cpu),
                memory=min(one.needs.memory, HEADROOM * used.memory),
            )  # fmt: skip
            spare = one.needs.less(needs)
            if spare.cpu > WORTH * one.needs.cpu or spare.memory > WORTH * one.needs.memory:
                out.append(Advice(one, used, needs))
        if apply:
            with self._transaction() as db:
                for a in out:
                    db.execute(
                        "UPDATE reservation SET cpu = MIN(cpu, ?), memory = MIN(memory, ?) WHERE id = ?",
                        (a.needs.cpu, a.needs.memory, a.reservation.id),
                    )
        return out

    # ------------------------------------------------------------------ inside

    def _checked(self, component: str, needs: Needs, seconds: float) -> Machine:
        if not 0 < len(component) <= 200 or not 0.0 < seconds < float("inf"):
            raise InputError(f"reservation of {component!r} for {seconds:g} s: it needs a name and a time")
        machine = self.machine()
        if over := needs.beyond(machine.limit):
            raise InputError(
                f"{component} asks for {needs.told(over)}; this machine gives {machine.limit.told(over)} in "
                "all: ask for less"
            )
        return machine

    def _grant(
        self, db: sqlite3.Connection, machine: Machine, component: str, needs: Needs, seconds: float, pid: int
    ) -> Reservation:
        start = holder.began(pid)
        if start is None:
            raise InputError(f"{component}: process {pid} has ended and can hold nothing")
        held = self._all(db)
        if needs.beyond(free(machine, held)):
            raise BusyError(_refusal(machine, held, component, needs))
        now = time.monotonic()
        made = Reservation(
            uuid.uuid4().hex[:12], component, needs, pid, start, now, now + seconds, machine.device
        )
        db.execute(
            "INSERT INTO reservation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (made.id, component, *(v for _, v in needs.items()), made.device, pid, start, now, made.expires),
        )
        return made

    def _queue(self, db: sqlite3.Connection, machine: Machine, component: str, needs: Needs) -> str:
        held = self._all(db)
        if needs.beyond(free(machine, held)):
            return _refusal(machine, held, component, needs)
        first = db.execute("SELECT component FROM waiting ORDER BY place LIMIT 1").fetchone()[0]
        return f"{component} asks for {needs.told()}; {first} asked first"

    def _all(self, db: sqlite3.Connection) -> list[Reservation]:
        rows = db.execute("SELECT * FROM reservation ORDER BY began").fetchall()
        return [
            Reservation(id, component, Needs(cpu, memory, disk, network), pid, start, began, expires, device)
            for id, component, cpu, memory, disk, network, device, pid, start, began, expires in rows
        ]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One change; what has expired or whose process has ended is gone in it."""
        try:
            with self._connect() as db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM reservation WHERE expires <= ?", (time.monotonic(),))
                for table in ("reservation", "waiting"):
                    for pid, start in db.execute(f"SELECT DISTINCT pid, start FROM {table}").fetchall():
                        if not holder.lives(pid, start):
                            db.execute(f"DELETE FROM {table} WHERE pid = ? AND start = ?", (pid, start))
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise InputError(
                f"reservations in {self.path}: {error}; remove the file, or go without: --no-reserve"
            ) from None

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """Closed without a COMMIT, nothing has happened."""
        db = sqlite3.connect(self.path, timeout=LOCKED, isolation_level=None)
        try:
            yield db
        finally:
            db.close()


def free(machine: Machine, held: list[Reservation]) -> Needs:
    """What may still be reserved: the limit without what is reserved, and of memory and disk also without
    what others use. A holder's own use is in its reservation already."""
    reserved, by_process = Needs(), dict[int, float]()
    for one in held:
        reserved += one.needs if one.device == machine.device else replace(one.needs, disk=0.0)
        by_process[one.pid] = by_process.get(one.pid, 0.0) + one.needs.memory
    inside = sum(
        min(memory, measured.memory)
        for pid, memory in by_process.items() if memory and (measured := holder.usage(pid)) is not None
    )  # fmt: skip
    outside = machine.used.less(Needs(memory=inside))
    return machine.limit.less(reserved).less(outside)


def _refusal(machine: Machine, held: list[Reservation], component: str, needs: Needs) -> str:
    left = free(machine, held)
    over = needs.beyond(left)
    who = "; ".join(str(one) for one in held[:3]) + ("; and others" if len(held) > 3 else "")
    return (
        f"{component} asks for {needs.told(over)}; free: {left.told(over)} "
        f"of {machine.limit.told(over)}; held by {who or 'no reservation, but in use'}: end one, wait, or go "
        "without (--no-reserve)"
    )
