"""A node that is forked is what it would be as a program of its own."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest
from waiting import wait_for

from vla_sim.bringup import fork_server, node_table
from vla_sim.bringup.fork_server import Fork
from vla_sim.common.errors import StackError

pytestmark = pytest.mark.integration

PROGRAM = """
import json, os, sys
def main():
    print(json.dumps([sys.argv, dict(os.environ), os.getcwd(), os.getsid(0) == os.getpid()]), flush=True)
    print("to stderr", file=sys.stderr)
    os.system("echo from a child")
    return 7
"""
PATIENCE = 60.0  # [s] the server loads everything first


@pytest.fixture(autouse=True)
def _compute_threads(monkeypatch):
    for name in fork_server.compute_threads.VARIABLES:
        monkeypatch.setenv(name, "1")


@pytest.fixture
def program(tmp_path, monkeypatch):
    def made(code):
        (tmp_path / "some_node.py").write_text(textwrap.dedent(code))
        monkeypatch.syspath_prepend(str(tmp_path))
        return "some_node"

    return made


def test_ctrl_c_while_the_server_loads_is_for_the_caller_alone(program, tmp_path):
    program("""
        import signal
        def main():
            print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
            print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    """)
    code = """
        import os, signal, sys
        from multiprocessing import forkserver
        from vla_sim.bringup import fork_server
        fork_server.prepare()
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGINT)
        fork = fork_server.Fork("some_node", [], dict(os.environ))
        print(fork.output.read().decode(), fork.wait(60))
    """
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, "PYTHONPATH": path}, text=True,
        capture_output=True, timeout=2 * PATIENCE, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split() == ["True", "set()", "0"]


@pytest.mark.parametrize("loading", [True, False])
def test_who_waits_for_a_program_waits_for_all_that_it_started(program, tmp_path, loading):
    code = """
        import os, psutil, sys
        from vla_sim.bringup import fork_server
        fork_server.prepare()
        if len(sys.argv) > 1:
            fork_server.Fork("some_node", [], dict(os.environ)).wait(60)
        print(*(one.pid for one in psutil.Process().children(recursive=True)))
    """
    program("def main(): pass")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *([] if loading else ["loaded"])],
        env={**os.environ, "PYTHONPATH": path}, text=True, capture_output=True, timeout=2 * PATIENCE,
        check=False,
    )  # fmt: skip
    assert done.stderr == ""
    pids = [int(one) for one in done.stdout.split()]
    assert len(pids) == 2, "the server, and multiprocessing's tracker"
    assert not any(psutil.pid_exists(one) for one in pids)


def test_it_has_its_own_arguments_environment_folder_session_and_output(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = {"ONLY": "this", "PATH": os.environ["PATH"]}
    fork = Fork(program(PROGRAM), ["--ros-args", "-p", "a:=b c"], own)
    said = fork.output.read().decode()
    assert fork.wait(PATIENCE) == 7
    argv, environment, folder, leads = json.loads(said.splitlines()[0])
    assert argv == ["some_node", "--ros-args", "-p", "a:=b c"]
    assert environment == own
    assert folder == str(tmp_path)
    assert leads
    assert said.splitlines()[1:] == ["to stderr", "from a child"]


def test_what_it_raises_stands_in_its_output(program):
    fork = Fork(program("def main(): raise ValueError('of all things')"), [], os.environ)
    assert "ValueError: of all things" in fork.output.read().decode()
    assert fork.wait(PATIENCE) == 1


def test_a_module_that_is_not_there_is_named(program):
    fork = Fork("no_such_node", [], os.environ)
    assert "No module named 'no_such_node'" in fork.output.read().decode()
    assert fork.wait(PATIENCE) == 1


def test_a_signal_reaches_it_however_early(program):
    name = program("import time\ndef main(): time.sleep(600)")
    forks = [Fork(name, [], os.environ) for _ in range(5)]
    for fork in forks:
        fork.signal(signal.SIGTERM)
    assert [fork.wait(PATIENCE) for fork in forks] == [-signal.SIGTERM] * 5
    forks[0].signal(signal.SIGTERM)  # nobody is hit once it has ended


def test_who_looks_at_the_processes_finds_it_by_name(program):
    name = program("import time\ndef main(): time.sleep(600)")
    fork = Fork(name, [], os.environ, title=node_table.title("voice"))
    try:
        wait_for(lambda: psutil.Process(fork.pid).cmdline()[0] == "vla_sim-voice", PATIENCE)
    finally:
        fork.signal(signal.SIGKILL)
        fork.wait()


def test_the_server_has_loaded_all_nodes_and_no_thread_that_a_fork_would_miss(program):
    code = f"""
    import sys, threading
    def main():
        assert not set({[s.module for s in node_table.STACK]}) - sys.modules.keys()
        print([t.name for t in threading.enumerate()])
    """
    fork = Fork(program(code), [], os.environ)
    assert fork.output.read().decode() == "['MainThread', 'supervisor']\n"
    assert fork.wait(PATIENCE) == 0


def test_a_script_that_starts_one_is_not_run_again_by_it(program, tmp_path):
    """Also without `if __name__ == "__main__"`."""
    program("def main(): print('node', flush=True)")
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nfrom vla_sim.bringup.fork_server import Fork\nprint('script', flush=True)\n"
        "fork = Fork('some_node', [], os.environ)\nprint(fork.output.read().decode(), end='')\nfork.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout == "script\nnode\n"
    assert done.stderr == ""


@pytest.mark.parametrize("victim", ["starter", "server"])
def test_it_ends_when_who_started_it_or_the_server_is_killed(program, tmp_path, victim):
    program("import time\ndef main(): time.sleep(600)")
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\nfrom vla_sim.bringup.fork_server import Fork\n"
        "print(Fork('some_node', [], os.environ).pid, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as starter:
        node = psutil.Process(int(starter.stdout.readline()))
        wait_for(lambda: node.cmdline()[0] == "some_node", PATIENCE)
        server = node.parent()
        assert server.cmdline()[0] == "vla_sim-fork-server"
        (starter if victim == "starter" else server).kill()
        wait_for(lambda: not node.is_running() or node.status() == "zombie", PATIENCE)
        starter.kill()
    wait_for(lambda: not server.is_running() or server.status() == "zombie", PATIENCE)


def test_a_server_that_has_died_is_started_anew(program):
    first = Fork(program("import os\ndef main(): print(os.getppid())"), [], os.environ)
    server = int(first.output.read())
    first.wait()
    os.kill(server, signal.SIGKILL)
    os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)  # its threads too; who started it still reaps it
    again = Fork("some_node", [], os.environ)
    assert int(again.output.read()) != server
    assert again.wait(PATIENCE) == 0


def test_a_server_that_dies_while_it_forks_is_one_clear_error(program, monkeypatch):
    def dies(_):
        raise EOFError("unexpected EOF")

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", dies)
    with pytest.raises(StackError, match="the process that some_node is forked from has died"):
        Fork(program("def main(): pass"), [], os.environ)


def test_it_starts_where_its_parent_writes_into_a_file(program, tmp_path):
    name = program("def main(): print('here ä')")
    code = f"""
        import os, sys
        sys.path.insert(0, {str(tmp_path)!r})
        from vla_sim.bringup.fork_server import Fork
        print("some lines first", flush=True)
        sys.exit(Fork({name!r}, [], os.environ).output.read().decode() != "here ä\\n")
    """
    with (tmp_path / "out").open("w") as file:
        line = [sys.executable, "-c", textwrap.dedent(code)]
        assert subprocess.run(line, stdout=file, stderr=file, timeout=PATIENCE, check=False).returncode == 0


CLIENT = """
import os, sys, time
from vla_sim.bringup.fork_server import Fork
fork = Fork("some_node", [], dict(os.environ))
fork.output.readline()
print(fork.pid, flush=True)
time.sleep(600.0)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_a_frozen_node_and_one_that_does_not_listen_end_when_the_client_is_killed(program, tmp_path, stopped):
    program("""
        import signal, time
        def main():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("here", flush=True)
            time.sleep(600.0)
    """)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    line = [sys.executable, "-c", CLIENT]
    with subprocess.Popen(line, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as client:
        node = psutil.Process(int(client.stdout.readline()))
        if stopped:
            node.suspend()
        client.kill()
    wait_for(lambda: not node.is_running() or node.status() == psutil.STATUS_ZOMBIE, PATIENCE)


RUN = """
import os, stat, sys, time
from vla_sim.bringup.fork_server import Fork
def main():
    if sys.argv[1:]:
        number = int(sys.argv[1])
        print(hasattr(sys, "of_the_run"), stat.S_ISFIFO(os.fstat(number).st_mode), flush=True)
        time.sleep(600.0 if sys.argv[2:] else 0.0)
        return 3
    sys.of_the_run = True
    held, _ = os.pipe()
    node = Fork("some_node", [str(held)], os.environ)
    print(node.output.read().decode(), node.wait(60.0), os.getpid() == os.getsid(0), flush=True)
    node = Fork("some_node", [str(held), "stay"], os.environ)
    node.output.readline()
    print(node.pid, flush=True)
    time.sleep(600.0)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_a_run_that_is_a_fork_has_a_server_that_is_a_fork_of_it_and_ends_with_it(program, stopped):
    """Nothing is loaded again, no file of the run stays open, and no node outlives it."""
    run = Fork(program(RUN), [], os.environ)
    assert run.output.readline().split() == [b"True", b"False"]
    assert run.output.readline().split() == [b"3", b"True"]
    node = psutil.Process(int(run.output.readline()))
    server = node.parent()
    assert server.ppid() == run.pid
    if stopped:
        node.suspend()
    run.signal(signal.SIGKILL)
    assert run.wait(PATIENCE) == -signal.SIGKILL
    for one in (node, server):
        wait_for(lambda one=one: not one.is_running() or one.status() == psutil.STATUS_ZOMBIE, PATIENCE)
