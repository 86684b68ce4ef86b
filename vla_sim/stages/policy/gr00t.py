"""GR00T's protocol: a request for an answer over ZeroMQ, both MessagePack with arrays as NPY files
(github.com/NVIDIA/Isaac-GR00T, Apache-2.0: gr00t/eval/service.py up to N1.5, gr00t/policy/server_client.py
since N1.6). A server that fails says so in a map {"error": ...}.

How the keys of the mapping are written says which of the two the server is:

- nested, [video, ego_view], since N1.6: observations have a batch and a time in front, a pick begins with
  "reset", and the answer is a list, the actions first;
- plain, video.ego_view, up to N1.5: observations have a time in front, and the answer is the actions.

Never sent is "kill", which ends the server.
"""

import io
import socket
import threading
from typing import Any

import msgspec
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vla_sim.common.errors import package
from vla_sim.stages.policy import arrays
from vla_sim.stages.policy.client import Address, PolicyClient
from vla_sim.stages.policy.errors import PolicyError, TooLateError

LARGEST_ANSWER = 16_000_000
"""Bytes."""
MISSING = "GR00T's protocol is spoken with pyzmq; pip install 'vla_sim[policy]'"


class Gr00tClient(PolicyClient):
    """See `PolicyClient`. Raises `MissingError`."""

    def __init__(self, where: Address, timeout: float) -> None:
        self._zmq = package("zmq", MISSING)
        self._context = self._zmq.Context()
        self._where, self._timeout = where, timeout
        self._line: Any = None
        self._events: Any = None
        self._wake, self._woken = socket.socketpair()
        self._in_use = threading.Lock()
        self._closed = False

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        nested = any(isinstance(value, dict) for value in observation.values())
        with self._in_use:
            try:
                self._check_wanted()
                if self._line is None:
                    self._connect()
                    if nested:
                        self._ask("reset", {"options": None})
                if nested:
                    found = self._ask("get_action", {"observation": framed(observation, 2), "options": None})
                    found = found[0] if isinstance(found, list) and found else found
                else:
                    found = self._ask("get_action", framed(observation, 1))
                if not isinstance(found, dict):
                    raise PolicyError(f"its answer is a {type(found).__name__}, not a map of actions")
            except TooLateError:
                raise
            except PolicyError as error:
                raise PolicyError(f"the policy at {self._where} {error}") from None
        return {key: unframed(value) for key, value in found.items()}

    def close(self) -> None:
        self._closed = True
        self._wake.close()
        with self._in_use:
            self._woken.close()
            self._context.destroy(linger=0)

    def _connect(self) -> None:
        zmq = self._zmq
        self._line = self._context.socket(zmq.REQ)
        self._line.setsockopt(zmq.LINGER, 0)
        self._line.setsockopt(zmq.IPV6, 1)
        self._line.setsockopt(zmq.MAXMSGSIZE, LARGEST_ANSWER)
        self._events = self._line.get_monitor_socket(
            zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )  # fmt: skip
        try:
            self._line.connect(f"tcp{str(self._where).removeprefix(self._where.scheme)}")
        except zmq.ZMQError as error:
            raise PolicyError(f"cannot be reached ({error}); start its server") from None

    def _check_wanted(self) -> None:
        if self._closed:
            raise PolicyError("is not needed any more")

    def _ask(self, endpoint: str, data: dict[str, Any]) -> Any:
        """The answer to a request, or why there is none."""
        poller = self._zmq.Poller()
        for line in (self._line, self._events, self._woken):
            poller.register(line, self._zmq.POLLIN)
        self._line.send(encode({"endpoint": endpoint, "data": data}))
        ready = dict(poller.poll(1e3 * self._timeout))
        self._check_wanted()
        if self._line not in ready:
            raise self._why(self._events in ready)
        answer = decode(self._line.recv())
        if isinstance(answer, dict) and "error" in answer:
            raise PolicyError(f"failed: {answer['error']}")
        return answer

    def _why(self, ended: bool) -> PolicyError:
        """Why no answer came. ended: whether something became of the connection."""
        if not ended:
            return TooLateError(f"the policy at {self._where} has not answered for {self._timeout:g} s")
        from zmq.utils.monitor import recv_monitor_message

        event, zmq = recv_monitor_message(self._events)["event"], self._zmq
        return PolicyError({
            zmq.EVENT_CONNECT_RETRIED: "cannot be reached; start its server",
            zmq.EVENT_DISCONNECTED: "has closed the connection",
        }.get(event, "does not speak GR00T's protocol"))  # fmt: skip


def framed(value: Any, count: int) -> Any:
    """An observation as a batch of one moment: every array with so many axes of length 1 in front, every text
    in so many lists."""
    if isinstance(value, dict):
        return {key: framed(one, count) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return value[(None,) * count]
    for _ in range(count):
        value = [value]
    return value


def unframed(value: Any) -> Any:
    """Actions (n, numbers) of a batch of one (1, n, numbers), or of numbers (n,)."""
    if not isinstance(value, np.ndarray):
        return value
    if value.ndim == 3 and len(value) == 1:
        return value[0]
    return value[:, None] if value.ndim == 1 else value


def _write(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in arrays.KINDS:
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": file.getvalue()}
    raise TypeError(f"a {type(value).__name__} cannot be sent to a policy")


encode = msgspec.msgpack.Encoder(enc_hook=_write).encode
"""Of maps, lists, texts, numbers and arrays."""
_decode = msgspec.msgpack.Decoder().decode


def decode(data: bytes) -> Any:
    """What `encode` wrote. Raises `PolicyError` for anything else."""
    try:
        return _read(_decode(data))
    except Exception as error:  # the headers of NPY files fail in every way
        raise PolicyError(f"sends what is no MessagePack with arrays ({error!r})") from None


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "__ndarray_class__" in value:
        return _array(value["as_npy"])
    return {key: _read(one) for key, one in value.items()}


def _array(file: bytes) -> NDArray[Any]:
    """Of an NPY file, of which no more is taken than it holds."""
    stream = io.BytesIO(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(npy.read_magic(stream))
    if read is None:
        raise ValueError("an NPY file of another version than 1 and 2")
    shape, by_columns, kind = read(stream)
    found = arrays.numbers(file[stream.tell() :], kind, shape[::-1] if by_columns else shape)
    return found.T if by_columns else found
