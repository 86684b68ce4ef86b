"""Nodes are started, watched and ended; here they are tiny programs instead of ROS nodes."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from waiting import wait_for

from vla_sim.bringup.fork_server import Fork
from vla_sim.bringup.node_table import NodeSpec, StackOptions
from vla_sim.bringup.supervisor import Domain, Stack
from vla_sim.common.errors import EngineError, InputError, MissingError, StackError
from vla_sim.common.signals import ENDING

pytestmark = pytest.mark.integration

PROGRAMS = {
    "patient": "import time\ndef main():\n    print('here')\n    while True: time.sleep(0.1)\n",
    "stubborn": "import signal, time\ndef main():\n    for s in (2, 15): signal.signal(s, signal.SIG_IGN)\n"
    "    print('here')\n    while True: time.sleep(0.1)\n",
    "broken": "def main():\n    print('error: the camera is on fire')\n    return 3\n",
    "parent": "import subprocess, sys, time\ndef main():\n    code = 'import time; time.sleep(600)'\n"
    "    subprocess.Popen([sys.executable, '-c', code])\n    print('here')\n"
    "    while True: time.sleep(0.1)\n",
}


@pytest.fixture(autouse=True)
def _programs(tmp_path, monkeypatch):
    for name, code in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("ROS_DOMAIN_ID", "FASTRTPS_DEFAULT_PROFILES_FILE", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))


def stack(tmp_path, *names):
    specs = tuple(NodeSpec(name, name) for name in names)
    return Stack(StackOptions(), tmp_path / "run", specs=specs)


def test_leaving_ends_every_process_and_its_children(tmp_path):
    with stack(tmp_path, "patient", "parent") as running:
        wait_for(lambda: all(p.last == "here" for p in running.processes))
        pids = [p.fork.pid for p in running.processes]
        family = [c for pid in pids for c in (psutil.Process(pid), *psutil.Process(pid).children())]
        assert len(family) == 3
    wait_for(lambda: not any(p.is_running() and p.status() != "zombie" for p in family))


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_between_a_nodes_start_and_its_entry_leaves_no_node(tmp_path, monkeypatch, number):
    begun = []

    def begin(*arguments, **options):
        begun.append(Fork(*arguments, **options))
        signal.raise_signal(number)
        return begun[-1]

    monkeypatch.setattr("vla_sim.bringup.supervisor.Fork", begin)
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), stack(tmp_path, "patient", "patient"):
            pass
    finally:
        signal.signal(number, before)
    assert len(begun) == 1, "it starts no further one"
    assert begun[0].poll() is not None


def test_a_node_that_ignores_signals_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("vla_sim.bringup.supervisor.GRACE", 0.3)
    with stack(tmp_path, "stubborn") as running:
        wait_for(lambda: running.processes[0].last == "here")
    assert running.alive() == []


@pytest.mark.parametrize(("code", "kind"), [(1, StackError), (3, MissingError), (4, EngineError)])
def test_a_dead_node_is_named_with_its_last_words(tmp_path, code, kind):
    (tmp_path / "broken.py").write_text(PROGRAMS["broken"].replace("return 3", f"return {code}"))
    with stack(tmp_path, "patient", "broken") as running:
        wait_for(lambda: running.processes[1].fork.poll() is not None)
        with pytest.raises(kind, match="broken ended: the camera is on fire") as error:
            running.check()
        assert str(tmp_path) in str(error.value)


def test_output_goes_to_a_log_a_node(tmp_path):
    with stack(tmp_path, "patient") as running:
        wait_for(lambda: running.processes[0].last == "here")
    assert (tmp_path / "run" / "logs" / "patient.log").read_text().startswith("here\n")


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "run").write_text("a file is in the way")
    with pytest.raises(StackError, match="cannot write to"), stack(tmp_path, "patient"):
        pass


def test_nodes_end_when_the_supervisor_is_killed(tmp_path):
    code = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(tmp_path)!r})
        from vla_sim.bringup.node_table import NodeSpec, StackOptions
        from vla_sim.bringup.supervisor import Stack
        specs = (NodeSpec("patient", "patient"),)
        running = Stack(StackOptions(), Path({str(tmp_path / "run")!r}), specs=specs)
        running.start()
        print(running.processes[0].fork.pid, flush=True)
        time.sleep(600)
    """
    line = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as supervisor:
        node = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.send_signal(signal.SIGKILL)
        wait_for(lambda: not node.is_running() or node.status() == "zombie")


def test_two_runs_never_share_a_domain():
    first, second = Domain(), Domain()
    try:
        assert first.id != second.id
        with pytest.raises(StackError, match=f"domain {first.id} is in use"):
            Domain(first.id)
    finally:
        first.release()
        second.release()


