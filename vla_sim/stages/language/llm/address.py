"""Where a model's server is, as people write it."""

from urllib.parse import SplitResult, urlsplit

from vla_sim.common.errors import InputError
from vla_sim.common.http_client import ip_of
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


def _public(host: str) -> bool:
    return "." in host.strip(".") and ip_of(host) is None and not host.endswith(".localhost")


def _unusable(given: str, why: str) -> InputError:
    return InputError(
        f'"{one_line(given, _LONGEST)}" is no address of a model\'s server ({why}): give one like '
        "http://127.0.0.1:8080/v1"
    )
