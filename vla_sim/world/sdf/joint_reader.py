"""Reading SDF: joints and their axes."""

import math
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, inverse
from vla_sim.world.sdf.elements import Axis, Joint
from vla_sim.world.sdf.values import Scope, Values

JOINT_TYPES = ("fixed", "revolute", "continuous", "prismatic", "ball", "universal", "revolute2", "screw")
LEFT_OUT = ("gearbox",)
"""Valid, and nothing that an engine here could have."""


class Joints(Values):
    """Reads joints."""

    def joints(self, element: Any, scope: Scope) -> tuple[Joint, ...]:
        """The joints of a model or world, without those that are left out."""
        return tuple(filter(None, (self.joint(one, scope) for one in element.iterfind("joint"))))

    def joint(self, element: Any, scope: Scope) -> Joint | None:
        self.check(element)
        name, kind = self.name(element), str(element.get("type", ""))
        if kind in LEFT_OUT:
            self.note(element, f"a {kind} joint ({name!r}) is left out: its links move apart from each other")
            return None
        if kind not in JOINT_TYPES:
            allowed = ", ".join((*JOINT_TYPES, *LEFT_OUT))
            self.fail(element, f"joint {name!r} has the type {kind!r}; it must be one of {allowed}")
        ends = []
        for end in ("parent", "child"):
            one = element.find(end)
            if one is None or not (one.text or "").strip():
                self.fail(element, f"joint {name!r} has no <{end}>; add it")
            target = one.text.strip()
            if target == "world" and end == "child":
                self.fail(one, f"the child of joint {name!r} is the world, which cannot move; swap the two")
            ends.append(target if target == "world" else scope.link(target, one))
        parent, child = ends
        if parent == child:
            self.fail(element, f"joint {name!r} joins {parent!r} to itself; parent and child must differ")
        pose = scope.pose(name, element)
        axis = axis2 = None
        if kind not in ("fixed", "ball"):
            axis = self.axis(element, kind, pose, scope)
        if kind in ("universal", "revolute2"):
            axis2 = self.axis(element, kind, pose, scope, "axis2")
        pitch = self.number(element, "screw_thread_pitch", math.nan)
        if math.isnan(pitch):  # the older element counts turns a metre, and the other way round
            older = self.number(element, "thread_pitch", 1.0)
            pitch = -2.0 * math.pi / older if older else 0.0
        return Joint(
            name=name, type=kind, parent=parent, child=child, pose=pose,  # type: ignore[arg-type]
            pose_in_parent=pose if parent == "world" else inverse(scope.pose(parent, element)) @ pose,
            pose_in_child=inverse(scope.pose(child, element)) @ pose,
            axis=axis, where=self.where(element), axis2=axis2, pitch=pitch if kind == "screw" else 0.0,
        )  # fmt: skip

    def in_model(self, axis: Any) -> bool:
        """Whether an axis is meant in its model's frame: in SDF 1.4 each is, in 1.5 and 1.6 where it says so
        (libsdformat's `1_4.convert` and `1_6.convert`)."""
        if self.version in ("1.5", "1.6"):
            return self.boolean(axis, "use_parent_model_frame", False)
        return self.version == "1.4"

    def axis(self, joint: Any, kind: str, pose: Array, scope: Scope, tag: str = "axis") -> Axis:
        element = joint.find(tag)
        if element is None:
            self.fail(joint, f"joint {joint.get('name')!r} has no <{tag}>; a {kind} joint needs one")
        self.check(element, "axis")
        xyz = np.array(self.vector(element, "xyz", (0.0, 0.0, 1.0)))
        length = float(np.linalg.norm(xyz))
        if length < 1e-9:
            self.fail(element, "the joint axis is zero; give a direction")
        xyz = xyz / length
        given = element.find("xyz")
        expressed_in = "" if given is None else str(given.get("expressed_in", ""))
        if expressed_in or self.in_model(element):
            xyz = pose[:3, :3].T @ scope.pose(expressed_in, given)[:3, :3] @ xyz
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