def test_a_domain_that_another_user_had_is_free_again(monkeypatch):
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o1777)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        Domain(78).release()
        (lock,) = Path(folder).iterdir()
        lock.chmod(0o444)  # as the one who is not root sees it
        if root:
            os.seteuid(65534)
        try:
            Domain(78).release()
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.parametrize("port", [0, 10])
def test_a_domain_that_another_program_uses_is_not_taken(port):
    """Also one in which the participant that came first has gone and others are left: they share a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(port == 0))
        other.bind(("", 7400 + 250 * 77 + port))
        with pytest.raises(StackError, match="domain 77 is in use"):
            Domain(77)


def test_a_robots_domain_may_have_its_drivers_in_it():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as driver:
        driver.bind(("", 7400 + 250 * 79 + 10))
        with pytest.raises(StackError, match="in use by another program"):
            Domain(79)
        joined = Domain(79, joined=True)
        with pytest.raises(StackError, match="in use"):  # by the stack that is in it
            Domain(79, joined=True)
        joined.release()


def test_a_domain_is_a_number_that_ros_knows():
    with pytest.raises(InputError, match="from 0 to 232"):
        Domain(500)


def test_a_run_goes_on_when_what_only_watches_has_ended(tmp_path):
    specs = (NodeSpec("patient", "patient"), NodeSpec("broken", "broken", observer=True))
    told = []

    def echo(name, text):
        told.append((name, text))

    run = Stack(StackOptions(), tmp_path / "run", specs=specs, echo=echo)
    assert run.names == ("patient",)
    with run as running:
        wait_for(lambda: running.processes[1].fork.poll() is not None)
        running.check()
        running.check()
    warnings = [text for name, text in told if name == "broken" and text.startswith("[WARN]")]
    assert warnings == ["[WARN] ended: the camera is on fire; the run goes on without it"]


def test_a_program_of_the_users_own_runs_in_a_nodes_place_and_ends_with_the_others(tmp_path):
    code = "import sys, time; print(*sys.argv[1:], flush=True); time.sleep(600)"
    spec = NodeSpec("mine", "vla_sim.stages.language.node", "LanguageParams")
    own = replace(spec, command=(sys.executable, "-c", code))
    with Stack(StackOptions(world="tabletop"), tmp_path / "run", specs=(own,)) as running:
        wait_for(lambda: running.processes[0].last)
        said = running.processes[0].last
        process = psutil.Process(running.processes[0].fork.pid)
    assert said == '--ros-args -r __node:=mine -p use_sim_time:=true -p world:="tabletop"'
    wait_for(lambda: not process.is_running() or process.status() == "zombie")


@pytest.mark.parametrize(("line", "why"), [
    (("no-such-program",), "no-such-program cannot be run: No such file or directory"),
    ((sys.executable, "no_such_file.py"), "can't open file .*no_such_file.py"),
])  # fmt: skip
def test_a_program_that_cannot_run_is_named(tmp_path, line, why):
    spec = replace(NodeSpec("mine", "vla_sim.stages.language.node", "LanguageParams"), command=line)
    with Stack(StackOptions(), tmp_path / "run", specs=(spec,)) as running:
        wait_for(lambda: running.processes[0].fork.poll() is not None)
        with pytest.raises(StackError, match=why):
            running.check()


MORTAL = """
import pathlib, signal, sys, time
LIVES = pathlib.Path({lives!r})
def main():
    with LIVES.open("a") as lives:
        lives.write("x")
    print("here", flush=True)
    if LIVES.stat().st_size <= {deaths}:
        raise RuntimeError("no more")
    while True: time.sleep(0.1)
