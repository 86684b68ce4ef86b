"""Where a model's server is, as people write it."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from vla_sim.common.errors import InputError
from vla_sim.stages.language.llm.errors import one_line

_ENDPOINT = "/chat/completions"
_LONGEST = 200
"""Characters of an address that a message shows."""


def base_url(given: str) -> str:
    """The address that the requests' paths are appended to: "localhost:11434" is "http://localhost:11434/v1".

    Without a scheme it is https for a name with a dot and no port, else http; without a path it is /v1.
    Raises `InputError`.
    """
    text = given.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _unusable(given, str(error)) from None
    if parts.scheme not in ("http", "https"):
        raise _unusable(given, f"its scheme is {parts.scheme}")
    if not host or not text.isprintable() or " " in text:
        raise _unusable(given, "no host is named" if not host else "it has a blank or a control character")
    if parts.query or parts.fragment:
        raise _unusable(given, "what follows ? or # cannot be kept")
    secure = parts.scheme == "https" or ("://" not in text and port in (None, 443) and _public(host))
    path = parts.path.rstrip("/").removesuffix(_ENDPOINT).rstrip("/") or "/v1"
    return SplitResult("https" if secure else "http", parts.netloc, path, "", "").geturl()


def on_this_machine(url: str) -> bool:
    """Whether a request to `url` never leaves this machine, so that no proxy has a say in it."""
    host = urlsplit(url).hostname or ""
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _public(host: str) -> bool:
    return "." in host.strip(".") and _address(host) is None and not host.endswith(".localhost")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _unusable(given: str, why: str) -> InputError:
    return InputError(
        f'"{one_line(given, _LONGEST)}" is no address of a model\'s server ({why}): give one like '
        "http://127.0.0.1:8080/v1"
    )
