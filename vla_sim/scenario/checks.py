"""What must hold in a scenario: one class a check, named in the file by `check`.

A check gets the whole `Run` (the recording, the simulator's truth in it, the world) and answers with a
`Check`: a name, passed or not, and what was measured. A package of yours adds checks by an entry point:

    [project.entry-points."vla_sim.checks"]
    kept_left = "my_package:KeptLeft"        # class KeptLeft(CheckSpec, frozen=True, tag="kept_left")
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from statistics import quantiles
from typing import Annotated, Any, ClassVar, Literal, Union

import msgspec
import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import wrap
from vla_sim.contract import budgets
from vla_sim.contract.records import FINAL_STATES, GroundTruth, ObjectQuery, Step
from vla_sim.contract.vocabulary import colour_named
from vla_sim.scenario import judge
from vla_sim.scenario.format import Name, NotNegative, Part, Positive
from vla_sim.scenario.record import Check, RunRecord, StageLatency, Touch
from vla_sim.scenario.recording import Recording, heading, path_length, path_of, position
from vla_sim.stages.voice.spoken_numbers import normalise
from vla_sim.world.semantic_map import World

GROUP = "vla_sim.checks"
State = Literal["succeeded", "failed", "rejected", "cancelled", "asked"]
Number = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True)
class Given:
    """A command as it was given. steps: what the words ask for, by the rules; empty if they are no command.
    command_id: "" if the robot heard nothing. stamp: when, on the recording's clock."""

    text: str
    command_id: str
    spoken: bool
    stamp: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Run:
    """What a check may look at. begin: stamp of the first command."""

    world: World
    recording: Recording
    commands: tuple[Given, ...]
    begin: float

    def command(self, number: int) -> Given:
        """The command of this number, from 1. Raises `InputError` if it was never given."""
        if number > len(self.commands):
            raise InputError(f"command {number} was never given")
        return self.commands[number - 1]

    def latencies(self, given: Given) -> tuple[list[StageLatency], float | None]:
        return judge.latencies(self.recording, given.command_id, given.spoken)

    @property
    def held(self) -> set[str]:
        """Objects that the commands say to take."""
        queries = [s.object for g in self.commands for s in g.steps if s.skill == "pick" and s.object]
        return {k.name for k in self.world.objects if any(q.matches(k) for q in queries)}

    def touches(self) -> list[Touch]:
        return judge.forbidden_contacts(self.recording, {k.name for k in self.world.objects}, self.held)

    def last(self, number: int | None) -> GroundTruth:
        """The truth when a command ended, or at the end of the run."""
        if number is not None:
            given = self.command(number)
            for marked in reversed(self.recording.statuses):
                status = marked.status
                ended = status.state in FINAL_STATES
                if status.command_id == given.command_id and ended and marked.truth:
                    return marked.truth
        return self.recording.truths[-1]


class CheckSpec(Part, frozen=True, kw_only=True, tag_field="check"):
    """Base of checks. A subclass sets its `tag` and implements `judge`."""

    def judge(self, run: Run) -> Check | list[Check]:
        """What came of it; one or several."""
        raise NotImplementedError

    def judge_runs(self, records: Sequence[RunRecord]) -> Check | None:
        """What came of it over all runs of a sweep; None for a check of single runs."""
        return None


def outcome(name: str, passed: bool, detail: str) -> Check:
    return Check(name=name, passed=bool(passed), detail=detail)


def query(text: str) -> ObjectQuery:
    """ "red cup" or "red_cup" as a query."""
    words = text.replace("_", " ").split()
    if len(words) == 1:
        return ObjectQuery(kind=words[0])
    return ObjectQuery(colour=colour_named(words[0]), kind=words[-1])


def object_name(world: World, text: str, truth: GroundTruth) -> str:
    """The one loose model that a name ("red_cup" or "red cup") means. Raises `InputError`."""
    name = text.replace(" ", "_")
    if name in truth.objects:
        return name
    found = [k.name for k in world.objects if query(text).matches(k)]
    if len(found) != 1:
        known = ", ".join(truth.objects) or "none"
        raise InputError(f"object {text!r} means {len(found)} of this world's objects: {known}")
    return found[0]


# --------------------------------------------------------------------------- commands


