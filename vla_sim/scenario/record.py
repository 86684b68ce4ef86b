"""What a run leaves behind: a typed record that a person, a test or a program can read."""

from __future__ import annotations

from vla_sim.contract import Point, Record, Text


class StageLatency(Record, frozen=True, kw_only=True):
    """One stage's share of the way from the end of speech to the first motion [ms]."""

    stage: Text
    milliseconds: float
    limit: float
    goal: float

    @property
    def ok(self) -> bool:
        return self.milliseconds <= self.limit


class Check(Record, frozen=True, kw_only=True):
    """One thing that had to hold, judged from the simulator's truth."""

    name: Text
    passed: bool
    detail: Text = ""


class Touch(Record, frozen=True, kw_only=True):
    """A contact that should not have been: which things, when first, how hard at most."""

    a: Text
    b: Text
    stamp: float
    force: float


class GraspResult(Record, frozen=True, kw_only=True):
    """lifted: largest rise of the object's centre [m]; held: longest time [s] at 0.10 m or more."""

    object: Text
    lifted: float
    held: float
    passed: bool


class Event(Record, frozen=True, kw_only=True):
    stamp: float
    """Simulated seconds since the command was given."""
    text: Text


class RunRecord(Record, frozen=True, kw_only=True):
    """One command, given to one robot in one world, and what came of it."""

    command: Text
    heard: Text
    spoken: bool
    world: Text
    engine: Text
    seed: int
    started: Text
    """UTC, ISO 8601."""
    passed: bool
    state: Text
    """Last state that the executive or language reported."""
    answer: Text
    """The robot's last words."""
    reasons: list[Text]
    """Why it did not pass; empty if it did."""
    checks: list[Check]
    stages: list[StageLatency]
    total_ms: float | None
    """Last voiced sample (or typed command) to first motion; null if nothing moved."""
    total_limit_ms: float
    path_length: float
    clearance: float | None
    contacts: list[Touch]
    grasps: list[GraspResult]
    real_time_factor: float
    ready_seconds: float
    simulated_seconds: float
    wall_seconds: float
    path: list[Point]
    """(stamp, x, y) of the pelvis, 5 a second."""
    events: list[Event]
    versions: dict[str, str]
    folder: Text
