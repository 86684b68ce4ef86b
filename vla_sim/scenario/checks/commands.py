"""Checks of commands and words: what was understood, answered and done."""

import math
from typing import Annotated, ClassVar, Literal

import msgspec

from vla_sim.scenario.checks.base import CheckSpec, Number, Run, outcome
from vla_sim.scenario.checks.motion import stands
from vla_sim.scenario.format import Name
from vla_sim.scenario.judge import judge_steps
from vla_sim.scenario.record import OWN_PLAN, Check
from vla_sim.scenario.recording import Given, position
from vla_sim.stages.voice.spoken_numbers import normalise

State = Literal["succeeded", "failed", "rejected", "cancelled", "asked"]


class AsCommanded(CheckSpec, frozen=True, kw_only=True, tag="as_commanded"):
    """What was commanded is done: each step that the words mean, judged from the truth. Words that are no
    command are answered and nothing moves; what a "stop" ends is cancelled and the robot stands. The
    meaning is what the action states in `means`; left out, the robot's own plan, and the verdict says so:
    then words must be heard as they were said."""

    command: Number | None = None

    def judge(self, run: Run) -> list[Check]:
        return [check for given in _chosen(run, self.command) for check in done(run, given)]


def done(run: Run, given: Given) -> list[Check]:
    """Whether what a command says is done."""
    stated = given.means is not None
    heard = run.recording.heard(given.command_id)
    if not stated and given.spoken and given.text and _plain(heard) != _plain(given.text):
        detail = f'heard "{heard}", which is not what was said; a plan for other words is not judged'
        return [outcome(f'"{given.text}" is heard', False, detail)]
    note = "" if stated else f"; {OWN_PLAN}"
    steps = run.recording.steps(given)
    end = run.recording.end(given.command_id) if given.command_id else None
    final = end.status if end else None
    state = final.state if final else ""
    if not steps:
        return [_answered(run, given, state, note)]
    if steps[0].skill == "stop":
        return [stands(run)]
    later = [(g.stamp, run.recording.steps(g)) for g in run.commands[run.commands.index(given) + 1 :]]
    # What has ended before a stop is given was not ended by it.
    if any(s and s[0].skill == "stop" and (end is None or end.stamp >= at) for at, s in later):
        detail = (state or _unfinished(run, given)) + note
        return [outcome(f'"{given.text}" is cancelled', state == "cancelled", detail)]
    said = final.detail if final else _unfinished(run, given)
    detail = f"{state or 'not done'}{f' ({said})' if said else ''}{note}"
    end_state = outcome(f'"{given.text}" succeeds', state == "succeeded", detail)
    return [end_state, *judge_steps(run.recording, run.world, given.command_id, steps)]


class Undone(CheckSpec, frozen=True, kw_only=True, tag="undone"):
    """What was commanded is not done, since the robot lacks what it takes, a sensor for instance. What is
    done nevertheless is judged by something that the robot cannot know."""

    command: Number | None = None

    def judge(self, run: Run) -> list[Check]:
        out = []
        for given in _chosen(run, self.command):
            missed = next((f"{c.name}: {c.detail}" for c in done(run, given) if not c.passed), "")
            out.append(outcome(f'"{given.text}" is not done', bool(missed), missed or "it is done"))
        return out


def _chosen(run: Run, number: int | None) -> tuple[Given, ...]:
    """All commands, or the one of this number. Raises `InputError` if it was never given."""
    return run.commands if number is None else (run.command(number),)


def _unfinished(run: Run, given: Given) -> str:
    """How far a command came that has not ended."""
    statuses = reversed(run.recording.statuses)
    last = next((m.status for m in statuses if m.status.command_id == given.command_id), None)
    if last is None or not given.command_id:
        return "no answer to the command"
    end = run.recording.truths[-1]
    why = "when it fell" if end.fallen else f"when the time was up, after {end.stamp - run.begin:.0f} s"
    step = f" at {last.skill} (step {last.step + 1} of {last.steps})" if last.skill else ""
    return f"still {last.state}{step} {why}"


class Outcome(CheckSpec, frozen=True, kw_only=True, tag="outcome"):
    """The robot's own last word on a command is one of these states."""

    command: Number = 1
    state: State | list[State] = "succeeded"

    def judge(self, run: Run) -> Check:
        given = run.command(self.command)
        final = run.recording.final(given.command_id) if given.command_id else None
        allowed = [self.state] if isinstance(self.state, str) else self.state
        state = final.state if final else _unfinished(run, given)
        detail = f"{state}{f' ({final.detail})' if final and final.detail else ''}"
        return outcome(f'"{given.text}" is {" or ".join(allowed)}', state in allowed, detail)


class PlannedBy(CheckSpec, frozen=True, kw_only=True, tag="planned_by"):
    """A command's plan was made by the rules, by the language model ("llm") or from what that said before
    ("cache")."""

    command: Number = 1
    planner: Literal["rules", "llm", "cache"]

    def judge(self, run: Run) -> Check:
        given = run.command(self.command)
        plan = run.recording.plan(given.command_id)
        who = plan.planner if plan else "no plan"
        return outcome(f'"{given.text}" is planned by {self.planner}', who == self.planner, who)


class Heard(CheckSpec, frozen=True, kw_only=True, tag="heard"):
    """The recogniser heard these words, or left out: the words that were said."""

    command: Number = 1
    words: str | None = None

    def judge(self, run: Run) -> Check:
        given = run.command(self.command)
        text = run.recording.heard(given.command_id)
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

    KINDS: ClassVar[tuple[str, ...]] = ("skill", "state", "safety", "said")

    def __post_init__(self) -> None:
        for one in self.events:
            kind, _, text = one.partition(" ")
            if kind.lower() not in self.KINDS or not text:
                raise ValueError(
                    f"an event begins with {', '.join(self.KINDS)}, and words follow; got {one!r}"
                )

    def judge(self, run: Run) -> Check:
        name, happened = f"order: {', '.join(self.events)}", iter(_events(run))
        for wanted in self.events:
            kind, _, text = wanted.lower().partition(" ")
            if not any(event.startswith(f"{kind} ") and text in event for event in happened):
                return outcome(name, False, f"{wanted!r} did not follow")
        return outcome(name, True, "all in order")


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


def _answered(run: Run, given: Given, state: str, note: str) -> Check:
    """What is no command must be answered, and nothing may move, until the next one is given."""
    end = min((g.stamp for g in run.commands if g.stamp > given.stamp), default=math.inf)
    truths = run.recording.between(given.stamp, end)
    moved = math.dist(position(truths[0]), position(truths[-1]))
    said = any(given.stamp <= stamp <= end for stamp, _ in run.recording.said)
    ok = moved < 0.05 and (state in ("asked", "rejected") or said)
    answer = "answered" if said or state else "no answer"
    return outcome("answered, not acted on", ok, f"{answer}, moved {moved:.3f} m{note}")
