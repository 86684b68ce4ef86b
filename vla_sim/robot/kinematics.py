"""Kinematics of the robot, read from its SDF: poses of any link, frame or sensor, and the two arms.

    kinematics = Kinematics.load()
    kinematics.frame("head_camera", joint_position)          # (4, 4) in the pelvis frame
    arm = kinematics.arm["right"]
    q = arm.inverse(target, waist, seed)                     # (7,), or None if out of reach

Joint arrays follow `facts.JOINTS`; poses are (4, 4) in the frame of `facts.BASE_LINK`. The numerical
work is in `kinematics_kernels`; `Kinematics.warm` compiles it (or loads it from the cache).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, inverse
from vla_sim.robot import facts
from vla_sim.robot import kinematics_kernels as kernels
from vla_sim.world.sdf import elements, reader

WAIST = len(facts.WAIST_JOINTS)
LIMIT_MARGIN = 0.02
"""Radians that solutions stay away from the joint limits."""

MIRROR = np.array(facts.PROFILE.arms.mirror, dtype=float)
"""A left arm posture times this is the right arm's mirror image."""
COMFORT = np.array(facts.PROFILE.arms.comfort)
"""Left arm posture that redundancy is resolved towards."""
COMFORT_WEIGHT = np.array(facts.PROFILE.arms.comfort_weight)
_SEEDS = np.array(facts.PROFILE.arms.seeds)
"""(n, 7) left arm postures from which a solution is searched."""


@dataclass(frozen=True)
class ArmChain:
    """Waist and one arm as a serial chain of joints; only the arm's seven move in the solutions.

    low, high: (7,) joint limits [rad]. effort: (7,) limits [Nm]. mass (10,) [kg] and centre (10, 3)
    [m]: what moves with each joint, hand included. comfort (7,): see `COMFORT`.
    """

    side: str
    low: Array
    high: Array
    effort: Array
    origin: Array
    axis: Array
    tool: Array
    mass: Array
    centre: Array
    comfort: Array
    seeds: Array = field(repr=False)

    def forward(self, q: ArrayLike, waist: ArrayLike) -> Array:
        """(4, 4) tool pose in the pelvis frame for arm joints q (7,) and waist joints (3,)."""
        tool: Array = self.frames(q, waist)[-1]
        return tool

    def frames(self, q: ArrayLike, waist: ArrayLike) -> Array:
        """(11, 4, 4) frames of the ten joints and the tool in the pelvis frame."""
        frames: Array = kernels.chain_frames(self.origin, self.axis, self.tool, self._joints(q, waist))
        return frames

    def gravity_torque(
        self, q: ArrayLike, waist: ArrayLike, gravity: ArrayLike, payload: float = 0.0
    ) -> Array:
        """(7,) torques [Nm] that hold the arm, fingers closed, and `payload` [kg] at the tool.

        gravity: (3,) [m/s^2] in pelvis axes, (0, 0, -9.81) when the pelvis is level.
        """
        out: Array = kernels.chain_gravity(
            self.frames(q, waist), self.axis, self.mass, self.centre, _vector(gravity), float(payload), WAIST
        )
        return out

    def inverse(self, target: Array, waist: ArrayLike, seed: ArrayLike) -> Array | None:
        """(7,) joints that bring the tool to `target` (4, 4), or None if no seed gets there.

        The solution next to `seed` wins if it is sound; else the most comfortable of all seeds'.
        """
        near = np.ascontiguousarray(np.asarray(seed, dtype=float).reshape(1, 7))
        solutions, cost = self._solve(target, waist, near, near[0])
        if not np.isfinite(cost[0]):
            solutions = self.solutions(target, waist)
        best: Array | None = solutions[0] if len(solutions) else None
        return best

    def solutions(self, target: Array, waist: ArrayLike) -> Array:
        """(k, 7) distinct joint solutions for a tool pose, the most comfortable first; k may be 0."""
        joints, cost = self._solve(target, waist, self.seeds, self.comfort)
        kept: list[Array] = []
        for i in np.argsort(cost):
            if not np.isfinite(cost[i]):
                break
            if all(np.abs(joints[i] - other).max() > 0.1 for other in kept):
                kept.append(joints[i])
        return np.array(kept).reshape(-1, 7)

    def differential_step(
        self, q: ArrayLike, waist: ArrayLike, target: Array, gain: float = 1.0,
        posture: ArrayLike | None = None, posture_gain: float = 0.02, largest: float = 0.1,
    ) -> Array:  # fmt: skip
        """(7,) joints after one step that takes `gain` of the tool's error to `target` (4, 4).

        posture (7,): where the redundancy drifts to, by `posture_gain` of the way a step (default:
        nowhere). No joint moves by more than `largest` [rad].
        """
        wish = q if posture is None else posture
        out: Array = kernels.differential_step(
            self.origin, self.axis, self.tool, WAIST, self._joints(q, waist),
            np.ascontiguousarray(target, dtype=float), _vector(wish), float(gain), float(posture_gain),
            self.low + LIMIT_MARGIN, self.high - LIMIT_MARGIN, float(largest),
        )  # fmt: skip
        return out

    def _joints(self, q: ArrayLike, waist: ArrayLike) -> Array:
        joints = np.empty(WAIST + 7)
        joints[:WAIST] = waist
        joints[WAIST:] = q
        return joints

    def _solve(self, target: Array, waist: ArrayLike, seeds: Array, posture: Array) -> tuple[Array, Array]:
        solutions, cost = kernels.solve(
            self.origin, self.axis, self.tool, WAIST, _vector(waist),
            np.ascontiguousarray(target, dtype=float), seeds, posture, COMFORT_WEIGHT,
            self.low + LIMIT_MARGIN, self.high - LIMIT_MARGIN,
        )  # fmt: skip
        return solutions, cost


