"""Who may come in: which addresses the page is asked for by, which pages may send something, the token."""

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from vla_sim.common.errors import InputError, StackError, package
from vla_sim.common.files import machine_lock

MISSING = "the view in a browser needs aiohttp and viser; pip install 'vla_sim[view]'"
TOKEN = "VLA_SIM_VIEW_TOKEN"
"""The variable by which a token reaches the process: `ps` shows arguments, and logs are struck of it."""
FIRST_PORT, PORTS = 8088, 12
LAST_PORT = 65535
SHORTEST = 16
"""Characters of a token that somebody chooses."""
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(:\d{1,5})?")


def library(name: str) -> Any:
    """One of those that the view needs. Raises `MissingError`."""
    return package(name, MISSING)


def loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_host(host: str) -> None:
    """Raises `InputError` unless this machine has the address."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.bind(found[0][4])
    except OSError as error:
        raise InputError(
            f"--view-host {host}: {error.strerror or error}; an address of this machine is allowed, such as "
            "127.0.0.1, or 0.0.0.0 for all of them"
        ) from None


_chosen: dict[int, IO[bytes]] = {}
"""Ports that this process has chosen, with their locks."""


def free_port(host: str, wanted: int = 0) -> int:
    """A port to serve on: the one that is `wanted`, else one from `FIRST_PORT` on. It is this process's from
    now on, since what serves there may take seconds to start. Raises `InputError`, `StackError`."""
    if not 0 <= wanted <= LAST_PORT:
        raise InputError(f"--view-port {wanted}: from 0, for a free one, to {LAST_PORT} is allowed")
    ports = [wanted] if wanted else [*range(FIRST_PORT, FIRST_PORT + PORTS), 0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    why = ""
    for port in ports:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                why = error.strerror or str(error)
                continue
            found = int(probe.getsockname()[1])
        lock = _chosen.get(found) or machine_lock(f"vla_sim_page_{found}.lock")
        if lock is not None:
            _chosen[found] = lock
            return found
        why = "another page is about to be there"
    raise StackError(f"the page cannot be served at port {wanted}: {why}; choose another with --view-port")


def new_token() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Door:
    """host: to which the server is bound. token: "" where none is needed, which is on loopback alone.

    Another site's page can make a browser send requests here, and a name that it owns can be made to lead
    here (DNS rebinding). So a request must ask for this server by an address, `localhost` or this machine's
    name (`host_allowed`), and what sends something must come from a page that was asked for by the same one
    (`origin_allowed`).
    """

    host: str
    token: str = ""
    names: frozenset[str] = field(
        default_factory=lambda: frozenset({"localhost", socket.gethostname().lower()})
    )

    @staticmethod
    def of_environment(host: str) -> "Door":
        """Raises `InputError` where a token is needed and there is none."""
        token = os.environ.get(TOKEN, "")
        if not loopback(host) and len(token) < SHORTEST:
            raise InputError(
                f"the page is to be served at {host}, where others reach it, and there is no token: set "
                f"{TOKEN} to {SHORTEST} characters or more, or have vla-sim choose one (--view-host)"
            )
        return Door(host, token if not loopback(host) else "")

    def host_allowed(self, header: str) -> bool:
        """header: Host of a request."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = found["name"].strip("[]").lower()
        if loopback(self.host):
            return loopback(name)  # by any port: it may be forwarded (ssh -L)
        return name in {*self.names, self.host.lower()} or _address(name)

    def origin_allowed(self, origin: str | None, header: str) -> bool:
        """origin, header: Origin and Host of a request that sends something."""
        return origin in (f"http://{header}", f"https://{header}")

    @property
    def key(self) -> str:
        """What a browser keeps in a cookie once it has shown the token: of no use to find the token by."""
        return hashlib.sha256(f"vla-sim view {self.token}".encode()).hexdigest()

    def token_right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def may_look(self, cookies: Mapping[str, str], cookie: str) -> bool:
        """Whether a request carries what a browser was given for the token."""
        return not self.token or hmac.compare_digest(cookies.get(cookie, "").encode(), self.key.encode())


def url(host: str, port: int, token: str = "") -> str:
    """What to open. The token stands behind the #, which browsers do not send."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"#token={token}" if token else "")


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
