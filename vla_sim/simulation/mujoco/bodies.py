"""SDF models as trees of MuJoCo bodies and joints."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import mujoco
import numpy as np

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import Array, quaternion_from_rotation
from vla_sim.simulation.mujoco.geoms import FIXED, LOOSE, ROBOT, ROBOT_VISUAL, WORLD_VISUAL, GeomBuilder
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.world.sdf.elements import Axis, Joint, Light, Link, Model

HINGE, SLIDE = mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE
JOINTS = {
    "revolute": (HINGE,), "continuous": (HINGE,), "prismatic": (SLIDE,),
    "ball": (mujoco.mjtJoint.mjJNT_BALL,), "universal": (HINGE, HINGE), "revolute2": (HINGE, HINGE),
    "screw": (HINGE, SLIDE),
}  # fmt: skip
"""MuJoCo's joints between parent and child, in turn. The second one's name ends in `SECOND`."""
SECOND = "#2"
LOOPS = ("fixed", "ball", "revolute", "continuous", "universal")
"""Joints that may close a loop: as constraints, which give a little."""
HINGE_LENGTH = 0.1
"""[m] between the two points that hold a hinge which closes a loop."""


@dataclass(frozen=True)
class Follower:
    """A model that a trajectory-follower plugin moves: a mocap body. pose: (4, 4) at the start."""

    model: str
    body: str
    motion: WaypointMotion
    pose: Array


class BodyBuilder:
    """loose, followers: see `compile.Compiled`."""

    def __init__(self, spec: mujoco.MjSpec, robot_name: str) -> None:
        self.spec, self.robot_name = spec, robot_name
        self.geoms = GeomBuilder(spec)
        self.loose: dict[str, tuple[str, Array]] = {}
        self.followers: list[Follower] = []

    def add_models(self, models: Iterable[tuple[Model, Array]], between: Iterable[Joint]) -> None:
        """Models with their (4, 4) poses and the joints between them (`World.joints`), as one tree of bodies
        for each link that hangs on nothing. Raises `SdfError`."""
        pending: dict[str, tuple[Model, Array, Link, Array]] = {}
        joints: list[Joint] = []
        for model, pose in models:
            links: dict[str, tuple[Link, Array]] = {}
            own: list[Joint] = []
            self.flatten(model, pose, model.name, links, own)
            pending |= {name: (model, pose, *link) for name, link in links.items()}
            joints += () if model.static else own
            if not model.self_collide and not model.static:
                self.exclude(list(links))
        above: dict[str, Joint] = {}
        closing: list[Joint] = []
        for joint in (*joints, *between):
            if pending[joint.child][0].static:
                raise SdfError(f"{joint.where}: {joint.child} is static, no joint can move it; swap its ends")
            (closing.append if joint.child in above else partial(above.__setitem__, joint.child))(joint)
        moving = {m.name: None if m.static else WaypointMotion.of(m) for m, *_ in pending.values()}
        made: dict[str, Any] = {}
        while pending:
            ready = [n for n in pending if n not in above or above[n].parent in made or _on_world(above[n])]
            if (
                not ready
            ):  # each hangs on another: one of them hangs on nothing, and its joint closes the loop
                ready = [next(iter(pending))]
                closing.append(above.pop(ready[0]))
            for name in ready:
                model, pose, link, at = pending.pop(name)
                motion = moving[model.name]
                made[name] = self.add_link(model, name, link, at, above.get(name), made, pose, motion)
        for joint in closing:
            self.close(joint)

    def flatten(
        self, model: Model, pose: Array, prefix: str,
        links: dict[str, tuple[Link, Array]], joints: list[Joint],
    ) -> None:  # fmt: skip
        """Links (with poses in the world) and joints under scoped names."""
        for link in model.links:
            links[f"{prefix}::{link.name}"] = (link, pose @ link.pose)
        for joint in model.joints:
            parent, child = f"{prefix}::{joint.parent}", f"{prefix}::{joint.child}"
            joints.append(replace(joint, parent=parent, child=child))
        for one in model.models:
            self.flatten(one, pose @ one.pose, f"{prefix}::{one.name}", links, joints)

    def add_link(
        self, model: Model, name: str, link: Link, at: Array, joint: Joint | None,
        made: dict[str, Any], model_pose: Array, moving: WaypointMotion | None,
    ) -> Any:  # fmt: skip
        parent = self.spec.worldbody
        local = at
        if joint is not None and not model.static and not _on_world(joint):
            parent = made[joint.parent]
            local = joint.pose_in_parent @ np.linalg.inv(joint.pose_in_child)
        body = parent.add_body(name=name, pos=local[:3, 3], quat=quaternion_from_rotation(local[:3, :3]))
        inertial = link.inertial
        rotation = inertial.pose[:3, :3]
        tensor = rotation @ inertial.inertia @ rotation.T
        body.explicitinertial = True
        body.mass = inertial.mass
        body.ipos = inertial.pose[:3, 3]
        body.fullinertia = (*np.diag(tensor), tensor[0, 1], tensor[0, 2], tensor[1, 2])
        body.gravcomp = 0.0 if link.gravity else 1.0
        loose = False
        if model.static:
            pass
        elif joint is not None:
            self.add_joint(body, name, joint)
        elif moving is not None:
            body.mocap = True
            self.followers.append(Follower(model.name, name, moving, at))
        else:
            loose = True
            body.add_freejoint(name=f"{name}::free")
            if model.name != self.robot_name and model.name not in self.loose:
                self.loose[model.name] = (name, np.linalg.inv(model_pose) @ at)
        robot = model.name == self.robot_name
        free = model.name in self.loose or loose
        group = ROBOT if robot else LOOSE if free else FIXED
        for collision in link.collisions:
            self.geoms.add_collision(body, f"{name}::{collision.name}", collision, group)
        for visual in link.visuals:
            shown = ROBOT_VISUAL if robot else WORLD_VISUAL
            self.geoms.add_visual(body, f"{name}::{visual.name}#visual", visual, shown)
        for light in link.lights:
            add_light(light, body)
        return body

    def add_joint(self, body: Any, link: str, joint: Joint) -> None:
        name = f"{link.rpartition('::')[0]}::{joint.name}"
        for k, kind in enumerate(JOINTS.get(joint.type, ())):
            axis = joint.axis2 if k == 1 and joint.axis2 is not None else joint.axis
            if k == 1 and joint.type == "screw" and axis is not None:
                axis = Axis(axis.xyz)
            values = {} if axis is None else _values(axis, joint)
            full = f"{name}{SECOND}" if k else name
            body.add_joint(name=full, type=kind, pos=joint.pose_in_child[:3, 3], **values)
        if joint.type == "screw":
            made = self.spec.add_equality(
                type=mujoco.mjtEq.mjEQ_JOINT, name1=f"{name}{SECOND}", name2=name,
                objtype=mujoco.mjtObj.mjOBJ_JOINT,
            )  # fmt: skip
            made.data[:2] = 0.0, joint.pitch / (2 * math.pi)

    def close(self, joint: Joint) -> None:
        """A joint whose child hangs on another one already. Raises `SdfError` for a type that cannot."""
        if joint.type not in LOOPS:
            raise SdfError(
                f"{joint.where}: joint {joint.name!r} closes a loop, and is {joint.type}; "
                f"it must be one of {', '.join(LOOPS)}"
            )
        parent = "world" if _on_world(joint) else joint.parent
        weld = joint.type == "fixed"
        points = [joint.pose_in_child[:3, 3]]
        if joint.axis is not None and joint.type != "universal":
            arm = joint.pose_in_child[:3, :3] @ np.array(joint.axis.xyz) * HINGE_LENGTH / 2
            points = [points[0] + arm, points[0] - arm]
        for point in points:
            made = self.spec.add_equality(
                type=mujoco.mjtEq.mjEQ_WELD if weld else mujoco.mjtEq.mjEQ_CONNECT,
                objtype=mujoco.mjtObj.mjOBJ_BODY, name1=joint.child, name2=parent,
            )  # fmt: skip
            made.data[:] = 0.0
            if weld:  # a relative pose whose quaternion is zero is that at the start
                made.data[10] = 1.0
            else:
                made.data[:3] = point

    def exclude(self, links: list[str]) -> None:
        """SDF models do not collide with themselves unless they say so."""
        for i, a in enumerate(links):
            for b in links[i + 1 :]:
                self.spec.add_exclude(bodyname1=a, bodyname2=b)


def _values(axis: Axis, joint: Joint) -> dict[str, Any]:
    """MuJoCo's joint from SDF's axis."""
    limited = math.isfinite(axis.lower) or math.isfinite(axis.upper)
    return {
        "axis": joint.pose_in_child[:3, :3] @ np.array(axis.xyz),
        "limited": int(limited),
        "range": (max(axis.lower, -1e6), min(axis.upper, 1e6)) if limited else (0.0, 0.0),
        "damping": _linear(axis.damping),
        "frictionloss": axis.friction,
        "stiffness": _linear(axis.stiffness),
        "springref": axis.reference,
    }


def add_light(light: Light, body: Any) -> None:
    """Without a name: SDF's are unique in their link alone."""
    kind = mujoco.mjtLightType
    direction = light.pose[:3, :3] @ np.array(light.direction)
    down = direction / np.linalg.norm(direction) if light.type != "point" else (0.0, 0.0, -1.0)
    types = {
        "directional": kind.mjLIGHT_DIRECTIONAL, "point": kind.mjLIGHT_POINT, "spot": kind.mjLIGHT_SPOT,
    }  # fmt: skip
    body.add_light(
        pos=light.pose[:3, 3], dir=down, type=types[light.type], castshadow=False,
        diffuse=np.array(light.diffuse[:3]) * light.intensity,
        specular=np.array(light.specular[:3]) * light.intensity,
        attenuation=light.attenuation, cutoff=math.degrees(light.spot_angle), ambient=(0.0, 0.0, 0.0),
    )  # fmt: skip


def _on_world(joint: Joint) -> bool:
    return joint.parent.rpartition("::")[2] == "world"


def _linear(value: float) -> Array:
    """MuJoCo takes a polynomial; only its linear term is used."""
    return np.array([value, 0.0, 0.0])
