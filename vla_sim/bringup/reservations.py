"""Reservations of a machine's CPU, memory, disk and network, shared by all processes of a user.

They are kept in a JSON file that is read and written under a lock, so that two processes never see the same
share free. A reservation ends with `release`, when it expires, or with the process that made it. It is a
booking, not a fence: no process is kept from using more than it reserved.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec
import psutil

from vla_sim.common.errors import BusyError, InputError
from vla_sim.common.files import runtime_folder, write_whole
from vla_sim.contract.limits import NETWORK_LIMIT, RESERVATION_SECONDS, RESOURCE_SHARES

FILE = "reservations.json"
POLL = 0.25  # [s] between two tries while waiting
UNITS = {"cpu": "cores", "memory": "MB", "disk": "MB", "network": "MB/s"}
TOLERANCE = 1e-6  # rounding error that sums of amounts may have


@dataclass(frozen=True)
class Needs:
    """cpu [cores], memory [MB], disk [MB], network [MB/s]. Raises `InputError` for what is no amount."""

    cpu: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    network: float = 0.0

    def __post_init__(self) -> None:
        for name, value in self.items():
            if not (math.isfinite(value) and value >= 0.0):
                raise InputError(f"{name} {value:g} {UNITS[name]}: a number from 0 on is allowed")

    def items(self) -> list[tuple[str, float]]:
        return [(f.name, getattr(self, f.name)) for f in fields(self)]

    def __add__(self, other: Needs) -> Needs:
        return self._each(other, lambda a, b: a + b)

    def less(self, other: Needs) -> Needs:
        """What is left without the other's, at least 0."""
        return self._each(other, lambda a, b: max(0.0, a - b))

    def within(self, other: Needs) -> Needs:
        """No more of anything than the other."""
        return self._each(other, min)

    def _each(self, other: Needs, of: Callable[[float, float], float]) -> Needs:
        return Needs(**{name: of(value, getattr(other, name)) for name, value in self.items()})

    def beyond(self, limit: Needs) -> list[str]:
        """Names of the resources of which this is more than the limit."""
        return [name for name, value in self.items() if value > getattr(limit, name) + TOLERANCE]

    def text(self, names: list[str] | None = None) -> str:
        """ "0.8 cores, 2000 MB of memory": all that is not 0, or the named resources."""
        out = []
        for name, value in self.items():
            if (value > 0.0) if names is None else name in names:
                number = f"{value:.2f}".rstrip("0").rstrip(".") if name == "cpu" else f"{value:.0f}"
                out.append(f"{number} {UNITS[name]}{'' if name == 'cpu' else f' of {name}'}")
        return ", ".join(out) or "nothing"


@dataclass(frozen=True)
class Machine:
    """limit: what may be reserved of the machine. unused: the part of it that no program uses now; cores and
    network are shared among whoever wants them, so that of these only reservations count."""

    limit: Needs
    unused: Needs


def this_machine() -> Machine:
    """The machine as it is now, with the disk of the current folder."""
    memory, disk, share = psutil.virtual_memory(), psutil.disk_usage(str(Path.cwd())), RESOURCE_SHARES
    limit = Needs(
        share["cpu"] * len(os.sched_getaffinity(0)), share["memory"] * memory.total / 1e6,
        share["disk"] * disk.total / 1e6, NETWORK_LIMIT,
    )  # fmt: skip
    used = Needs(memory=(memory.total - memory.available) / 1e6, disk=disk.used / 1e6)
    return Machine(limit, limit.less(used))


ADVICE = ": end one, wait, or go without (--no-reserve)"
"""To whom is refused what others hold."""


class Reservation(msgspec.Struct, frozen=True):
    """pid, start: the process that holds it; start tells it from a later one with the same pid [clock ticks
    since boot]. began, expires: [s] of the monotonic clock; None where only its process ends it."""

    id: str
    component: str
    needs: Needs
    pid: int
    start: int
    began: float
    expires: float | None

    def __str__(self) -> str:
        return f"{self.component} (pid {self.pid}): {self.needs.text()}"

    @property
    def valid(self) -> bool:
        """Whether its process lives and its time is not over."""
        late = self.expires is not None and time.monotonic() >= self.expires
        return not late and process_start(self.pid) == self.start


class _Book(msgspec.Struct):
    """waiting: in the order of asking."""

    held: list[Reservation]
    waiting: list[Reservation]


_DECODER = msgspec.json.Decoder(_Book)


