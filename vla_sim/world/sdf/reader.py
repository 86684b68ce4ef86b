"""Reads SDF (up to 1.10) worlds and models into the dataclasses of `vla_sim.world.sdf.elements`.

    load(path) -> Root         load_world(path) -> World         load_model(path) -> Model

Includes (`model://name`, relative and file:// URIs), nested models, frames and `relative_to` are
resolved as http://sdformat.org/tutorials?tut=pose_frame_semantics says. Where a world includes a robot, it is
the process's (`assets.chosen_robot`) that stands there. A broken file is one `SdfError` ("file:line: what,
what is allowed"). Elements that mean nothing to us are named once each in an `SdfWarning`. Document types and
entities are refused, nothing is fetched from a network.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

from vla_sim.common import assets
from vla_sim.common.errors import InputError, MissingError, SdfError
from vla_sim.common.files import read_whole
from vla_sim.common.geometry import Array, inverse
from vla_sim.world.sdf import resources
from vla_sim.world.sdf.elements import Frame, Joint, Light, Link, Model, Plugin, Root, World
from vla_sim.world.sdf.joint_reader import Joints
from vla_sim.world.sdf.link_reader import Links
from vla_sim.world.sdf.values import Scope

MAX_DEPTH = 20
MOST_BYTES = 20_000_000
"""Of one file."""
MOST_INCLUDES = 1000
"""Of a world, those of what it includes among them."""
MOST_ELEMENTS = 200_000
"""Of a world, those of what it includes among them."""
VERSIONS = tuple(f"1.{minor}" for minor in range(4, 13))


def load(path: str | Path, search: Sequence[Path] | None = None) -> Root:
    """The tree of an SDF file. search: folders in which `model://name` is looked up; by default
    those of `default_search`. Raises `SdfError`."""
    file = Path(path)
    return loads(_read(file), file, search)


def loads(text: str | bytes, path: Path = Path("inline.sdf"), search: Sequence[Path] | None = None) -> Root:
    """Like `load`, from the text itself; `path` is for messages and relative URIs."""
    reader = _Reader(path, default_search(path) if search is None else tuple(search), ())
    root = reader.root(text if isinstance(text, bytes) else text.encode())
    reader.check_inertia(root)
    reader.report()
    return root


def load_world(path: str | Path) -> World:
    """The world of an SDF file. Raises `SdfError` also if there is none."""
    if Path(path).suffix in (".yaml", ".yml"):
        raise SdfError(f"{path}:1: a map cannot be simulated; give the SDF file of a world")
    root = load(path)
    if root.world is None:
        raise SdfError(f"{path}:1: has no <world>; give a world file")
    return root.world


def load_model(path: str | Path) -> Model:
    """The single model of an SDF file or of a model folder."""
    file = Path(path)
    if file.is_dir():
        file = model_file(file)
    root = load(file)
    if len(root.models) != 1:
        raise SdfError(f"{file}:1: has {len(root.models)} models beside worlds; give a file with one <model>")
    return root.models[0]


def parse(path: Path) -> Any:
    """The root element of an SDF file as it stands, without comments. Raises `SdfError`."""
    return _parse(_read(path), path)


def included(include: Any, path: Path) -> Any:
    """The <model> or <light> in the file that an <include> of the world at `path` names; None for another
    thing. Raises `SdfError`."""
    file, text = _Reader(path, default_search(path), ()).included(include.find("uri"), "")
    root = _parse(_read(file) if text is None else text, file)
    return next((one for kind in ("model", "light") for one in root.iterchildren(kind)), None)


def robot_model() -> Path:
    """The folder of the process's robot's model: near its profile, or a shipped one. Raises `SdfError`."""
    profile = assets.chosen_robot()
    looked = [folder / profile.stem for folder in default_search(profile)]
    for folder in looked:
        if folder.is_dir():
            return folder
    raise SdfError(f"{profile}:1: has no model; looked for {', '.join(map(str, looked))}")


def robot_instead(uri: str) -> str:
    """Name of the process's robot where `uri`, included in a world, is that of another one; else ""."""
    named, mine = uri.strip().removeprefix("model://"), assets.chosen_robot().stem
    return mine if named != mine and named in assets.robot_names() else ""