class AsCommanded(CheckSpec, frozen=True, kw_only=True, tag="as_commanded"):
    """What was said is done: each step that the words ask for, judged from the truth. Words that are no
    command are answered and nothing moves; what a "stop" follows is cancelled and the robot stands."""

    command: Number | None = None

    def judge(self, run: Run) -> list[Check]:
        chosen = run.commands if self.command is None else (run.command(self.command),)
        return [check for given in chosen for check in self._one(run, given)]

    def _one(self, run: Run, given: Given) -> list[Check]:
        final = run.recording.final(given.command_id) if given.command_id else None
        state = final.state if final else ""
        if not given.steps:
            return [_answered(run, state)]
        later = run.commands[run.commands.index(given) + 1 :]
        if given.steps[0].skill == "stop":
            return [_stands(run, run.recording.truths[-1])]
        if any(g.steps and g.steps[0].skill == "stop" for g in later):
            return [outcome(f'"{given.text}" is cancelled', state == "cancelled", state or "no answer")]
        said = final.detail if final else "no answer to the command"
        told = f"{state or 'not done'}{f' ({said})' if said else ''}"
        done = outcome(f'"{given.text}" succeeds', state == "succeeded", told)
        return [done, *judge.judge_steps(run.recording, run.world, given.command_id, list(given.steps))]


class Outcome(CheckSpec, frozen=True, kw_only=True, tag="outcome"):
    """The robot's own last word on a command is one of these states."""

    command: Number = 1
    state: State | list[State] = "succeeded"

    def judge(self, run: Run) -> Check:
        given = run.command(self.command)
        final = run.recording.final(given.command_id) if given.command_id else None
        allowed = [self.state] if isinstance(self.state, str) else self.state
        state = final.state if final else "no answer"
        detail = f"{state}{f' ({final.detail})' if final and final.detail else ''}"
        return outcome(f'"{given.text}" is {" or ".join(allowed)}', state in allowed, detail)


class Heard(CheckSpec, frozen=True, kw_only=True, tag="heard"):
    """The recogniser heard these words, or left out: the words that were said."""

    command: Number = 1
    words: str | None = None

    def judge(self, run: Run) -> Check:
        given = run.command(self.command)
        heard = next((t for t in run.recording.transcripts if t.command_id == given.command_id), None)
        text = heard.text if heard else ""
        wanted = _plain(self.words if self.words is not None else given.text)
        return outcome(f'"{wanted}" is heard', _plain(text) == wanted, f'"{text}"' if text else "nothing")


class Said(CheckSpec, frozen=True, kw_only=True, tag="said"):
    """The robot said something with these words in it (any of them, if several are given)."""

    contains: Name | list[Name]

    def judge(self, run: Run) -> Check:
        wanted = [self.contains] if isinstance(self.contains, str) else self.contains
        said = [text for stamp, text in run.recording.said if stamp >= run.begin]
        found = any(w.lower() in text.lower() for w in wanted for text in said)
        last = ", ".join(f'"{text}"' for text in said[-3:])
        return outcome(f"says {' or '.join(map(repr, wanted))}", found, f"it said {last or 'nothing'}")


class Order(CheckSpec, frozen=True, kw_only=True, tag="order"):
    """These events happen in this order, others between them or not: "skill NAME", "state STATE",
    "safety LEVEL", "said WORDS"."""

    events: Annotated[list[Name], msgspec.Meta(min_length=2)]

    def judge(self, run: Run) -> Check:
        happened = _events(run)
        at = 0
        for wanted in self.events:
            kind, _, text = wanted.lower().partition(" ")
            found = next(
                (i for i in range(at, len(happened))
                 if happened[i].startswith(f"{kind} ") and text in happened[i]), None,
            )  # fmt: skip
            if found is None:
                return outcome(f"order: {', '.join(self.events)}", False, f"{wanted!r} did not follow")
            at = found + 1
        return outcome(f"order: {', '.join(self.events)}", True, "all in order")


# --------------------------------------------------------------------------- time


