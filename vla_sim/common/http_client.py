"""HTTP clients of servers that people name by address, made with this machine's settings."""

import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vla_sim.common import secrets
from vla_sim.common.errors import InputError

if TYPE_CHECKING:
    import httpx2

_LONGEST = 200
"""Characters of an address that a message shows."""


def open_client(url: str, timeout: float, headers: dict[str, str]) -> "httpx2.Client":
    """timeout: [s] between two pieces of an answer. No proxy is asked for what is on this machine. Raises
    `InputError` where this machine's settings (proxies, certificates) forbid a client."""
    import httpx2  # takes long, and few runs need it

    try:
        return httpx2.Client(timeout=timeout, trust_env=not on_this_machine(url), headers=headers)
    except Exception as error:  # of many kinds: whatever a proxy's or a certificate's setting can break
        given = secrets.strike(url)[:_LONGEST]
        raise InputError(f"no client for {given} with this machine's settings: {error}") from None


def post(client: "httpx2.Client", url: str, seconds: float, most_bytes: int, **request: Any) -> bytes:
    """The answer's body, as it was sent. request: as `httpx2.Client.stream` takes it. Raises httpx2's errors,
    also where the whole body is not there after `seconds` or has more bytes: the client's time-out counts
    from one piece to the next."""
    import httpx2

    end, got = time.monotonic() + seconds, bytearray()
    with client.stream("POST", url, **request) as answer:
        answer.raise_for_status()
        for part in answer.iter_raw():
            got += part
            if len(got) > most_bytes:
                raise httpx2.ReadError(f"the answer is longer than {most_bytes} bytes")
            if time.monotonic() > end:
                raise httpx2.ReadTimeout(f"no whole answer within {seconds:g} s")
    return bytes(got)


def on_this_machine(url: str) -> bool:
    """Whether a request to `url` never leaves this machine, so that no proxy has a say in it."""
    host = urlsplit(url).hostname or ""
    address = ip_of(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def ip_of(host: str) -> IPv4Address | IPv6Address | None:
    """None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
