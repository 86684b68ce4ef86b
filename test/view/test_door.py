"""Who may look and who may send something."""

import contextlib
import socket
import subprocess
import sys

import pytest

from vla_sim.common.errors import InputError, StackError
from vla_sim.view import door
from vla_sim.view.door import Door


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "localhost:9000", "[::1]:8088", "localhost", "127.8.8.8"])
def test_on_loopback_it_is_asked_for_by_a_name_of_loopback_through_any_port(host):
    assert Door("127.0.0.1").host_allowed(host)


@pytest.mark.parametrize("host", [
    "", "evil.example:8088", "192.168.1.5:8088", "localhost.evil.example", "127.0.0.1:999999", "127.0.0.1:x",
    "[::1", "a@127.0.0.1", "127.0.0.1/../evil",
])  # fmt: skip
def test_a_name_that_somebody_made_lead_here_is_turned_away(host):
    assert not Door("127.0.0.1").host_allowed(host)


def test_elsewhere_it_is_asked_for_by_an_address_or_this_machines_name():
    wide = Door("0.0.0.0", "t" * 20)
    assert wide.host_allowed("192.168.1.5:8088")
    assert wide.host_allowed(f"{socket.gethostname()}:8088")
    assert wide.host_allowed("localhost:8088")
    assert not wide.host_allowed("evil.example:8088")


@pytest.mark.parametrize("called", ["Robot-PC", "lab_machine.local"])
def test_the_address_that_is_printed_is_let_in_whatever_the_machine_is_called(monkeypatch, called):
    monkeypatch.setattr(socket, "gethostname", lambda: called)
    host = door.url("0.0.0.0", 8088).removeprefix("http://").removesuffix("/")
    for host_of_a_browser in (host, host.lower()):
        assert Door("0.0.0.0", "t" * 20).host_allowed(host_of_a_browser)
    assert Door(called, "t" * 20).host_allowed(host.lower())


@pytest.mark.parametrize(("origin", "allowed"), [
    ("http://127.0.0.1:8088", True), ("https://127.0.0.1:8088", True), (None, False), ("null", False),
    ("http://127.0.0.1:8089", False), ("http://evil.example", False),
    ("http://127.0.0.1:8088.evil.example", False),
])  # fmt: skip
def test_only_a_page_of_this_server_may_send_something(origin, allowed):
    assert Door("127.0.0.1").origin_allowed(origin, "127.0.0.1:8088") is allowed


def test_a_page_that_others_reach_needs_a_token_and_loopback_none(monkeypatch):
    monkeypatch.delenv(door.TOKEN, raising=False)
    assert Door.of_environment("127.0.0.1").may_look({}, "c")
    with pytest.raises(InputError, match=r"others reach it.*VLA_SIM_VIEW_TOKEN"):
        Door.of_environment("0.0.0.0")
    monkeypatch.setenv(door.TOKEN, "too short")
    with pytest.raises(InputError, match="16 characters"):
        Door.of_environment("192.168.1.5")
    monkeypatch.setenv(door.TOKEN, "a token of some length")
    one = Door.of_environment("0.0.0.0")
    assert one.token_right("a token of some length")
    assert not one.token_right("a token of some lengthy")
    assert not one.token_right("é")
    assert one.may_look({"c": one.key}, "c")
    assert not one.may_look({"c": "a token of some length"}, "c")
    assert not one.may_look({}, "c")


def test_a_port_that_is_taken_is_said_and_another_one_found():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"at port {port}: Address already in use; .*--view-port"):
            door.free_port("127.0.0.1", port)
        assert door.free_port("127.0.0.1") not in (0, port)
    for port in (-1, 65536):
        with pytest.raises(InputError, match=f"--view-port {port}: from 0, .* to 65535 is allowed"):
            door.free_port("127.0.0.1", port)


@pytest.mark.integration
def test_two_that_start_together_get_ports_of_their_own():
    """Each begins to serve some seconds after it has said where."""
    code = "from vla_sim.view import door; print(door.free_port({}), flush=True); input()"
    with contextlib.ExitStack() as stack:

        def start(arguments):
            one = subprocess.Popen(
                [sys.executable, "-c", code.format(arguments)], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            stack.callback(one.communicate)
            return one

        first, second = (start("'127.0.0.1'") for _ in range(2))
        ports = [int(one.stdout.readline()) for one in (first, second)]
        assert ports[0] != ports[1]
        third = start(f"'127.0.0.1', {ports[0]}")
        assert f"served at port {ports[0]}: another page is about to be there" in third.stderr.read()


def test_an_address_that_this_machine_has_not_is_said():
    door.check_host("127.0.0.1")
    with pytest.raises(InputError, match=r"--view-host 192\.0\.2\.7: .*an address of this machine"):
        door.check_host("192.0.2.7")


def test_the_token_stands_where_browsers_keep_it_to_themselves():
    assert door.url("127.0.0.1", 8088) == "http://127.0.0.1:8088/"
    assert door.url("::1", 8088) == "http://[::1]:8088/"
    assert door.url("192.168.1.5", 80, "secret") == "http://192.168.1.5:80/#token=secret"
