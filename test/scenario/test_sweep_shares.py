"""Who reserves: sweeps and runs, and what `vla-sim resources` shows of it."""

import json
import os
import sys
import threading

import msgspec
import pytest
from report_records import record
from rich.console import Console
from waiting import wait_for

from vla_sim.bringup import reservations
from vla_sim.bringup.fork_server import OWN_PROGRAM
from vla_sim.bringup.reservations import FILE, Machine, Needs, ResourceReservationSystem
from vla_sim.cli import common
from vla_sim.cli.main import main
from vla_sim.common.errors import BusyError
from vla_sim.scenario import load
from vla_sim.scenario.sweep import processes as processes_module
from vla_sim.scenario.sweep import tasks
from vla_sim.scenario.sweep.processes import Processes
from vla_sim.scenario.sweep.tasks import ALL, CLOCK, LOCKSTEP, Task
from vla_sim.scenario.sweep.tasks import play as play_all

pytestmark = pytest.mark.integration

LIMIT = Needs(1.6, 8000.0, 90_000.0, 100.0)
BOX = Machine(LIMIT, LIMIT)
PLAYER = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1]); folder.mkdir(parents=True, exist_ok=True)
(folder / "began").touch()
end = time.monotonic() + 60.0
while not pathlib.Path(sys.argv[3]).exists() and time.monotonic() < end: time.sleep(0.01)
(folder / "record.json").write_bytes(pathlib.Path(sys.argv[2]).read_bytes())
"""


@pytest.fixture
def book(tmp_path):
    return ResourceReservationSystem(tmp_path / FILE, lambda: BOX)


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Makes tasks whose processes run until the file `go` is there."""
    gate = tmp_path / "go"

    def command(task, attempt, arguments, folder):
        source = tmp_path / f"{task.name}.json"
        one = record(scenario=task.name, seed=task.seed, folder=str(folder))
        source.write_bytes(msgspec.json.encode(one))
        return [OWN_PROGRAM, sys.executable, "-c", PLAYER, str(folder), str(source), str(gate)]

    monkeypatch.setattr(processes_module, "command", command)

    def make(name, needs=LOCKSTEP, seed=0):
        return Task("x.yaml", name, "mujoco", seed, 1, tmp_path / "out", needs)

    return make


def test_two_sweeps_on_one_machine_do_not_overbook_it(play, book, tmp_path):
    """Two that want two runs at once each, on a machine that has room for two."""
    said, found = [], []

    def run(name):
        runner = processes_module.local([], 2, ResourceReservationSystem(book.path, lambda: BOX), said.append)
        tasks = [play(f"{name}{k}") for k in range(2)]
        found.extend(play_all(tasks, runner, tmp_path / name, Console(quiet=True))[0])

    sweeps = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for one in sweeps:
        one.start()
    wait_for(lambda: len(list((tmp_path / "out").glob("*/*/began"))) == 2 and len(said) > 0)
    held = book.held()
    assert sum(r.needs.cpu for r in held) == pytest.approx(1.6)
    assert len(list((tmp_path / "out").glob("*/*/began"))) == 2
    (tmp_path / "go").touch()
    for one in sweeps:
        one.join(60.0)
    assert len(found) == 4
    assert book.held() == []
    assert 1 <= len(said) <= 2  # a line a sweep
    assert "asks for 0.8 cores" in said[0]


def test_a_run_that_waits_in_vain_ends_the_sweep_with_a_word(play, book):
    book.reserve("somebody", Needs(cpu=1.6))
    processes = Processes(resources=book, timeout=0.3)
    with pytest.raises(BusyError, match=r"a on mujoco, seed 0 asks for 0.8 cores.*held by somebody.*waited"):
        processes.play(play("a"), 1, [])


def test_an_interruption_ends_the_waiting(play, book):
    book.reserve("somebody", Needs(cpu=1.6))
    processes = Processes(resources=book, say=lambda _: processes.end())
    with pytest.raises(KeyboardInterrupt):
        processes.play(play("a"), 1, [])


def test_what_needs_more_than_there_is_takes_all(play, book, tmp_path):
    (tmp_path / "go").touch()
    seen = []
    processes = Processes(resources=book)
    reserve = book.reserve
    book.reserve = lambda name, needs, **more: seen.append(needs) or reserve(name, needs, **more)
    processes.play(play("alone", ALL), 1, [])
    assert seen[0].cpu == 1.6
    assert book.held() == []


def test_the_process_of_a_run_is_told_what_is_reserved_for_it(play, book, tmp_path, monkeypatch):
    (tmp_path / "go").touch()
    told, made = [], processes_module.command

    def command(task, attempt, arguments, folder):
        told.append(arguments)
        return made(task, attempt, arguments, folder)

    monkeypatch.setattr(processes_module, "command", command)
    Processes(resources=book).play(play("a"), 1, ["--no-reserve"])
    assert told == [["--no-reserve", "--reserved", "0.8 cores, 2000 MB of memory, 20 MB of disk"]]


def test_without_a_registry_nothing_is_reserved(play, book, tmp_path):
    (tmp_path / "go").touch()
    assert Processes().play(play("a"), 1, []).passed
    assert book.held() == []


def test_what_a_run_takes_follows_from_how_it_is_played():
    scenarios = {p.stem: load.load(p).scenario for p in load.shipped()}
    assert tasks.needs(scenarios["fetch_cup"], 0.0) == LOCKSTEP
    assert tasks.needs(scenarios["fetch_cup"], 1.0) == CLOCK
    assert tasks.needs(scenarios["cpu_load"], 0.0) == ALL


@pytest.fixture
def ours(tmp_path, monkeypatch):
    """The registry that commands use."""
    monkeypatch.setattr(reservations, "runtime_folder", lambda: tmp_path)
    return ResourceReservationSystem()


def test_a_run_that_a_person_looks_at_is_never_kept_waiting(ours, capsys):
    console = Console(highlight=False, width=300)
    with common.reserved(True, "run", CLOCK, console) as words:
        assert [r.component for r in ours.held()] == ["run"]
        assert words == CLOCK.within(ours.machine().limit).text()
    assert ours.held() == []
    ours.reserve("sweep", Needs(cpu=ours.machine().limit.cpu))
    with common.reserved(True, "run", CLOCK, console) as words:
        assert [r.component for r in ours.held()] == ["sweep"]
        assert words == ""
    assert "goes on without a reservation: run asks for" in capsys.readouterr().out
    with common.reserved(False, "run", CLOCK, console):
        assert [r.component for r in ours.held()] == ["sweep"]
    assert capsys.readouterr().out == ""


def test_reservations_are_listed_and_released(ours, capsys):
    assert main(["resources"]) == 0
    assert "nothing is reserved" in capsys.readouterr().out
    held = ours.reserve("sweep", Needs(cpu=0.5, memory=10.0))
    assert main(["resources", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert f"{held.id}  sweep (pid {os.getpid()}): 0.5 cores, 10 MB of memory" in captured.err
    told = json.loads(captured.out)
    assert told["reservations"][0]["needs"]["cpu"] == 0.5
    assert told["limit"]["cpu"] - told["free"]["cpu"] == pytest.approx(0.5)
    assert main(["resources", "--release", held.id]) == 0
    assert main(["resources", "--release", held.id]) == 2
    assert "no such reservation" in capsys.readouterr().err
    assert ours.held() == []