def default_search(path: Path) -> tuple[Path, ...]:
    """Folders for `model://` of a file: `models` near it, GZ_SIM_RESOURCE_PATH, the shipped models."""
    try:
        shipped = [Path(assets.share_folder("models"))]
    except MissingError:
        shipped = []
    return tuple(dict.fromkeys((*near(path), *resources.resource_path(), *shipped)))


def near(path: Path) -> tuple[Path, ...]:
    """Folders for `model://` that belong to a file."""
    return path.parent, path.parent / "models", path.parent.parent / "models"


def model_file(folder: Path) -> Path:
    """The SDF file that a model folder's model.config names: of the newest version that can be read."""
    config = folder / "model.config"
    if config.is_file():
        named = [
            (tuple(int(n) for n in re.findall(r"\d+", str(e.get("version", "")))), str(e.text).strip())
            for e in _parse(_read(config), config, lenient=True).iterfind("sdf")
            if e.text and (e.get("version") in VERSIONS or e.get("version") is None)
        ]
        if named:
            file = max(named, key=lambda one: one[0])[1]
            if ".." in Path(file).parts or os.path.isabs(file):
                raise SdfError(f"{config}:1: names {file!r}, which is not in its folder; name one that is")
            return folder / file
    return folder / "model.sdf"


def _read(path: Path) -> bytes:
    try:
        return read_whole(path, MOST_BYTES)
    except InputError as error:
        raise SdfError(str(error).replace(f"{path}:", f"{path}:0:", 1)) from None


