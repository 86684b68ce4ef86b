"""Thresholds with hysteresis: a value that hovers about its limit is one alert, not a hundred."""

import difflib
import math
import re
from dataclasses import replace

from vla_sim.common.errors import InputError, nearest
from vla_sim.contract.limits import CRITICAL, THRESHOLDS, Threshold
from vla_sim.contract.records import Alert, Severity

EXPIRY = 60.0
"""[s] without a measurement after which a latency's alert is over: nothing says that it would hold still."""


class AlertRule:
    """One value held against one threshold."""

    def __init__(self, threshold: Threshold, component: str = "") -> None:
        """component: of the alerts, where one threshold holds for many components."""
        self.threshold = threshold
        self.component = component or threshold.component
        self.alert: Alert | None = None  # the one that is active
        self._in_row = 0
        self._updated = 0.0

    def update(self, value: float, mono: float, stamp: float, resolution: float = 0.0) -> Alert | None:
        """Take a measurement: an alert if one is raised, becomes critical or is over.

        resolution: by how much the value may be too low, as a count is that began between two events.
        """
        limit = self.threshold
        self._updated = mono
        if limit.below:
            value += resolution
        if self.alert is None:
            bad = value < limit.value if limit.below else value >= limit.value
            self._in_row = self._in_row + 1 if bad else 0
            if self._in_row < limit.after:
                return None
            self._in_row = 0
            self.alert = self._make(value, mono, stamp, severity(value, limit))
            return self.alert
        good = value >= limit.clear if limit.below else value < limit.clear
        self._in_row = self._in_row + 1 if good else 0
        if self._in_row >= limit.after:
            return self._over(value, mono, stamp)
        if self.alert.severity == "warning" and severity(value, limit) == "critical":
            self.alert = self._make(value, mono, stamp, "critical")
            return self.alert
        return None

    def expire(self, mono: float, stamp: float) -> Alert | None:
        """The end of an alert of which nothing new was measured for `EXPIRY`."""
        if self.alert is None or mono - self._updated < EXPIRY:
            return None
        return self._over(self.alert.value, mono, stamp)

    def end(self, mono: float, stamp: float) -> Alert | None:
        """The end of an alert that has lost its object, if there is one."""
        return None if self.alert is None else self._over(self.alert.value, mono, stamp)

    def _over(self, value: float, mono: float, stamp: float) -> Alert:
        assert self.alert is not None
        ended = self._make(value, mono, stamp, self.alert.severity, active=False)
        self.alert, self._in_row = None, 0
        return ended

    def _make(self, value: float, mono: float, stamp: float, how: Severity, active: bool = True) -> Alert:
        t = self.threshold
        return Alert(
            component=self.component, metric=t.metric, value=value, threshold=t.value, unit=t.unit,
            severity=how, active=active, stamp=stamp, mono=mono,
        )  # fmt: skip


def severity(value: float, threshold: Threshold) -> Severity:
    """Of a value beyond its threshold."""
    if threshold.below:
        return "critical" if value * CRITICAL <= threshold.value else "warning"
    return "critical" if value >= CRITICAL * threshold.value else "warning"


def thresholds(changes: str = "") -> dict[str, Threshold]:
    """The contract's by name, with those values instead that `changes` gives: "system.cpu=90
    voice.response=1.5"; where an alert is over moves along. And those of a user's own metrics, of any node:
    "mynode.delay=5", or with an alert below it "mynode.charge<20"; it is over a tenth away from there.
    A name that only looks like one of the contract's is no metric of one's own. Raises `InputError`."""
    out = dict(THRESHOLDS)
    for word in changes.split():
        found = _WORD.fullmatch(word)
        name, sign, value = (found[1], found[2], _number(found[3])) if found else ("", "", 0.0)
        known = THRESHOLDS.get(name)
        if not 0.0 < value < math.inf or (known and sign == "<"):
            raise InputError(
                f"threshold {word!r}: NAME=NUMBER above 0 is allowed, with a name of "
                f"{', '.join(THRESHOLDS)}, or NODE.METRIC of your own (NODE.METRIC<NUMBER: an alert below)"
            )
        if known:
            out[name] = replace(known, value=value, clear=known.clear / known.value * value)
            continue
        node, _, metric = name.partition(".")
        if node in NO_NODES or difflib.get_close_matches(name, THRESHOLDS, 1, 0.85):
            raise InputError(f"threshold {word!r}: there is none of that name{nearest(name, THRESHOLDS)}")
        clear = value / 0.9 if sign == "<" else 0.9 * value
        out[name] = Threshold(node, metric, value, "", clear, below=sign == "<")
    return out


NO_NODES = {t.component for t in THRESHOLDS.values()} - {"voice", "perception", "safety", "manipulation"}
"""Components that record no metrics: a threshold of theirs that is not in the table is misspelt."""
_WORD = re.compile(r"([\w/-]{1,64}\.[\w./-]{1,64})([=<])(.+)", re.ASCII)


def _number(text: str) -> float:
    """0 for what is no number."""
    try:
        return float(text)
    except ValueError:
        return 0.0
