"""HTTP clients of servers that people name by address, made with this machine's settings; an answer that is
read within bounds."""

import os
import ssl
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from vla_sim.common import secrets
from vla_sim.common.errors import InputError

if TYPE_CHECKING:
    import httpx2  # takes long, and few runs need it

C = TypeVar("C")

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""Environment variables that have a say in a client."""
_LONGEST = 300
"""Characters of what a message quotes."""


def open_client(kind: Callable[..., C], url: str, headers: dict[str, str], timeout: float | None) -> C:
    """kind: `httpx2.Client` or `AsyncClient`. url: of the server, before the paths of requests. timeout: [s]
    between two pieces of an answer, or none. No proxy is asked for what is on this machine. Raises
    `InputError` where this machine's settings (proxies, certificates) forbid a client."""
    here = on_this_machine(url)
    verify = False if here and url.startswith("http:") else _certificates()
    # A body that is compressed could be a thousand times as long as what was received.
    headers = {"Accept-Encoding": "identity", **headers}
    try:
        return kind(base_url=url, headers=headers, timeout=timeout, verify=verify, trust_env=not here)
    except Exception as error:  # of many kinds: whatever a proxy's scheme, name or port can break
        proxies = {} if here else getproxies()
        found = ", ".join(f"{scheme}_proxy={proxy}" for scheme, proxy in sorted(proxies.items()))
        cause = _quoted(f"with the proxies {found}" if found else f"for {url}")
        raise InputError(f"no HTTP client can be made {cause}: {_words(error)}") from None


def post(client: "httpx2.Client", url: str, most: int, seconds: float, **request: Any) -> bytes:
    """The body of the answer to a POST. most: bytes of it. seconds: for all of it, where the client's own
    time-out counts from one piece to the next. request: as `Client.request` takes it. Raises what httpx2
    does: `ReadError` for more bytes, `ReadTimeout` for more time."""
    import httpx2

    end, got = time.monotonic() + seconds, bytearray()
    with client.stream("POST", url, **request) as answer:
        answer.raise_for_status()
        for part in answer.iter_raw():
            got += part
            if len(got) > most:
                raise httpx2.ReadError(f"the answer is longer than {most} bytes")
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


def _certificates() -> ssl.SSLContext:
    import httpx2

    try:
        folder = os.environ.get("SSL_CERT_DIR")
        if folder and not any(map(os.path.isdir, folder.split(os.pathsep))):  # else: nobody is trusted
            raise NotADirectoryError("no such folder")
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:
        given = ", ".join(f"{name}={os.environ[name]}" for name in CERTIFICATES if os.environ.get(name))
        what = _quoted(f"correct or unset {given}" if given else "install certificates")
        raise InputError(f"certificates of servers cannot be checked ({_words(error)}): {what}") from None


def _words(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "SOCKS needs a package; pip install socksio"
    return _quoted(f"{type(error).__name__}: {error}")


def _quoted(text: str) -> str:
    return secrets.strike(text[:_LONGEST])