@dataclass(frozen=True)
class Kinematics:
    """The whole robot. Build it with `load`. `arm["left"]` and `arm["right"]` are the arms."""

    arm: dict[str, ArmChain]
    frames: tuple[str, ...]
    """Every name that `frame` knows."""
    model: elements.Model = field(repr=False)
    _parent: NDArray[np.int64] = field(repr=False)
    _origin: Array = field(repr=False)
    _axis: Array = field(repr=False)
    _sliding: NDArray[np.bool_] = field(repr=False)
    _index: NDArray[np.int64] = field(repr=False)
    _attached: dict[str, tuple[int, Array]] = field(repr=False)

    @staticmethod
    def load(path: Path | None = None) -> Kinematics:
        """From the model of the process's robot, or from another model file with the same joints.

        Raises `InputError` if a joint of `facts.JOINTS` is missing, `SdfError` for a broken file.
        """
        return _build(reader.load_model(reader.robot_model() if path is None else path))

    def poses(self, names: Iterable[str], joint_position: ArrayLike) -> dict[str, Array]:
        """`frame` of each of these names."""
        joints = self.joint_frames(joint_position)
        return {
            name: offset if joint < 0 else joints[joint] @ offset
            for name, (joint, offset) in ((name, self._attached[name]) for name in names)
        }

    def in_link(self, name: str) -> tuple[str, Array]:
        """The link that carries a frame or sensor, and its (4, 4) pose in that link."""
        link = self.model.frame_link(name)
        return link, inverse(self._attached[link][1]) @ self._attached[name][1]

    def mounted(self, at: Mapping[str, Array]) -> Kinematics:
        """With these frames or sensors elsewhere: (4, 4) poses in the links that carry them, by name."""
        attached = dict(self._attached)
        for name, pose in at.items():
            joint, link = attached[self.model.frame_link(name)]
            attached[name] = joint, link @ pose
        return replace(self, _attached=attached)

    def of_joints(self, value: Literal["lower", "upper", "damping"]) -> Array:
        """(joints,) of the joints' axes as the SDF has them [rad], [m], [Nms/rad], [Ns/m]."""
        axes = {joint.name: joint.axis for joint in self.model.joints}
        return np.array([getattr(axes[name], value) for name in facts.JOINTS])

    def joint_frames(self, joint_position: ArrayLike) -> Array:
        """(joints, 4, 4) frames of all joints, after their own motion, in the pelvis frame; tree order."""
        q = np.ascontiguousarray(np.asarray(joint_position, dtype=float)[self._index])
        out: Array = kernels.tree_frames(self._parent, self._origin, self._axis, self._sliding, q)
        return out

    def frame(self, name: str, joint_position: ArrayLike) -> Array:
        """(4, 4) pose in the pelvis frame of a link, SDF frame or sensor for joints (joints,).

        Raises `InputError` that lists the known names.
        """
        if name not in self._attached:
            raise InputError(f"no frame {name!r} on the robot: give one of {', '.join(self.frames)}")
        joint, offset = self._attached[name]
        pose: Array = offset.copy() if joint < 0 else self.joint_frames(joint_position)[joint] @ offset
        return pose

    def warm(self) -> None:
        """Compile every kernel now, so that no control tick pays for it."""
        self.joint_frames(facts.DEFAULT_POSE)
        for arm in self.arm.values():
            waist = np.zeros(WAIST)
            target = arm.forward(arm.comfort, waist)
            arm.gravity_torque(arm.comfort, waist, (0.0, 0.0, -9.81), 0.0)
            arm.inverse(target, waist, arm.comfort)
            arm.differential_step(arm.comfort, waist, target)


