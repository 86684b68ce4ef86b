"""Collision checks against shapely's polygons and python-fcl's solids."""

import math
from typing import Any

import numpy as np

from vla_sim.bench.baselines.against import against, close, library
from vla_sim.bench.benchmark import Meter, Wrong
from vla_sim.common.geometry import rotation_from_rpy, transform
from vla_sim.robot.body_size import WALKING_BODY
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.arm_collision import BodyModel, Obstacles
from vla_sim.stages.manipulation.arm_collision import check as gaps
from vla_sim.stages.navigation.footprint import disc_clearance
from vla_sim.stages.safety.gate import HORIZON, STEP, time_to_contact


def footprint(meter: Meter) -> None:
    """Room around the walking body at 200 poses among 25 round obstacles."""
    shapely = library("shapely", "shapely")
    affinity = library("shapely.affinity", "shapely")
    rng = np.random.default_rng(0)
    obstacles = np.column_stack([rng.uniform(-4, 4, (25, 2)), np.zeros((25, 2)), rng.uniform(0.05, 0.4, 25)])
    poses = np.column_stack([rng.uniform(-4, 4, (200, 2)), rng.uniform(-3, 3, 200)])
    body = shapely.union_all([shapely.Point(x, y).buffer(r, 32) for x, y, r in WALKING_BODY])
    world = shapely.union_all([shapely.Point(x, y).buffer(r, 32) for x, y, _, _, r in obstacles])
    shapely.prepare(world)

    def ours() -> Any:
        return [disc_clearance(x, y, yaw, WALKING_BODY, obstacles, 0.0) for x, y, yaw in poses]

    def theirs() -> Any:
        out = []
        for x, y, yaw in poses:
            c, s = math.cos(yaw), math.sin(yaw)
            out.append(world.distance(affinity.affine_transform(body, (c, -s, s, c, x, y))))
        return out

    def check(a: list[float], b: list[float]) -> None:
        # shapely gives no depth of an overlap, and its discs are polygons.
        for one, other in zip(a, b, strict=True):
            close(max(0.0, one), other, 2e-3, "room [m]")

    against(meter, ours, theirs, check)


def gate(meter: Meter) -> None:
    """When a walking body meets one of 360 points of a scan, 50 situations."""
    shapely = library("shapely", "shapely")
    affinity = library("shapely.affinity", "shapely")
    front, back, side = 0.19, 0.18, 0.29
    rng = np.random.default_rng(0)
    angle = np.linspace(-math.pi, math.pi, 360, endpoint=False)
    cases = []
    for _ in range(50):
        r = rng.uniform(0.45, 3.0) + 0.2 * rng.random(360)
        twist = rng.uniform((-0.5, -0.3, -0.8), (0.8, 0.3, 0.8))
        cases.append((np.column_stack([r * np.cos(angle), r * np.sin(angle)]), *twist))
    box = shapely.box(-back, -side, front, side)

    def ours() -> Any:
        return [time_to_contact(p, vx, vy, wz, front, back, side, HORIZON, STEP) for p, vx, vy, wz in cases]

    def theirs() -> Any:
        out = []
        for points, vx, vy, wz in cases:
            found = math.inf
            for k in range(1, round(HORIZON / STEP) + 1):
                t = k * STEP
                s, c = math.sin(wz * t), math.cos(wz * t)
                x, y = (vx * s - vy * (1 - c)) / wz, (vx * (1 - c) + vy * s) / wz
                moved = affinity.affine_transform(box, (c, -s, s, c, x, y))
                shapely.prepare(moved)
                if shapely.contains_xy(moved, points[:, 0], points[:, 1]).any():
                    found = t
                    break
            out.append(found)
        return out

    def check(a: list[float], b: list[float]) -> None:
        if a != b:
            raise Wrong(f"{sum(x != y for x, y in zip(a, b, strict=True))} of {len(a)} contacts differ")

    against(meter, ours, theirs, check)


def arm(meter: Meter) -> None:
    """Gap between an arm's spheres and 12 boxes, 50 postures."""
    fcl = library("fcl", "python-fcl")
    kinematics = Kinematics.load()
    chain, body = kinematics.arm["right"], BodyModel(kinematics).arm["right"]
    rng = np.random.default_rng(0)
    obstacles, boxes = Obstacles(), []
    for _ in range(12):
        place = rng.uniform((0.3, -0.6, -0.2), (0.9, 0.4, 0.5))
        pose = transform(place, rotation_from_rpy(0, 0, rng.random()))
        size = rng.uniform(0.03, 0.2, 3)
        obstacles = obstacles.with_box(pose, size)
        boxes.append(fcl.CollisionObject(fcl.Box(*size), fcl.Transform(pose[:3, :3], pose[:3, 3])))
    world = fcl.DynamicAABBTreeCollisionManager()
    world.registerObjects(boxes)
    world.setup()
    spheres = [fcl.CollisionObject(fcl.Sphere(r), fcl.Transform()) for r in body.radius]
    waist = np.zeros(3)
    postures = rng.uniform(chain.low, chain.high, (50, 7))

    def ours() -> Any:
        return [gaps(chain, body, q, waist, 0.0, obstacles)[0] for q in postures]

    def theirs() -> Any:
        out = []
        for q in postures:
            frames = chain.frames(q, waist)
            nearest = math.inf
            for one, joint, centre in zip(spheres, body.joint, body.centre, strict=True):
                one.setTranslation(frames[joint][:3, :3] @ centre + frames[joint][:3, 3])
                data = fcl.DistanceData()
                world.distance(one, data, fcl.defaultDistanceCallback)
                nearest = min(nearest, data.result.min_distance)
            out.append(nearest)
        return out

    def check(a: list[float], b: list[float]) -> None:
        for one, other in zip(a, b, strict=True):  # fcl says -1 of an overlap, not how deep
            close(max(0.0, one), max(0.0, other), 1e-4, "gap [m]")

    against(meter, ours, theirs, check)
