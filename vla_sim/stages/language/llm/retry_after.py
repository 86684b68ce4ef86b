"""The pause that a server asks for before the next request."""

import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

MAX_PAUSE = 60.0
"""[s] A longer pause, "inf" included, is cut to this: a header must not silence the model for good. The rate
limit counts over the same time."""


def pause_asked(headers: Mapping[str, str]) -> float | None:
    """What a server means by Retry-After (RFC 9110, section 10.2.3), seconds or a date: from 0 to `MAX_PAUSE`
    [s]; None if the header is missing, negative, NaN or nonsense. A date is compared with the server's own
    `Date` header where it has one, so its clock may be wrong."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until = _stamp(text)
        if until is None:
            return None
        sent = _stamp(headers.get("date", ""))
        seconds = max(0.0, until - (time.time() if sent is None else sent))
    return min(seconds, MAX_PAUSE) if seconds >= 0.0 else None


def _stamp(text: str) -> float | None:
    """Unix time [s] of an HTTP date."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
