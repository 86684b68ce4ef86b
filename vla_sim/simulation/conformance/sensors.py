"""Checks of the lidar and the camera against the bench's geometry."""

import math

import numpy as np

from vla_sim.common.geometry import inverse
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.simulation.conformance.bench import Bench, require

WALL = 2.0
"""x of the wall's face [m]."""


def lidar(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    at = bench.mount("head_lidar")
    scans = [bench.simulator.scan() for _ in range(40)]
    frame = scans[0]
    e, a = np.meshgrid(frame.elevation, frame.azimuth, indexing="ij")
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1) @ at[:3, :3].T
    with np.errstate(divide="ignore"):
        expected = (WALL - at[0, 3]) / rays[..., 0]
    hits = at[:3, 3] + rays * expected[..., None]
    wall = (rays[..., 0] > 0.3) & (np.abs(hits[..., 1]) < 2.5) & (hits[..., 2] > 1.0) & (hits[..., 2] < 1.9)
    require(wall.sum() >= 20, f"{wall.sum()} rays should meet the wall; there must be some")
    ranges = np.array([scan.ranges for scan in scans])[:, wall]
    require(bool(np.isfinite(ranges).all()), "some rays miss the wall")
    bias = float(np.mean(ranges - expected[wall]))
    spread = float(np.std(ranges - ranges.mean(axis=0)))
    sensor = next(s.lidar for s in bench.model.sensors() if s.lidar)
    stddev = sensor.noise.stddev
    require(abs(bias) < 0.01, f"the wall is measured {1000 * bias:.1f} mm off; 10 are allowed")
    if bench.physics:
        ok = 0.7 * stddev < spread < 1.3 * stddev if stddev else spread < 1e-4
        require(ok, f"noise is {1000 * spread:.1f} mm; the model says {1000 * stddev:.1f}")
    level = float(np.median(ranges.mean(axis=0) * rays[wall][:, 0]) + at[0, 3])
    return f"wall at {level:.3f} m, noise {1000 * spread:.1f} mm"


def camera(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    snapshot = bench.simulator.snapshot()
    optical = bench.mount("head_camera") @ SENSOR_FROM_OPTICAL
    box = bench.simulator.truth().objects["red_box"]
    frame = bench.simulator.render(snapshot)
    kinds = frame.color.dtype == np.uint8 and frame.depth.dtype == np.float32
    require(kinds, "images must be uint8 and float32")
    require(frame.color.shape[:2] == frame.depth.shape, "colour and depth must have one size")
    p = inverse(optical) @ np.array([*box[:3], 1.0])
    u, v = frame.cx + frame.fx * p[0] / p[2], frame.cy + frame.fy * p[1] / p[2]
    r, g, b = (frame.color[..., k].astype(int) for k in range(3))
    red = (r > 60) & (r > 2 * g) & (r > 2 * b)
    rows, columns = np.nonzero(red)
    require(len(rows) > 40, f"{len(rows)} red pixels; the red box must be seen")
    off = math.hypot(float(np.mean(columns)) - u, float(np.mean(rows)) - v)
    # The middle of what is seen of a box from above lies a little off its centre.
    require(off < 6.0, f"the box is {off:.1f} pixels from where it projects to ({u:.0f}, {v:.0f})")
    # The depth of the seen faces lies before the centre by no more than half the diagonal.
    depth = float(np.nanmedian(frame.depth[red]))
    require(p[2] - 0.065 < depth < p[2] + 0.01, f"its depth is {depth:.3f} m; its centre is at {p[2]:.3f}")
    return f"{off:.1f} px, depth {depth:.3f} of {p[2]:.3f} m"
