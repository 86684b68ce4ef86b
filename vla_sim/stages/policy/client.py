"""The door to a policy's server, whatever its protocol."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from vla_sim.common.errors import InputError, nearest
from vla_sim.stages.policy.errors import TooLateError
from vla_sim.stages.policy.mapping import Mapping
from vla_sim.stages.policy.names import OWN

SCHEMES = ("openpi", "lerobot", "gr00t")
"""The protocols."""


class Address(NamedTuple):
    """Of a policy's server."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def address(given: str) -> Address:
    """Of "openpi://127.0.0.1:8000". Raises `InputError`."""
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _unusable(given, str(error)) from None
    if parts.scheme not in SCHEMES:
        raise _unusable(given, f"its protocol is {parts.scheme or 'missing'}{nearest(parts.scheme, SCHEMES)}")
    if not host or not port or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise _unusable(given, "a host and a port are needed, and nothing else")
    return Address(parts.scheme, host, port)


def _unusable(given: str, why: str) -> InputError:
    return InputError(
        f"--policy {given[:200]} is no address of a policy's server ({why}): give one like "
        f"openpi://127.0.0.1:8000, or {', or '.join(OWN)}"
    )


class PolicyClient(ABC):
    """One connection to a server, an `asking.Client`."""

    work = "policy"
    late: type[Exception] = TooLateError

    def prepare(self, timeout: float) -> None:  # noqa: B027
        """What a server must be told before the first observation, which may take it long: it loads the
        policy. timeout: [s]. Raises `PolicyError`."""

    @abstractmethod
    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        """The server's answer to an observation; connects where that is not done. Raises `PolicyError`, and
        then the connection is of no more use."""

    @abstractmethod
    def close(self) -> None:
        """End the connection, and an `infer` that waits, at once."""


def connect(where: Address, mapping: Mapping, timeout: float, pickle: bool = False) -> PolicyClient:
    """A client of this server, which it asks nothing yet. timeout: [s] for its answers. pickle: whether a
    protocol that sends pickles may be spoken. Raises `InputError`, `MissingError`."""
    if where.scheme == "gr00t":
        from vla_sim.stages.policy.gr00t import Gr00tClient

        return Gr00tClient(where, timeout)
    if where.scheme == "lerobot":
        from vla_sim.stages.policy.lerobot import LeRobotClient

        if not pickle:
            raise InputError(
                f"--policy {where}: LeRobot's protocol sends pickles, and whoever reaches such a server can "
                "run programs on its machine: allow it with --policy-pickle, on a network that you trust"
            )
        return LeRobotClient(where, mapping, timeout)
    from vla_sim.stages.policy.openpi import OpenPiClient

    return OpenPiClient(where, timeout)
