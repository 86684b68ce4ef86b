"""openpi's protocol: one WebSocket, a map of metadata first, then a map of observations for a map of actions
(github.com/Physical-Intelligence/openpi, Apache-2.0: serving/websocket_policy_server.py and
openpi_client/websocket_client_policy.py). A server that fails says so in a text and closes.
"""

import asyncio
import contextlib
import http
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

from vla_sim.common.errors import StackError, package
from vla_sim.stages.policy import arrays
from vla_sim.stages.policy.client import Address, PolicyClient
from vla_sim.stages.policy.errors import PolicyError, TooLateError

LARGEST_ANSWER = 16_000_000
"""Bytes."""
LARGEST_OBSERVATION = 64_000_000
"""Bytes: a few uncompressed images."""
MISSING = "openpi's protocol is spoken with websockets; pip install 'vla_sim[policy]'"


class OpenPiClient(PolicyClient):
    """See `PolicyClient`. Raises `MissingError`."""

    def __init__(self, where: Address, timeout: float) -> None:
        package("websockets", MISSING)
        self._where, self._timeout = where, timeout
        self._line: Any = None
        self._closed = False

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

        who = f"the policy at {self._where}"
        try:
            if self._line is None:
                self._line = self._connect()
                self._map(self._line.recv(timeout=self._timeout), "its metadata")
            self._line.send(arrays.encode(observation))
            return self._map(self._line.recv(timeout=self._timeout), "its answer")
        except TimeoutError:
            raise TooLateError(f"{who} has not answered for {self._timeout:g} s") from None
        except ConnectionClosed as error:
            why = f" ({error.rcvd.reason})" if error.rcvd is not None and error.rcvd.reason else ""
            raise PolicyError(f"{who} has closed the connection{why}") from None
        except (InvalidHandshake, InvalidMessage) as error:
            raise PolicyError(f"{who} does not speak openpi's protocol ({error})") from None
        except OSError as error:
            reason = error.strerror or error
            raise PolicyError(f"{who} cannot be reached ({reason}); start its server") from None
        except PolicyError as error:
            raise PolicyError(f"{who}: {error}") from None

    def close(self) -> None:
        self._closed = True
        if self._line is not None:
            with contextlib.suppress(OSError):
                # Not the closing handshake: a server that hangs would keep us waiting.
                self._line.socket.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> Any:
        from websockets.sync.client import connect

        if self._closed:
            raise PolicyError("it is not needed any more")
        return connect(
            f"ws{str(self._where).removeprefix(self._where.scheme)}", compression=None,
            max_size=LARGEST_ANSWER, open_timeout=self._timeout, close_timeout=0.0, proxy=None,
        )  # fmt: skip

    def _map(self, data: Any, what: str) -> dict[str, Any]:
        if isinstance(data, str):  # the server's traceback
            raise PolicyError(f"it failed: {(data.strip().splitlines() or ['it says nothing'])[-1]}")
        answer = arrays.decode(data)
        if not isinstance(answer, dict):
            raise PolicyError(f"{what} is a {type(answer).__name__}, not a map")
        return answer


class Policy(Protocol):
    """What a server asks, for each connection a new one."""

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        """The answer to an observation; what it raises is told to the client."""


async def serve(
    policy: Callable[[], Policy], host: str, port: int, metadata: dict[str, Any],
    ready: Callable[[int], object], latency: float = 0.0,
) -> None:  # fmt: skip
    """Answer until the task is cancelled. ready: called with the port. latency: [s] that every answer takes
    at least. Raises `MissingError`, `StackError`."""
    package("websockets", MISSING)
    from websockets.asyncio.server import serve as listen
    from websockets.exceptions import ConnectionClosed
    from websockets.frames import CloseCode

    async def answer(line: Any) -> None:
        mine = policy()
        with contextlib.suppress(ConnectionClosed):
            await line.send(arrays.encode(metadata))
            while True:
                observation = await line.recv()
                began = time.monotonic()
                try:
                    if isinstance(observation, str):
                        raise PolicyError("a text came where an observation was expected")
                    found = await asyncio.to_thread(mine.infer, arrays.decode(observation))
                except Exception as error:
                    await line.send(f"{type(error).__name__}: {error}")
                    await line.close(CloseCode.INTERNAL_ERROR, "the policy failed")
                    return
                took = time.monotonic() - began
                await asyncio.sleep(max(0.0, latency - took))
                timing = {"infer_ms": 1e3 * took}
                await line.send(arrays.encode({**found, "server_timing": timing}))

    def health(line: Any, request: Any) -> Any:
        return line.respond(http.HTTPStatus.OK, "OK\n") if request.path == "/healthz" else None

    try:
        server = await listen(
            answer, host, port, compression=None, max_size=LARGEST_OBSERVATION, process_request=health
        )
    except OSError as error:
        raise StackError(f"{host}:{port} cannot be listened at: {error.strerror or error}") from None
    async with server:
        ready(next(iter(server.sockets)).getsockname()[1])
        await server.serve_forever()