class Budget(CheckSpec, frozen=True, kw_only=True, tag="budget"):
    """Every stage of every command keeps the contract's limit, or its goal."""

    of: Literal["limit", "goal"] = "limit"

    def judge(self, run: Run) -> list[Check]:
        out = []
        for given in run.commands:
            if not given.steps:
                continue  # half a sentence is waited on longer before the robot asks, on purpose
            stages, total = run.latencies(given)
            rows = [(s.stage, s.milliseconds, getattr(s, self.of)) for s in stages]
            if total is not None:
                rows.append(("first motion", total, getattr(budgets.TOTAL_BUDGET, self.of)))
            late = [f"{name} {ms:.0f} of {most:.0f} ms" for name, ms, most in rows if ms > most]
            slowest = "; ".join(late) or ", ".join(f"{name} {ms:.0f} ms" for name, ms, _ in rows)
            passed = bool(rows) and not late
            out.append(outcome(f'budget of "{given.text}"', passed, slowest or "no trace of it"))
        return out


class Latency(CheckSpec, frozen=True, kw_only=True, tag="latency"):
    """A stage, or all from the end of speech to the first motion ("total"), takes at most so many
    milliseconds. percentile: over all runs of a sweep, instead of in each."""

    stage: Literal["voice", "intent", "planning", "perception", "safety", "control", "total"] = "total"
    at_most: Positive
    command: Number = 1
    percentile: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)] | None = None

    @property
    def title(self) -> str:
        share = "" if self.percentile is None else f", {self.percentile:g} % of runs"
        return f"{self.stage} of command {self.command} within {self.at_most:g} ms{share}"

    def judge(self, run: Run) -> Check | list[Check]:
        if self.percentile is not None:
            return []
        stages, total = run.latencies(run.command(self.command))
        return self._verdict(_stage(self.stage, stages, total))

    def judge_runs(self, records: Sequence[RunRecord]) -> Check | None:
        if self.percentile is None:
            return None
        found = [
            _stage(self.stage, r.commands[self.command - 1].stages, r.commands[self.command - 1].total_ms)
            for r in records
            if len(r.commands) >= self.command
        ]
        known = sorted(v for v in found if v is not None)
        if not known:
            return self._verdict(None)
        share = known if len(known) == 1 else quantiles(known, n=1000, method="inclusive")
        at = 0 if len(known) == 1 else min(998, max(0, round(10 * self.percentile) - 1))
        return self._verdict(share[at])

    def _verdict(self, ms: float | None) -> Check:
        if ms is None:
            return outcome(self.title, False, "it was never measured")
        return outcome(self.title, ms <= self.at_most, f"{ms:.1f} ms")


class Rate(CheckSpec, frozen=True, kw_only=True, tag="rate"):
    """How often something is published, per simulated second: its mean, and never a gap of three periods, or
    of `gap` [s]."""

    of: Literal["perception", "control", "truth"]
    at_least: Positive
    gap: Positive | None = None

    def judge(self, run: Run) -> Check:
        r = run.recording
        stamps = {
            "perception": [s for s, _ in r.sightings], "control": r.velocities,
            "truth": [t.stamp for t in r.truths],
        }[self.of]  # fmt: skip
        stamps = sorted(s for s in stamps if s >= run.begin)
        name = f"{self.of} at {self.at_least:g} Hz or more"
        if len(stamps) < 3:
            return outcome(name, False, f"{len(stamps)} messages")
        mean = (len(stamps) - 1) / max(1e-9, stamps[-1] - stamps[0])
        gap = max(b - a for a, b in itertools.pairwise(stamps))
        end = r.truths[-1].stamp - stamps[-1]
        most = self.gap or 3.0 / self.at_least
        passed = mean >= 0.98 * self.at_least and max(gap, end) <= most + 1e-6
        return outcome(name, passed, f"{mean:.1f} Hz, longest gap {max(gap, end):.2f} s")


class Resources(CheckSpec, frozen=True, kw_only=True, tag="resources"):
    """All nodes together use at most so much: cpu [% of one core, mean], memory [MB, peak]."""

    cpu: Positive | None = None
    memory: Positive | None = None

    def judge(self, run: Run) -> list[Check]:
        usage = run.recording.usage
        out = []
        for name, most, found in (
            ("cpu [% of a core]", self.cpu, float(np.mean([u.cpu for u in usage])) if usage else None),
            ("memory [MB]", self.memory, max((u.memory for u in usage), default=None)),
        ):
            if most is not None:
                passed = found is not None and found <= most
                detail = "not measured" if found is None else f"{found:.0f}"
                out.append(outcome(f"{name} at most {most:g}", passed, detail))
        return out


