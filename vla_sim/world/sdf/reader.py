"""Reads SDF (up to 1.10) worlds and models into the dataclasses of `vla_sim.world.sdf.elements`.

    load(path) -> Root         load_world(path) -> World         load_model(path) -> Model

Includes (`model://name`, relative and file:// URIs), nested models, frames and `relative_to` are
resolved as http://sdformat.org/tutorials?tut=pose_frame_semantics says. Where a world includes a robot, it is
the process's (`assets.chosen_robot`) that stands there. A broken file is one `SdfError` ("file:line: what,
what is allowed"). Elements that mean nothing to us are named once each in an `SdfWarning`. Document types and
entities are refused, nothing is fetched from a network.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

from vla_sim.common import assets
from vla_sim.common.errors import InputError, MissingError, SdfError
from vla_sim.common.files import read_whole
from vla_sim.common.geometry import Array, inverse
from vla_sim.world.sdf.elements import Frame, Model, Root, World
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
    near = [path.parent, path.parent / "models", path.parent.parent / "models"]
    listed = [Path(p) for p in os.environ.get("GZ_SIM_RESOURCE_PATH", "").split(os.pathsep) if p]
    try:
        shipped = [Path(assets.share_folder("models"))]
    except MissingError:
        shipped = []
    return tuple(dict.fromkeys((*near, *listed, *shipped)))


def model_file(folder: Path) -> Path:
    """The SDF file that a model folder's model.config names (the last one listed)."""
    config = folder / "model.config"
    if config.is_file():
        names = [str(e.text) for e in _parse(_read(config), config).iterfind("sdf") if e.text]
        if names:
            return folder / names[-1].strip()
    return folder / "model.sdf"


def _read(path: Path) -> bytes:
    try:
        return read_whole(path, MOST_BYTES)
    except InputError as error:
        raise SdfError(str(error).replace(f"{path}:", f"{path}:0:", 1)) from None


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
        if next(element.iter("uri"), None) is not None:
            return self.tree(element)
        root, skipped = _of_itself(self.path, text)
        for key, places in skipped.items():
            self.skipped.setdefault(key, []).extend(places)
        return root

    def tree(self, element: Any) -> Root:
        self.check(element)
        worlds = element.findall("world")
        if len(worlds) > 1:
            self.fail(worlds[1], "there are two worlds in one file; keep one")
        models = tuple(self.model(e, 0) for e in element.iterfind("model"))
        return Root(self.world(worlds[0]) if worlds else None, models)

    def include(self, element: Any, depth: int) -> tuple[Model, Array, str]:
        """The included model (pose identity), where it goes, and relative to what."""
        self.check(element)
        uri = element.find("uri")
        if uri is None:
            self.fail(element, "<include> has no <uri>; add one such as model://red_cup")
        in_world = element.getparent().tag == "world"
        robot = robot_instead(str(uri.text or "")) if in_world else ""
        path = robot_model() if robot else self.resolve(uri.text or "", uri)
        if path.is_dir():
            path = model_file(path)
        if not os.path.isfile(path):
            self.fail(uri, f"{path} does not exist; the model folder needs it")
        if path.resolve() in self.stack or len(self.stack) > MAX_DEPTH:
            self.fail(element, f"{path} includes itself; break the loop")
        self.spent.includes += 1
        if self.spent.includes > MOST_INCLUDES:
            self.fail(element, f"there are more than {MOST_INCLUDES} includes in all; make the world smaller")
        child = _Reader(path, self.search, self.stack)
        child.skipped, child.spent = self.skipped, self.spent
        root = child.root(_read(path))
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

    def inside(self, model: Model, frame: str, element: Any) -> Array:
        try:
            return model.frame_pose(frame)
        except KeyError:
            self.fail(element, f"{frame!r} is not a frame of model {model.name!r}")

    def contents(self, element: Any, scope: Scope, depth: int) -> tuple[list[Model], list[Frame]]:
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

    def attached(self, frame: Any, parent: Any, scope: Scope) -> str:
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
        scope = Scope(self, "world")
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
            lights=tuple(self.light(e, scope, np.eye(4)) for e in element.iterfind("light")),
            frames=tuple(frames), plugins=self.plugins(element), where=self.where(element),
            frame_poses=dict(scope.solved),
        )  # fmt: skip

    def model(self, element: Any, depth: int) -> Model:
        self.check(element)
        name = self.name(element)
        scope = Scope(self, "__model__")
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


@lru_cache(maxsize=128)
def _of_itself(path: Path, text: bytes) -> tuple[Root, dict[tuple[str, str], list[str]]]:
    """The tree of a file that names no other one, and what was skipped: read once in a process, since a world
    includes the same model many times, and is itself read by each part of a program."""
    reader = _Reader(path, (), ())
    return reader.tree(_parse(text, path)), reader.skipped