def _parse(text: bytes, path: Path, lenient: bool = False) -> Any:
    """lenient: reads on after what is not well-formed, such as an author called A & B."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True, recover=lenient,
    )  # fmt: skip
    try:
        try:
            element = etree.fromstring(text, parser)
        except etree.XMLSyntaxError:  # Gazebo's parser lets comments contain what XML does not
            bare = re.sub(rb"<!--.*?-->", lambda found: b"\n" * found[0].count(b"\n"), text, flags=re.DOTALL)
            if bare == text:
                raise
            element = etree.fromstring(bare, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise SdfError(f"{path}:{line}: is not well-formed XML ({error}); mend the file") from None
    if element is None:
        raise SdfError(f"{path}:1: is not XML; mend the file")
    if element.getroottree().docinfo.doctype:
        raise SdfError(f"{path}:1: has a DOCTYPE, which is refused; remove it")
    return element


@dataclass
class _Contents:
    """What a model or world holds, with poses in it; links and joints: those of merged models."""

    models: list[Model] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    joints: list[Joint] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    plugins: list[Plugin] = field(default_factory=list)


def _merged(model: Model) -> str:
    """The frame that stands for a merged model, as libsdformat calls it."""
    return f"_merged__{model.name}__model__"


class _Reader(Links, Joints):
    """Reads the models and worlds of one file."""

    def root(self, text: bytes) -> Root:
        element = _parse(text, self.path)
        if element.tag != "sdf":
            self.fail(element, f"the root is <{element.tag}>; it must be <sdf version='1.10'>")
        version = str(element.get("version", ""))
        if version not in VERSIONS:
            self.fail(element, f"the SDF version is {version!r}; it must be 1.4 to 1.12")
        self.spent.elements += sum(1 for _ in element.iter())
        if self.spent.elements > MOST_ELEMENTS:
            self.fail(element, f"there are more than {MOST_ELEMENTS} elements in all; make the world smaller")
        if next(element.iter("uri", "albedo_map"), None) is not None:
            return self.tree(element)
        root, skipped = _of_itself(self.path, text)
        for key, places in skipped.items():
            self.skipped.setdefault(key, []).extend(places)
        return root

    def tree(self, element: Any) -> Root:
        self.version = str(element.get("version"))
        self.check(element)
        worlds = element.findall("world")
        if len(worlds) > 1:
            self.fail(worlds[1], "there are two worlds in one file; keep one")
        for one in element.iter():
            if isinstance(one.tag, str) and "xacro" in one.tag:
                self.note(
                    one, "xacro is not expanded, what is in it is left out: run xacro on the file first"
                )
        models = tuple(self.model(e, 0) for e in element.iterfind("model"))
        lights = tuple(self.light(e, Scope(self, "world"), np.eye(4)) for e in element.iterfind("light"))
        return Root(self.world(worlds[0]) if worlds else None, models, lights)

    def include(self, element: Any, depth: int) -> tuple[Model, Array, str] | Light | None:
        """The included model, where it goes, and relative to what; or the included light. None: left out."""
        self.check(element)
        for one in element.iterchildren():
            if isinstance(one.tag, str) and one.tag.endswith("}params"):
                self.note(one, "<experimental:params> is left out: the model is as its own file has it")
        uri = element.find("uri")
        if uri is None:
            self.fail(element, "<include> has no <uri>; add one such as model://red_cup")
        in_world = element.getparent().tag == "world"
        robot = robot_instead(str(uri.text or "")) if in_world else ""
        path, text = self.included(uri, robot)
        if (text is None and path.resolve() in self.stack) or len(self.stack) > MAX_DEPTH:
            self.fail(element, f"{path} includes itself; break the loop")
        self.spent.includes += 1
        if self.spent.includes > MOST_INCLUDES:
            self.fail(element, f"there are more than {MOST_INCLUDES} includes in all; make the world smaller")
        child = _Reader(path, self.search, self.stack)
        child.skipped, child.spent = self.skipped, self.spent
        root = child.root(_read(path) if text is None else text)
        if len(root.lights) == 1 and not root.models:
            light = root.lights[0]
            placed = self.pose(element)[0] if element.find("pose") is not None else light.pose
            return replace(light, name=self.text(element, "name") or light.name, pose=placed)
        if not root.models and b"<actor" in (_read(path) if text is None else text):
            self.note(element, f"the <actor> of {uri.text.strip()} is left out: nobody walks there")
            return None
        if len(root.models) != 1:
            self.fail(uri, f"{path} has {len(root.models)} models; an include needs exactly one")
        model = root.models[0]
        pose, relative_to = self.pose(element) if element.find("pose") is not None else (model.pose, "")
        model = replace(
            model,
            name=robot or self.text(element, "name") or model.name,
            static=self.boolean(element, "static", model.static),
            plugins=(*model.plugins, *self.plugins(element)),
            where=self.where(element),
        )
        placement = self.text(element, "placement_frame")
        if placement:
            pose = pose @ inverse(self.inside(model, placement, element))
        return model, pose, relative_to

    def included(self, uri: Any, robot: str) -> tuple[Path, bytes | None]:
        """The file that an <include> names, or a name for it and the text of a built-in one."""
        named = str(uri.text or "").strip()
        if robot:
            path = robot_model()
        else:
            try:
                path = self.resolve(named, uri)
            except SdfError:
                if (text := resources.built_in(named)) is None:
                    raise
                return Path(named), text
        if path.is_dir():
            path = model_file(path)
        if not os.path.isfile(path):
            self.fail(uri, f"{path} does not exist; the model folder needs it")
        return path, None

    def inside(self, model: Model, frame: str, element: Any) -> Array:
        try:
            return model.frame_pose(frame)
        except KeyError:
            self.fail(element, f"{frame!r} is not a frame of model {model.name!r}")

    def contents(self, element: Any, scope: Scope, depth: int) -> _Contents:
        """Enters all that has a pose into the scope, then resolves it."""
        if depth > MAX_DEPTH:
            self.fail(element, f"models are nested deeper than {MAX_DEPTH}")
        nested: list[tuple[Model, Any]] = []
        merged: list[tuple[Model, Any]] = []
        lights: list[Light] = []
        for one in element.iterchildren("model", "include"):
            if one.tag == "model":
                model = self.model(one, depth + 1)
                found = model, model.pose, self.pose(one)[1]
            else:
                included = self.include(one, depth + 1)
                if included is None:
                    continue
                if isinstance(included, Light):
                    lights.append(included)
                    continue
                found = included
            model, pose, relative_to = found
            if str(one.get("merge", "")).lower() in ("true", "1"):
                self.merge(model, pose, relative_to, scope, one)
                merged.append((model, one))
                continue
            scope.nested[model.name] = model
            scope.add(model.name, pose, relative_to, one)
            nested.append((model, one))
        for one in element.iterfind("frame"):
            pose, relative_to = self.pose(one)
            attached = str(one.get("attached_to", ""))
            scope.add(self.name(one), pose, relative_to or attached, one)
            scope.attached[self.name(one)] = attached or scope.root
        for one in element.iterfind("link"):
            scope.add(self.name(one), *self.pose(one), one)
        for one in element.iterfind("joint"):
            pose, relative_to = self.pose(one)
            scope.add(self.name(one), pose, relative_to or self.text(one, "child"), one)
            scope.attached[self.name(one)] = self.text(one, "child")
        for name, (_, _, one) in scope.entries.items():
            scope.pose(name, one)
        if scope.root != "world":
            scope.canonical = self.canonical(element, [m for m, _ in nested], [m for m, _ in merged])
        out = _Contents(lights=lights)
        out.models = [replace(model, pose=scope.pose(model.name, one)) for model, one in nested]
        for one in element.iterfind("frame"):
            name = self.name(one)
            out.frames.append(Frame(name, scope.pose(name, one), scope.link(name, one), self.where(one)))
        for model, one in merged:
            self.take(model, one, scope, out)
        return out

    def merge(self, model: Model, pose: Array, relative_to: str, scope: Scope, element: Any) -> None:
        """Enters what is in an included model into the scope of the one that includes it (merge="true")."""
        if scope.root == "world" and model.links:
            self.fail(element, f"{model.name!r} has links, which a world cannot hold; leave merge out")
        base = _merged(model)
        scope.add(base, pose, relative_to, element)
        scope.attached[base] = model.canonical_link
        for name, at in [(o.name, o.pose) for o in model.links] + [(o.name, o.pose) for o in model.models]:
            scope.add(name, at, base, element)
        for joint in model.joints:
            scope.add(joint.name, joint.pose, base, element)
            scope.attached[joint.name] = joint.child
        for frame in model.frames:
            scope.add(frame.name, frame.pose, base, element)
            scope.attached[frame.name] = frame.attached_to
        scope.nested.update((one.name, one) for one in model.models)

    def take(self, model: Model, element: Any, scope: Scope, out: _Contents) -> None:
        """What is in a merged model, with its poses in the one that it is merged into."""

        def at(name: str) -> Array:
            return scope.pose(name, element)

        base = at(_merged(model))
        out.links += [replace(one, pose=at(one.name)) for one in model.links]
        out.models += [replace(one, pose=at(one.name)) for one in model.models]
        out.frames += [replace(one, pose=at(one.name)) for one in model.frames]
        for joint in model.joints:
            in_parent = base @ joint.pose_in_parent if joint.parent == "world" else joint.pose_in_parent
            out.joints.append(replace(joint, pose=at(joint.name), pose_in_parent=in_parent))
        out.plugins += model.plugins

    def canonical(self, element: Any, nested: list[Model], merged: list[Model]) -> str:
        """Name of a model's canonical link: the given one, else its first, else a nested one's."""
        given = str(element.get("canonical_link", ""))
        link = element.find("link")
        if given or link is not None:
            return given or str(link.get("name", ""))
        for model in merged:
            return model.canonical_link
        return f"{nested[0].name}::{nested[0].canonical_link}" if nested else ""

    def world(self, element: Any) -> World:
        self.check(element)
        for kind in ("physics", "scene"):
            if element.find(kind) is not None:
                self.check(element.find(kind))
        scope = Scope(self, "world")
        inside = self.contents(element, scope, 0)
        scene = element.find("scene")
        return World(
            name=self.name(element),
            gravity=self.vector(element, "gravity", (0.0, 0.0, -9.8)),  # type: ignore[arg-type]
            step=self.step(element.find("physics")),
            ambient=self.colour(scene, "ambient", (0.4, 0.4, 0.4, 1.0)),
            background=self.colour(scene, "background", (0.7, 0.7, 0.7, 1.0)),
            models=tuple(inside.models), joints=(*inside.joints, *self.joints(element, scope)),
            lights=(*inside.lights, *(self.light(e, scope, np.eye(4)) for e in element.iterfind("light"))),
            frames=tuple(inside.frames), plugins=(*inside.plugins, *self.plugins(element)),
            where=self.where(element), frame_poses=dict(scope.solved),
        )  # fmt: skip

    def step(self, physics: Any) -> float:
        """The physics step [s]."""
        element = None if physics is None else physics.find("max_step_size")
        return 0.002 if element is None else self.positive(physics, "max_step_size")[0]

    def check_inertia(self, root: Root) -> None:
        """Says of what can move in a world that its mass or inertia is not in the file. Raises `SdfError` for
        one that is impossible."""
        held = root.models if root.world is None else root.world.models
        for link in (k for m in held if not m.static for _, one, _ in m.walk() for k in one.links):
            if link.inertial.impossible:
                raise SdfError(link.inertial.impossible)
            if link.inertial.assumed and root.world is not None:
                message = f"a link that can move {link.inertial.assumed}"
                self.skipped.setdefault(message, []).append(str(link.where))

    def model(self, element: Any, depth: int) -> Model:
        self.check(element)
        name = self.name(element)
        scope = Scope(self, "__model__")
        inside = self.contents(element, scope, depth)
        models, frames = inside.models, inside.frames
        links = (*(self.link(e, scope) for e in element.iterfind("link")), *inside.links)
        if not links and not models:
            self.fail(element, f"model {name!r} has no link; add one")
        canonical = scope.canonical
        if canonical not in scope.entries and "::" not in canonical:
            self.fail(element, f"canonical_link {canonical!r} is not a link of model {name!r}")
        # A shell around models that are all fixed is fixed.
        shell = not links and all(one.static for one in models)
        static = self.boolean(element, "static", shell) or shell
        frame_poses = dict(scope.solved)
        for link in links:
            for sensor in link.sensors:
                frame_poses.setdefault(sensor.name, link.pose @ sensor.pose)
        made = Model(
            name=name, pose=self.pose(element)[0], static=static,
            self_collide=self.boolean(element, "self_collide", False), canonical_link=canonical,
            links=links, joints=(*self.joints(element, scope), *inside.joints), frames=tuple(frames),
            models=tuple(models), plugins=(*self.plugins(element), *inside.plugins),
            directory=self.path.parent, where=self.where(element), frame_poses=frame_poses,
        )  # fmt: skip
        placement = str(element.get("placement_frame", ""))
        if placement:
            made = replace(made, pose=made.pose @ inverse(self.inside(made, placement, element)))
        return made


@lru_cache(maxsize=128)
def _of_itself(path: Path, text: bytes) -> tuple[Root, dict[str, list[str]]]:
    """The tree of a file that names no other one, and what was skipped: read once in a process, since a world
    includes the same model many times, and is itself read by each part of a program."""
    reader = _Reader(path, (), ())
    return reader.tree(_parse(text, path)), reader.skipped
