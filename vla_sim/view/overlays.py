"""What is drawn over world and robot: contacts, nearness, and what the robot senses, believes and plans."""

import math
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from vla_sim.common.geometry import Array, pose7, quaternion_from_yaw, yaw_from_quaternion
from vla_sim.robot import facts
from vla_sim.view import meshes
from vla_sim.view.nodes import BELIEVED, GRASPED, NEAR, PLANNED, TOUCHED, Placed, Rgb
from vla_sim.view.robot_nodes import Robot
from vla_sim.view.scenery import MOVES, Scenery
from vla_sim.view.state import ViewState

NEAR_MISS = 0.05
"""Clearance [m] below which nearness is drawn."""
FLOOR_TOP = 0.03
"""What is no higher than this [m] is floor to the feet, as it is to the simulator's clearance."""
STRAY = 0.05
"""Where the robot believes that it is gets drawn if it is wrong by more [m]."""
ABOVE = 0.02
"""Height [m] of what lies on the floor, so that rugs do not hide it."""
CIRCLE = np.array([(math.cos(a), math.sin(a), 0.0) for a in np.linspace(0.0, 2.0 * math.pi, 41)])
_CORNERS = np.array(list(np.ndindex(2, 2, 2))) - 0.5
CUBE = np.array([(a, b) for i, a in enumerate(_CORNERS) for b in _CORNERS[i:] if np.abs(a - b).sum() == 1.0])
"""(12, 2, 3) edges of a cube around the origin."""


def _segments(points: Array) -> Array:
    """(n - 1, 2, 3) of a polyline (n, 3)."""
    return np.stack([points[:-1], points[1:]], axis=1)


class Contacts:
    """The collisions with which the robot touches something else than the floor with its feet: red, and green
    where a hand holds a thing."""

    def __init__(self, scene: Any, scenery: Scenery, robot: Robot) -> None:
        self._scene, self._model = scene, scenery.robot.name
        self._where = {name: (node, pose, one) for name, node, pose, one in scenery.collisions()}
        for link in scenery.robot.links:
            for one in link.collisions:
                at = robot.tree.offsets[link.name] @ one.pose
                self._where[f"{self._model}::{link.name}::{one.name}"] = robot.tree.paths[link.name], at, one
        self._floor: dict[str, bool] = {}
        self._nodes: dict[str, Any] = {}
        self._shown: dict[str, Rgb] = {}

    def show(self, state: ViewState) -> None:
        now: dict[str, Rgb] = {}
        for pair in state.contacts:
            if colour := self._colour(pair.a, pair.b):
                now.update({name: colour for name in (pair.a, pair.b) if name in self._where})
        for name in self._shown.keys() - now.keys():
            self._nodes[name].visible = False
        for name, colour in now.items():
            if self._shown.get(name) != colour:
                node = self._nodes.get(name) or self._add(name)
                node.color, node.visible = colour, True
        self._shown = now

    def _add(self, name: str) -> Any:
        node, pose, one = self._where[name]
        mesh = meshes.mesh_of(one.geometry)
        mesh.apply_scale(1.0 + 0.006 / mesh.extents.max())  # just outside of what it is drawn over
        at = pose7(pose)
        self._nodes[name] = self._scene.add_mesh_simple(
            f"{node}/touch_{name.replace('::', '.')}", mesh.vertices, mesh.faces, opacity=0.6,
            cast_shadow=False, receive_shadow=False, position=at[:3], wxyz=at[3:], visible=False,
        )  # fmt: skip
        return self._nodes[name]

    def _colour(self, a: str, b: str) -> Rgb | None:
        """None for what is as it should be, and for others among themselves."""
        hands = facts.HAND.links if facts.HAND else ()
        ours, other = (a, b) if a.startswith(f"{self._model}::") else (b, a)
        if not ours.startswith(f"{self._model}::"):
            return None
        link = ours.split("::")[1]
        if other.startswith(f"{self._model}::"):
            return None if {link, other.split("::")[1]} <= set(hands) else TOUCHED
        if other not in self._where:
            return TOUCHED
        if link in facts.FOOT_LINK.values() and self._is_floor(other):
            return None
        return GRASPED if link in hands and self._where[other][0].startswith(MOVES) else TOUCHED

    def _is_floor(self, name: str) -> bool:
        if name not in self._floor:
            _, pose, one = self._where[name]
            flat = one.geometry.shape == "plane"
            self._floor[name] = flat or bool(
                meshes.mesh_of(one.geometry).apply_transform(pose).bounds[1, 2] < FLOOR_TOP
            )
        return self._floor[name]


class Nearness:
    """A ring around the robot's feet, with the distance, where it is nearer to something than `NEAR_MISS`."""

    def __init__(self, scene: Any) -> None:
        ring = trimesh.creation.annulus(0.42, 0.46, 0.01)
        self._ring = Placed(scene.add_mesh_simple(
            "/near", ring.vertices, ring.faces, color=NEAR, cast_shadow=False, receive_shadow=False
        ))  # fmt: skip
        self._label = scene.add_label("/near/distance", "", position=(0.0, -0.5, 0.1), font_screen_scale=0.8)

    def show(self, state: ViewState) -> None:
        truth = state.truth
        if truth is None or truth.clearance >= NEAR_MISS:
            self._ring.hide()
            return
        self._label.text = f"{truth.clearance:.2f} m"
        self._ring.at((truth.robot[0], truth.robot[1], ABOVE))


