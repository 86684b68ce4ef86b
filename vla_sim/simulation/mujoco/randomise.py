"""Seeded displacement of loose objects and of the robot's start."""

import math

import mujoco
import numpy as np

from vla_sim.common.geometry import Array, quaternion_from_yaw
from vla_sim.simulation.mujoco.geoms import FIXED, LOOSE
from vla_sim.simulation.mujoco.truth import Clearance

TRIES = 60
START_DISTANCE = 0.35
"""Least distance of the pelvis's axis from fixed things [m]: the robot's half width and a hand."""
BODY_CLEARANCE = 0.05
"""Least distance of any part of the robot from fixed things at the start [m]."""
HEIGHTS = (0.1, 0.5, 0.9, 1.3)
EDGE = 0.01
"""An object's footprint stays this far inside its surface [m]."""
SUPPORT_STEP = 0.005
"""How much the support's height may differ under an object [m]."""


class Randomiser:
    """Moves free bodies of `data`. Objects keep their height and attitude: they slide on what they
    stand on, never over its edge or into something else."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, clearance: Clearance) -> None:
        self.model, self.data, self.clearance = model, data, clearance

    def objects(self, bodies: dict[str, int], rng: np.random.Generator, reach: float) -> None:
        """Displace each body by up to `reach` [m] along x and y."""
        for name in sorted(bodies):
            body = bodies[name]
            address = self.address(body)
            start = self.data.qpos[address : address + 3].copy()
            support = float(self.heights(body)[0])  # of what is under its centre [m]
            for _ in range(TRIES):
                self.data.qpos[address : address + 2] = start[:2] + rng.uniform(-reach, reach, 2)
                mujoco.mj_forward(self.model, self.data)
                if self.stands(body, support) and not self.pushed(body):
                    break
            else:
                self.data.qpos[address : address + 3] = start
                mujoco.mj_forward(self.model, self.data)

    def start(self, body: int, rng: np.random.Generator, reach: float, turn: float) -> None:
        """Displace the robot within a circle of radius `reach` [m] and by up to `turn` [rad]."""
        address = self.address(body)
        pose = self.data.qpos[address : address + 7].copy()
        for _ in range(TRIES):
            radius, angle = reach * math.sqrt(rng.uniform()), rng.uniform(-math.pi, math.pi)
            yaw = rng.uniform(-turn, turn)
            at = pose[:2] + radius * np.array([math.cos(angle), math.sin(angle)])
            self.data.qpos[address : address + 2] = at
            turned = np.zeros(4)
            mujoco.mju_mulQuat(turned, quaternion_from_yaw(yaw), pose[3:])
            self.data.qpos[address + 3 : address + 7] = turned
            mujoco.mj_forward(self.model, self.data)
            points = np.array([[at[0], at[1], z] for z in HEIGHTS])
            distance = self.clearance.box_distance(self.data, points)
            far = not distance.size or distance.min() >= START_DISTANCE
            if far and self.clearance.measure(self.data) > BODY_CLEARANCE and not self.pushed(body):
                return
        self.data.qpos[address : address + 7] = pose
        mujoco.mj_forward(self.model, self.data)

    def address(self, body: int) -> int:
        return int(self.model.jnt_qposadr[self.model.body_jntadr[body]])

    def corners(self, body: int) -> Array:
        """(5, 3) centre and bounding corners in x and y of a body's collisions, at its bottom."""
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for geom in range(self.model.ngeom):
            if self.model.geom_bodyid[geom] != body or self.model.geom_contype[geom] == 0:
                continue
            rotation = self.data.geom_xmat[geom].reshape(3, 3)
            middle = self.data.geom_xpos[geom] + rotation @ self.model.geom_aabb[geom, :3]
            half = np.abs(rotation) @ self.model.geom_aabb[geom, 3:]
            low, high = np.minimum(low, middle - half), np.maximum(high, middle + half)
        x, y = (low[:2] + high[:2]) / 2
        dx, dy = (high[:2] - low[:2]) / 2 + EDGE
        return np.array(
            [[x, y, low[2]], *([x + i * dx, y + j * dy, low[2]] for i in (-1, 1) for j in (-1, 1))]
        )

    def heights(self, body: int) -> Array:
        """(5,) heights of what is under the centre and the corners; -inf over nothing."""
        groups = np.zeros(6, np.uint8)
        groups[[FIXED, LOOSE]] = 1
        geom = np.zeros(1, np.int32)
        out = []
        for point in self.corners(body):
            above = point + np.array([0.0, 0.0, 0.02])
            down = np.array([0.0, 0.0, -1.0])
            distance = mujoco.mj_ray(self.model, self.data, above, down, groups, 1, body, geom)
            out.append(above[2] - distance if distance >= 0 else -np.inf)
        return np.array(out)

    def stands(self, body: int, support: float) -> bool:
        return bool(np.all(np.abs(self.heights(body) - support) < SUPPORT_STEP))

    def pushed(self, body: int) -> bool:
        """Whether the body (or, for the robot, any of its links) enters something by over 3 mm."""
        root = self.model.body_rootid[body]
        for i in range(self.data.ncon):
            contact = self.data.contact[i]
            ends = [self.model.body_rootid[self.model.geom_bodyid[g]] for g in contact.geom]
            if contact.dist < -0.003 and (ends[0] == root) != (ends[1] == root):
                return True
        return False
