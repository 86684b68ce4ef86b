"""A robot as data: what `config/robots/<name>.yaml` says of the model `models/<name>`.

Every error of a profile is one line: file, line, column, the field, what was given and what is allowed.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vla_sim.common.yaml_records import Problem, parse, read, typed

VERSION = 1
MOST_JOINTS = 200

Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]
"""Of a link, a joint or a frame."""
Joints = Annotated[list[Name], Meta(min_length=1, max_length=MOST_JOINTS)]
Positive = Annotated[float, Meta(gt=0.0, le=1e6)]
Length = Annotated[float, Meta(ge=0.0, le=5.0)]
"""[m]"""
Angle = Annotated[float, Meta(ge=-2 * math.pi, le=2 * math.pi)]
"""[rad]"""
Of7 = Annotated[list[Positive], Meta(min_length=7, max_length=7)]
Posture7 = Annotated[list[Angle], Meta(min_length=7, max_length=7)]
Three = tuple[float, float, float]
Disc = tuple[float, float, float]
"""Centre x, y and radius [m]."""
Range = tuple[Length, Length]
"""Least and most."""
Box = tuple[float, float, float, float]
"""x0, x1, y0, y1 [m]."""
Discs = Annotated[list[Disc], Meta(min_length=1, max_length=100)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a profile; its comments in `config/robots/g1.yaml` say units and meaning."""


class Sides(Part, frozen=True, kw_only=True):
    left: Name
    right: Name


class SideJoints(Part, frozen=True, kw_only=True):
    left: Joints
    right: Joints


class Legs(Part, frozen=True, kw_only=True):
    knees: Sides
    feet: Sides
    sole: Length


class Arms(Part, frozen=True, kw_only=True):
    joints: SideJoints
    tools: Sides
    mirror: Annotated[list[Literal[-1, 1]], Meta(min_length=7, max_length=7)]
    comfort: Posture7
    comfort_weight: Of7
    seeds: Annotated[list[Posture7], Meta(min_length=1, max_length=100)]
    ready: Posture7
    stiffness: Of7
    damping: Of7
    speed: Of7


class Face(Part, frozen=True, kw_only=True):
    reach: Annotated[float, Meta(ge=-1.0, le=1.0)]
    half_height: Length


class SideAngles(Part, frozen=True, kw_only=True):
    left: Annotated[list[Angle], Meta(min_length=1, max_length=50)]
    right: Annotated[list[Angle], Meta(min_length=1, max_length=50)]


class HandMotors(Part, frozen=True, kw_only=True):
    topics: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_/]{0,99}$")]
    closed: SideAngles


class Reach(Part, frozen=True, kw_only=True):
    ahead: Length
    ahead_range: Range
    side: Length
    edge: Range
    height: Range


class Hand(Part, frozen=True, kw_only=True):
    """Two fingers that slide apart, or what its driver moves as such."""

    fingers: SideJoints
    links: Annotated[list[Name], Meta(min_length=1, max_length=100)]
    stroke: Annotated[float, Meta(gt=0.0, le=1.0)]
    stiffness: Positive
    force: Positive
    speed: Positive
    palm: Face
    pads: Face
    reach: Reach
    motors: HandMotors | None = None


class Calibration(Part, frozen=True, kw_only=True):
    """walked = gain * commanded + drift."""

    gain: tuple[Positive, Positive, Positive]
    drift: Three
    start: float = 0.0


class Policy(Part, frozen=True, kw_only=True):
    package: Annotated[str, Meta(pattern=r"^[A-Za-z_]\w{0,99}$")]
    networks: dict[str, str]
    angular_velocity_scale: Positive
    joint_velocity_scale: Positive
    action_scale: Positive
    period: Positive
    calibration: dict[str, Calibration]


class Meshes(Part, frozen=True, kw_only=True):
    """What its maker's meshes are read from, to be looked at: a data package of Python, and the URDF in it
    that has the names and frames of our model's links."""

    package: Annotated[str, Meta(pattern=r"^[A-Za-z_]\w{0,99}$")]
    urdf: Annotated[str, Meta(min_length=1, max_length=200)]


class Gait(Part, frozen=True, kw_only=True):
    lag: Positive
    stop_shift: Three
    settle_time: Positive


class Size(Part, frozen=True, kw_only=True):
    trunk: Box
    sway: Length
    hands: Length
    legs_swath: Length
    front: Length
    back: Length
    docked_front: Length
    docked_back: Length
    turning_radius: Length
    trunk_radius: Length
    arms_height: Length
    limb_radius: Length
    hand_radius: Length
    held_radius: Length
    legs: Discs
    arms: Discs
    docking: Discs