class Belief:
    """Where the robot believes that it stands, if that is not where it stands: a ring with its heading."""

    def __init__(self, scene: Any) -> None:
        nose = np.array([[0.0, 0.0, 0.0], [0.45, 0.0, 0.0]])
        lines = np.concatenate([_segments(0.3 * CIRCLE), nose[None]])
        self._ring = Placed(scene.add_line_segments("/believed", lines, BELIEVED, thickness=0.015))

    def show(self, state: ViewState) -> None:
        true, base = state.true_base, state.base
        if true is None or base is None or math.dist(true.position[:2], base.position[:2]) < STRAY:
            self._ring.hide()
            return
        yaw = yaw_from_quaternion(base.quaternion)
        self._ring.at((*base.position[:2], ABOVE), quaternion_from_yaw(yaw))


class Scan:
    """What the lidar has seen, on the floor below it."""

    def __init__(self, scene: Any) -> None:
        self._seen: Array | None = None
        self._cloud = scene.add_point_cloud(
            "/lidar", np.zeros((0, 3)), (225, 60, 90), point_size=0.03, point_shape="circle",
            point_shading="flat", precision="float32",
        )  # fmt: skip

    def show(self, state: ViewState) -> None:
        if state.scan is not self._seen:
            self._cloud.points = np.column_stack([state.scan[:, :2], np.full(len(state.scan), ABOVE + 0.02)])
            self._seen = state.scan


class Path:
    """The way that navigation means to take."""

    def __init__(self, scene: Any) -> None:
        self._seen: Array | None = None
        self._line = scene.add_line_segments("/path", np.zeros((0, 2, 3)), PLANNED, thickness=0.035)

    def show(self, state: ViewState) -> None:
        if state.path is not self._seen:
            points = np.column_stack([state.path[:, :2], np.full(len(state.path), ABOVE + 0.01)])
            self._line.points = _segments(points) if len(points) > 1 else np.zeros((0, 2, 3))
            self._seen = state.path


class Costmap:
    """What navigation takes for free, dear and occupied, as a picture on the floor."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._seen: Any = None
        self._image: Any = None

    def show(self, state: ViewState) -> None:
        one = state.costmap
        if one is self._seen:
            return
        self._seen = one
        if self._image is not None:
            self._image.visible = one is not None
        if one is None:
            return
        rows, columns = one.cost.shape
        width, height = columns * one.resolution, rows * one.resolution
        # An image's rows run along +y, as the costmap's do, and its middle is the node's origin.
        if self._image is None or (self._image.render_width, self._image.render_height) != (width, height):
            self._image = self._scene.add_image(
                "/costmap",
                painted(one.cost),
                width,
                height,
                format="png",
                cast_shadow=False,
                receive_shadow=False,
            )
        else:
            self._image.image = painted(one.cost)
        self._image.position = (one.x0 + width / 2, one.y0 + height / 2, ABOVE - 0.005)


def painted(cost: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(rows, columns, 4) RGBA of costs 0 to 100, and 255 for what is not known."""
    out = np.zeros((*cost.shape, 4), np.uint8)
    share = np.minimum(cost, 100)[..., None] / 100.0
    out[..., :3] = (1.0 - share) * np.array(PLANNED) + share * np.array((190, 60, 160))
    out[..., 3] = np.where(cost > 0, 30 + 90 * share[..., 0], 0)
    out[cost == 255] = (120, 120, 125, 70)
    return out


class Detections:
    """What perception has found: a box around each, with its name and how sure it is. Their nodes stay, and
    are hidden or used again: viser would remember each that is removed."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._boxes: list[tuple[Placed, Any, Any]] = []

    def show(self, state: ViewState) -> None:
        while len(self._boxes) < len(state.detected):
            self._boxes.append(self._add(f"/detected/{len(self._boxes)}"))
        for (node, box, label), one in zip(self._boxes, state.detected, strict=False):
            size = tuple(round(side, 3) for side in one.size)
            box.scale = size
            label.text = f"{one.colour} {one.kind} {100 * one.confidence:.0f} %".strip()
            label.position = (0.0, 0.0, size[2] / 2 + 0.05)
            node.at(one.position, quaternion_from_yaw(one.yaw))
        for node, _, _ in self._boxes[len(state.detected) :]:
            node.hide()

    def _add(self, name: str) -> tuple[Placed, Any, Any]:
        frame = self._scene.add_frame(name, show_axes=False)
        box = self._scene.add_line_segments(
            f"{name}/box", CUBE, BELIEVED, thickness=2.0, thickness_units="screen"
        )
        label = self._scene.add_label(f"{name}/name", "", anchor="bottom-center", font_screen_scale=0.8)
        return Placed(frame), box, label
