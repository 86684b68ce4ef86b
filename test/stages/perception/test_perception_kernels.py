"""The compiled kernels of perception give what numpy gives, from whatever a camera sends."""

import math

import numpy as np
import perception_reference as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perception_scene import look

from vla_sim.robot.body_size import ARMS_HEIGHTS
from vla_sim.stages.perception import solid_fit as kernels
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.colour import name_pixels
from vla_sim.stages.perception.depth_scan import LOW, depth_scan
from vla_sim.stages.perception.solid_fit import solid_of
from vla_sim.world.colour_names import TABLE

seeds = st.integers(0, 10_000)
CAMERA = Intrinsics.from_field_of_view(1.2043, 64, 48)
NOTHING = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30)
SOLIDS = (
    solid_of("cup", "cylinder", (0.068, 0.068, 0.10)), solid_of("ball", "sphere", (0.07, 0.07, 0.07)),
    solid_of("box", "box", (0.06, 0.07, 0.09)), solid_of("bottle", "cylinder", (0.06, 0.06, 0.18)),
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(0, 9), st.integers(0, 9))
def test_pixels_are_named_by_the_table(seed, rows, columns):
    rgb = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)
    np.testing.assert_array_equal(name_pixels(rgb), reference.name_pixels(rgb, TABLE))
    # As ROS and numpy hand images on: a view that is not contiguous.
    np.testing.assert_array_equal(name_pixels(rgb[::-1, ::-1]), name_pixels(rgb)[::-1, ::-1])


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(0, 3))
def test_the_virtual_scan_is_numpys(seed, capsules):
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 2.5, 6).repeat(8)[:, None].repeat(64, 1) + rng.normal(0, 0.02, (48, 64))
    depth[rng.random(depth.shape) < 0.1] = rng.choice(NOTHING)
    own = np.column_stack([rng.uniform((0.2, -0.6, 0.3), (1.5, 0.6, 1.2), (capsules, 3))] * 2)
    own[:, 3:] += rng.uniform(-0.3, 0.3, (capsules, 3)) * rng.integers(0, 2)  # a ball, too
    own = np.column_stack([own, rng.uniform(0.05, 0.3, capsules)])
    depth = depth.astype(np.float32)
    lowest = (LOW, ARMS_HEIGHTS[0])
    expected = [reference.depth_scan(depth, CAMERA, look(), own, one) for one in lowest]
    np.testing.assert_allclose(depth_scan(depth, CAMERA, look(), own), expected, rtol=1e-5)


@pytest.mark.parametrize("solid", SOLIDS, ids=lambda s: s.kind)
@pytest.mark.parametrize("seed", range(6))
def test_fits_cost_and_end_where_numpys_do(solid, seed):
    rng = np.random.default_rng(seed)
    origin, true = np.array([0.0, 0.0, 0.5]), np.array([0.6, 0.05, 0.1, rng.uniform(-1, 1)])
    rays = true[:3] - origin + rng.uniform(-0.12, 0.12, (120, 3))
    depth = reference.solid_hits(solid.code, solid.lengths, true, origin, rays)
    inside = np.isfinite(depth) & (rng.random(120) < 0.9)
    depth = np.where(np.isfinite(depth), depth, 1.4) + rng.normal(0, 0.003, 120)
    depth[rng.random(120) < 0.1] = np.nan
    start = true + rng.uniform(-0.02, 0.02, 4)
    height = rng.choice([math.nan, 0.05])

    def cost(at, noise=2.0):
        return reference.fit_cost(
            solid.code, solid.lengths, np.asarray(at), origin, rays, depth, inside, noise, height
        )

    found = kernels.cost(solid.code, solid.lengths, start, (origin, rays, depth, inside), 2.0, height)
    assert found == pytest.approx(cost(start), rel=1e-6)
    axes = 4 if solid.kind == "box" else 3
    best, where = reference.search(cost, start, axes, 0.016, 0.004)
    ours = start.copy()
    found = kernels.search(
        solid.code, solid.lengths, ours, (origin, rays, depth, inside), height, axes == 4, 2.0, 0.016, 0.004
    )
    assert found == pytest.approx(best, rel=1e-6)
    np.testing.assert_allclose(ours, where, atol=1e-9)


def test_nothing_to_compare_is_the_worst_fit():
    none = np.empty(0)
    solid = SOLIDS[0]
    args = (np.zeros(3), np.empty((0, 3)), none, none.astype(bool))
    assert kernels.cost(solid.code, solid.lengths, np.zeros(4), args, 1.0, math.nan) == kernels.WORST
    assert kernels.hits(solid.code, solid.lengths, np.zeros(4), np.zeros(3), np.empty((0, 3)), none) is None


@pytest.mark.parametrize("solid", SOLIDS, ids=lambda s: s.kind)
def test_a_ray_that_is_no_ray_meets_nothing(solid):
    rays = np.array([[np.nan, 0.0, 1.0], [np.nan, np.nan, np.nan], [0.0, 0.0, 0.0]])
    out = np.empty(3)
    kernels.hits(solid.code, solid.lengths, np.zeros(4), np.array([-1.0, 0.0, 0.0]), rays, out)
    assert not np.isfinite(out).any()
