"""GR00T's protocol on real sockets: our client against a server of the public one, and such as break it."""

import contextlib
import io
import socket
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.policy import gr00t
from vla_sim.stages.policy.client import Address
from vla_sim.stages.policy.errors import PolicyError, TooLateError
from vla_sim.stages.policy.gr00t import Gr00tClient

zmq = pytest.importorskip("zmq")
msgpack = pytest.importorskip("msgpack")

PLAIN = {
    "video.ego_view": np.zeros((4, 6, 3), np.uint8),
    "state.right_arm": np.arange(7, dtype=np.float32),
    "annotation.human.task_description": "pick up the red cup",
}
NESTED = {
    "video": {"ego_view": PLAIN["video.ego_view"]},
    "state": {"right_arm": PLAIN["state.right_arm"]},
    "language": {"annotation.human.task_description": "pick up the red cup"},
}


def here(port: int) -> Address:
    return Address("gr00t", "127.0.0.1", port)


def written(value):
    """As the public server writes, by the library that it uses."""

    def array(one):
        file = io.BytesIO()
        np.save(file, one, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": file.getvalue()}

    return msgpack.packb(value, default=array)


def read(data):
    def array(one):
        if "__ndarray_class__" in one:
            return np.load(io.BytesIO(one["as_npy"]), allow_pickle=False)
        return one

    return msgpack.unpackb(data, object_hook=array)


@contextlib.contextmanager
def server(answer):
    """The port of a server whose answers are answer(request), as bytes; None: it is silent."""
    context = zmq.Context()
    line = context.socket(zmq.REP)
    line.linger = 0
    port = line.bind_to_random_port("tcp://127.0.0.1")
    end = threading.Event()

    def run():
        while not end.is_set():
            if line.poll(20):
                said = answer(read(line.recv()))
                if said is None:
                    end.wait(5.0)
                else:
                    line.send(said)
        line.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        end.set()
        thread.join(5.0)
        context.term()


def test_a_server_up_to_n1_5_is_asked_with_a_time_in_front():
    seen = []

    def answer(request):
        seen.append(request)
        return written({"action.right_arm": np.ones((16, 7)), "action.right_hand": np.zeros(16)})

    with server(answer) as port:
        client = Gr00tClient(here(port), 5.0)
        for _ in range(2):
            found = client.infer(PLAIN)
        client.close()
    assert found["action.right_arm"].shape == (16, 7)
    assert found["action.right_hand"].shape == (16, 1)
    assert [one["endpoint"] for one in seen] == ["get_action"] * 2
    sent = seen[0]["data"]
    assert sent["video.ego_view"].shape == (1, 4, 6, 3)
    np.testing.assert_array_equal(sent["state.right_arm"], [np.arange(7)])
    assert sent["annotation.human.task_description"] == ["pick up the red cup"]


def test_a_server_since_n1_6_is_asked_for_a_batch_of_one_in_a_new_episode():
    seen = []

    def answer(request):
        seen.append(request)
        if request["endpoint"] == "reset":
            return written({})
        return written([{"right_arm": np.ones((1, 16, 7), np.float32)}, {}])

    with server(answer) as port:
        client = Gr00tClient(here(port), 5.0)
        found = client.infer(NESTED)
        client.infer(NESTED)
        client.close()
    np.testing.assert_array_equal(found["right_arm"], np.ones((16, 7)))
    assert [one["endpoint"] for one in seen] == ["reset", "get_action", "get_action"]
    sent = seen[1]["data"]["observation"]
    assert sent["video"]["ego_view"].shape == (1, 1, 4, 6, 3)
    assert sent["video"]["ego_view"].dtype == np.uint8
    assert sent["state"]["right_arm"].dtype == np.float32
    assert sent["state"]["right_arm"].shape == (1, 1, 7)
    assert sent["language"] == {"annotation.human.task_description": [["pick up the red cup"]]}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (written({"error": "Unknown endpoint:\n\x1b[31mget_action"}), "failed: Unknown endpoint"),
        (b"ERROR", "sends what is no MessagePack with arrays"),
        (written(3), "its answer is a int, not a map of actions"),
        (written([]), "its answer is a list, not a map of actions"),
        (msgpack.packb({"a": {"__ndarray_class__": True}}), "sends what is no MessagePack with arrays"),
        (msgpack.packb({"a": {"__ndarray_class__": True, "as_npy": b"PK"}}), "no MessagePack with arrays"),
    ],
)
def test_an_answer_that_is_none_is_told_in_one_line(said, why):
    with server(lambda _: said) as port:
        client = Gr00tClient(here(port), 5.0)
        with pytest.raises(PolicyError, match=why) as caught:
            client.infer(PLAIN)
        client.close()
    assert str(caught.value).isprintable()
    assert f"gr00t://127.0.0.1:{port}" in str(caught.value)


def test_a_server_that_is_silent_is_told():
    with server(lambda _: None) as port:
        client = Gr00tClient(here(port), 0.3)
        with pytest.raises(TooLateError, match=r"has not answered for 0\.3 s"):
            client.infer(PLAIN)
        client.close()


def test_a_server_that_is_away_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Gr00tClient(here(port), 30.0)
    with pytest.raises(PolicyError, match="cannot be reached; start its server"):
        client.infer(PLAIN)
    client.close()


def test_something_else_that_listens_is_told_at_once():
    def speak():
        line, _ = other.accept()
        with line:
            line.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" * 4)
            line.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=speak, daemon=True).start()
        client = Gr00tClient(here(other.getsockname()[1]), 30.0)
        with pytest.raises(PolicyError, match=r"does not speak GR00T's protocol|closed the connection"):
            client.infer(PLAIN)
        client.close()


def test_closing_ends_a_question_that_waits_at_once():
    with server(lambda _: None) as port:
        client, ended = Gr00tClient(here(port), 30.0), []

        def ask():
            try:
                client.infer(PLAIN)
            except PolicyError as error:
                ended.append(str(error))

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.3)
        client.close()
        thread.join(2.0)
        assert not thread.is_alive()
    assert len(ended) == 1


def test_a_client_that_is_closed_asks_nothing_more():
    client = Gr00tClient(here(1), 1.0)
    client.close()
    client.close()
    with pytest.raises(PolicyError, match="not needed any more"):
        client.infer(PLAIN)


def npy(kind: str, shape: str, data: bytes = bytes(8)) -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize(
    "file", [npy("|O", "(1,)"), npy("<f8", f"({1 << 60},)"), npy("<f8", "(-1, -1)"), npy("<c8", "(1,)"),
             npy("<f8", "'a'"), npy("nonsense", "(1,)"), npy(",", "(0,)"), npy("<f8", "(2L"),
             b"\x93NUMPY\x09\x00", b""],
)  # fmt: skip
def test_a_file_of_anything_but_its_numbers_is_refused(file):
    with pytest.raises(PolicyError):
        gr00t.decode(msgpack.packb({"a": {"__ndarray_class__": True, "as_npy": file}}))


def test_what_is_written_is_read_by_columns_too():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(gr00t.decode(gr00t.encode({"a": array}))["a"], array)
    np.testing.assert_array_equal(read(gr00t.encode({"a": array}))["a"], array)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_value_or_refused(data, file):
    with contextlib.suppress(PolicyError):
        gr00t.decode(msgpack.packb({"__ndarray_class__": 1, "as_npy": b"\x93NUMPY" + data}) if file else data)
