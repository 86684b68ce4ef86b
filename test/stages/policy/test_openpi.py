"""openpi's protocol on real sockets: our client against the public protocol and servers that break it, the
public client against our server."""

import asyncio
import contextlib
import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip("websockets")

from websockets.sync.client import connect as websocket
from websockets.sync.server import serve as listen

from vla_sim.common.errors import StackError
from vla_sim.stages.policy import arrays, openpi
from vla_sim.stages.policy.client import Address
from vla_sim.stages.policy.errors import PolicyError, TooLateError
from vla_sim.stages.policy.openpi import OpenPiClient

OBSERVATION = {"state": np.arange(3, dtype=np.float32), "prompt": "pick up the red cup"}


def here(port: int) -> Address:
    return Address("openpi", "127.0.0.1", port)


@contextlib.contextmanager
def server(handler):
    """A WebSocket server's port; handler(line) is called in a thread for each connection."""
    made = listen(handler, "127.0.0.1", 0, compression=None, max_size=None)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    try:
        yield made.socket.getsockname()[1]
    finally:
        made.shutdown()
        thread.join(5.0)


@contextlib.contextmanager
def ours(policy):
    """The port of our server with this policy for each connection."""
    ports, loop = [], asyncio.new_event_loop()
    task = loop.create_task(openpi.serve(policy, "127.0.0.1", 0, {"policy": "test"}, ports.append))

    def run():
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while not ports:
        time.sleep(0.01)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(5.0)


class Doubles:
    def infer(self, observation):
        if "state" not in observation:
            raise KeyError("state")
        return {"actions": 2.0 * observation["state"][None]}


def public(line, answer):
    """What the public server does: metadata, then an answer to each observation."""
    line.send(arrays.encode({"any": "metadata"}))
    for data in line:
        line.send(answer(arrays.decode(data)))


def test_our_client_talks_with_a_server_of_the_public_protocol():
    codec = pytest.importorskip("openpi_client.msgpack_numpy")
    seen = []

    def handler(line):
        line.send(codec.packb({"any": "metadata"}))
        for data in line:
            seen.append(codec.unpackb(data))
            answer = {"actions": np.ones((2, 3)), "server_timing": {"infer_ms": np.float64(1.0)}}
            line.send(codec.packb(answer))

    with server(handler) as port:
        client = OpenPiClient(here(port), 5.0)
        for _ in range(3):
            np.testing.assert_array_equal(client.infer(OBSERVATION)["actions"], np.ones((2, 3)))
        client.close()
    assert len(seen) == 3
    assert seen[0]["prompt"] == OBSERVATION["prompt"]
    np.testing.assert_array_equal(seen[0]["state"], OBSERVATION["state"])


def test_the_public_client_talks_with_our_server():
    public_client = pytest.importorskip("openpi_client.websocket_client_policy")
    with ours(Doubles) as port:
        client = public_client.WebsocketClientPolicy("127.0.0.1", port)
        assert client.get_server_metadata() == {"policy": "test"}
        answer = client.infer(OBSERVATION)
        np.testing.assert_array_equal(answer["actions"], [[0.0, 2.0, 4.0]])
        assert answer["server_timing"]["infer_ms"] >= 0.0
        with pytest.raises(RuntimeError, match="KeyError"):
            client.infer({"prompt": "no state"})


def test_our_server_says_that_it_is_healthy():
    with ours(Doubles) as port, socket.create_connection(("127.0.0.1", port), 5.0) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in line.recv(1000)


def test_each_connection_has_a_policy_of_its_own():
    made = []

    class Counted(Doubles):
        def __init__(self):
            made.append(self)

    with ours(Counted) as port:
        for _ in range(2):
            OpenPiClient(here(port), 5.0).infer(OBSERVATION)
    assert len(made) == 2


def test_a_port_that_is_taken_is_told():
    with ours(Doubles) as port, pytest.raises(StackError, match="cannot be listened at"):
        asyncio.run(openpi.serve(Doubles, "127.0.0.1", port, {}, print))


def test_a_server_that_is_away_is_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(PolicyError, match=r"openpi://127\.0\.0\.1:\d+ cannot be reached .* start its server"):
        OpenPiClient(here(port), 2.0).infer(OBSERVATION)


def test_a_server_that_is_silent_from_the_start_is_told():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = OpenPiClient(here(silent.getsockname()[1]), 0.3)
        with pytest.raises(TooLateError, match=r"has not answered for 0\.3 s"):
            client.infer(OBSERVATION)


def hang(line):
    line.send(arrays.encode({}))
    line.recv()
    time.sleep(2.0)


def close(line):
    line.send(arrays.encode({}))
    line.recv()
    line.close(1011, "out of memory")


def shout(line):
    line.send(arrays.encode({}))
    line.recv()
    line.send("Traceback:\n  ...\nValueError: \x1b[31mbad image")


def babble(line):
    public(line, lambda _: b"\xc1\xff")


def lists(line):
    public(line, lambda _: arrays.encode([1, 2]))


def refuses(line):
    line.send("no API key")


@pytest.mark.parametrize(
    ("habit", "why"),
    [
        (hang, r"has not answered for 0\.5 s"),
        (close, r"has closed the connection \(out of memory\)"),
        (shout, "it failed: ValueError:  .31mbad image"),
        (babble, "it is no MessagePack with arrays"),
        (lists, "its answer is a list, not a map"),
        (refuses, "it failed: no API key"),
    ],
)
def test_a_server_that_fails_in_the_middle_is_told_in_one_line(habit, why):
    with server(habit) as port:
        client = OpenPiClient(here(port), 0.5)
        with pytest.raises(PolicyError, match=why) as caught:
            client.infer(OBSERVATION)
        client.close()
    assert str(caught.value).isprintable()


def test_something_else_that_listens_is_told():
    def speak():
        line, _ = other.accept()
        line.recv(10_000)
        line.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        line.recv(10_000)

    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=speak, daemon=True).start()
        client = OpenPiClient(here(other.getsockname()[1]), 2.0)
        with pytest.raises(PolicyError, match="does not speak openpi's protocol"):
            client.infer(OBSERVATION)


def test_closing_ends_a_question_that_waits_at_once():
    with server(hang) as port:
        client, ended = OpenPiClient(here(port), 30.0), []

        def ask():
            try:
                client.infer(OBSERVATION)
            except PolicyError as error:
                ended.append(str(error))

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        client.close()
        took = time.monotonic() - began
        thread.join(1.5)
        assert not thread.is_alive()
    assert took < 0.2
    assert len(ended) == 1


def test_a_text_is_no_observation():
    with ours(Doubles) as port, websocket(f"ws://127.0.0.1:{port}", compression=None) as line:
        line.recv()
        line.send("hello")
        assert "a text came" in line.recv()
