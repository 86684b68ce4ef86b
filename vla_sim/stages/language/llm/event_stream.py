"""The JSON values in a server's response, whichever way it puts them there."""

import re
from typing import Any

import msgspec

_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"(data|event|id|retry)?(?::|$)")
_BOM = b"\xef\xbb\xbf"
DONE = b"[DONE]"

_json = msgspec.json.Decoder()


class NotJsonError(ValueError):
    """An event, or all of a response, is no JSON."""


class EventReader:
    """Bytes in, JSON values out, of server-sent events (https://html.spec.whatwg.org/multipage/
    server-sent-events.html), and of what is met in their place: no blank lines between the events, lines of
    JSON, one JSON value for the whole response."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._loose: list[bytes] = []
        """Lines that are no field of an event."""
        self._begun = self._found = False
        self.done = False
        """Whether the server has said that nothing more comes."""

    def take(self, data: bytes) -> list[Any]:
        """What is complete with these bytes. Raises `NotJsonError`."""
        self._rest += data
        if not (b"\n" in data or b"\r" in data) or self._rest.endswith(b"\r"):
            return []
        *lines, rest = _LINE_END.split(self._rest)
        self._rest = bytearray(rest)
        return self._values(lines)

    def end(self) -> list[Any]:
        """What the last bytes were. Raises `NotJsonError`."""
        found = self._values([*_LINE_END.split(self._rest), b""])
        if self._loose and not self.done:
            try:
                found += _decode(self._loose)
            except NotJsonError:
                if not self._found:
                    raise
        return found

    def _values(self, lines: list[bytes]) -> list[Any]:
        found: list[Any] = []
        for line in lines:
            if not self._begun:
                line, self._begun = line.removeprefix(_BOM), True
            if self.done:
                break
            if not line:
                found += self._dispatch()
            elif (field := _FIELD.match(line)) is None:
                self._loose.append(line)
            elif field[1] == b"data":
                self._data.append(line[field.end() :].removeprefix(b" "))
        self._found |= bool(found)
        return found

    def _dispatch(self) -> list[Any]:
        data, self._data = self._data, []
        if DONE in (one.strip() for one in data):
            self.done = True
            data = data[: [one.strip() for one in data].index(DONE)]
        return _decode(data) if any(one.strip() for one in data) else []


def _decode(lines: list[bytes]) -> list[Any]:
    """One value over all the lines, or one in each. What is no UTF-8 is no JSON."""
    try:
        return [_json.decode(b"\n".join(lines))]
    except (ValueError, RecursionError) as error:
        if len(lines) == 1:
            raise NotJsonError(str(error)) from None
    try:
        return [_json.decode(line) for line in lines if line.strip()]
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None
