"""The loopback interface, by which the nodes of a run find each other."""

import socket

from vla_sim.common.errors import MissingError

TIMEOUT = 1.0  # [s]


def check() -> None:
    """Send a datagram to ourselves. Raises `MissingError`, after `TIMEOUT` at the latest."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(TIMEOUT)
        try:
            probe.bind(("127.0.0.1", 0))
            probe.sendto(b"?", probe.getsockname())
            probe.recv(1)
        except OSError as error:
            raise MissingError(
                f"the loopback interface does not work ({error.strerror or error}), and no node would find "
                "another; bring it up: ip link set lo up"
            ) from None