class ResourceReservationSystem:
    """path: of their file; left out, one for all processes of this user. machine: what there is."""

    def __init__(self, path: Path | None = None, machine: Callable[[], Machine] = this_machine) -> None:
        """Raises `InputError` if the file cannot be kept."""
        self.machine = machine
        try:
            self.path = path or runtime_folder() / FILE
        except OSError as error:
            raise InputError(f"reservations cannot be kept: {error}; go without: --no-reserve") from None
        self.held()

    def reserve(
        self, component: str, needs: Needs, *, seconds: float | None = RESERVATION_SECONDS,
        timeout: float = 0.0, say: Callable[[str], None] = lambda words: None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> Reservation:  # fmt: skip
        """Take a share of the machine for this process, for at most `seconds`; None: until it ends.

        timeout: how long to wait for it [s], in the order of asking. say: called once, if it has to wait.
        given_up: whether it is not wanted any more. What a process holds is for those that it starts as well:
        they hold nothing of their own. Raises `InputError` for more than the machine gives in
        all, `BusyError` if others hold it until the end.
        """
        if over := needs.beyond(limit := self.machine().limit):
            raise InputError(
                f"{component} asks for {needs.text(over)}; this machine gives {limit.text(over)} in all: ask "
                "for less"
            )
        pid, begin, said = os.getpid(), time.monotonic(), False
        start = process_start(pid) or 0
        asked = Reservation(uuid.uuid4().hex[:12], component, needs, pid, start, begin, None)
        above = {parent.pid for parent in psutil.Process().parents()}
        with self._locked() as book:
            if any(one.pid in above for one in book.held):
                return asked
            book.waiting.append(asked)
        try:
            while True:
                machine = self.machine()
                with self._locked() as book:
                    refusal = _refusal(machine, book, asked)
                    now = time.monotonic()
                    if not refusal:
                        expires = None if seconds is None else now + seconds
                        book.held.append(msgspec.structs.replace(asked, began=now, expires=expires))
                        return book.held[-1]
                if given_up() or now - begin >= timeout:
                    raise BusyError(f"{refusal} (waited {now - begin:.0f} s)" if timeout else refusal)
                if not said and now - begin >= POLL:  # not for a moment's queue
                    say(f"waiting: {refusal}")
                    said = True
                time.sleep(POLL)
        finally:
            with self._locked() as book:
                book.waiting = [one for one in book.waiting if one.id != asked.id]

    def release(self, id: str) -> None:
        """Give a share back. It does no harm if it has ended already."""
        with self._locked() as book:
            book.held = [one for one in book.held if one.id != id]

    def held(self) -> list[Reservation]:
        """All that hold, the oldest first."""
        with self._locked() as book:
            return book.held

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_Book]:
        """The file's content without what has ended; written back unless the block raises."""
        try:
            with self.path.with_suffix(".lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                book = _DECODER.decode(self.path.read_bytes()) if self.path.exists() else _Book([], [])
                book.held = [one for one in book.held if one.valid]
                book.waiting = [one for one in book.waiting if process_start(one.pid) == one.start]
                yield book
                write_whole(self.path, msgspec.json.encode(book))
        except (OSError, msgspec.DecodeError) as error:
            raise InputError(
                f"reservations cannot be kept in {self.path}: {error}; remove the file, or go without: "
                "--no-reserve"
            ) from None


def free(machine: Machine, held: list[Reservation]) -> Needs:
    """What may still be reserved: the limit without what is reserved, and not more than is unused now."""
    return machine.limit.less(sum((one.needs for one in held), Needs())).within(machine.unused)


def _refusal(machine: Machine, book: _Book, asked: Reservation) -> str:
    """Why a share cannot be had now; "" if it can."""
    left = free(machine, book.held)
    over, first = asked.needs.beyond(left), book.waiting[0]
    if not over and first.id == asked.id:
        return ""
    if not over:
        return f"{asked.component} asks for {asked.needs.text()}; {first.component} asked first"
    who = "; ".join(str(one) for one in book.held[:3]) + ("; and others" if len(book.held) > 3 else "")
    return (
        f"{asked.component} asks for {asked.needs.text(over)}; free: {left.text(over)} of "
        f"{machine.limit.text(over)}; held by {who or 'no reservation, but in use'}{ADVICE}"
    )


def process_start(pid: int) -> int | None:
    """When a process began [clock ticks since boot]; None if it has ended (proc(5), stat)."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in "ZX" else int(words[19])