class Profile(Part, frozen=True, kw_only=True):
    """A robot. joints: of the body, in the walking policy's order, without fingers."""

    version: Literal[1]
    about: Annotated[str, Meta(min_length=1, max_length=200)]
    base: Name
    trunk: Joints
    standing_height: Annotated[float, Meta(gt=0.0, le=3.0)]
    fallen_tilt: Annotated[float, Meta(gt=0.35, lt=1.57)] = 0.9
    joints: Joints
    posture: dict[str, Angle]
    waist: list[Name]
    legs: Legs
    arms: Arms
    hand: Hand | Literal["none"]
    protocol: Literal["unitree_hg", "none"] = "none"
    speed: tuple[Positive, Positive, Positive]
    policy: Policy
    gait: Gait
    size: Size
    meshes: Meshes | None = None


def load(path: Path) -> Profile:
    """Raises `InputError`."""
    return loads(read(path), str(path))


def loads(text: str, name: str = "robot") -> Profile:
    """A profile from YAML text; `name` stands in errors. Raises `InputError`."""
    return parse(text, name, "a robot is a mapping with version, about, base, joints and so on", _made)


def _made(data: dict[str, Any]) -> Profile:
    if data.get("version", VERSION) != VERSION:
        given = data["version"]
        raise Problem("$.version", f"version {given} is not known; this vla_sim reads version {VERSION}")
    profile: Profile = typed(data, Profile, "$")
    _check_finite(data, "$")
    _check_ranges(profile)
    _check_joints(profile)
    policy = profile.policy
    if not policy.networks:
        raise Problem("$.policy.networks", "networks: there is none; give at least one")
    for name in policy.networks:
        if name not in policy.calibration:
            raise Problem(
                f"$.policy.networks.{name}", f"{name} has no calibration; add policy.calibration.{name}"
            )
    return profile


def _check_finite(value: Any, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Problem(path, f"{path.rpartition('.')[2]}: {value} is given; a finite number is allowed")
    parts = value.items() if isinstance(value, dict) else ()
    for key, inner in parts:
        _check_finite(inner, f"{path}.{key}")
    for i, inner in enumerate(value if isinstance(value, list) else ()):
        _check_finite(inner, f"{path}[{i}]")


def _check_ranges(profile: Profile) -> None:
    """Raises `Problem` for one whose end is not after its begin."""
    x0, x1, y0, y1 = profile.size.trunk
    ranges = {"size.trunk": (x0, x1), "size.trunk (y)": (y0, y1)}
    if profile.hand != "none":
        reach = profile.hand.reach
        ranges |= {f"hand.reach.{name}": getattr(reach, name) for name in ("ahead_range", "edge", "height")}
    for path, (low, high) in ranges.items():
        if not low < high:
            where = path.partition(" ")[0]
            raise Problem(f"$.{where}", f"{path}: {low:g} to {high:g} is given; the first must be the less")


def _check_joints(profile: Profile) -> None:
    """Raises `Problem` for a name that is not one of the robot's joints, or is one twice."""
    arms, legs = profile.arms.joints, profile.legs
    for path, names in (
        ("joints", profile.joints), ("waist", profile.waist),
        ("arms.joints.left", arms.left), ("arms.joints.right", arms.right),
    ):  # fmt: skip
        for i, name in enumerate(names):
            if name in names[:i]:
                raise Problem(f"$.{path}[{i}]", f"{path}: {name} is given twice")
    if profile.hand != "none":
        if profile.hand.motors is not None:
            for side in ("left", "right"):
                if not any(getattr(profile.hand.motors.closed, side)):
                    where = f"hand.motors.closed.{side}"
                    raise Problem(f"$.{where}", f"{where}: all are 0, as when it is open")
        fingers = profile.hand.fingers
        for path, names in (("left", fingers.left), ("right", fingers.right)):
            if len(names) != 2:
                where = f"hand.fingers.{path}"
                raise Problem(f"$.{where}", f"{where}: {len(names)} are given; a hand has two")
        known = set(profile.joints)
        for i, name in enumerate((*fingers.left, *fingers.right)):
            if name in known:
                path = "left" if i < 2 else "right"
                raise Problem(f"$.hand.fingers.{path}[{i % 2}]", f"hand.fingers: {name} is given twice")
            known.add(name)
    for path, names in (("arms.joints.left", arms.left), ("arms.joints.right", arms.right)):
        if len(names) != 7:
            raise Problem(f"$.{path}", f"{path}: {len(names)} are given; an arm has seven")
    indexed = itertools.chain(
        ((f"waist[{i}]", name) for i, name in enumerate(profile.waist)),
        ((f"arms.joints.left[{i}]", name) for i, name in enumerate(arms.left)),
        ((f"arms.joints.right[{i}]", name) for i, name in enumerate(arms.right)),
        (("legs.knees.left", legs.knees.left), ("legs.knees.right", legs.knees.right)),
        ((f"posture.{name}", name) for name in profile.posture),
    )
    joints = set(profile.joints)
    for path, name in indexed:
        if name not in joints:
            raise Problem(f"$.{path}", f"{path}: {name!r} is none of the joints; `joints` lists them")
    for name in arms.left:
        if name in arms.right or name in profile.waist:
            raise Problem("$.arms.joints", f"arms.joints: {name} is in two groups")
