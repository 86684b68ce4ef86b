"""Ending processes."""

import signal
import subprocess
import sys

from vla_sim.common.child_process import ChildServer, ended


def test_one_that_ends_is_waited_for_and_one_that_does_not_is_killed():
    assert ended(subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]), 60.0) == 3
    endless = [sys.executable, "-c", "import time; time.sleep(600)"]
    assert ended(subprocess.Popen(endless), 0.05) == -signal.SIGKILL


def child(text):
    return [sys.executable, "-c", text]


def test_what_follows_the_word_is_where_it_serves_and_it_ends_with_its_input():
    server = ChildServer()
    text = "import sys; print('loads', flush=True); print('port 81', flush=True); sys.stdin.read()"
    assert server.start(child(text), "port", 60.0) == "81"
    server.close()
    server.close()


def test_one_that_ends_without_the_word_or_says_nothing_in_time_is_none():
    assert ChildServer().start(child("print('port')"), "port", 60.0) == ""
    assert ChildServer().start(child("import sys; sys.stdin.read()"), "port", 0.2) == ""