# --------------------------------------------------------------------------- motion


class NoFall(CheckSpec, frozen=True, kw_only=True, tag="no_fall"):
    """The robot stays on its feet."""

    def judge(self, run: Run) -> Check:
        fallen = next((t.stamp for t in run.recording.truths if t.fallen), None)
        detail = "on its feet" if fallen is None else f"it fell at {fallen - run.begin:.1f} s"
        return outcome("stays on its feet", fallen is None, detail)


class NoCollision(CheckSpec, frozen=True, kw_only=True, tag="no_collision"):
    """The robot touches nothing but the floor with its feet and what it is told to take with its gripper.
    allow: models that it may touch all the same."""

    allow: list[Name] = msgspec.field(default_factory=list)

    def judge(self, run: Run) -> Check:
        touches = [
            t for t in run.touches()
            if not any(part.split("::")[0] in self.allow for part in (t.a, t.b))
        ]  # fmt: skip
        told = "; ".join(
            f"{t.a} touched {t.b} at {t.stamp - run.begin:.1f} s with {t.force:.0f} N" for t in touches[:4]
        )
        return outcome("touches nothing", not touches, told or "no forbidden contact")


class Clearance(CheckSpec, frozen=True, kw_only=True, tag="clearance"):
    """The robot never comes nearer than this to anything fixed or moving [m]. while_skill: only then."""

    at_least: NotNegative
    while_skill: str | None = None

    def judge(self, run: Run) -> Check:
        truths = run.recording.truths
        if self.while_skill is not None:
            truths = [t for t in truths if run.recording.skill_at(t.stamp) == self.while_skill]
        name = f"keeps {self.at_least:g} m away" + (f" in {self.while_skill}" if self.while_skill else "")
        if not truths:
            return outcome(name, False, "never observed")
        nearest = min(truths, key=lambda t: t.clearance)
        detail = f"{nearest.clearance:.3f} m at {nearest.stamp - run.begin:.1f} s"
        return outcome(name, nearest.clearance >= self.at_least, detail)


class Arrival(CheckSpec, frozen=True, kw_only=True, tag="arrival"):
    """At the end (or when `command` ended) the robot stands within `within` metres of a place, surface or
    [x, y], and, for a place with `heading` [degrees], so well turned."""

    at: str | tuple[float, float]  # Name | tuple crashes msgspec 0.22 in the garbage collector
    within: Positive = judge.ARRIVAL
    heading: Positive | None = None
    command: Number | None = None

    def judge(self, run: Run) -> Check:
        truth = run.last(self.command)
        x, y, yaw = locate(run.world, self.at)
        off = math.dist(position(truth), (x, y))
        detail, passed = f"{off:.2f} m from it", off <= self.within
        if self.heading is not None:
            if yaw is None:
                raise InputError(f"{self.at} has no heading; leave heading out")
            turn = math.degrees(abs(wrap(heading(truth) - yaw)))
            detail, passed = f"{detail}, {turn:.0f} degrees off", passed and turn <= self.heading
        return outcome(f"arrives at {self.at}", passed, f"{detail} ({self.within:g} m allowed)")


class PathEfficiency(CheckSpec, frozen=True, kw_only=True, tag="path_efficiency"):
    """The shortest way for the robot's width, divided by the way walked, is at least this much."""

    at_least: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]

    def judge(self, run: Run) -> Check:
        from vla_sim.scenario.shortest import shortest_way

        path = path_of(run.recording.truths)
        walked = path_length(path)
        least = shortest_way(run.world, path[0][1:], path[-1][1:])
        name = f"path efficiency {self.at_least:g} or more"
        if least is None or walked < 1e-6:
            return outcome(name, False, "no way on the map" if least is None else "it did not walk")
        return outcome(name, least / walked >= self.at_least, f"{least:.2f} of {walked:.2f} m")


class Stands(CheckSpec, frozen=True, kw_only=True, tag="stands"):
    """The robot stands still during the last second."""

    def judge(self, run: Run) -> Check:
        return _stands(run, run.recording.truths[-1])


