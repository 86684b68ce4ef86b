"""What a client may ask and what it is answered: records whose JSON schemas are the tools' own.

Numbers are bounded here, names are checked where they are used, and every text and list that goes out has a
largest size.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from vla_sim.common.printable import one_line
from vla_sim.common.secrets import strike

MOST_CHARACTERS = 500
"""Of a text that goes out."""
MOST_LINES = 40
"""Of a list of texts that goes out."""
LIMIT = 1800.0
"""[s] of the machine's clock that a run may take at most."""
MOST_WAIT = 600.0  # [s]

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Engine = Literal["mujoco", "gazebo", "kinematic", "g1"]
State = Literal["running", "passed", "failed", "not judged", "stopped", "broke off"]
"""not judged: measured speed alone was missed, while other programs kept the machine busy. stopped: told to
end before there was a verdict. broke off: it could not be played; `reasons` say why."""
View = Literal["outside", "head", "sheet"]


def short(text: str, most: int = MOST_CHARACTERS) -> str:
    """One line of at most so many characters, without secrets."""
    line = one_line(strike(text))
    return line if len(line) <= most else line[: most - 1] + "…"


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a client asks; its docstring is the tool's description."""


class ListWorlds(Call, frozen=True, kw_only=True):
    """The worlds that a command can be given in, with their places, surfaces and objects."""


class ListScenarios(Call, frozen=True, kw_only=True):
    """The scenarios that can be played: what is commanded, in which world, what a pass proves, and the
    checks that must hold."""


class Bounds(Call, frozen=True, kw_only=True):
    """What every run takes."""

    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="of displacements and sensor noise")] = 0
    engine: Annotated[
        Engine, Meta(description="the simulator; kinematic is the fastest, without physics")
    ] = "mujoco"
    real_time: Annotated[
        bool,
        Meta(
            description="true: at the clock's pace, latencies measured on this machine; false: in lock-step, "
            "the same on any machine, latencies modelled. Engine g1 needs true."
        ),
    ] = False
    parameters: Annotated[
        dict[str, bool | int | float | Name],
        Meta(
            max_length=20,
            description='of single nodes, as {"safety.max_forward": 0.4}; numbers, switches and choices',
        ),
    ] = {}
    record: Annotated[
        bool,
        Meta(
            description="also keep all that nodes and sensors said, some 60 MB a simulated minute: then "
            "`picture` shows any moment"
        ),
    ] = False
    time_limit: Annotated[
        float, Meta(ge=1.0, le=LIMIT, description="[s] of the machine's clock; then the run is ended")
    ] = 600.0
    wait: Annotated[
        float,
        Meta(
            ge=0.0, le=MOST_WAIT,
            description="[s] to wait for the verdict; a run that takes longer goes on, state running, and "
            "`verdict` waits further",
        ),
    ] = 45.0  # fmt: skip


class RunScenario(Bounds, frozen=True, kw_only=True):
    """Play one scenario, in a simulation on this machine, and judge it from the simulator's truth. One run at
    a time. Cancelling this call ends the run. The first start after an installation takes minutes."""

    scenario: Annotated[Name, Meta(description="its name, of list_scenarios")]


class RunCommand(Bounds, frozen=True, kw_only=True):
    """Give the simulated robot one command in words and judge whether it does what it then plans. Whether the
    plan is what the words mean only a scenario can judge. Otherwise as run_scenario."""

    words: Annotated[
        str, Meta(min_length=1, max_length=300, description='as "go to the kitchen and pick up the red cup"')
    ]
    world: Annotated[Name, Meta(description="its name, of list_worlds")] = "apartment"
    spoken: Annotated[
        bool, Meta(description="by a synthesised voice into the robot's ears; false: typed")
    ] = False


class Verdict(Call, frozen=True, kw_only=True):
    """Whether a run passed, the reasons if it did not, what the robot said, and how long it took to move."""

    run: Annotated[str, Meta(max_length=100, description='its name; "": the latest')] = ""
    wait: Annotated[float, Meta(ge=0.0, le=MOST_WAIT, description="[s] to wait if it is running")] = 0.0


class Why(Call, frozen=True, kw_only=True):
    """Every check of a run with its figures, what happened, what the nodes warned of, and the moments that
    `picture` can show."""

    run: Annotated[str, Meta(max_length=100, description='its name; "": the latest')] = ""


class Picture(Call, frozen=True, kw_only=True):
    """A picture of a finished run, as PNG: of any moment if it was played with `record`, else of a key
    moment."""

    run: Annotated[str, Meta(max_length=100, description='its name; "": the latest')] = ""
    at: Annotated[
        float | None,
        Meta(
            description="[s] since the first command; of a run without a recording the nearest key moment is "
            "shown; null: the last one"
        ),
    ] = None
    view: Annotated[
        View, Meta(description="from outside, by the robot's head camera, or the whole sheet with the map")
    ] = "outside"
    width: Annotated[int, Meta(ge=64, le=1280, description="[pixels] at most")] = 640


class Stop(Call, frozen=True, kw_only=True):
    """End the run under way, if there is one; its processes have ended when this answers."""


class WorldFound(msgspec.Struct, kw_only=True):
    name: str
    places: list[str]
    surfaces: list[str]
    objects: list[str]


class Worlds(msgspec.Struct, kw_only=True):
    worlds: list[WorldFound]


class ScenarioFound(msgspec.Struct, kw_only=True):
    """pace: "clock" if it must be played in real time, whatever `real_time` says."""

    name: str
    proves: str
    world: str
    pace: str
    commands: list[str]
    checks: list[str]


class Scenarios(msgspec.Struct, kw_only=True):
    scenarios: list[ScenarioFound]


class Outcome(msgspec.Struct, kw_only=True):
    """run: its name. scenario: "run" of run_command. command: the words. reasons: why it did not pass.
    first_motion_ms: from the end of speech, or from the typed command, to the first motion; null if nothing
    moved. lines: the last ones that a run without a verdict has said. again: the command line that plays it
    again."""

    run: str
    state: State
    scenario: str = ""
    command: str = ""
    reasons: list[str] = field(default_factory=list)
    robot_said: str = ""
    first_motion_ms: float | None = None
    first_motion_limit_ms: float | None = None
    simulated_seconds: float | None = None
    seconds: float | None = None
    note: str = ""
    lines: list[str] = field(default_factory=list)
    again: str = ""


class CheckFound(msgspec.Struct, kw_only=True):
    name: str
    passed: bool
    detail: str


class Moment(msgspec.Struct, kw_only=True):
    """at: simulated seconds since the first command."""

    at: float
    title: str


class Reasons(msgspec.Struct, kw_only=True):
    """latencies_ms: each stage with its limit. events: what happened, with simulated seconds. warnings: the
    nodes' last."""

    run: str
    state: State
    reasons: list[str]
    checks: list[CheckFound] = field(default_factory=list)
    latencies_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    contacts: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)


class Stopped(msgspec.Struct, kw_only=True):
    """run: what was ended; "" if nothing was under way."""

    run: str


def texts(found: list[str]) -> list[str]:
    """The last of them, each short."""
    return [short(one) for one in found[-MOST_LINES:]]


def schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """JSON schema with the object itself at the root, as MCP wants it."""
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    root = dict(parts.pop(kind.__name__))
    root.pop("description", None)  # the tool's own
    return {**root, "$defs": parts} if parts else root
