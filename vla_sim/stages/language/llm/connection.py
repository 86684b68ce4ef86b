"""The HTTP client for one model's server, made from its address, a key and this machine's settings.

Imports the client: import this module late.
"""

import os
import ssl
from urllib.request import getproxies

import httpx2

from vla_sim.common import secrets
from vla_sim.common.errors import InputError
from vla_sim.common.http_client import on_this_machine
from vla_sim.stages.language.llm.errors import MAX_REASON, one_line

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def read_key(name: str) -> str:
    """The key in the environment's variable `name`, "" if there is none. Raises `InputError`, which does not
    say it."""
    key = os.environ.get(name, "").strip()
    secrets.keep(key)
    wrong = [i for i, c in enumerate(key, start=1) if not "!" <= c <= "~" or c in "\"'"]
    if wrong:
        raise InputError(
            f"the key in {name} has a character that no key has, at place {wrong[0]} of {len(key)}: copy it "
            "anew, without blanks, line breaks and quotes"
        )
    return key


def open_client(url: str, key: str) -> httpx2.AsyncClient:
    """url: as `address.base_url` gives it. Raises `InputError` where this machine's settings (proxies,
    certificates) forbid a client."""
    here = on_this_machine(url)
    verify = False if here and url.startswith("http:") else _certificates()
    # A body that is compressed could be a thousand times as long as what was received.
    headers = {"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        # No time-outs: the client's count from one byte to the next, so that a server which only keeps the
        # line alive would never be given up. The caller cancels, and that closes the connection.
        return httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=None, verify=verify, trust_env=not here
        )
    except Exception as error:  # of many kinds: whatever a proxy's scheme, name or port can break
        proxies = {} if here else getproxies()
        found = ", ".join(f"{scheme}_proxy={proxy}" for scheme, proxy in sorted(proxies.items()))
        cause = f"with the proxies {found}" if found else f"for {url}"
        raise InputError(
            one_line(f"no HTTP client can be made {cause}: {_words(error)}", MAX_REASON)
        ) from None


def _certificates() -> ssl.SSLContext:
    try:
        folder = os.environ.get("SSL_CERT_DIR")
        if folder and not any(map(os.path.isdir, folder.split(os.pathsep))):  # else: nobody is trusted
            raise NotADirectoryError("no such folder")
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:
        given = ", ".join(f"{name}={os.environ[name]}" for name in CERTIFICATES if os.environ.get(name))
        what = f"correct or unset {given}" if given else "install certificates"
        raise InputError(
            one_line(f"certificates of servers cannot be checked ({_words(error)}): {what}", MAX_REASON)
        ) from None


def _words(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "SOCKS needs a package; pip install socksio"
    return f"{type(error).__name__}: {error}"
