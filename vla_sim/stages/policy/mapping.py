"""What a policy is sent and what its answers mean: one YAML file a policy, `config/policies/<name>.yaml`."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np

from vla_sim.common import yaml_records
from vla_sim.common.assets import share_folder
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path
from vla_sim.stages.policy.names import OWN, SCRIPTED

Value = Literal[
    "left_arm", "right_arm", "left_gripper", "right_gripper", "joints", "body_joints", "base", "camera",
    "time",
]  # fmt: skip
"""Numbers that a policy may be sent. left_arm, right_arm: seven joints, shoulder to wrist, in the mapping's
`angles`; left_gripper, right_gripper: the opening, by its `gripper`; joints: all of the robot [rad], fingers
[m] last; body_joints: those without the fingers; base: the pelvis in odom, x y z [m] and a quaternion w x y
z; camera: fx fy cx cy [px] of the images; time [s]."""
Part = Literal["left_arm", "right_arm", "left_gripper", "right_gripper", "walk"]
"""What a policy may move. walk: three numbers, the body's velocity, which our own recordings have: the robot
stands while the arms are a policy's, and does not go along them."""
Space = Literal["joint_positions", "joint_deltas", "tool_deltas"]
"""What an arm's numbers are. joint_positions, joint_deltas: seven. tool_deltas: six, x y z [m] and a rotation
vector [rad] of the tool."""
Since = Literal["observation", "previous"]
SIZES: dict[Space, int] = {"joint_positions": 7, "joint_deltas": 7, "tool_deltas": 6}
Pixels = Annotated[int, msgspec.Meta(ge=16, le=2048)]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]


