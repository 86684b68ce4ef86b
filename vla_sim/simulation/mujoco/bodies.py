"""SDF models as trees of MuJoCo bodies and joints."""

import math
from dataclasses import dataclass, replace
from typing import Any

import mujoco
import numpy as np

from vla_sim.common.errors import SdfError
from vla_sim.common.geometry import Array, quaternion_from_rotation
from vla_sim.simulation.mujoco.geoms import FIXED, LOOSE, ROBOT, ROBOT_VISUAL, WORLD_VISUAL, GeomBuilder
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.world.sdf.elements import Joint, Light, Link, Model

JOINTS = {
    "revolute": mujoco.mjtJoint.mjJNT_HINGE, "continuous": mujoco.mjtJoint.mjJNT_HINGE,
    "prismatic": mujoco.mjtJoint.mjJNT_SLIDE, "ball": mujoco.mjtJoint.mjJNT_BALL,
}  # fmt: skip


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

    def add_model(self, model: Model, pose: Array) -> None:
        """A model with its nested ones, as one tree of bodies for each root link."""
        links: dict[str, tuple[Link, Array]] = {}
        joints: list[Joint] = []
        self.flatten(model, pose, model.name, links, joints)
        above: dict[str, Joint] = {}
        for joint in joints:
            if joint.child in above:
                raise SdfError(
                    f"{joint.where}: {joint.child} is the child of two joints; closed loops cannot be run"
                )
            above[joint.child] = joint
        moving = None if model.static else WaypointMotion.of(model)
        made: dict[str, Any] = {}
        pending = dict(links)
        while pending:
            ready = [n for n in pending if n not in above or above[n].parent in made or _on_world(above[n])]
            if not ready:
                where = above[next(iter(pending))].where
                raise SdfError(f"{where}: the joints of {model.name!r} form a loop; let one link be the root")
            for name in ready:
                link, at = pending.pop(name)
                made[name] = self.add_link(model, name, link, at, above.get(name), made, pose, moving)
        if not model.self_collide and not model.static:
            self.exclude(list(links))

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
        if joint.type == "fixed":
            return
        scope = link.rpartition("::")[0]
        values = {}
        if joint.axis is not None:
            axis = joint.axis
            limited = math.isfinite(axis.lower) or math.isfinite(axis.upper)
            values = {
                "axis": joint.pose_in_child[:3, :3] @ np.array(axis.xyz),
                "limited": int(limited),
                "range": (max(axis.lower, -1e6), min(axis.upper, 1e6)) if limited else (0.0, 0.0),
                "damping": _linear(axis.damping),
                "frictionloss": axis.friction,
                "stiffness": _linear(axis.stiffness),
                "springref": axis.reference,
            }
        body.add_joint(
            name=f"{scope}::{joint.name}", type=JOINTS[joint.type], pos=joint.pose_in_child[:3, 3], **values
        )

    def exclude(self, links: list[str]) -> None:
        """SDF models do not collide with themselves unless they say so."""
        for i, a in enumerate(links):
            for b in links[i + 1 :]:
                self.spec.add_exclude(bodyname1=a, bodyname2=b)


def add_light(light: Light, body: Any) -> None:
    kind = mujoco.mjtLightType
    direction = light.pose[:3, :3] @ np.array(light.direction)
    down = direction / np.linalg.norm(direction) if light.type != "point" else (0.0, 0.0, -1.0)
    types = {
        "directional": kind.mjLIGHT_DIRECTIONAL, "point": kind.mjLIGHT_POINT, "spot": kind.mjLIGHT_SPOT,
    }  # fmt: skip
    body.add_light(
        name=light.name, pos=light.pose[:3, 3], dir=down, type=types[light.type], castshadow=False,
        diffuse=np.array(light.diffuse[:3]) * light.intensity,
        specular=np.array(light.specular[:3]) * light.intensity,
        attenuation=light.attenuation, cutoff=math.degrees(light.spot_angle), ambient=(0.0, 0.0, 0.0),
    )  # fmt: skip


def _on_world(joint: Joint) -> bool:
    return joint.parent.rpartition("::")[2] == "world"


def _linear(value: float) -> Array:
    """MuJoCo takes a polynomial; only its linear term is used."""
    return np.array([value, 0.0, 0.0])
