"""Reads SDF (up to 1.10) worlds and models into `sdf_tree` dataclasses.

    load(path) -> Root         load_world(path) -> World         load_model(path) -> Model

Includes (`model://name`, relative and file:// URIs), nested models, frames and `relative_to` are
resolved as http://sdformat.org/tutorials?tut=pose_frame_semantics says. A broken file is one
`SdfError` ("file:line: what, what is allowed"). Elements that mean nothing to us are named once each
in an `SdfWarning`. Document types and entities are refused, nothing is fetched from a network.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from lxml import etree

from vla_sim import assets
from vla_sim.errors import MissingError, SdfError
from vla_sim.geometry import inverse, rotation_from_quaternion, rotation_from_rpy, transform
from vla_sim.sdf_tree import (
    Array,
    Axis,
    Camera,
    Collision,
    ContactSurface,
    Frame,
    Geometry,
    Imu,
    Inertial,
    Joint,
    Lidar,
    Light,
    Link,
    Material,
    Model,
    Noise,
    Plugin,
    Rgba,
    Root,
    Sensor,
    Tag,
    Visual,
    Where,
    World,
)

__all__ = [
    "Axis", "Camera", "Collision", "ContactSurface", "Frame", "Geometry", "Imu", "Inertial", "Joint",
    "Lidar", "Light", "Link", "Material", "Model", "Noise", "Plugin", "Root", "SdfWarning", "Sensor",
    "Tag", "Visual", "Where", "World", "load", "load_model", "load_world", "loads",
]  # fmt: skip

MAX_DEPTH = 20
VERSIONS = tuple(f"1.{minor}" for minor in range(4, 13))
JOINT_TYPES = ("fixed", "revolute", "continuous", "prismatic", "ball")
MESHES = (".obj", ".stl")

KNOWN: dict[str, str] = {
    "sdf": "world model",
    "world": "name gravity physics scene light model include frame joint plugin magnetic_field"
    " atmosphere spherical_coordinates gui wind audio state",
    "physics": "max_step_size real_time_factor real_time_update_rate dart ode max_contacts",
    "scene": "ambient background shadows grid sky origin_visual",
    "model": "pose link joint frame model include plugin static self_collide allow_auto_disable"
    " enable_wind",
    "include": "uri name pose static plugin placement_frame",
    "link": "pose inertial collision visual sensor light gravity kinematic self_collide enable_wind"
    " velocity_decay must_be_base_link",
    "inertial": "pose mass inertia",
    "collision": "pose geometry surface laser_retro max_contacts",
    "visual": "pose geometry material transparency cast_shadows laser_retro visibility_flags plugin",
    "joint": "pose parent child axis physics",
    "axis": "xyz dynamics limit",
    "dynamics": "damping friction spring_stiffness spring_reference",
    "limit": "lower upper effort velocity stiffness dissipation",
    "surface": "friction contact bounce",
    "material": "ambient diffuse specular emissive pbr lighting",
    "sensor": "pose update_rate topic always_on visualize enable_metrics camera lidar ray imu contact",
    "camera": "horizontal_fov image clip depth_camera noise optical_frame_id camera_info_topic"
    " trigger_topic triggered visibility_mask",
    "depth_camera": "clip noise",
    "lidar": "scan range noise visibility_mask",
    "light": "pose diffuse specular direction attenuation intensity cast_shadows spot visualize",
}
"""Children that are read, or that are valid and need nothing from us."""


class SdfWarning(UserWarning):
    """An SDF element that is valid but not supported, and was left out."""


def load(path: str | Path, search: Sequence[Path] | None = None) -> Root:
    """The tree of an SDF file. search: folders in which `model://name` is looked up; by default
    those of `default_search`. Raises `SdfError`."""
    file = Path(path)
    try:
        text = file.read_bytes()
    except OSError as error:
        raise SdfError(f"{file}:0: cannot be read ({error.strerror}); give an SDF file") from None
    return loads(text, file, search)


def loads(text: str | bytes, path: Path = Path("inline.sdf"), search: Sequence[Path] | None = None) -> Root:
    """Like `load`, from the text itself; `path` is for messages and relative URIs."""
    reader = _Reader(path, default_search(path) if search is None else tuple(search), ())
    root = reader.root(text if isinstance(text, bytes) else text.encode())
    reader.report()
    return root


def load_world(path: str | Path, search: Sequence[Path] | None = None) -> World:
    """The world of an SDF file. Raises `SdfError` also if there is none."""
    root = load(path, search)
    if root.world is None:
        raise SdfError(f"{path}:1: has no <world>; give a world file")
    return root.world


def load_model(path: str | Path, search: Sequence[Path] | None = None) -> Model:
    """The single model of an SDF file or of a model folder."""
    file = Path(path)
    if file.is_dir():
        file = _model_file(file)
    root = load(file, search)
    if len(root.models) != 1:
        raise SdfError(f"{file}:1: has {len(root.models)} models beside worlds; give a file with one <model>")
    return root.models[0]


def default_search(path: Path) -> tuple[Path, ...]:
    """Folders for `model://` of a file: `models` near it, GZ_SIM_RESOURCE_PATH, the shipped models."""
    near = [path.parent, path.parent / "models", path.parent.parent / "models"]
    listed = [Path(p) for p in os.environ.get("GZ_SIM_RESOURCE_PATH", "").split(os.pathsep) if p]
    try:
        shipped = [Path(assets.models_dir())]
    except MissingError:
        shipped = []
    return tuple(dict.fromkeys((*near, *listed, *shipped)))


def _model_file(folder: Path) -> Path:
    """The SDF file that a model folder's model.config names (the last one listed)."""
    config = folder / "model.config"
    if config.is_file():
        names = [e.text for e in _parse(config.read_bytes(), config).iterfind("sdf") if e.text]
        if names:
            return folder / names[-1].strip()
    return folder / "model.sdf"


