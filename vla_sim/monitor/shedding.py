"""When load is shed and when it is restored: one step at a time, by what was measured, without flapping.

A step up takes pressure for `AFTER` seconds on end, a step down takes calm for `REST` seconds on end, and
between the two is a band in which nothing changes. What a step gives up may itself be what made the
machine calm: where a step down is followed by pressure within `RELAPSE`, the next one takes twice as long,
up to `LONGEST_REST`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vla_sim.contract.limits import LOAD_LEVELS, Threshold
from vla_sim.contract.records import Load

AFTER = 3.0  # [s] of pressure before a step up
REST = 5.0  # [s] of calm before a step down
RELAPSE = 30.0
LONGEST_REST = 160.0
FORGIVEN = 120.0  # [s] in full service after which the rest is `REST` again
GAP = 3.0  # [s] between two measurements, above which they say nothing about the time between
MISSED, MISSED_CLEAR = 1.0, 0.5  # deadlines missed a second


@dataclass(frozen=True)
class Pressure:
    """What is decided by, once a second. cpu [% of all cores], memory [% used], missed: deadlines missed a
    second. stamp: [s] of the ROS clock, mono: of the machine's."""

    stamp: float
    mono: float
    cpu: float
    memory: float
    missed: float


@dataclass(frozen=True)
class Limit:
    """Pressure from `value` on, calm under `clear`."""

    what: str
    unit: str
    value: float
    clear: float


def limits(thresholds: Mapping[str, Threshold]) -> tuple[Limit, ...]:
    """The monitor's own of CPU and memory, and missed deadlines."""
    machine = [thresholds[f"system.{name}"] for name in ("cpu", "memory")]
    return (
        *(Limit(t.metric, f" {t.unit}", t.value, t.clear) for t in machine),
        Limit("missed", " deadlines/s", MISSED, MISSED_CLEAR),
    )


class Shedding:
    """Decides the level. Ask it once a second."""

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self.level = 0
        self.steps = 0
        self._limits = limits
        self._rest = REST
        self._before, self._cause = 0, ""
        self._changed = -FORGIVEN
        self._restored = -RELAPSE
        self._pressed: float | None = None
        self._calm: float | None = None
        self._last: float | None = None

    def decide(self, p: Pressure) -> Load:
        """The level from now on, with what was measured."""
        over = [one for one in self._limits if getattr(p, one.what) >= one.value]
        calm = all(getattr(p, one.what) < one.clear for one in self._limits)
        if self._last is None or not 0.0 < p.mono - self._last <= GAP:
            self._pressed = self._calm = None
        self._last = p.mono
        self._pressed = _since(self._pressed, bool(over), p.mono)
        self._calm = _since(self._calm, calm, p.mono)
        if self.level == 0 and p.mono - self._changed >= FORGIVEN:
            self._rest = REST
        if self._held(self._pressed, AFTER, p.mono) and self.level < len(LOAD_LEVELS) - 1:
            if p.mono - self._restored < RELAPSE:
                self._rest = min(LONGEST_REST, 2.0 * self._rest)
            measured = ", ".join(f"{o.what} {getattr(p, o.what):.3g}{o.unit}" for o in over)
            self._step(1, f"{measured} for {AFTER:g} s", p.mono)
        elif self._held(self._calm, self._rest, p.mono) and self.level > 0:
            self._restored = p.mono
            self._step(-1, f"calm for {self._rest:g} s", p.mono)
        return Load(
            level=self.level, name=LOAD_LEVELS[self.level].name, before=self._before, cause=self._cause,
            since=max(0.0, self._changed), cpu=p.cpu, memory=p.memory, missed=p.missed, stamp=p.stamp,
            mono=p.mono,
        )  # fmt: skip

    def _held(self, since: float | None, seconds: float, mono: float) -> bool:
        """Whether something has been so for this long, and nothing changed meanwhile."""
        return since is not None and mono - max(since, self._changed) >= seconds

    def _step(self, by: int, cause: str, mono: float) -> None:
        self._before, self._cause, self._changed = self.level, cause, mono
        self.level += by
        self.steps += 1


def _since(since: float | None, holds: bool, mono: float) -> float | None:
    return (mono if since is None else since) if holds else None
