"""What the stack decided in a run, and whether it decided the same in another."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from vla_sim.contract import records, topics
from vla_sim.contract.codec import PayloadError, decode
from vla_sim.contract.records import ObjectQuery, Record, Step
from vla_sim.recording.reader import Recording

TOLERANCE = 0.05
"""[m, rad] by which two numbers of one decision may differ: images are recorded with loss."""
NUMBER = re.compile(r"(?<![\w.])(-?\d+\.\d+)( rad)?")
"""In a decision's words; with the unit it is a heading, of which π and -π are one."""


class Decision(NamedTuple):
    """stamp: [s]. text: in words; its numbers with a fraction are compared by `TOLERANCE`."""

    stamp: float
    text: str

    @property
    def words(self) -> str:
        """Without those numbers."""
        return NUMBER.sub("#", self.text)

    def same(self, other: "Decision") -> bool:
        """Whatever the time."""
        ours, theirs = NUMBER.findall(self.text), NUMBER.findall(other.text)
        return self.words == other.words and all(
            _apart(float(a), float(b), heading=bool(unit)) <= TOLERANCE
            for (a, unit), (b, _) in zip(ours, theirs, strict=True)
        )


def _apart(a: float, b: float, *, heading: bool) -> float:
    return abs(math.remainder(a - b, math.tau)) if heading else abs(a - b)


def _step(step: Step) -> str:
    said: list[str] = [step.skill]
    for name in records.STEP_FIELDS[step.skill]:
        value = getattr(step, name)
        if value not in (None, ""):
            said.append(f"{value:.3f}" if isinstance(value, float) else str(value))
    return " ".join(said)


def _steps(steps: Iterable[Step]) -> str:
    return ", ".join(map(_step, steps))


def _joined(*parts: object) -> str:
    return "; ".join(str(part) for part in parts if part not in ("", None))


def _point(*values: float) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _navigation(r: records.NavigationRequest) -> str:
    if r.mode in ("go", "dock"):
        return f"{r.mode} {_point(r.x, r.y, r.yaw)} rad"
    by = {"move": (r.distance, r.lateral), "turn": (r.angle,)}
    return f"{r.mode} {_point(*by.get(r.mode, ()))}".strip()


def _manipulation(r: records.ManipulationRequest) -> str:
    what = ObjectQuery(kind=r.object.kind, colour=r.object.colour) if r.object else ""
    where = _point(*r.target) if r.target else _point(*r.object.position) if r.object else ""
    return _joined(r.action, r.arm, what, where)


DECISIONS: dict[topics.Topic, Callable[[Any], str]] = {
    topics.TRANSCRIPT: lambda r: _joined(r.text, "" if r.complete else f"not complete: {r.reason}"),
    topics.INTENT: lambda r: _joined(_steps(r.steps), r.question),
    topics.PLAN: lambda r: _joined(_steps(r.steps), r.answer, r.priority),
    topics.VERDICT: lambda r: _joined("allowed" if r.allowed else "not allowed", *r.reasons),
    topics.STATUS: lambda r: _joined(
        f"{r.state} {r.skill}".strip(), f"step {r.step + 1} of {r.steps}" if r.steps else "", r.detail
    ),
    topics.NAVIGATION_REQUEST: _navigation,
    topics.NAVIGATION_STATUS: lambda r: _joined(r.state, r.detail),
    topics.MANIPULATION_REQUEST: _manipulation,
    topics.MANIPULATION_STATUS: lambda r: _joined(r.state, r.action, r.detail),
    topics.REFUSAL: lambda r: _joined(r.arm, r.part, r.reason),
    topics.SAFETY_STATE: lambda r: _joined(r.level, *r.reasons),
    topics.SAY: lambda r: str(r.text),
    topics.OBJECTS: lambda r: ", ".join(sorted(f"{o.colour} {o.kind}" for o in r.objects)),
}
"""A record in words, by its topic. What says the same as the one before it is no new decision."""
RENEWALS = ("renew",)


def decisions(recording: Recording) -> dict[str, list[Decision]]:
    """By topic, in order of time."""
    found: dict[str, list[Decision]] = {topic.name: [] for topic in DECISIONS}
    tell = {topic.name: (topic.type, words) for topic, words in DECISIONS.items()}
    for one in recording.read(found):
        kind, words = tell[one.topic]
        said = _decision(kind, words, recording.message(one).data)
        if said in RENEWALS or (found[one.topic] and found[one.topic][-1].text == said):
            continue
        found[one.topic].append(Decision(one.stamp, said))
    return found


def _decision(kind: Any, words: Callable[[Record], str], payload: str) -> str:
    try:
        return words(decode(kind, payload))
    except PayloadError:
        return f"no {kind.__name__}: {payload[:80]}"  # of another version


@dataclass(frozen=True)
class Compared:
    """One decision of a topic in both runs; None where a run lacks it."""

    topic: str
    recorded: Decision | None
    replayed: Decision | None

    @property
    def same(self) -> bool:
        return bool(self.recorded and self.replayed and self.recorded.same(self.replayed))

    @property
    def stamp(self) -> float:
        return min(one.stamp for one in (self.recorded, self.replayed) if one is not None)


def compare(
    recorded: dict[str, list[Decision]], replayed: dict[str, list[Decision]], of: Iterable[str]
) -> list[Compared]:
    """All decisions on the topics `of`, side by side, in order of time."""
    found = [
        one for topic in of if topic in recorded
        for one in _compare(topic, recorded[topic], replayed.get(topic, []))
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.stamp)


def _compare(topic: str, ours: list[Decision], theirs: list[Decision]) -> Iterator[Compared]:
    """Those with the same words stand beside each other; so do those between them."""
    match = difflib.SequenceMatcher(None, [one.words for one in ours], [one.words for one in theirs], False)
    for _, a, a_end, b, b_end in match.get_opcodes():
        for k in range(max(a_end - a, b_end - b)):
            yield Compared(
                topic, ours[a + k] if a + k < a_end else None, theirs[b + k] if b + k < b_end else None
            )
