"""Reading SDF: values of elements, poses of names, and errors with file and line."""

import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import Array, rotation_from_quaternion, rotation_from_rpy, transform
from vla_sim.world.sdf import resources
from vla_sim.world.sdf.elements import Model, Plugin, Rgba, Tag, Where

KNOWN: dict[str, str] = {
    "sdf": "world model light",
    "world": "name gravity physics scene light model include frame joint plugin magnetic_field"
    " atmosphere spherical_coordinates gui wind audio state",
    "physics": "max_step_size real_time_factor real_time_update_rate dart ode bullet simbody max_contacts",
    "scene": "ambient background shadows grid sky origin_visual",
    "model": "pose link joint frame model include plugin static self_collide allow_auto_disable enable_wind",
    "include": "uri name pose static plugin placement_frame",
    "link": "pose inertial collision visual sensor light gravity kinematic self_collide enable_wind"
    " velocity_decay must_be_base_link",
    "inertial": "pose mass inertia density",
    "collision": "pose geometry surface laser_retro max_contacts density",
    "visual": "pose geometry material transparency cast_shadows laser_retro visibility_flags plugin meta",
    "joint": "pose parent child axis axis2 thread_pitch screw_thread_pitch physics",
    "axis": "xyz dynamics limit initial_position",
    "dynamics": "damping friction spring_stiffness spring_reference",
    "limit": "lower upper effort velocity stiffness dissipation",
    "surface": "friction contact bounce",
    "material": "ambient diffuse specular emissive pbr lighting shininess double_sided render_order shader",
    "sensor": "pose plugin update_rate topic always_on visualize enable_metrics camera lidar ray imu contact",
    "camera": "horizontal_fov image clip depth_camera noise optical_frame_id camera_info_topic"
    " trigger_topic triggered visibility_mask",
    "depth_camera": "clip noise",
    "lidar": "scan range noise visibility_mask",
    "light": "pose diffuse specular direction attenuation intensity cast_shadows spot visualize",
}
"""Children that are read, or that are valid and need nothing from us."""
UNTIL_1_6: dict[str, str] = {"axis": "use_parent_model_frame"}
FOLLOWS: dict[str, str] = {
    "actor": "nobody walks there", "population": "nothing stands there", "road": "no road is drawn",
    "gripper": "it does not hold by itself", "audio_source": "it is silent", "audio_sink": "it is deaf",
    "projector": "nothing is projected", "battery": "it never runs empty",
    "particle_emitter": "no smoke is seen",
    "mimic": "the joint moves by itself", "fluid_added_mass": "it moves as in air",
    "script": "it is drawn grey; give <diffuse> or an <albedo_map>",
}  # fmt: skip
"""What it means for a run that an element is left out."""


class SdfWarning(UserWarning):
    """An SDF element that is valid but not supported, and was left out."""


@dataclass
class Spent:
    """What reading a file and all that it includes has taken so far."""

    includes: int = 0
    elements: int = 0


