"""How a node's measured values travel in its reports on /diagnostics: no message of their own is needed.

A value of the node's `DiagnosticStatus` with the key "metric TYPE [UNIT]" (or "metric TYPE") holds what was
measured since the last report, oldest first, with blanks between. A plain rclpy node does it so:

    status = DiagnosticStatus(name="battery", values=[KeyValue(key="metric charge [%]", value="81.5 81.4")])
    publisher.publish(DiagnosticArray(status=[status]))  # on /diagnostics, depth 50, about once a second

A status with metrics alone says nothing of how its node is: it is not missed when no more come.
"""

import math
import re
from collections.abc import Iterable

PREFIX = "metric "
_TYPE = re.compile(r"[A-Za-z0-9_./-]{1,64}")
_KEY = re.compile(rf"{PREFIX}({_TYPE.pattern})(?: \[(.{{1,32}})\])?")


def key(type: str, unit: str = "") -> str:
    """The key under which a metric travels. Raises `ValueError` for a type or unit that cannot be one."""
    made = f"{PREFIX}{type} [{unit}]" if unit else PREFIX + type
    if not _KEY.fullmatch(made):
        raise ValueError(
            f"metric {type!r} [{unit!r}]: a type has 1 to 64 letters, digits or any of _ . / -, a unit up to "
            "32 characters"
        )
    return made


def text(values: Iterable[float]) -> str:
    """The values as they travel."""
    return " ".join(f"{value:.6g}" for value in values)


def read(key: str, text: str) -> tuple[str, str, list[float]] | None:
    """Type, unit and finite values of a diagnostic value; None if it is no metric."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    values = []
    for word in text.split():
        try:
            values.append(float(word))
        except ValueError:
            continue
    return found[1], found[2] or "", [v for v in values if math.isfinite(v)]
