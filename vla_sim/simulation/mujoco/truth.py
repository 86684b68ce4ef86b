"""Ground truth from MuJoCo's data: what touches what, and how far the robot is from things."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.simulation.mujoco.geoms import FIXED, ROBOT
from vla_sim.simulation.simulator import Contact

REACH = 3.0
"""Larger distances [m] are given as this."""
FLOOR_TOP = 0.03
"""What is no higher than this [m] belongs to the floor (a rug, a marking)."""


class ContactLog:
    """Contacts of every physics step since `clear`; names are made only when they are asked for."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self.names = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_GEOM, i) or "" for i in range(model.ngeom)]
        self.steps: list[tuple[NDArray[np.int32], Array]] = []

    def clear(self) -> None:
        self.steps.clear()

    def record(self, data: mujoco.MjData) -> None:
        """Copy geom pairs and normal forces. A contact's first constraint force is the normal one,
        since friction cones are elliptic; one without an address is inside the margin, not touching."""
        contact = data.contact
        address = contact.efc_address
        active = address >= 0
        force = np.zeros(len(address))
        force[active] = data.efc_force[address[active]]
        self.steps.append((contact.geom[active].copy(), force[active]))

    def contacts(self) -> list[Contact]:
        """Strongest normal force [N], summed over its points, of each pair that pressed on each other."""
        best: dict[tuple[str, str], float] = {}
        for pairs, forces in self.steps:
            now: dict[tuple[str, str], float] = {}
            for (first, second), force in zip(pairs.tolist(), forces.tolist(), strict=True):
                if force > 0.0:
                    a, b = self.names[first], self.names[second]
                    key = (a, b) if a <= b else (b, a)
                    now[key] = now.get(key, 0.0) + force
            for key, force in now.items():
                best[key] = max(best.get(key, 0.0), force)
        return [Contact(a, b, force) for (a, b), force in sorted(best.items())]


class Clearance:
    """Distance between the robot's collision geoms and fixed or moving ones that are not the floor."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """data: after `mj_forward`."""
        self.model = model
        plane = mujoco.mjtGeom.mjGEOM_PLANE
        solid = (model.geom_group == FIXED) & (model.geom_type != plane) & (model.geom_contype != 0)
        tops = np.array([_top(model, data, i) for i in range(model.ngeom)])
        self.things = np.flatnonzero(solid & (tops > FLOOR_TOP)).astype(np.int32)
        self.body = np.flatnonzero((model.geom_group == ROBOT) & (model.geom_contype != 0)).astype(np.int32)
        self.half = model.geom_aabb[self.things, 3:]
        self.middle = model.geom_aabb[self.things, :3]
        self.radius = model.geom_rbound[self.body]

    def box_distance(self, data: mujoco.MjData, points: Array) -> Array:
        """(n, things) distance of points (n, 3) from each thing's bounding box, 0 inside."""
        rotation = data.geom_xmat[self.things].reshape(-1, 3, 3)
        local = np.einsum("ntj,tjk->ntk", points[:, None, :] - data.geom_xpos[self.things], rotation)
        outside = np.maximum(np.abs(local - self.middle) - self.half, 0.0)
        return np.sqrt(np.einsum("ntk,ntk->nt", outside, outside))  # type: ignore[no-any-return]

    def measure(self, data: mujoco.MjData) -> float:
        """Smallest distance [m]; negative where the robot has entered something."""
        if not len(self.things) or not len(self.body):
            return REACH
        bound = self.box_distance(data, data.geom_xpos[self.body]) - self.radius[:, None]
        order = np.argsort(bound, axis=None)
        best = REACH
        for flat in order:
            i, j = divmod(int(flat), len(self.things))
            if bound[i, j] >= best:
                break
            distance = mujoco.mj_geomDistance(
                self.model, data, int(self.body[i]), int(self.things[j]), best, None
            )
            best = min(best, distance)
        return float(best)


def _top(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> float:
    """Height of the top of a geom's bounding box [m]."""
    row = data.geom_xmat[geom].reshape(3, 3)[2]
    middle, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    return float(data.geom_xpos[geom, 2] + row @ middle + np.abs(row) @ half)


def lowest_point(model: mujoco.MjModel, data: mujoco.MjData, group: int) -> float:
    """Height of the lowest point of the collisions in a geom group [m] (of their bounding boxes)."""
    geoms = np.flatnonzero((model.geom_group == group) & (model.geom_contype != 0))
    row = data.geom_xmat[geoms].reshape(-1, 3, 3)[:, 2]
    middle, half = model.geom_aabb[geoms, :3], model.geom_aabb[geoms, 3:]
    bottom = data.geom_xpos[geoms, 2] + np.einsum("gk,gk->g", row, middle)
    return float(np.min(bottom - np.einsum("gk,gk->g", np.abs(row), half)))
