"""What a scenario file says: world, start, what is said and when, what goes wrong, what must hold.

    scenario = load("fetch_cup")           # a shipped one by name, or a path
    print(schema())                        # JSON schema for editors

A file is YAML with these types in it; `do` names an action, `check` a check.
"""

import math
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from vla_sim.bringup.node_table import STACK
from vla_sim.contract import faults
from vla_sim.contract.records import MANNER, POSES, STEP_FIELDS, Fault, Skill, Step
from vla_sim.scenario.targets import Named, query
from vla_sim.stages.policy.names import Own
from vla_sim.world.derived_world import Added
from vla_sim.world.map_file import Number

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
NODES = tuple(spec.name for spec in STACK)
"""Of a whole stack."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that a scenario file is made of."""

    def names(self) -> list[Named]:
        """What it names of the world."""
        return []


def fields(kind: type[Part]) -> dict[str, tuple[str, bool]]:
    """Each field by name: how it is shown, as "name" or "name: default", and whether it must be given."""
    found = {}
    for field in msgspec.structs.fields(kind):
        word, default = field.name, field.default
        if default not in (msgspec.NODEFAULT, None, "", (), []):
            word += f": {str(default).lower() if isinstance(default, bool) else default}"
        found[field.name] = word, field.required
    return found


def exactly_one(part: Part, names: tuple[str, ...]) -> str:
    """Which of these fields is given. Raises `ValueError` unless it is exactly one."""
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(names)}; got {', '.join(given) or 'none'}")
    return given[0]


class Pose(Part, frozen=True, kw_only=True):
    """On the floor: x, y [m] and yaw [degrees] in the world."""

    x: Number
    y: Number
    yaw: Number = 0.0


class Spread(Part, frozen=True, kw_only=True):
    """Largest seeded displacement of objects [m], of the robot's start [m] and heading [degrees]."""

    objects: Annotated[float, msgspec.Meta(ge=0.0, le=0.5)] = 0.0
    start: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.0
    start_yaw: Annotated[float, msgspec.Meta(ge=0.0, le=180.0)] = 0.0


class When(Part, frozen=True, kw_only=True):
    """When an action is due: exactly one of these, and `delay` simulated seconds after it.

    at: simulated seconds since the first command was given. done: the command of this number (1 is the
    first) has ended, in any state. skill: the robot has begun this skill. near: the robot is within `within`
    metres of a place, surface, [x, y] or model that can move. seen: perception has reported such an object
    ("red cup"). lifted: this object is 5 cm above where it began.
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
        exactly_one(self, self.EVENTS)

    def names(self) -> list[Named]:
        if isinstance(self.near, str):
            return [("place or model", self.near)]
        if self.seen:
            return [("kind of object", self.seen)]
        return [("object", self.lifted)] if self.lifted else []


AT_ONCE = When(at=0.0)


class Meaning(Part, frozen=True, kw_only=True):
    """One step that words ask for: a skill with its arguments. object: "red cup". place: a place or surface
    of the world, "user": where the command was given, or "start": where the world has the robot begin.
    relation: where the skill place puts things, seen from `object`. distance: ahead [m]; lateral: to the left
    [m]; angle: to the left [degrees]. How it is done ("slowly") is not judged."""

    skill: Skill
    object: Name | None = None
    place: Name | None = None
    distance: float | None = None
    lateral: float | None = None
    angle: float | None = None
    seconds: float | None = None
    text: Name | None = None
    relation: Literal["next to", "on top of", "into"] | None = None

    NEEDS: ClassVar[dict[str, tuple[str, ...]]] = {
        "find": ("object",), "remember": ("text",), "wait": (), "say": (),
    }  # fmt: skip
    """Where not every argument of `STEP_FIELDS` must be given; of `move`, one of them."""

    def __post_init__(self) -> None:
        takes = tuple(name for name in STEP_FIELDS[self.skill] if name not in MANNER)
        given = [name for name in self.__struct_fields__[1:] if getattr(self, name) is not None]
        strange = [name for name in given if name not in takes]
        if strange:
            raise ValueError(f"{self.skill} takes {', '.join(takes) or 'no argument'}; got {strange[0]}")
        if self.skill == "move" and given:
            return
        if self.skill == "place" and given in (["place"], ["object", "relation"]):
            return
        missing = [name for name in self.NEEDS.get(self.skill, takes) if name not in given]
        if missing:
            raise ValueError(f"{self.skill} needs {' or '.join(missing)}")

    def names(self) -> list[Named]:
        found: list[Named] = [("kind of object", self.object)] if self.object else []
        return found + ([("place", self.place)] if self.place and self.place not in POSES else [])

    @property
    def step(self) -> Step:
        return Step(
            skill=self.skill, object=query(self.object) if self.object else None, place=self.place or "",
            distance=self.distance, lateral=self.lateral, seconds=self.seconds, text=self.text or "",
            relation=self.relation or "",
            angle=None if self.angle is None else math.radians(self.angle),
        )  # fmt: skip


class Action(Part, frozen=True, kw_only=True, tag_field="do"):
    """Base of actions. Each waits for its own `when`, not for the action before it."""

    when: When = AT_ONCE

    def names(self) -> list[Named]:
        return self.when.names()


class CommandAction(Action, frozen=True, kw_only=True):
    """Base of actions that give the robot a command. means: the steps that the words ask for, to judge by;
    [] if they are no command; left out, the run is judged by the robot's own plan."""

    words: Name
    means: list[Meaning] | None = None

    def names(self) -> list[Named]:
        return self.when.names() + [name for one in self.means or [] for name in one.names()]

    @property
    def steps(self) -> tuple[Step, ...] | None:
        return None if self.means is None else tuple(one.step for one in self.means)


