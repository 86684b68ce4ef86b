"""What a scenario file says: world, start, what is said and when, what goes wrong, what must hold.

    scenario = load("fetch_cup")           # a shipped one by name, or a path
    print(schema())                        # JSON schema for editors

A file is YAML with these types in it; `do` names an action, `check` a check.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from vla_sim.contract.records import SKILLS

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Node = Literal["perception", "navigation", "manipulation", "voice", "language", "safety", "executive"]
Skill = Literal[SKILLS]  # type: ignore[valid-type]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that a scenario file is made of."""


class Pose(Part, frozen=True, kw_only=True):
    """On the floor: x, y [m] and yaw [degrees] in the world."""

    x: float
    y: float
    yaw: float = 0.0


class Spread(Part, frozen=True, kw_only=True):
    """Largest seeded displacement of objects [m], of the robot's start [m] and heading [degrees]."""

    objects: Annotated[float, msgspec.Meta(ge=0.0, le=0.5)] = 0.0
    start: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.0
    start_yaw: Annotated[float, msgspec.Meta(ge=0.0, le=180.0)] = 0.0


class Added(Part, frozen=True, kw_only=True):
    """A model put into the world. z [m] is the height of its origin. mapped: whether the robot's map has
    it (only models that do not move can be in a map). walk: waypoints [x, y] that it is carried along at
    `speed` [m/s], round and round."""

    model: Name
    name: str = ""
    x: float
    y: float
    z: float = 0.0
    yaw: float = 0.0
    mapped: bool = False
    walk: list[tuple[float, float]] = []
    speed: Positive = 0.6


class When(Part, frozen=True, kw_only=True):
    """When an action is due: exactly one of these, and `delay` simulated seconds after it.

    at: simulated seconds since the first command was given. done: the command of this number (1 is the
    first) has ended, however. skill: the robot has begun this skill. near: the robot is within `within`
    metres of a place, surface, model or [x, y]. seen: perception has reported such an object ("red cup").
    lifted: this object is 5 cm above where it began.
    """

    at: NotNegative | None = None
    done: Annotated[int, msgspec.Meta(ge=1)] | None = None
    skill: Skill | None = None
    near: str | tuple[float, float] | None = None
    seen: Name | None = None
    lifted: Name | None = None
    delay: NotNegative = 0.0
    within: Positive = 0.5

    EVENTS: ClassVar[tuple[str, ...]] = ("at", "done", "skill", "near", "seen", "lifted")

    def __post_init__(self) -> None:
        given = [name for name in self.EVENTS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of {', '.join(self.EVENTS)}; got {', '.join(given) or 'none'}"
            )


AT_ONCE = When(at=0.0)


class Action(Part, frozen=True, kw_only=True, tag_field="do"):
    """Base of actions. Each waits for its own `when`, not for the action before it."""

    when: When = AT_ONCE


class Say(Action, frozen=True, kw_only=True, tag="say"):
    """Words spoken into the robot's ear. voice: hibari, or espeak:en-us and the like. noise: level of the
    room's noise below full scale [dB]; -66 is a quiet room, -40 is loud."""

    words: Name
    voice: Annotated[str, msgspec.Meta(pattern=r"^(hibari|espeak:[\w-]+)$")] = "hibari"
    speed: Annotated[float, msgspec.Meta(ge=0.5, le=2.0)] = 1.0
    noise: Annotated[float, msgspec.Meta(ge=-96.0, le=-20.0)] = -66.0


class Play(Action, frozen=True, kw_only=True, tag="play"):
    """A WAV recording, relative to the scenario's file. words: what is said in it, to judge by; left out,
    the run is judged by what was heard."""

    file: Name
    words: str = ""


class Type(Action, frozen=True, kw_only=True, tag="type"):
    """Words typed."""

    words: Name


class Move(Action, frozen=True, kw_only=True, tag="move"):
    """Puts an object somewhere else at once: [x, y, z] in the world, or in the robot's frame on the floor
    under its pelvis (x ahead, y left) if `of` is robot."""

    object: Name
    to: tuple[float, float, float]
    of: Literal["world", "robot"] = "world"


class Kill(Action, frozen=True, kw_only=True, tag="kill"):
    """Ends a node's process without warning."""

    node: Node


class Freeze(Action, frozen=True, kw_only=True, tag="freeze"):
    """A node's process stands still for so many seconds."""

    node: Node
    seconds: Positive


class Blind(Action, frozen=True, kw_only=True, tag="blind"):
    """A sensor fails for so many seconds: it is silent, or sends no numbers (NaN)."""

    sensor: Literal["lidar", "camera"]
    seconds: Positive
    how: Literal["silent", "nan"] = "silent"


class CpuHog(Action, frozen=True, kw_only=True, tag="cpu_hog"):
    """Other processes want the cores for so many seconds: `processes` of them, 0 for one a core, stepping
    back by `nice`. Nothing in lock-step, where results do not depend on the machine."""

    seconds: Positive
    processes: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    nice: Annotated[int, msgspec.Meta(ge=0, le=19)] = 0


ACTIONS: tuple[type[Action], ...] = (Say, Play, Type, Move, Kill, Freeze, Blind, CpuHog)
COMMANDS = (Say, Play, Type)
"""Actions that give the robot a command."""

Compute = Literal["measured", "fixed"]


class Scenario(Part, frozen=True, kw_only=True):
    """One scenario file.

    proves: what a pass shows, in a sentence. start: where the robot begins; left out: where the world says.
    light: factor on the world's lights. remove: models taken out of the world. compute, costs: with
    lock-step, what a stage's work costs in simulated time: as measured, or the contract's figures with
    these [ms] in their place. pace: clock for a scenario about the machine's load, which is played at the
    clock's pace, alone on the machine, where others are in lock-step. timeout: simulated seconds until the
    run is given up. attempts: how often it may be tried; a pass on a later try is reported as such. expect:
    what must hold; empty: what was commanded is done, in the budget, without a fall or a forbidden contact.
    """

    version: Literal[1]
    proves: Annotated[str, msgspec.Meta(min_length=10, max_length=400)]
    world: Name = "apartment"
    start: Pose | None = None
    randomise: Spread = Spread()
    light: Annotated[float, msgspec.Meta(ge=0.0, le=4.0)] = 1.0
    add: list[Added] = []
    remove: list[Name] = []
    planner: Literal["rules", "llm", "auto"] = "rules"
    compute: Compute = "fixed"
    costs: dict[str, NotNegative] = {}
    pace: Literal["any", "clock"] = "any"
    timeout: Positive = 300.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    script: list[Any]
    expect: list[Any] = []
