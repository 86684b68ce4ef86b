"""What a server says when it says no, in whichever form."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from vla_sim.stages.language.llm.errors import SaidNoError, one_line
from vla_sim.stages.language.llm.retry_after import MAX_PAUSE, pause_asked

PERMANENT = frozenset(range(300, 500)) - {408, 409, 425, 429}
"""Statuses that no repetition mends."""
MAX_COMPLAINT = 2000
"""Characters."""
_SAYING = ("message", "msg", "error", "errors", "detail", "details", "param", "loc", "type", "code", "reason")
"""Where errors have their words. Others ("input", "body") quote the request, which names everything."""
_INVALID = frozenset({"invalid_request_error", "badrequesterror", "invalid_request"})
_json = msgspec.json.Decoder()


def said_no(status: int, body: Any, headers: Mapping[str, str]) -> SaidNoError:
    """body: bytes, or a JSON value that was in a stream."""
    if isinstance(body, bytes):
        try:
            body = _json.decode(body)
        except (ValueError, RecursionError):  # also what is no UTF-8
            body = {"message": body[:MAX_COMPLAINT].decode(errors="replace")}
    words = list(_words(body, 0))
    if status < 300:
        status = _status_within(body)
    name = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    message = max(words, key=len, default="")  # the sentence among the names
    reason = f"the server says {status} {name}".rstrip() + (f": {message}" if message else "")
    if 300 <= status < 400 and "location" in headers:
        reason = f"the server sends on to {one_line(headers['location'], 100)}: give that address"
    pause = pause_asked(headers)
    if pause == MAX_PAUSE:
        asked = one_line(headers["retry-after"], 40)
        reason = f"{reason} (it asks for a pause of {asked}; {pause:.0f} s are kept)"
    complaint = " ".join(words)[:MAX_COMPLAINT].lower()
    return SaidNoError(reason, status, complaint, status not in PERMANENT, pause)


def _words(value: Any, depth: int) -> Iterator[str]:
    if depth > 5:
        return
    match value:
        case str():
            yield value[:MAX_COMPLAINT]
        case list():
            for one in value[:20]:
                yield from _words(one, depth + 1)
        case dict():
            for name in _SAYING:
                if name in value:
                    yield from _words(value[name], depth + 1)


def _status_within(body: Any) -> int:
    """Of an error that came with a status of success."""
    error = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(error, dict):
        for name in ("code", "status", "status_code"):
            code = error.get(name)
            if isinstance(code, str) and code.isascii() and code.isdigit():
                code = int(code[:4])
            if isinstance(code, int) and 400 <= code < 600:
                return code
        if str(error.get("type", "")).lower() in _INVALID:
            return 400
    return 500
