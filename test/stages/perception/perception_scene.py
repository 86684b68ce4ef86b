"""Scenes for the tests: primitives ray-cast in plain numpy, shaded, with a depth camera's noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from vla_sim.common.geometry import transform
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.stages.perception.camera import Intrinsics

RED, GREEN, BLUE, YELLOW = (0.85, 0.1, 0.1), (0.1, 0.65, 0.2), (0.12, 0.25, 0.85), (0.95, 0.8, 0.1)
WOOD, GREY, CREAM = (0.55, 0.4, 0.26), (0.45, 0.45, 0.46), (0.85, 0.83, 0.78)
HEAD = Intrinsics.from_field_of_view(1.2043, 320, 240)


def look(height: float = 1.23, pitch: float = 0.83, x: float = 0.0, y: float = 0.0, yaw: float = 0.0):
    """(4, 4) optical frame in the level frame of a camera at (x, y, height), pitched down."""
    c, s, cy, sy = math.cos(pitch), math.sin(pitch), math.cos(yaw), math.sin(yaw)
    down = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    turn = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return transform((x, y, height), turn @ down) @ SENSOR_FROM_OPTICAL


@dataclass
class Scene:
    """things: (shape, size, (x, y, z, yaw), rgb); the latest nearest surface wins."""

    things: list = field(default_factory=list)

    def add(self, shape, size, pose, rgb):
        self.things.append((shape, size, pose, rgb))
        return self

    def table(self, near=0.3, height=0.75, rgb=WOOD):
        """A floor and a table top whose near edge is at x = near."""
        self.add("box", (20, 20, 0.1), (0, 0, -0.05, 0), GREY)
        return self.add("box", (1.2, 1.6, 0.04), (near + 0.6, 0, height - 0.02, 0), rgb)

    def render(self, camera=HEAD, pose=None, noise=0.0, seed=0):
        """rgb (h, w, 3) uint8, depth (h, w) float32 with sigma = noise * depth."""
        pose = look() if pose is None else pose
        rgb, depth = seen(tuple(self.things), camera, tuple(map(tuple, pose.tolist())))
        depth = depth * (1.0 + noise * np.random.default_rng(seed).standard_normal(len(depth)))
        depth = np.where((depth > 0.2) & (depth < 4.0), depth, np.nan)
        shape = (camera.height, camera.width)
        return rgb.reshape(*shape, 3).copy(), depth.astype(np.float32).reshape(shape)


@lru_cache(maxsize=32)  # most tests look at one scene again and again
def seen(things, camera, pose):
    """rgb (n, 3) uint8 and depth (n,) of every pixel, without noise."""
    pose = np.array(pose)
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], -1)
    rays = rays.reshape(-1, 3) @ pose[:3, :3].T
    origin = pose[:3, 3]
    depth = np.full(len(rays), np.inf)
    rgb = np.full((len(rays), 3), 0.8)
    light = np.array([0.3, 0.4, 0.87])
    squared = (rays * rays).sum(1)
    for shape, size, at, colour in things:
        centre, radius = np.array(at[:3]) - origin, np.linalg.norm(size) / 2
        around = np.flatnonzero((centre @ centre - radius**2) * squared <= (rays @ centre) ** 2)
        t, normal = cast(shape, size, at, origin, rays[around])
        nearer = t < depth[around]
        hit = around[nearer]
        depth[hit] = t[nearer]
        rgb[hit] = np.array(colour) * (0.55 + 0.45 * np.clip(normal[nearer] @ light, 0, 1))[:, None]
    return (rgb * 255).astype(np.uint8), depth


def cast(shape, size, at, origin, rays):
    """Depth (n,), inf where missed, and outward normals (n, 3) of rays on one primitive."""
    c, s = math.cos(at[3]), math.sin(at[3])
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    o, d = turn @ (origin - np.array(at[:3])), rays @ turn.T
    half = np.array(size) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        if shape == "sphere":
            a, b = (d * d).sum(1), d @ o
            q = b * b - a * (o @ o - half[0] ** 2)
            t = np.where(q >= 0, (-b - np.sqrt(np.maximum(q, 0))) / a, np.inf)
            normal = (o + np.where(np.isfinite(t), t, 0)[:, None] * d) / half[0]
        elif shape == "box":
            one, other = (-half - o) / d, (half - o) / d
            first, last = np.fmin(one, other), np.maximum(one, other)
            axis = first.argmax(1)
            t, out = first.max(1), last.min(1)
            t = np.where((t <= out) & (t > 0), t, np.inf)
            normal = -np.sign(d) * (np.arange(3) == axis[:, None])
        else:
            a = (d[:, :2] ** 2).sum(1)
            b = d[:, :2] @ o[:2]
            q = b * b - a * (o[:2] @ o[:2] - half[0] ** 2)
            root = np.sqrt(np.maximum(q, 0))
            z = np.sort(np.stack([(-half[2] - o[2]) / d[:, 2], (half[2] - o[2]) / d[:, 2]]), axis=0)
            side = (-b - root) / a
            t = np.maximum(side, z[0])
            t = np.where((q >= 0) & (t <= np.minimum((-b + root) / a, z[1])) & (t > 0), t, np.inf)
            p = o + np.where(np.isfinite(t), t, 0)[:, None] * d
            top = (z[0] > side)[:, None]
            normal = np.where(top, [0, 0, 1.0], p * [1, 1, 0] / half[0])
    return t, normal @ turn