"""


def mortal(tmp_path, deaths):
    code = MORTAL.format(lives=str(tmp_path / "lives"), deaths=deaths)
    (tmp_path / "mortal.py").write_text(code)


@pytest.mark.parametrize("observer", [False, True])
def test_a_node_that_dies_is_started_again_and_its_log_goes_on(tmp_path, monkeypatch, observer):
    monkeypatch.setattr("vla_sim.bringup.backoff.FIRST_DELAY", 0.1)
    mortal(tmp_path, 2)
    told: list[str] = []
    specs = (NodeSpec("patient", "patient"), NodeSpec("mortal", "mortal", observer=observer))
    run = Stack(StackOptions(), tmp_path / "run", specs=specs, echo=lambda name, text: told.append(text))
    with run as running:
        first = running.processes[1].fork.pid

        def alive_again():
            running.check()
            return running.restarts["mortal"] == 2 and running.processes[1].last == "here"

        wait_for(alive_again)
        assert running.processes[1].fork.pid != first
        assert sorted(running.alive()) == ["mortal", "patient"]
    warnings = [text for text in told if text.startswith("[WARN]")]
    assert warnings == ["[WARN] ended: RuntimeError: no more; it is started again in 0 s"] * 2
    log = (tmp_path / "run" / "logs" / "mortal.log").read_text()
    assert log.splitlines().count("here") == 3
    assert "Traceback" in log


def test_a_node_that_always_dies_is_given_up_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("vla_sim.bringup.backoff.FIRST_DELAY", 0.01)
    mortal(tmp_path, 100)
    specs = (NodeSpec("mortal", "mortal"),)

    def watch(running):
        wait_for(lambda: running.check() or running.restarts["mortal"] > 100)

    with (
        Stack(StackOptions(), tmp_path / "run", specs=specs) as running,
        pytest.raises(StackError, match="mortal ended, 5 times: RuntimeError: no more"),
    ):
        watch(running)


@pytest.mark.parametrize(("name", "speed"), [("engine", 1.0), ("patient", 0.0)])
def test_neither_an_engine_nor_a_node_in_lock_step_is_started_again(tmp_path, name, speed):
    specs = (NodeSpec(name, "patient"),)
    with Stack(StackOptions(speed=speed), tmp_path / "run", specs=specs) as running:
        running.kill(name, restart=True)
        with pytest.raises(StackError, match=f"{name} ended: killed by SIGKILL"):
            running.check()


def test_what_a_scenario_kills_stays_dead_unless_it_asks_for_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr("vla_sim.bringup.backoff.FIRST_DELAY", 0.01)
    with stack(tmp_path, "patient", "parent") as running:
        running.kill("patient")
        running.kill("parent", restart=True)

        def back():
            running.check()
            return "parent" in running.alive()

        wait_for(back)
        assert running.alive() == ["parent"]


def test_a_killed_nodes_shared_memory_is_given_back_at_the_end(tmp_path):
    segment = Path(f"/dev/shm/fastrtps_{tmp_path.name}_{os.getpid()}")
    code = f"""
import fcntl, pathlib, time
def main():
    pathlib.Path({str(segment)!r}).write_bytes(b"images")
    with open({f"{segment}_el"!r}, "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        print("here", flush=True)
        while True: time.sleep(0.1)
"""
    (tmp_path / "sharing.py").write_text(code)
    with stack(tmp_path, "sharing") as running:
        wait_for(lambda: running.processes[0].last == "here")
        running.kill("sharing")
        assert segment.exists()
    assert not segment.exists()


def test_safety_goes_down_after_the_others_and_the_engine_last(tmp_path):
    code = """
import pathlib, signal, sys, time
def main():
    name = next(a for a in sys.argv if a.startswith("__node:=")).removeprefix("__node:=")
    def end(*_):
        time.sleep(0.2)
        with open({ends!r}, "a") as ends:
            ends.write(name + " ")
        sys.exit(0)
    signal.signal(signal.SIGINT, end)
    print("here", flush=True)
    while True: time.sleep(0.05)
"""
    (tmp_path / "slow.py").write_text(code.format(ends=str(tmp_path / "ends")))
    specs = tuple(NodeSpec(name, "slow") for name in ("engine", "voice", "safety", "executive"))
    with Stack(StackOptions(), tmp_path / "run", specs=specs) as running:
        wait_for(lambda: all(p.last == "here" for p in running.processes))
    ended = (tmp_path / "ends").read_text().split()
    assert ended[2:] == ["safety", "engine"]
    assert sorted(ended[:2]) == ["executive", "voice"]


@pytest.mark.parametrize("number", ENDING)
def test_a_second_signal_leaves_no_node_behind(tmp_path, number):
    code = """
import signal, sys, time
def main():
    def end(*_):
        time.sleep(0.3)
        sys.exit(0)
    signal.signal(signal.SIGINT, end)
    print("here", flush=True)
    while True: time.sleep(0.05)
"""
    (tmp_path / "slow.py").write_text(code)
    specs = tuple(NodeSpec(name, "slow") for name in ("engine", "safety", "voice"))
    before = signal.signal(number, signal.default_int_handler)
    try:
        with Stack(StackOptions(), tmp_path / "run", specs=specs) as running:
            wait_for(lambda: all(p.last == "here" for p in running.processes))
            threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
            running.stop()
            assert signal.getsignal(number) is signal.default_int_handler
        assert running.alive() == []
    finally:
        signal.signal(number, before)
