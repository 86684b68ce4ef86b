"""Ports for servers of tests."""

import socket


def any_port():
    """Free now, and hardly chosen by anybody else who begins to serve now: the system's choice."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