class StopsWithin(CheckSpec, frozen=True, kw_only=True, tag="stops_within"):
    """After the robot heard command `command`, it walks no further than `distance` [m] and stands within
    `seconds`, until the next command is given."""

    command: Number
    seconds: Positive = 2.0
    distance: Positive = 0.5

    def judge(self, run: Run) -> Check:
        given = run.command(self.command)
        heard = run.recording.known_at(given.command_id)
        name = f"stops within {self.seconds:g} s and {self.distance:g} m"
        if heard is None:
            return outcome(name, False, "the command was never understood")
        later = [g.stamp for g in run.commands[self.command :] if g.stamp > heard]
        after = run.recording.between(heard, min(later, default=math.inf))
        went = max((math.dist(position(t), position(after[0])) for t in after), default=0.0)
        rest = [t for t in after if t.stamp >= heard + self.seconds]
        speed = judge.mean_speed(rest[:25]) if len(rest) > 1 else 0.0
        passed = went <= self.distance and speed < judge.STOP_SPEED
        return outcome(name, passed, f"{went:.2f} m further, then {speed:.2f} m/s")


# --------------------------------------------------------------------------- things


class Grasp(CheckSpec, frozen=True, kw_only=True, tag="grasp"):
    """An object is lifted by `lift` [m] and stays there for `hold` [s]."""

    object: Name
    lift: Positive = judge.LIFT
    hold: NotNegative = judge.HOLD

    def judge(self, run: Run) -> Check:
        found = judge.grasp(run.recording, run.world, query(self.object), self.lift, self.hold)
        detail = f"{found.object} up {found.lifted:.2f} m, {found.held:.1f} s at {self.lift:g} m or more"
        return outcome(f"lifts the {self.object}", found.passed, detail)


class Placed(CheckSpec, frozen=True, kw_only=True, tag="placed"):
    """At the end an object rests on a surface."""

    object: Name
    on: Name

    def judge(self, run: Run) -> Check:
        name = object_name(run.world, self.object, run.recording.truths[0])
        surface = next((s for s in run.world.surfaces if s.name == self.on), None)
        if surface is None:
            known = ", ".join(s.name for s in run.world.surfaces)
            raise InputError(f"no surface is called {self.on!r}; this world has {known or 'none'}")
        pose = run.recording.truths[-1].objects[name]
        earlier = [t for t in run.recording.truths if t.stamp >= run.recording.truths[-1].stamp - 0.5]
        still = math.dist(pose[:3], earlier[0].objects[name][:3]) < 0.01
        on = judge.rests_on(surface, pose)
        where = f"at ({pose[0]:.2f}, {pose[1]:.2f}, {pose[2]:.2f}){'' if still else ', moving'}"
        return outcome(f"the {self.object} is on the {self.on}", on and still, where)


class Untouched(CheckSpec, frozen=True, kw_only=True, tag="untouched"):
    """An object stays where it began, within `within` [m]."""

    object: Name
    within: Positive = 0.03

    def judge(self, run: Run) -> Check:
        name = object_name(run.world, self.object, run.recording.truths[0])
        first = run.recording.truths[0].objects[name]
        off = max(math.dist(t.objects[name][:3], first[:3]) for t in run.recording.truths)
        return outcome(f"leaves the {self.object} alone", off <= self.within, f"moved {off:.3f} m")


# --------------------------------------------------------------------------- all the time


