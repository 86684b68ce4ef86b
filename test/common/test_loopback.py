"""The loopback interface works here, and where it does not that is said at once."""

import errno
import os
import socket
import subprocess
import sys
import time

import pytest

from vla_sim.common import loopback
from vla_sim.common.errors import MissingError

ALONE = ["unshare", "--net", sys.executable, "-c"]
"""A program in a network of its own, whose loopback interface is down."""
can_unshare = subprocess.run([*ALONE, ""], capture_output=True, check=False).returncode == 0


def test_a_datagram_arrives():
    loopback.check()


@pytest.mark.parametrize("code", [errno.ENETUNREACH, errno.EADDRNOTAVAIL])
def test_an_interface_that_is_down_is_one_line(monkeypatch, code):
    class Dead(socket.socket):
        def sendto(self, *_):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(socket, "socket", Dead)
    with pytest.raises(MissingError, match=r"does not work \(.*\).*ip link set lo up"):
        loopback.check()


def test_a_datagram_that_gets_lost_is_not_waited_for_long(monkeypatch):
    class Deaf(socket.socket):
        def sendto(self, *_):
            return 1

    monkeypatch.setattr(socket, "socket", Deaf)
    monkeypatch.setattr(loopback, "TIMEOUT", 0.05)
    began = time.monotonic()
    with pytest.raises(MissingError, match="timed out"):
        loopback.check()
    assert time.monotonic() - began < 5.0


@pytest.mark.skipif(not can_unshare, reason="a network of one's own needs the right to make one")
@pytest.mark.integration
def test_a_run_without_loopback_says_so_at_once():
    code = "from vla_sim.cli import main\nraise SystemExit(main.main(['run']))"
    done = subprocess.run([*ALONE, code], capture_output=True, text=True, check=False)
    said = (
        "error: the loopback interface does not work (Network is unreachable), and no node would find another"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"{said}; bring it up: ip link set lo up\n")