def _vector(values: ArrayLike) -> Array:
    return np.ascontiguousarray(np.asarray(values, dtype=float))


def _build(model: elements.Model) -> Kinematics:
    joints = {joint.name: joint for joint in model.joints}
    missing = [name for name in facts.JOINTS if name not in joints]
    if missing:
        all_of = f"it must have all {len(facts.JOINTS)}"
        raise InputError(f"{model.where}: the robot has no joint {', '.join(missing)}; {all_of}")
    by_child = {joint.child: joint for joint in model.joints}
    base = inverse(model.frame_pose(facts.BASE_LINK))
    at_zero = {name: base @ joints[name].pose for name in facts.JOINTS}

    def mover(link: str) -> str | None:
        """The joint of `facts.JOINTS` that `link` moves with; None for the base's own links."""
        while link in by_child:
            joint = by_child[link]
            if joint.name in at_zero:
                return joint.name
            link = joint.parent
        return None

    before = {name: mover(joints[name].parent) for name in facts.JOINTS}
    order: list[str] = []
    while len(order) < len(facts.JOINTS):
        order += [j for j in facts.JOINTS if j not in order and (before[j] is None or before[j] in order)]
    place = {name: i for i, name in enumerate(order)}
    start = {name: inverse(at_zero[up]) if (up := before[name]) else np.eye(4) for name in order}

    attached: dict[str, tuple[int, Array]] = {}
    names = {link.name for link in model.links} | {frame.name for frame in model.frames}
    names |= {sensor.name for sensor in model.sensors()}
    for name in names:
        moving, pose = mover(model.frame_link(name)), base @ model.frame_pose(name)
        attached[name] = (-1, pose) if moving is None else (place[moving], inverse(at_zero[moving]) @ pose)

    axes = {name: np.array(joints[name].axis.xyz) for name in order}  # type: ignore[union-attr]
    return Kinematics(
        arm={side: _arm(model, side, at_zero, axes, mover, base) for side in facts.SIDES},
        frames=tuple(sorted(names)), model=model, _attached=attached,
        _parent=np.array([place[up] if (up := before[name]) else -1 for name in order]),
        _origin=np.array([start[name] @ at_zero[name] for name in order]),
        _axis=np.array([axes[name] for name in order]),
        _sliding=np.array([joints[name].type == "prismatic" for name in order]),
        _index=np.array([facts.INDEX[name] for name in order]),
    )  # fmt: skip


def _arm(model, side, at_zero, axes, mover, base) -> ArmChain:  # type: ignore[no-untyped-def]
    names = (*facts.WAIST_JOINTS, *facts.ARM_JOINTS[side])
    fingers = facts.FINGER_JOINTS[side]
    frames = [at_zero[name] for name in names]
    origin = np.array([frames[0], *(inverse(a) @ b for a, b in pairwise(frames))])
    mass, moment = np.zeros(len(names)), np.zeros((len(names), 3))
    for link in model.links:
        moving = mover(link.name)
        if moving in fingers:  # closed fingers move with the hand
            moving = names[-1]
        if moving not in names:
            continue
        i = names.index(moving)
        centre = inverse(frames[i]) @ base @ model.frame_pose(link.name) @ link.inertial.pose
        mass[i] += link.inertial.mass
        moment[i] += link.inertial.mass * centre[:3, 3]
    limits = [model.joint(name).axis for name in facts.ARM_JOINTS[side]]
    mirror = np.ones(7) if side == "left" else MIRROR
    return ArmChain(
        side=side, low=np.array([axis.lower for axis in limits]),
        high=np.array([axis.upper for axis in limits]), effort=np.array([axis.effort for axis in limits]),
        origin=np.ascontiguousarray(origin), axis=np.array([axes[name] for name in names]),
        tool=inverse(frames[-1]) @ base @ model.frame_pose(facts.TOOL_FRAME[side]), mass=mass,
        centre=moment / np.maximum(mass, 1e-9)[:, None], comfort=COMFORT * mirror, seeds=_SEEDS * mirror,
    )  # fmt: skip
