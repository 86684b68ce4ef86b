"""Load on the machine as a scenario's fault: the processes that make it, and what is judged of it."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace

import psutil
import pytest
from report_records import Page, record
from test_checks import good

from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.errors import InputError
from vla_sim.contract import records
from vla_sim.contract.limits import LOAD_LEVELS
from vla_sim.scenario import load
from vla_sim.scenario.checks import motion, performance
from vla_sim.scenario.machine_load import SHARED_MEMORY, MachineLoad
from vla_sim.scenario.preparation import stack_options
from vla_sim.scenario.record import LoadChange
from vla_sim.scenario.recording import Given
from vla_sim.scenario.report import html_report

pytestmark = pytest.mark.integration

TEXT = """
version: 1
proves: What the test says it does.
pace: clock
script:
  - {do: type, words: Turn left}
faults:
  - {fault: cpu, seconds: 5, amount: 3, when: {at: 2}}
"""


def shed(before, level, mono=1.0):
    return records.Load(
        level=level, name=LOAD_LEVELS[level].name, before=before, cause="cpu 99 % for 3 s", since=mono,
        cpu=99.0, memory=1.0, missed=0.0, stamp=mono, mono=mono,
    )  # fmt: skip


def test_load_is_ended_with_the_fault():
    load = MachineLoad("cpu", 2.0)
    pids = load.running
    assert len(pids) == 2
    load.close()
    load.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_load_ends_with_a_run_that_is_killed():
    code = (
        "from vla_sim.scenario.machine_load import SHARED_MEMORY, MachineLoad\n"
        "load = MachineLoad('cpu', 1.0)\nprint(load.running[0], flush=True)\ninput()"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    busy = psutil.Process(int(run.stdout.readline()))
    run.kill()
    run.wait()
    busy.wait(20.0)


@pytest.mark.parametrize(("kind", "free"), [
    ("memory", lambda: psutil.virtual_memory().available),
    ("disk", lambda: shutil.disk_usage(tempfile.gettempdir()).free),
    ("shared_memory", lambda: shutil.disk_usage(SHARED_MEMORY).free),
])  # fmt: skip
def test_what_is_taken_is_given_back_and_no_more_than_there_is(kind, free):
    amount = 20.0 if kind == "shared_memory" else 300.0
    before = free()
    load = MachineLoad(kind, amount)
    load.wait()
    (pid,) = load.running
    if kind == "memory":
        assert psutil.Process(pid).memory_info().rss > 1e6 * amount
    else:
        assert before - free() > 0.5e6 * amount  # others write meanwhile
    load.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(InputError, match="can be taken"):
        MachineLoad(kind, 1e9)


def test_a_scenario_about_load_is_played_at_the_clocks_pace(tmp_path):
    scenario = load.loads(TEXT)
    assert stack_options(scenario, StackOptions(speed=0.0), tmp_path).speed == 1.0
    assert stack_options(scenario, StackOptions(speed=0.5), tmp_path).speed == 0.5
    free = load.loads(
        TEXT.replace("pace: clock\n", "")
        .replace("fault: cpu", "fault: freeze, of: voice")
        .replace(", amount: 3", "")
    )
    assert stack_options(free, StackOptions(speed=0.0), tmp_path).speed == 0.0


def test_load_is_judged_by_how_far_it_was_shed_and_that_it_came_back():
    run = good()
    first, second = performance.Load(at_least=2).judge(run)
    assert not first.passed
    assert not second.passed
    run.recording.loads[:] = [(3.0, shed(0, 1)), (5.0, shed(1, 2)), (8.0, shed(2, 1)), (9.0, shed(1, 0))]
    assert all(c.passed for c in performance.Load(at_least=2).judge(run))
    assert not performance.Load(at_least=3).judge(run)[0].passed
    run.recording.loads.pop()
    assert [c.passed for c in performance.Load(at_least=2).judge(run)] == [True, False]
    assert len(performance.Load(at_least=2, restored=False).judge(run)) == 1


def test_a_stop_is_judged_until_the_next_command():
    run = good(x=(0.0, 4.0))
    spec = motion.StopsWithin(command=1, distance=0.2, seconds=0.1)
    assert not spec.judge(run).passed
    heard = run.recording.understood[run.commands[0].command_id]
    walks = Given("go on", "next", True, heard + 0.2, ())
    assert spec.judge(replace(run, commands=(*run.commands, walks))).detail.startswith("0.0")


def test_a_gap_of_the_gate_is_judged_by_the_limit_that_is_given():
    run = good()
    begin, end = run.begin, run.recording.truths[-1].stamp
    run.recording.velocities[:] = [begin + 0.02 * k for k in range(round((end - begin) / 0.02) + 1)]
    del run.recording.velocities[100:103]
    assert not performance.Rate(of="control", at_least=50.0).judge(run).passed
    assert performance.Rate(of="control", at_least=50.0, gap=0.1).judge(run).passed
    assert not performance.Rate(of="control", at_least=50.0, gap=0.07).judge(run).passed


def test_a_report_shows_how_load_was_shed():
    change = LoadChange(stamp=4.0, level=1, name="background", cause="cpu 99 %")
    with_load = html_report.render([record(load=[change])])
    assert "load shed [level]" in with_load
    assert "load shed at most 1 level at 4.0 s" in with_load
    assert ">1 level<" in with_load
    assert "load shed [level]" not in html_report.render([record()])
    Page(with_load)


def test_the_shipped_scenario_says_what_it_needs():
    (path,) = [p for p in load.shipped() if p.stem == "cpu_load"]
    scenario = load.load(path).scenario
    assert scenario.pace == "clock"
    assert [one.fault for one in scenario.faults] == ["cpu"]