class Values:
    """Reads values out of the elements of one file. `skipped` collects what is not supported; the
    readers of included files share it, and `spent`."""

    def __init__(self, path: Path, search: tuple[Path, ...], stack: tuple[Path, ...]) -> None:
        self.path, self.search, self.stack = path, search, (*stack, path.resolve())
        self.version = ""
        """Of SDF, of the file."""
        self.skipped: dict[str, list[str]] = {}
        self.spent = Spent()

    def where(self, element: Any) -> Where:
        return Where(self.path, int(element.sourceline or 0))

    def fail(self, element: Any, message: str) -> NoReturn:
        raise SdfError(f"{self.where(element)}: {message}")

    def note(self, element: Any, message: str) -> None:
        """Something that the run will not have as the file says: said once, with the first place."""
        self.skipped.setdefault(message, []).append(str(self.where(element)))

    def skip(self, parent: str, element: Any, follows: str = "") -> None:
        follows = follows or FOLLOWS.get(element.tag, "")
        what = f"<{element.tag}> in <{parent}> is not supported and is left out"
        self.note(element, f"{what}: {follows}" if follows else what)

    def report(self) -> None:
        for message, places in self.skipped.items():
            more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            warnings.warn(f"{places[0]}: {message}{more}", SdfWarning, stacklevel=4)

    def check(self, element: Any, kind: str = "") -> None:
        known = KNOWN[kind or element.tag].split()
        if self.version in ("1.4", "1.5", "1.6"):
            known += UNTIL_1_6.get(kind or element.tag, "").split()
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
        allowed = all(map(math.isfinite, values)) or (infinite and not any(map(math.isnan, values)))
        if len(values) != count or not allowed:
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

    def text(self, parent: Any, path: str) -> str:
        element = parent.find(path)
        return "" if element is None else (element.text or "").strip()

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
            str(element.tag), (element.text or "").strip(), tuple(self.tag(child) for child in element),
            self.where(element),
        )  # fmt: skip

    def plugins(self, parent: Any) -> tuple[Plugin, ...]:
        return tuple(
            Plugin(e.get("name", ""), e.get("filename", ""), self.tag(e), self.where(e))
            for e in parent.iterfind("plugin")
        )

    def not_found(self, uri: str, element: Any) -> NoReturn:
        looked = ", ".join(map(str, self.search)) or "nowhere"
        self.fail(element, f"{uri} was not found; looked in {looked}; add its folder to GZ_SIM_RESOURCE_PATH")

    def resolve(self, uri: str, element: Any) -> Path:
        """The file or folder of a URI: in the folders of models, in Fuel's cache, or near the file itself."""
        uri = uri.strip()
        scheme, colon, rest = uri.partition("://")
        if colon and scheme in ("model", "package"):
            if ".." in Path(rest).parts or os.path.isabs(rest):
                self.fail(element, f"{uri} leaves the folders of models; name a model in one of them")
            for folder in self.search:
                if os.path.exists(folder / rest):
                    return folder / rest
            self.not_found(uri, element)
        if colon and (cached := resources.in_fuel_cache(uri)) is not None:
            if os.path.exists(cached):
                return cached
            self.fail(element, f"{uri} is not in Fuel's cache ({cached} does not exist)")
        if colon and scheme != "file":
            fuel = resources.FUEL.fullmatch(uri)
            if fuel:
                where = resources.fuel_cache()
                self.fail(element, f"{uri} is not in Fuel's cache ({where}); run gz fuel download -u '{uri}'")
            self.fail(element, f"{uri} cannot be fetched; use model://, file:// or a relative path")
        if (
            colon and not os.path.isabs(rest) and ".." not in Path(rest).parts
        ):  # as Gazebo: of any such folder
            for folder in self.search:
                for one in (folder / rest, folder.parent / rest):
                    if os.path.exists(one):
                        return one
            self.not_found(uri, element)
        found = Path(os.path.normpath(Path(rest) if colon else self.path.parent / uri))
        # A file may name its neighbours and theirs, as models beside one another do.
        beside = self.path.parent.parent if self.path.stem.startswith("model") else self.path.parent
        allowed = (os.path.abspath(folder) for folder in (beside, *self.search))
        if not any(Path(os.path.abspath(found)).is_relative_to(folder) for folder in allowed):
            self.fail(
                element, f"{uri!r} leaves the folders of models; add its folder to GZ_SIM_RESOURCE_PATH"
            )
        if not uri or not os.path.exists(found):
            self.fail(element, f"{uri!r} does not exist ({found})")
        return found


class Scope:
    """The named poses of one model or world, resolved on demand."""

    def __init__(self, reader: Values, root: str) -> None:
        self.reader, self.root = reader, root
        self.entries: dict[str, tuple[Array, str, Any]] = {}
        self.nested: dict[str, Model] = {}
        self.solved: dict[str, Array] = {}
        self.canonical = "world" if root == "world" else ""
        """The link that the scope's root is."""
        self.attached: dict[str, str] = {}
        """What each frame is attached to, and each joint: its child."""

    def add(self, name: str, pose: Array, relative_to: str, element: Any) -> None:
        if name in self.entries:
            self.reader.fail(element, f"the name {name!r} is used twice; give each its own")
        self.entries[name] = (pose, relative_to, element)

    def pose(self, name: str, element: Any) -> Array:
        """(4, 4) of `name` in this scope; a loop or an unknown name is an error at `element`."""
        chain: dict[str, Array] = {}
        found = np.eye(4)
        while name not in ("", self.root):
            if name in self.solved:
                found = self.solved[name]
                break
            if name in chain:
                loop = " -> ".join((*chain, name))
                self.reader.fail(element, f"poses refer to each other in a loop: {loop}")
            pose, base = self.own_pose(name, element)
            chain[name] = pose
            name = base
        for one, pose in reversed(chain.items()):
            found = found @ pose
            self.solved[one] = found
        return found

    def own_pose(self, name: str, element: Any) -> tuple[Array, str]:
        """(4, 4) of `name`, and relative to what: `outer::inner` to the nested model `outer`."""
        if name in self.entries:
            return self.entries[name][:2]
        outer, _, inner = name.partition("::")
        try:
            return self.nested[outer].frame_pose(inner), outer
        except KeyError:
            self.unknown(name, element)

    def link(self, name: str, element: Any) -> str:
        """The link (`inner::link` if nested) that a link, frame, joint or nested model is or moves with."""
        seen: list[str] = []
        while name in self.attached:
            if name in seen:
                self.reader.fail(element, f"frames are attached to each other in a loop at {name!r}")
            seen.append(name)
            name = self.attached[name]
        if name in ("", self.root):
            return self.canonical
        self.pose(name, element)
        outer, _, rest = name.partition("::")
        if outer in self.nested:
            return f"{outer}::{self.nested[outer].frame_link(rest)}"
        return name

    def unknown(self, name: str, element: Any) -> NoReturn:
        known = ", ".join(sorted(self.entries)[:12]) or "none"
        self.reader.fail(element, f"{name!r} is not a frame here; known are {known}")
