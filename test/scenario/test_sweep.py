"""No run is lost or counted twice: processes that die, tries, interruptions."""

import sys
import threading
import time

import msgspec
import pytest
from report_records import record
from rich.console import Console

from vla_sim.bringup.fork_server import OWN_PROGRAM
from vla_sim.cli.main import main
from vla_sim.common.errors import InputError, StackError
from vla_sim.scenario.preparation import kept
from vla_sim.scenario.sequential import Stopping
from vla_sim.scenario.sweep import processes as processes_module
from vla_sim.scenario.sweep import shards, tasks
from vla_sim.scenario.sweep.processes import Processes
from vla_sim.scenario.sweep.tasks import Task
from vla_sim.scenario.sweep.tasks import play as play_all

pytestmark = pytest.mark.integration

PLAYER = """
import os, pathlib, signal, sys, time
folder = pathlib.Path({folder!r}); folder.mkdir(parents=True, exist_ok=True)
count = len(list(folder.glob("life-*"))); (folder / f"life-{{count}}").touch()
what = {plan!r}[min(count, len({plan!r}) - 1)]
if what == "die": os.kill(os.getpid(), signal.SIGKILL)
if what == "wrong":
    print("error: no such world", file=sys.stderr); sys.exit(2)
if what == "slow":
    (folder / "slow").touch()
    try: time.sleep(60)
    except KeyboardInterrupt: sys.exit(130)
(folder / "record.json").write_bytes(pathlib.Path({source!r}, what).read_bytes())
sys.exit(0 if what == "pass" else 1)
"""


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Makes tasks whose processes do what a plan says: die, pass, fail, wrong, slow."""
    plans = {}

    def command(task, attempt, arguments, folder):
        plan = plans[task.name][attempt - 1]
        source = tmp_path / "source" / task.name / str(task.seed)
        source.mkdir(parents=True, exist_ok=True)
        for what in ("pass", "fail"):
            one = record(
                seed=task.seed, reasons=[] if what == "pass" else ["fell"], scenario=task.name,
                engine=task.engine, attempt=attempt, folder=str(folder),
            )  # fmt: skip
            (source / what).write_bytes(msgspec.json.encode(one))
        code = PLAYER.format(folder=str(folder), plan=plan, source=str(source))
        return [OWN_PROGRAM, sys.executable, "-c", code]

    monkeypatch.setattr(processes_module, "command", command)

    def make(name, *tries, seed=0):
        plans[name] = [one.split() for one in tries]
        return Task("x.yaml", name, "mujoco", seed, len(tries), tmp_path / "out")

    return make


def results(tasks, jobs=2, tmp=None):
    found, ended = play_all(tasks, processes_module.local([], jobs), tmp, Console(quiet=True))
    if ended is not None:
        raise ended
    return found


def test_every_run_is_there_once_in_the_order_of_its_tasks(play, tmp_path):
    tasks = [play(name, plan) for name, plan in (("a", "pass"), ("b", "fail"), ("c", "pass"))]
    found = results(tasks, tmp=tmp_path)
    assert [(r.scenario, r.passed, r.attempt) for r in found] == [
        ("a", True, 1), ("b", False, 1), ("c", True, 1),
    ]  # fmt: skip
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 3


def test_a_sweep_into_the_folder_of_another_leaves_its_own_runs_alone(play, tmp_path):
    results([play("a", "pass", seed=seed) for seed in range(2)], tmp=tmp_path)
    results([play("a", "fail")], tmp=tmp_path)
    assert [(r.seed, r.passed) for r in shards.records(tmp_path)] == [(0, False)]


def test_a_killed_run_is_done_again_and_is_no_second_try(play, tmp_path):
    (found,) = results([play("a", "die die pass")], tmp=tmp_path)
    assert (found.passed, found.attempt) == (True, 1)


def test_a_run_that_always_dies_ends_the_sweep(play, tmp_path):
    with pytest.raises(StackError, match="a, seed 0: its process died 3 times"):
        results([play("a", "die")], tmp=tmp_path)


def test_a_second_try_is_told_of(play, tmp_path):
    (found,) = results([play("a", "fail", "pass")], tmp=tmp_path)
    assert (found.passed, found.attempt) == (True, 2)
    (found,) = results([play("b", "fail", "fail")], tmp=tmp_path)
    assert (found.passed, found.attempt) == (False, 2)


def test_wrong_input_is_said_at_once(play, tmp_path):
    with pytest.raises(InputError, match="a: no such world"):
        results([play("a", "wrong")], tmp=tmp_path)


@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_a_sweep_that_stops_early_says_what_its_full_twin_says(play, tmp_path, outcome):
    tasks = [play("a", outcome, seed=seed) for seed in range(16)]
    full, early = Stopping(tasks, 0.5), Stopping(tasks, 0.5)
    everything, _ = play_all(
        tasks, processes_module.local([], 2), tmp_path, Console(quiet=True), played=full.add
    )
    one_by_one = processes_module.local([], 1)
    some, _ = play_all(
        tasks, one_by_one, tmp_path, Console(quiet=True), wanted=early.wanted, played=early.add
    )
    assert len(everything) == 16
    assert 7 <= len(some) < 16, "seven decide; meanwhile others begin"
    assert early.decisions() == full.decisions()
    assert early.decisions()["a", "mujoco"].side == ("above" if outcome == "pass" else "below")


def test_what_was_played_before_an_interruption_is_kept(play, tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    both, one = [play("a", "pass"), play("b", "slow")], processes_module.local([], 1)
    before = time.monotonic()
    found, ended = play_all(both, one, tmp_path, Console(quiet=True), played=interrupt)
    assert [r.scenario for r in found] == ["a"]
    assert isinstance(ended, KeyboardInterrupt)
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 1
    assert time.monotonic() - before < 50.0, "the other one would sleep for 60 s"


@pytest.mark.parametrize(("ended", "code"), [(KeyboardInterrupt(), 130), (StackError("b: it died"), 5)])
def test_a_sweep_that_ends_early_leaves_its_report(tmp_path, monkeypatch, capsys, ended, code):
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("version: 1\nproves: It can be read.\nscript: [{do: type, words: stop, means: []}]\n")
    monkeypatch.setattr(tasks, "play", lambda *_: ([record(scenario="mine")], ended))
    how = ("--seeds", "3", "--no-reserve", "--out", str(tmp_path / "out"))
    assert main(["test", str(scenario), *how, "--junit", str(tmp_path / "junit.xml")]) == code
    assert "ended before the last run" in (tmp_path / "out" / "report.html").read_text()
    assert "seed 0" in (tmp_path / "junit.xml").read_text()
    assert "2 of 3 runs were not played" in capsys.readouterr().out


def test_an_interruption_leaves_no_process(play, tmp_path):
    task = play("a", "slow")
    processes = Processes()
    errors = []

    def one():
        try:
            processes.play(task, 1, [])
        except (StackError, KeyboardInterrupt) as error:
            errors.append(error)

    thread = threading.Thread(target=one)
    thread.start()
    folder = task.folder(1)
    while not (folder / "slow").exists():
        assert thread.is_alive()
    (running,) = processes.running
    processes.end()
    thread.join(20.0)
    assert not thread.is_alive()
    assert [type(e) for e in errors] == [KeyboardInterrupt]
    assert running.poll() is not None


def test_what_begins_while_the_sweep_ends_ends_with_it(play, monkeypatch):
    task, processes, begun = play("a", "slow"), Processes(), []

    class Late(processes_module.Fork):
        def __init__(self, *how, **more):
            super().__init__(*how, **more)
            while not (task.folder(1) / "slow").exists():
                assert self.poll() is None
            processes.end()
            begun.append(self)

    monkeypatch.setattr(processes_module, "Fork", Late)
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        processes.play(task, 1, [])
    assert time.monotonic() - before < 50.0, "it would sleep for 60 s"
    assert [one.poll() for one in begun] == [130]


def test_a_run_that_does_not_end_is_an_error_and_no_interruption(play, monkeypatch, tmp_path):
    monkeypatch.setattr(processes_module, "RUN_TIMEOUT", 3.0)
    with pytest.raises(StackError, match="a, seed 0: not over after 3 s, and ended"):
        results([play("a", "slow")], tmp=tmp_path)


@pytest.mark.parametrize(
    ("which", "of"), [("all", (True, True)), ("failures", (False, True)), ("none", (False, False))]
)
def test_recordings_and_pictures_are_kept_of_the_runs_that_were_asked_for(which, of):
    assert (kept(which, True), kept(which, False)) == of


def test_a_broken_record_is_an_error(tmp_path):
    (tmp_path / "record.json").write_text("{")
    with pytest.raises(StackError, match="no record of a run"):
        tasks.read(tmp_path / "record.json")


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StackError, match="choose another with --out"):
        results([], tmp=tmp_path / "file")
