"""How processes stand beside each other: what Linux says of them."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vla_sim.bringup import node_table
from vla_sim.common import process_priority

GROUPED = Path("/proc/sys/kernel/sched_autogroup_enabled")


@pytest.fixture
def child():
    """A process in a session of its own."""
    waits = [sys.executable, "-c", "input()"]
    process = subprocess.Popen(waits, stdin=subprocess.PIPE, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_it_knows_what_it_may_do():
    code = "import os\ntry: os.nice(-10)\nexcept PermissionError: print('no')\nelse: print('yes')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert process_priority.allowed(-10) == (found.strip() == "yes")
    assert process_priority.allowed(5)


def test_a_session_steps_back(child):
    if not GROUPED.exists() or GROUPED.read_text().strip() != "1":
        pytest.skip("this kernel does not group processes by session")
    assert process_priority.session(child.pid, 5)
    assert Path(f"/proc/{child.pid}/autogroup").read_text().split()[-1] == "5"


def test_where_it_is_not_allowed_all_stays_as_it_is(monkeypatch, child):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(os, "nice", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    process_priority.own(-10)
    process_priority.thread(-10)
    assert not process_priority.session(child.pid, -10)
    assert not process_priority.session(child.pid, 0)


def test_a_session_that_linux_takes_no_word_of_at_once_is_tried_again(monkeypatch):
    tries = []

    def busy(path, text):
        tries.append(text)
        if len(tries) < 3:
            raise OSError(errno.EAGAIN, "again")

    monkeypatch.setattr(Path, "write_text", busy)
    assert process_priority.session(1, 5)
    assert tries == ["5"] * 3


def test_a_session_that_has_ended_is_no_matter():
    assert not process_priority.session(2**22 + 5, 5)


def test_a_thread_steps_back_behind_the_others_of_its_process():
    seen = {}

    def work():
        seen["before"] = os.getpriority(os.PRIO_PROCESS, 0)
        process_priority.thread(3)
        seen["after"] = os.getpriority(os.PRIO_PROCESS, 0)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen["after"] == min(19, seen["before"] + 3)
    assert os.getpriority(os.PRIO_PROCESS, 0) == seen["before"]


def test_nothing_goes_before_control_and_safety():
    nice = {spec.name: spec.nice for spec in node_table.STACK}
    assert nice["engine"] == nice["safety"] == min(nice.values())
    assert nice["perception"] == max(nice.values()) == 0


def test_cores_are_kept_awake_where_that_is_allowed(monkeypatch, tmp_path):
    monkeypatch.setattr(process_priority, "AWAKE", tmp_path / "cpu_dma_latency")
    assert process_priority.keep_cores_awake() is None
    assert not process_priority.AWAKE.exists()
    process_priority.AWAKE.touch()
    with process_priority.keep_cores_awake() as file:
        assert not file.closed  # that ends it
        assert process_priority.AWAKE.read_bytes() == bytes(4)