class Never(CheckSpec, frozen=True, kw_only=True, tag="never"):
    """Something that must not be at any moment; exactly one of: faster_than [m/s, over half a second],
    nearer_than [m], inside [x0, y0, x1, y1] (the pelvis), below [m] (an `object`'s height), safety (a
    level), touched (a model)."""

    faster_than: Positive | None = None
    nearer_than: Positive | None = None
    inside: tuple[float, float, float, float] | None = None
    below: float | None = None
    object: Name | None = None
    safety: Literal["slowed", "stopped", "estop"] | None = None
    touched: Name | None = None

    KINDS: ClassVar[tuple[str, ...]] = (
        "faster_than", "nearer_than", "inside", "below", "safety", "touched",
    )  # fmt: skip

    def __post_init__(self) -> None:
        given = [name for name in self.KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(self.KINDS)}; got {', '.join(given) or 'none'}")
        if (self.below is None) != (self.object is None):
            raise ValueError("below and object belong together")

    def judge(self, run: Run) -> Check:
        kind = next(name for name in self.KINDS if getattr(self, name) is not None)
        name = f"never {kind.replace('_', ' ')} {getattr(self, kind)}"
        when, detail = self._broken(run)
        if when is None:
            return outcome(name, True, detail)
        return outcome(name, False, f"{detail} at {when - run.begin:.1f} s")

    def _broken(self, run: Run) -> tuple[float | None, str]:
        truths = [t for t in run.recording.truths if t.stamp >= run.begin]
        if self.faster_than is not None:
            worst, when = 0.0, None
            for t in truths[:: max(1, len(truths) // 500)]:
                speed = judge.mean_speed(run.recording.between(t.stamp, t.stamp + 0.5))
                if speed > worst:
                    worst, when = speed, t.stamp
            return (when if worst > self.faster_than else None), f"{worst:.2f} m/s"
        if self.nearer_than is not None:
            near = min(truths, key=lambda t: t.clearance)
            return (near.stamp if near.clearance < self.nearer_than else None), f"{near.clearance:.3f} m"
        if self.inside is not None:
            x0, y0, x1, y1 = self.inside
            hit = next((t for t in truths if x0 <= t.robot[0] <= x1 and y0 <= t.robot[1] <= y1), None)
            return (hit.stamp if hit else None), "inside" if hit else "outside all the time"
        if self.below is not None and self.object is not None:
            key = object_name(run.world, self.object, run.recording.truths[0])
            low = min(truths, key=lambda t: t.objects[key][2])
            height = low.objects[key][2]
            return (low.stamp if height < self.below else None), f"{height:.2f} m"
        if self.safety is not None:
            hit_at = next(
                (s for s, level, _ in run.recording.safety if level == self.safety and s >= run.begin), None
            )
            return hit_at, self.safety if hit_at is not None else "not reached"
        for (a, b), reports in sorted(run.recording.touches.items()):
            models = {a.split("::")[0], b.split("::")[0]}
            if {"g1", self.touched} <= models:
                return reports[0][0], f"{a} and {b}"
        return None, "not touched"


class Safety(CheckSpec, frozen=True, kw_only=True, tag="safety"):
    """The safety node reaches this level, within `seconds` of the first command if given."""

    level: Literal["slowed", "stopped", "estop"]
    seconds: Positive | None = None

    def judge(self, run: Run) -> Check:
        found = [(s, why) for s, level, why in run.recording.safety if level == self.level and s >= run.begin]
        passed = bool(found) and (self.seconds is None or found[0][0] - run.begin <= self.seconds)
        detail = f"{found[0][1]} at {found[0][0] - run.begin:.1f} s" if found else "it never was"
        return outcome(f"safety is {self.level}", passed, detail)


class Load(CheckSpec, frozen=True, kw_only=True, tag="load"):
    """Load is shed to this level of `limits.LOAD_LEVELS` or further, and, if `restored`, all of it is given
    back by the end; always one level at a time."""

    at_least: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    restored: bool = True

    def judge(self, run: Run) -> list[Check]:
        loads = [(stamp - run.begin, load) for stamp, load in run.recording.loads]
        way = ", ".join(f"{load.level} at {at:.1f} s" for at, load in loads) or "it never was"
        top = max((load.level for _, load in loads), default=0)
        single = all(abs(load.level - load.before) == 1 for _, load in loads)
        out = [outcome(f"load is shed to level {self.at_least} or further", top >= self.at_least, way)]
        if self.restored:
            back = bool(loads) and loads[-1][1].level == 0 and single
            out.append(outcome("load is restored, level by level", back, way))
        return out


class Alert(CheckSpec, frozen=True, kw_only=True, tag="alert"):
    """A node raises a warning or error in /diagnostics, or with `raised: false` none does. In real time the
    monitor's alerts count too: `node` is then "system", "voice", "llm", "perception", "control", "commands",
    or a node that fell silent."""

    node: str | None = None
    raised: bool = True

    def judge(self, run: Run) -> Check:
        mine = [a for a in run.recording.alerts if self.node in (None, a[1]) and a[0] >= run.begin]
        who = self.node or "any node"
        name = f"{who} raises an alert" if self.raised else f"no alert of {who}"
        detail = f"{mine[0][1]}: {mine[0][2]} at {mine[0][0] - run.begin:.1f} s" if mine else "none"
        return outcome(name, bool(mine) == self.raised, detail)


BUILT_IN: tuple[type[CheckSpec], ...] = (
    AsCommanded, Outcome, Heard, Said, Order, Budget, Latency, Rate, Resources, NoFall, NoCollision,
    Clearance, Arrival, PathEfficiency, Stands, StopsWithin, Grasp, Placed, Untouched, Never, Safety, Load,
    Alert,
)  # fmt: skip

DEFAULT: tuple[CheckSpec, ...] = (AsCommanded(), Budget(), NoFall(), NoCollision())
"""What must hold where a scenario says nothing."""


@cache
def known() -> dict[str, type[CheckSpec]]:
    """Every check by name, with those of installed packages. Raises `InputError` for a bad one."""
    found = {str(kind.__struct_config__.tag): kind for kind in BUILT_IN}
    for point in metadata.entry_points(group=GROUP):
        try:
            kind = point.load()
        except Exception as error:
            raise InputError(f"check {point.name!r} ({point.value}) cannot be loaded: {error}") from None
        if not (isinstance(kind, type) and issubclass(kind, CheckSpec)):
            raise InputError(f"check {point.name!r} ({point.value}) is no subclass of CheckSpec")
        tag = str(kind.__struct_config__.tag)
        if tag in found:
            raise InputError(f"check {point.name!r} ({point.value}): a check {tag!r} exists already")
        found[tag] = kind
    return found


def union() -> Any:
    """The type of any check, for msgspec."""
    return Union[tuple(known().values())]  # noqa: UP007


def judge_all(run: Run, specs: Sequence[CheckSpec]) -> list[Check]:
    """Every check on a run; one that raises has not passed, and says why."""
    out: list[Check] = []
    for spec in specs or DEFAULT:
        try:
            found = spec.judge(run)
        except Exception as error:  # a user's check must not lose the run
            name = str(spec.__struct_config__.tag)
            why = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            found = outcome(name, False, f"cannot be judged: {why}")
        out += found if isinstance(found, list) else [found]
    return out


def locate(world: World, target: str | tuple[float, float]) -> tuple[float, float, float | None]:
    """x, y and heading (None if it has none) of a place, surface or point. Raises `InputError`."""
    if not isinstance(target, str):
        return target[0], target[1], None
    name = target.replace("_", " ")
    for place in world.places:
        if place.name == name:
            return place.x, place.y, place.yaw
    for surface in world.surfaces:
        if surface.name == name:
            return surface.x, surface.y, None
    known_names = ", ".join([*(p.name for p in world.places), *(s.name for s in world.surfaces)])
    raise InputError(f"no place or surface is called {target!r}; this world has {known_names}")


def _stage(name: str, stages: Sequence[StageLatency], total: float | None) -> float | None:
    return total if name == "total" else next((s.milliseconds for s in stages if s.stage == name), None)


def _plain(text: str) -> str:
    """Words alone, numbers spelt out."""
    words = normalise(text.lower())
    return " ".join("".join(c if c.isalnum() or c.isspace() else " " for c in words).split())


def _events(run: Run) -> list[str]:
    r = run.recording
    events = [(m.stamp, f"skill {m.status.skill}") for m in r.statuses if m.status.state == "running"]
    events += [(m.stamp, f"state {m.status.state}") for m in r.statuses]
    events += [(stamp, f"safety {level}") for stamp, level, _ in r.safety]
    events += [(stamp, f"said {text}") for stamp, text in r.said]
    return [text.lower() for stamp, text in sorted(events, key=lambda e: e[0]) if stamp >= run.begin]


def _answered(run: Run, state: str) -> Check:
    """What is no command must be answered, and nothing may move."""
    first, last = run.recording.truths[0], run.recording.truths[-1]
    moved = math.dist(position(first), position(last))
    ok = moved < 0.05 and (state in ("asked", "rejected") or bool(run.recording.said))
    told = "answered" if run.recording.said or state else "no answer"
    return outcome("answered, not acted on", ok, f"{told}, moved {moved:.3f} m")


def _stands(run: Run, end: GroundTruth) -> Check:
    speed = judge.mean_speed(run.recording.between(end.stamp - 0.8, end.stamp))
    return outcome("stands at the end", speed < judge.STOP_SPEED, f"{speed:.3f} m/s")