class Piece(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that a mapping is made of."""


class Entry(Piece, frozen=True, kw_only=True):
    """One entry of an observation: exactly one of `image`, `values` and `text`. key: its name, or the names
    that lead to it where maps are nested. image: of the head camera, color: (h, w, 3) uint8, depth: (h, w)
    float32 [m]. size: height and width to which an image is scaled, its proportions kept, black around
    it; left out: as it is. channels_first: (3, h, w). text: {object} stands for the thing's name."""

    key: str | list[str]
    image: Literal["color", "depth"] | None = None
    size: tuple[Pixels, Pixels] | None = None
    channels_first: bool = False
    values: list[Value] | None = None
    text: str | None = None

    ONE_OF: ClassVar[tuple[str, ...]] = ("image", "values", "text")

    def __post_init__(self) -> None:
        given = [name for name in self.ONE_OF if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of {', '.join(self.ONE_OF)}; got {', '.join(given) or 'none'}"
            )
        if not self.path or not all(self.path):
            raise ValueError("key must not be empty")
        if (self.size or self.channels_first) and self.image != "color":
            raise ValueError("size and channels_first are of a color image alone")
        if self.text is not None and self.text.replace("{object}", "").count("{"):
            raise ValueError("text may hold {object} and no other brace")

    @property
    def path(self) -> list[str]:
        return [self.key] if isinstance(self.key, str) else self.key


class Actions(Piece, frozen=True, kw_only=True):
    """A chunk of actions: an array (n, numbers of `parts`), first the next action. keys: of several arrays
    that make it side by side, in the place of `key`. since: of which posture
    deltas are, the observation's (of every action) or the action's before. tool_frame: in which axes tool
    deltas are, base_link's or the tool's own. scale: what a delta of 1 is [rad], [m]."""

    key: str = "actions"
    keys: list[str] | None = None
    parts: Annotated[list[Part], msgspec.Meta(min_length=1)]
    space: Space = "joint_positions"
    since: Since = "observation"
    tool_frame: Literal["base_link", "tool"] = "base_link"
    scale: Positive = 1.0

    def __post_init__(self) -> None:
        if len(set(self.parts)) != len(self.parts):
            raise ValueError("a part is named twice")
        if self.scale != 1.0 and self.space == "joint_positions":
            raise ValueError("scale is of deltas alone")

    @property
    def columns(self) -> dict[Part, slice]:
        """Of each part, in the array."""
        out: dict[Part, slice] = {}
        at = 0
        for part in self.parts:
            size = SIZES[self.space] if part.endswith("_arm") else 3 if part == "walk" else 1
            out[part] = slice(at, at + size)
            at += size
        return out

    @property
    def width(self) -> int:
        return max(one.stop for one in self.columns.values())


class Gripper(Piece, frozen=True, kw_only=True):
    """The numbers that stand for a gripper that is open, as far as it goes, and closed; between them it is
    linear."""

    open: float = 1.0
    closed: float = 0.0

    def __post_init__(self) -> None:
        if self.open == self.closed:
            raise ValueError("open and closed must differ")


class LeRobot(Piece, frozen=True, kw_only=True):
    """What a server of LeRobot's is told to load. type: of policy, by LeRobot's name (act, smolvla, pi0 ...).
    weights: a folder on the server's machine, or a name on the hub. device: cpu, cuda, mps. actions: of a
    chunk, at most."""

    type: Annotated[str, msgspec.Meta(min_length=1)]
    weights: Annotated[str, msgspec.Meta(min_length=1)]
    device: str = "cpu"
    actions: Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Mapping(Piece, frozen=True, kw_only=True):
    """One file. rate: actions a second. execute: how many actions of a chunk are gone along before the next
    chunk is asked for. angles: of joints, sent and received. lerobot: of a policy behind that protocol
    alone."""

    version: Literal[1]
    about: Annotated[str, msgspec.Meta(min_length=10, max_length=400)]
    rate: Annotated[float, msgspec.Meta(ge=1.0, le=100.0)]
    execute: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    observation: Annotated[list[Entry], msgspec.Meta(min_length=1)]
    actions: Actions
    angles: Literal["radians", "degrees"] = "radians"
    gripper: Gripper = Gripper()
    lerobot: LeRobot | None = None

    def __post_init__(self) -> None:
        paths = [tuple(one.path) for one in self.observation]
        for path in paths:
            if any(path != other and path == other[: len(path)] for other in paths) or paths.count(path) > 1:
                raise ValueError(f"key {'/'.join(path)} is given twice")

    @property
    def period(self) -> float:
        """[s] from one action to the next."""
        return 1.0 / self.rate

    @property
    def radians(self) -> float:
        """What an angle of 1 is [rad]."""
        return 1.0 if self.angles == "radians" else float(np.pi / 180.0)

    @property
    def images(self) -> bool:
        """Whether it wants any."""
        return any(one.image or "camera" in (one.values or ()) for one in self.observation)


def names() -> tuple[str, ...]:
    """Of the shipped mappings."""
    return tuple(sorted(path.stem for path in (share_folder("config") / "policies").glob("*.yaml")))


def chosen(policy: str, given: str) -> str:
    """The mapping of a policy if none is given: one that comes with us has its own, and a server is taken for
    the scripted one."""
    return given or (policy if policy in OWN else SCRIPTED)


def load(name_or_path: str) -> Mapping:
    """A shipped mapping by name, or a file. Raises `InputError`."""
    path = user_path(name_or_path)
    if name_or_path in names():
        path = share_folder("config") / "policies" / f"{name_or_path}.yaml"
    elif not path.is_file():
        known = ", ".join(names())
        raise InputError(
            f"no policy mapping {name_or_path!r}: give one of {known}, or the path of a YAML file"
        )
    return parse(yaml_records.read(path), str(path))


def parse(text: str, name: str | Path) -> Mapping:
    """The mapping in a YAML text. Raises `InputError`, with line and column."""

    def make(data: dict[str, Any]) -> Mapping:
        found: Mapping = yaml_records.typed(data, Mapping, "$")
        return found

    return yaml_records.parse(text, str(name), "version, rate, observation and actions are needed", make)
