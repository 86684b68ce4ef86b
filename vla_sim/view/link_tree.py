"""A robot as nodes of a scene, one a link, each inside the one that carries it; joint angles turn them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, inverse, quaternion_from_rotation, quaternion_product
from vla_sim.world.sdf.elements import Joint, Link, Model

STILL = 1.5e-3
"""A joint that has moved less than this [rad], [m] is not sent: encoder noise is 0.3 mrad."""

AddNode = Callable[[str, Link, Array, Array, Array], Any]
"""Adds a node: its name, the link that it carries, that link's (4, 4) pose in it, and its quaternion and
position (3,) in the node around it. Returns viser's handle."""


class LinkTree:
    """paths: link to the name of its node. A node is where the joint that moves its link is; `offsets` has
    the link's (4, 4) pose in it."""

    def __init__(self, model: Model, base: str, root: str, links: Iterable[str], add: AddNode) -> None:
        """base: the link that is node `root`, which there is already. links: which of the links that hang on
        it get a node, in any order; one that hangs on a link without a node gets none."""
        self.paths = {base: root}
        self.offsets: dict[str, Array] = {base: np.eye(4)}
        self._names: list[str] = []
        self._handles: list[Any] = []
        rest, turns, shifts, origins = [], [], [], []
        for joint in _outward(model, base, set(links)):
            link = model.link(joint.child)
            self.paths[link.name] = f"{self.paths[joint.parent]}/{link.name}"
            self.offsets[link.name] = inverse(joint.pose_in_child)
            at = self.offsets[joint.parent] @ joint.pose_in_parent
            zero = quaternion_from_rotation(at[:3, :3])
            handle = add(self.paths[link.name], link, self.offsets[link.name], zero, at[:3, 3])
            if joint.axis is None:
                continue
            slides = joint.type == "prismatic"
            axis = np.array(joint.axis.xyz)
            self._names.append(joint.name)
            self._handles.append(handle)
            rest.append(zero)
            turns.append(np.zeros(4) if slides else quaternion_product(zero, np.array([0.0, *axis])))
            shifts.append(at[:3, :3] @ axis if slides else np.zeros(3))
            origins.append(at[:3, 3])
        self._rest, self._turns = np.array(rest).reshape(-1, 4), np.array(turns).reshape(-1, 4)
        self._shifts, self._origins = np.array(shifts).reshape(-1, 3), np.array(origins).reshape(-1, 3)
        self._slides = np.abs(self._shifts).sum(axis=1) > 0.0
        self._sent = np.zeros(len(self._names))

    def move(self, joints: Mapping[str, float]) -> int:
        """Sends what has moved; joints that are not named stay. How many nodes that were."""
        angles = np.array([joints.get(name, old) for name, old in zip(self._names, self._sent, strict=True)])
        moved = np.flatnonzero(np.abs(angles - self._sent) > STILL)
        half = 0.5 * angles[moved, None]
        turned = np.cos(half) * self._rest[moved] + np.sin(half) * self._turns[moved]
        shifted = self._origins[moved] + angles[moved, None] * self._shifts[moved]
        for i, wxyz, position in zip(moved.tolist(), turned, shifted, strict=True):
            if self._slides[i]:
                self._handles[i].position = position
            else:
                self._handles[i].wxyz = wxyz
        self._sent[moved] = angles[moved]
        return len(moved)


def _outward(model: Model, base: str, links: set[str]) -> list[Joint]:
    """The joints to these links, each after the one that carries it."""
    reached, out = {base}, []
    left = [joint for joint in model.joints if joint.child in links]
    while ready := [joint for joint in left if joint.parent in reached]:
        out += ready
        reached |= {joint.child for joint in ready}
        left = [joint for joint in left if joint.child not in reached]
    return out