def _parse(text: bytes, path: Path) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        element = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise SdfError(f"{path}:{line}: is not well-formed XML ({error}); mend the file") from None
    if element.getroottree().docinfo.doctype:
        raise SdfError(f"{path}:1: has a DOCTYPE, which is refused; remove it")
    return element


class _Scope:
    """The named poses of one model or world, resolved on demand."""

    def __init__(self, reader: _Reader, root: str) -> None:
        self.reader, self.root = reader, root
        self.entries: dict[str, tuple[Array, str, Any]] = {}
        self.nested: dict[str, Model] = {}
        self.solved: dict[str, Array] = {}

    def add(self, name: str, pose: Array, relative_to: str, element: Any) -> None:
        if name in self.entries:
            self.reader.fail(element, f"the name {name!r} is used twice; give each its own")
        self.entries[name] = (pose, relative_to, element)

    def pose(self, name: str, element: Any) -> Array:
        """(4, 4) of `name` in this scope; a loop or an unknown name is an error at `element`."""
        chain: list[str] = []
        tail = np.eye(4)
        while name not in ("", self.root):
            if name in self.solved:
                tail_of_rest = self.solved[name]
                break
            if name in chain:
                loop = " -> ".join((*chain, name))
                self.reader.fail(element, f"poses refer to each other in a loop: {loop}")
            if name not in self.entries:
                outer, colons, rest = name.partition("::")
                if colons and outer in self.nested:
                    try:
                        inner = self.nested[outer].frame_pose(rest)
                    except KeyError:
                        self.unknown(name, element)
                    tail_of_rest = self.pose(outer, element) @ inner
                    break
                self.unknown(name, element)
            chain.append(name)
            name = self.entries[name][1]
        else:
            tail_of_rest = tail
        for one in reversed(chain):
            tail_of_rest = tail_of_rest @ self.entries[one][0]
            self.solved[one] = tail_of_rest
        return tail_of_rest

    def unknown(self, name: str, element: Any) -> NoReturn:
        known = ", ".join(sorted(self.entries)[:12]) or "none"
        self.reader.fail(element, f"{name!r} is not a frame here; known are {known}")