class Say(CommandAction, frozen=True, kw_only=True, tag="say"):
    """Words spoken to the robot. voice: hibari, or espeak:en-us and the like. noise: level of the room's
    noise [dB below full scale]; -66 is a quiet room, -40 is loud."""

    voice: Annotated[str, msgspec.Meta(pattern=r"^(hibari|espeak:[\w-]+)$")] = "hibari"
    speed: Annotated[float, msgspec.Meta(ge=0.5, le=2.0)] = 1.0
    noise: Annotated[float, msgspec.Meta(ge=-96.0, le=-20.0)] = -66.0


class Play(CommandAction, frozen=True, kw_only=True, tag="play"):
    """A WAV recording, relative to the scenario's file. words: what is said in it; left out, what was heard
    is taken for it."""

    file: Name
    words: str = ""


class Type(CommandAction, frozen=True, kw_only=True, tag="type"):
    """Words typed. priority: background commands wait for all others, urgent ones go before them. What is
    spoken carries none in its sound; there the words say that something is urgent ("now")."""

    priority: Literal["background", "normal", "urgent"] = "normal"


class Move(Action, frozen=True, kw_only=True, tag="move"):
    """Puts an object somewhere else at once: [x, y, z] in the world, or in the robot's frame on the floor
    under its pelvis (x ahead, y left) if `of` is robot."""

    object: Name
    to: tuple[Number, Number, Number]
    of: Literal["world", "robot"] = "world"

    def names(self) -> list[Named]:
        return [*self.when.names(), ("object", self.object)]


class FaultAction(Part, frozen=True, kw_only=True):
    """What goes wrong: a kind of the table of faults. of: which node, topic or sensor. at: the one node at
    which a topic is disturbed, or the other of two that are parted. seconds: how long; left out: to the end.
    share: of the messages that are met, 0..1. amount: how much, in the kind's unit. Each fault waits for its
    own `when`, not for the one before it."""

    fault: Name
    of: Name | None = None
    at: Name | None = None
    seconds: Positive | None = None
    share: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    amount: float | None = None
    when: When = AT_ONCE

    def names(self) -> list[Named]:
        return self.when.names()

    def made(self, number: int, seed: int) -> Fault:
        """The fault with an id of this number. Raises `InputError` for what cannot be."""
        return faults.check(
            Fault(
                fault_id=f"fault-{number}", kind=self.fault, target=self.of or "", at=self.at or "",
                seconds=self.seconds or 0.0, share=self.share, amount=self.amount, seed=seed + number,
            ),
            NODES,
        )  # fmt: skip


ACTIONS: tuple[type[Action], ...] = (Say, Play, Type, Move)

Compute = Literal["measured", "fixed"]


class Scenario(Part, frozen=True, kw_only=True):
    """One scenario file.

    proves: what a pass shows, in a sentence. start: where the robot begins; left out: where the world says.
    light: factor on the world's lights. remove: models taken out of the world. scripted_llm: what stands in
    for the language model's server: by the words of a command the steps as a model writes them; client and
    server are real, the answers are these. policy: scripted: objects are picked by a policy's server, which
    answers from images and a planner. compute, costs: with
    lock-step, what a stage's work costs in simulated time: as measured, or the contract's figures with
    these [ms] in their place. pace: clock for a scenario about the machine's load, which is played at the
    clock's pace, alone on the machine, where others are in lock-step. timeout: simulated seconds until the
    run is given up. attempts: how often it may be tried; a pass on a later try is reported as such. faults:
    what is broken on purpose. expect: what must hold; empty: what was commanded is done, in the budget,
    without a fall or a forbidden contact.
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
    scripted_llm: dict[Name, list[dict[str, Any]]] = {}
    policy: Literal["", Own] = ""
    compute: Compute = "fixed"
    costs: dict[str, NotNegative] = {}
    pace: Literal["any", "clock"] = "any"
    timeout: Positive = 300.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    script: list[Any]
    faults: list[FaultAction] = []
    expect: list[Any] = []