class _Reader:
    """Reads one file; includes are read by a child that shares `skipped`."""

    def __init__(self, path: Path, search: tuple[Path, ...], stack: tuple[Path, ...]) -> None:
        self.path, self.search, self.stack = path, search, (*stack, path.resolve())
        self.skipped: dict[tuple[str, str], list[str]] = {}

    # ------------------------------------------------------------------ small things

    def where(self, element: Any) -> Where:
        return Where(self.path, int(element.sourceline or 0))

    def fail(self, element: Any, message: str) -> NoReturn:
        raise SdfError(f"{self.where(element)}: {message}")

    def skip(self, parent: str, element: Any, what: str = "") -> None:
        self.skipped.setdefault((parent, what or f"<{element.tag}>"), []).append(str(self.where(element)))

    def report(self) -> None:
        for (parent, what), places in self.skipped.items():
            more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            warnings.warn(
                f"{places[0]}: {what} in <{parent}> is not supported and is left out{more}",
                SdfWarning, stacklevel=4,
            )  # fmt: skip

    def check(self, element: Any, kind: str = "") -> None:
        known = KNOWN[kind or element.tag].split()
        for child in element:
            if isinstance(child.tag, str) and child.tag not in known and ":" not in child.tag \
                    and not child.tag.startswith("{"):  # fmt: skip
                self.skip(element.tag, child)

    def numbers(
        self, element: Any, text: str | None, count: int, infinite: bool = False
    ) -> tuple[float, ...]:
        try:
            values = tuple(float(word) for word in (text or "").split())
        except ValueError:
            values = ()
        if len(values) != count or any(math.isnan(v) or (math.isinf(v) and not infinite) for v in values):
            self.fail(element, f"<{element.tag}> is {text!r}; it must be {count} finite number(s)")
        return values

    def number(self, parent: Any, path: str, default: float, infinite: bool = False) -> float:
        element = None if parent is None else parent.find(path)
        return default if element is None else self.numbers(element, element.text, 1, infinite)[0]

    def vector(self, parent: Any, path: str, default: tuple[float, ...]) -> tuple[float, ...]:
        element = None if parent is None else parent.find(path)
        return default if element is None else self.numbers(element, element.text, len(default))

    def positive(self, parent: Any, path: str, count: int = 1) -> tuple[float, ...]:
        element = parent.find(path)
        if element is None:
            self.fail(parent, f"<{parent.tag}> has no <{path}>; add it")
        values = self.numbers(element, element.text, count)
        if min(values) <= 0:
            self.fail(element, f"<{path}> is {element.text!r}; it must be positive")
        return values

    def boolean(self, parent: Any, path: str, default: bool) -> bool:
        element = None if parent is None else parent.find(path)
        if element is None:
            return default
        word = (element.text or "").strip().lower()
        if word not in ("true", "false", "1", "0"):
            self.fail(element, f"<{path}> is {element.text!r}; it must be true or false")
        return word in ("true", "1")

    def text(self, parent: Any, path: str, default: str = "") -> str:
        element = parent.find(path)
        return default if element is None else (element.text or "").strip()

    def name(self, element: Any) -> str:
        name = str(element.get("name", "")).strip()
        if not name or "::" in name:
            self.fail(element, f"<{element.tag}> has the name {name!r}; it needs one without '::'")
        return name

    def colour(self, parent: Any, path: str, default: Rgba) -> Rgba:
        element = None if parent is None else parent.find(path)
        if element is None:
            return default
        words = (element.text or "").split()
        values = self.numbers(element, element.text, 3 if len(words) == 3 else 4)
        return (*values[:3], values[3] if len(values) == 4 else 1.0)  # type: ignore[return-value]

    def pose(self, parent: Any) -> tuple[Array, str]:
        """(4, 4) and `relative_to` of an element's <pose>."""
        element = parent.find("pose")
        if element is None:
            return np.eye(4), ""
        relative_to = str(element.get("relative_to", ""))
        if not (element.text or "").strip():
            return np.eye(4), relative_to
        if element.get("rotation_format") == "quat_xyzw":
            v = self.numbers(element, element.text, 7)
            q = np.array([v[6], v[3], v[4], v[5]])
            if np.linalg.norm(q) < 1e-6:
                self.fail(element, "the pose's quaternion is zero; give x y z w of a rotation")
            return transform(v[:3], rotation_from_quaternion(q / np.linalg.norm(q))), relative_to
        v = self.numbers(element, element.text, 6)
        angles = np.radians(v[3:]) if element.get("degrees") in ("true", "1") else np.array(v[3:])
        return transform(v[:3], rotation_from_rpy(*angles)), relative_to

    def tag(self, element: Any) -> Tag:
        return Tag(
            str(element.tag), (element.text or "").strip(), dict(element.attrib),
            tuple(self.tag(child) for child in element), self.where(element),
        )  # fmt: skip

    def plugins(self, parent: Any) -> tuple[Plugin, ...]:
        return tuple(
            Plugin(e.get("name", ""), e.get("filename", ""), self.tag(e), self.where(e))
            for e in parent.iterfind("plugin")
        )

    # ------------------------------------------------------------------ files

    def root(self, text: bytes) -> Root:
        element = _parse(text, self.path)
        if element.tag != "sdf":
            self.fail(element, f"the root is <{element.tag}>; it must be <sdf version='1.10'>")
        version = str(element.get("version", ""))
        if version not in VERSIONS:
            self.fail(element, f"the SDF version is {version!r}; it must be 1.4 to 1.12")
        self.check(element)
        worlds = element.findall("world")
        if len(worlds) > 1:
            self.fail(worlds[1], "there are two worlds in one file; keep one")
        models = tuple(self.model(e, 0) for e in element.iterfind("model"))
        return Root(version, self.path, self.world(worlds[0]) if worlds else None, models)

    def resolve(self, uri: str, element: Any) -> Path:
        """The file or folder of a URI."""
        uri = uri.strip()
        scheme, colon, rest = uri.partition("://")
        if colon and scheme == "model":
            for folder in self.search:
                if (folder / rest).exists():
                    return folder / rest
            looked = ", ".join(map(str, self.search)) or "nowhere"
            self.fail(element, f"{uri} was not found; looked in {looked}")
        if colon and scheme != "file":
            self.fail(element, f"{uri} cannot be fetched; use model://, file:// or a relative path")
        found = Path(rest) if colon else self.path.parent / uri
        if not uri or not found.exists():
            self.fail(element, f"{uri!r} does not exist ({found})")
        return found

    def include(self, element: Any, depth: int) -> tuple[Model, Array, str]:
        """The included model (pose identity), where it goes, and relative to what."""
        self.check(element)
        uri = element.find("uri")
        if uri is None:
            self.fail(element, "<include> has no <uri>; add one such as model://red_cup")
        path = self.resolve(uri.text or "", uri)
        if path.is_dir():
            path = _model_file(path)
        if not path.is_file():
            self.fail(uri, f"{path} does not exist; the model folder needs it")
        if path.resolve() in self.stack or len(self.stack) > MAX_DEPTH:
            self.fail(element, f"{path} includes itself; break the loop")
        child = _Reader(path, self.search, self.stack)
        child.skipped = self.skipped
        root = child.root(path.read_bytes())
        if len(root.models) != 1:
            self.fail(uri, f"{path} has {len(root.models)} models; an include needs exactly one")
        model = root.models[0]
        pose, relative_to = self.pose(element) if element.find("pose") is not None else (model.pose, "")
        model = replace(
            model,
            name=self.text(element, "name") or model.name,
            static=self.boolean(element, "static", model.static),
            plugins=(*model.plugins, *self.plugins(element)),
            where=self.where(element),
        )
        placement = self.text(element, "placement_frame")
        if placement:
            pose = pose @ inverse(self.inside(model, placement, element))
        return model, pose, relative_to

    def inside(self, model: Model, frame: str, element: Any) -> Array:
        try:
            return model.frame_pose(frame)
        except KeyError:
            self.fail(element, f"{frame!r} is not a frame of model {model.name!r}")

    # ------------------------------------------------------------------ worlds and models

    def contents(self, element: Any, scope: _Scope, depth: int) -> tuple[list[Model], list[Frame]]:
        """Enters nested models and frames into the scope, then resolves them."""
        if depth > MAX_DEPTH:
            self.fail(element, f"models are nested deeper than {MAX_DEPTH}")
        nested: list[tuple[Model, Any]] = []
        for one in element.iterchildren("model", "include"):
            if one.tag == "model":
                model = self.model(one, depth + 1)
                pose, relative_to = model.pose, self.pose(one)[1]
            else:
                model, pose, relative_to = self.include(one, depth + 1)
            scope.nested[model.name] = model
            scope.add(model.name, pose, relative_to, one)
            nested.append((model, one))
        for one in element.iterfind("frame"):
            pose, relative_to = self.pose(one)
            scope.add(self.name(one), pose, relative_to or str(one.get("attached_to", "")), one)
        for one in element.iterfind("link"):
            scope.add(self.name(one), *self.pose(one), one)
        for one in element.iterfind("joint"):
            pose, relative_to = self.pose(one)
            scope.add(self.name(one), pose, relative_to or self.text(one, "child"), one)
        models = [replace(model, pose=scope.pose(model.name, one)) for model, one in nested]
        frames = []
        for one in element.iterfind("frame"):
            name = self.name(one)
            link = self.attached(one, element, scope)
            frames.append(Frame(name, scope.pose(name, one), link, self.where(one)))
        for name, (_, _, one) in scope.entries.items():
            scope.pose(name, one)
        return models, frames

    def attached(self, frame: Any, parent: Any, scope: _Scope) -> str:
        """Follows attached_to to a link, a nested link, or the scope's root."""
        others = {one.get("name"): one for one in parent.iterfind("frame")}
        seen = {frame.get("name")}
        target = str(frame.get("attached_to", "")) or scope.root
        while target in others:
            if target in seen:
                self.fail(frame, f"frames are attached to each other in a loop at {target!r}")
            seen.add(target)
            target = str(others[target].get("attached_to", "")) or scope.root
        if target == scope.root:
            return "world" if scope.root == "world" else self.canonical(parent)
        joint = next((j for j in parent.iterfind("joint") if j.get("name") == target), None)
        if joint is not None:
            return self.text(joint, "child")
        scope.pose(target, frame)
        outer, colons, rest = target.partition("::")
        if colons and outer in scope.nested:
            return f"{outer}::{scope.nested[outer].frame_link(rest)}"
        if target in scope.nested:
            return f"{target}::{scope.nested[target].canonical_link}"
        return target

    def canonical(self, element: Any) -> str:
        """Name of a model's canonical link: the given one, else its first, else a nested one's."""
        given = str(element.get("canonical_link", ""))
        if given:
            return given
        link = element.find("link")
        return "" if link is None else str(link.get("name", ""))

    def world(self, element: Any) -> World:
        self.check(element)
        for kind in ("physics", "scene"):
            if element.find(kind) is not None:
                self.check(element.find(kind))
        scope = _Scope(self, "world")
        models, frames = self.contents(element, scope, 0)
        scene = element.find("scene")
        return World(
            name=self.name(element),
            gravity=self.vector(element, "gravity", (0.0, 0.0, -9.8)),  # type: ignore[arg-type]
            step=self.number(element.find("physics"), "max_step_size", 0.002),
            ambient=self.colour(scene, "ambient", (0.4, 0.4, 0.4, 1.0)),
            background=self.colour(scene, "background", (0.7, 0.7, 0.7, 1.0)),
            models=tuple(models),
            joints=tuple(self.joint(e, scope, {}) for e in element.iterfind("joint")),
            frames=tuple(frames),
            lights=tuple(self.light(e, scope, np.eye(4)) for e in element.iterfind("light")),
            plugins=self.plugins(element),
            where=self.where(element),
            frame_poses=dict(scope.solved),
        )

    def model(self, element: Any, depth: int) -> Model:
        self.check(element)
        name = self.name(element)
        scope = _Scope(self, "__model__")
        models, frames = self.contents(element, scope, depth)
        links = tuple(self.link(e, scope) for e in element.iterfind("link"))
        if not links and not models:
            self.fail(element, f"model {name!r} has no link; add one")
        canonical = self.canonical(element)
        if not canonical:
            canonical = f"{models[0].name}::{models[0].canonical_link}"
        elif canonical not in scope.entries and "::" not in canonical:
            self.fail(element, f"canonical_link {canonical!r} is not a link of model {name!r}")
        frame_poses = dict(scope.solved)
        for link in links:
            for sensor in link.sensors:
                frame_poses.setdefault(sensor.name, link.pose @ sensor.pose)
        made = Model(
            name=name, pose=self.pose(element)[0], static=self.boolean(element, "static", False),
            self_collide=self.boolean(element, "self_collide", False), canonical_link=canonical,
            links=links, joints=(), frames=tuple(frames), models=tuple(models),
            plugins=self.plugins(element), directory=self.path.parent, where=self.where(element),
            frame_poses=frame_poses,
        )  # fmt: skip
        attached = {frame.name: frame.attached_to for frame in frames}
        made = replace(made, joints=tuple(self.joint(e, scope, attached) for e in element.iterfind("joint")))
        placement = str(element.get("placement_frame", ""))
        if placement:
            made = replace(made, pose=made.pose @ inverse(self.inside(made, placement, element)))
        return made

    def joint(self, element: Any, scope: _Scope, attached: dict[str, str]) -> Joint:
        self.check(element)
        name, kind = self.name(element), str(element.get("type", ""))
        if kind not in JOINT_TYPES:
            allowed = ", ".join(JOINT_TYPES)
            self.fail(element, f"joint {name!r} has the type {kind!r}; it must be one of {allowed}")
        ends = []
        for end in ("parent", "child"):
            one = element.find(end)
            if one is None or not (one.text or "").strip():
                self.fail(element, f"joint {name!r} has no <{end}>; add it")
            target = one.text.strip()
            if target != "world" or end == "child":
                scope.pose(target, one)
            ends.append(attached.get(target, target))
        parent, child = ends
        if parent == child:
            self.fail(element, f"joint {name!r} joins {parent!r} to itself; parent and child must differ")
        pose = scope.pose(name, element)
        axis = None
        if kind not in ("fixed", "ball"):
            axis = self.axis(element, kind, pose, scope)
        return Joint(
            name=name, type=kind, parent=parent, child=child, pose=pose,  # type: ignore[arg-type]
            pose_in_parent=pose if parent == "world" else inverse(scope.pose(parent, element)) @ pose,
            pose_in_child=inverse(scope.pose(child, element)) @ pose,
            axis=axis, where=self.where(element),
        )  # fmt: skip

    def axis(self, joint: Any, kind: str, pose: Array, scope: _Scope) -> Axis:
        element = joint.find("axis")
        if element is None:
            self.fail(joint, f"joint {joint.get('name')!r} has no <axis>; a {kind} joint needs one")
        self.check(element)
        xyz = np.array(self.vector(element, "xyz", (0.0, 0.0, 1.0)))
        length = float(np.linalg.norm(xyz))
        if length < 1e-9:
            self.fail(element, "the joint axis is zero; give a direction")
        xyz = xyz / length
        tag = element.find("xyz")
        expressed_in = "" if tag is None else str(tag.get("expressed_in", ""))
        if expressed_in:
            xyz = pose[:3, :3].T @ scope.pose(expressed_in, tag)[:3, :3] @ xyz
        limit, dynamics = element.find("limit"), element.find("dynamics")
        for one in (limit, dynamics):
            if one is not None:
                self.check(one)
        low = self.number(limit, "lower", -math.inf, True)
        high = self.number(limit, "upper", math.inf, True)
        if low > high:
            self.fail(limit, f"the joint's lower limit {low} is above its upper limit {high}; swap them")
        if kind == "continuous":
            low, high = -math.inf, math.inf

        def bound(path: str) -> float:  # SDF: a negative effort or velocity means none
            value = self.number(limit, path, math.inf, True)
            return value if value >= 0 else math.inf

        return Axis(
            xyz=(float(xyz[0]), float(xyz[1]), float(xyz[2])),
            lower=low if low > -1e15 else -math.inf, upper=high if high < 1e15 else math.inf,
            effort=bound("effort"), velocity=bound("velocity"),
            damping=self.number(dynamics, "damping", 0.0), friction=self.number(dynamics, "friction", 0.0),
            stiffness=self.number(dynamics, "spring_stiffness", 0.0),
            reference=self.number(dynamics, "spring_reference", 0.0),
        )  # fmt: skip

    # ------------------------------------------------------------------ links

    def link(self, element: Any, scope: _Scope) -> Link:
        self.check(element)
        name = self.name(element)
        pose = scope.pose(name, element)
        base = inverse(pose)
        return Link(
            name=name, pose=pose, inertial=self.inertial(element, scope, base),
            gravity=self.boolean(element, "gravity", True),
            collisions=tuple(
                filter(None, (self.collision(e, scope, base) for e in element.iterfind("collision")))
            ),
            visuals=tuple(filter(None, (self.visual(e, scope, base) for e in element.iterfind("visual")))),
            sensors=tuple(self.sensor(e, name, scope, base) for e in element.iterfind("sensor")),
            lights=tuple(self.light(e, scope, base) for e in element.iterfind("light")),
            where=self.where(element),
        )  # fmt: skip

    def local(self, element: Any, scope: _Scope, base: Array) -> Array:
        """Pose in the link (whose inverse pose is `base`) of something inside it."""
        pose, relative_to = self.pose(element)
        return base @ scope.pose(relative_to, element) @ pose if relative_to else pose

    def inertial(self, link: Any, scope: _Scope, base: Array) -> Inertial:
        element = link.find("inertial")
        if element is None:
            return Inertial(1.0, np.eye(4), np.eye(3))
        self.check(element)
        mass = self.number(element, "mass", 1.0)
        tensor = element.find("inertia")
        diagonal = [self.number(tensor, k, 1.0) for k in ("ixx", "iyy", "izz")]
        xy, xz, yz = (self.number(tensor, k, 0.0) for k in ("ixy", "ixz", "iyz"))
        inertia = np.array([[diagonal[0], xy, xz], [xy, diagonal[1], yz], [xz, yz, diagonal[2]]])
        a, b, c = np.linalg.eigvalsh(inertia)
        if mass <= 0 or a <= 0 or a + b < c * (1 - 1e-6):
            self.fail(
                element,
                f"mass {mass} with principal inertia {a:.3g} {b:.3g} {c:.3g} is impossible; the mass must be "
                "positive and no moment may exceed the sum of the others",
            )
        return Inertial(mass, self.local(element, scope, base), inertia)

    def geometry(self, parent: Any) -> Geometry | None:
        element = parent.find("geometry")
        if element is None or not len(element):
            self.fail(parent, f"<{parent.tag}> {parent.get('name')!r} has no <geometry>; add a box, ...")
        one = element[0]
        if one.tag == "box":
            return Geometry("box", self.positive(one, "size", 3))
        if one.tag == "sphere":
            return Geometry("sphere", self.positive(one, "radius"))
        if one.tag in ("cylinder", "capsule"):
            return Geometry(one.tag, (*self.positive(one, "radius"), *self.positive(one, "length")))
        if one.tag == "ellipsoid":
            return Geometry("ellipsoid", self.positive(one, "radii", 3))
        if one.tag == "plane":
            normal = np.array(self.vector(one, "normal", (0.0, 0.0, 1.0)))
            if np.linalg.norm(normal) < 1e-9:
                self.fail(one, "the plane's normal is zero; give a direction")
            x, y, z = normal / np.linalg.norm(normal)
            return Geometry("plane", self.vector(one, "size", (1.0, 1.0)), (float(x), float(y), float(z)))
        if one.tag == "mesh":
            uri = one.find("uri")
            if uri is None:
                self.fail(one, "<mesh> has no <uri>; add one")
            path = self.resolve(uri.text or "", uri)
            if path.suffix.lower() in MESHES:
                return Geometry("mesh", self.vector(one, "scale", (1.0, 1.0, 1.0)), mesh=path)
            self.skip("geometry", one, f"mesh format {path.suffix or 'unknown'} ({' and '.join(MESHES)} are)")
            return None
        self.skip("geometry", one)
        return None

    def collision(self, element: Any, scope: _Scope, base: Array) -> Collision | None:
        self.check(element)
        geometry = self.geometry(element)
        if geometry is None:
            return None
        surface = element.find("surface")
        if surface is not None:
            self.check(surface)
        ode, bullet = "friction/ode/", "friction/torsional/"
        torsional = None if surface is None else surface.find("friction/torsional/coefficient")
        patch = None if surface is None else surface.find("friction/torsional/patch_radius")
        kp = self.number(surface, "contact/ode/kp", -1.0)
        kd = self.number(surface, "contact/ode/kd", -1.0)
        mu = self.number(surface, f"{ode}mu", 1.0)
        mask = self.text(surface, "contact/collide_bitmask", "65535") if surface is not None else "65535"
        try:
            bits = int(mask, 0)
        except ValueError:
            self.fail(surface, f"<collide_bitmask> is {mask!r}; it must be a whole number such as 0xFFFF")
        return Collision(
            self.name(element), self.local(element, scope, base), geometry,
            ContactSurface(
                mu=mu, mu2=self.number(surface, f"{ode}mu2", mu),
                torsional=None if torsional is None else self.number(surface, f"{bullet}coefficient", 1.0),
                patch_radius=None if patch is None else self.number(surface, f"{bullet}patch_radius", 0.0),
                kp=kp if kp >= 0 else None, kd=kd if kd >= 0 else None,
                restitution=self.number(surface, "bounce/restitution_coefficient", 0.0), collide_bitmask=bits,
            ),
            self.where(element),
        )  # fmt: skip

    def visual(self, element: Any, scope: _Scope, base: Array) -> Visual | None:
        self.check(element)
        geometry = self.geometry(element)
        if geometry is None:
            return None
        material = element.find("material")
        if material is not None:
            self.check(material)
        default = Material()
        diffuse = self.colour(material, "diffuse", default.diffuse)
        return Visual(
            self.name(element), self.local(element, scope, base), geometry,
            Material(
                diffuse=diffuse, ambient=self.colour(material, "ambient", diffuse),
                specular=self.colour(material, "specular", default.specular),
                emissive=self.colour(material, "emissive", default.emissive),
            ),
            self.number(element, "transparency", 0.0), self.where(element),
        )  # fmt: skip

    # ------------------------------------------------------------------ sensors and lights

    def noise(self, parent: Any, path: str = "noise") -> Noise:
        one = None if parent is None else parent.find(path)
        if one is None:
            return Noise()
        kind = one.get("type") or self.text(one, "type") or "gaussian"
        if kind == "none":
            return Noise()
        if kind not in ("gaussian", "gaussian_quantized"):
            self.fail(one, f"the noise type is {kind!r}; it must be none, gaussian or gaussian_quantized")
        return Noise(
            self.number(one, "mean", 0.0), self.number(one, "stddev", 0.0),
            self.number(one, "bias_mean", 0.0), self.number(one, "bias_stddev", 0.0),
        )  # fmt: skip

    def sensor(self, element: Any, link: str, scope: _Scope, base: Array) -> Sensor:
        self.check(element)
        made = Sensor(
            self.name(element), str(element.get("type", "")), link, self.local(element, scope, base),
            self.number(element, "update_rate", 0.0), self.text(element, "topic"), self.where(element),
        )  # fmt: skip
        camera, imu = element.find("camera"), element.find("imu")
        lidar = element.find("lidar") if element.find("lidar") is not None else element.find("ray")
        contact = element.find("contact")
        if camera is not None:
            return replace(made, camera=self.camera(camera))
        if lidar is not None:
            return replace(made, lidar=self.lidar(lidar))
        if imu is not None:
            axes = [
                tuple(self.noise(imu, f"{kind}/{axis}/noise") for axis in "xyz")
                for kind in ("angular_velocity", "linear_acceleration")
            ]
            return replace(made, imu=Imu(axes[0], axes[1]))  # type: ignore[arg-type]
        if contact is not None:
            names = tuple((c.text or "").strip() for c in contact.iterfind("collision"))
            return replace(made, collisions=names)
        return made

    def camera(self, element: Any) -> Camera:
        self.check(element)
        image, clip, depth = element.find("image"), element.find("clip"), element.find("depth_camera")
        if depth is not None:
            self.check(depth)
        near, far = self.number(clip, "near", 0.1), self.number(clip, "far", 100.0)
        depth_near = self.number(depth, "clip/near", near)
        depth_far = self.number(depth, "clip/far", far)
        if not 0 < near < far or not 0 < depth_near < depth_far:
            self.fail(element, "the camera's <clip> needs 0 < near < far")
        fov = self.number(element, "horizontal_fov", 1.047)
        if not 0.01 < fov < 3.1:
            self.fail(element, f"<horizontal_fov> is {fov}; it must be from 0.01 to 3.1 rad")
        return Camera(
            fov, int(self.number(image, "width", 320)), int(self.number(image, "height", 240)),
            near, far, depth_near, depth_far, self.noise(element), self.noise(depth),
        )  # fmt: skip

    def lidar(self, element: Any) -> Lidar:
        self.check(element, "lidar")
        across, up = element.find("scan/horizontal"), element.find("scan/vertical")
        if across is None:
            self.fail(element, "the lidar has no <scan><horizontal>; add its samples and angles")

        def fan(one: Any) -> tuple[tuple[float, float], int]:
            if one is None:
                return (0.0, 0.0), 1
            samples = int(self.number(one, "samples", 1))
            if samples < 1:
                self.fail(one, f"<samples> is {samples}; it must be at least 1")
            return (self.number(one, "min_angle", 0.0), self.number(one, "max_angle", 0.0)), samples

        azimuth, columns = fan(across)
        elevation, rows = fan(up)
        reach = element.find("range")
        low, high = self.number(reach, "min", 0.05), self.number(reach, "max", 10.0)
        if not 0 <= low < high:
            self.fail(reach, f"the lidar's range is {low} to {high}; it needs 0 <= min < max")
        return Lidar(azimuth, columns, elevation, rows, low, high, self.noise(element))

    def light(self, element: Any, scope: _Scope, base: Array) -> Light:
        self.check(element)
        kind = str(element.get("type", "point"))
        if kind not in ("point", "directional", "spot"):
            self.fail(element, f"the light's type is {kind!r}; it must be point, directional or spot")
        fade = element.find("attenuation")
        return Light(
            self.name(element), kind, self.local(element, scope, base),
            self.colour(element, "diffuse", (1.0, 1.0, 1.0, 1.0)),
            self.colour(element, "specular", (0.1, 0.1, 0.1, 1.0)),
            self.vector(element, "direction", (0.0, 0.0, -1.0)),  # type: ignore[arg-type]
            self.number(fade, "range", 10.0),
            (
                self.number(fade, "constant", 1.0), self.number(fade, "linear", 0.0),
                self.number(fade, "quadratic", 0.0),
            ),
            self.number(element, "intensity", 1.0),
            self.boolean(element, "cast_shadows", False),
            self.number(element, "spot/outer_angle", 0.5),
            self.where(element),
        )  # fmt: skip


def links_below(model: Model, link: str) -> Iterable[str]:
    """Names of `link` and all links that hang on it."""
    yield link
    for joint in model.joints:
        if joint.parent == link:
            yield from links_below(model, joint.child)
