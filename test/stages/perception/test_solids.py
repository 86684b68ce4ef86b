import math

import numpy as np
import pytest
from perception_scene import cast

from vla_sim.stages.perception.solid_fit import BOTTLE, hits, solid_of


@pytest.mark.parametrize("shape", ["cylinder", "sphere", "box"])
@pytest.mark.parametrize("seed", range(5))
def test_rays_meet_solids_where_plain_numpy_says(shape, seed):
    rng = np.random.default_rng(seed)
    size = (0.07, 0.07, 0.07) if shape == "sphere" else (0.06, 0.06, 0.11)
    pose = np.array([*rng.uniform(-0.1, 0.1, 3), rng.uniform(-3, 3)])
    origin = pose[:3] + rng.uniform(0.3, 0.6, 3) * rng.choice([-1, 1], 3)
    rays = pose[:3] - origin + rng.uniform(-0.08, 0.08, (400, 3))
    out = np.empty(400)
    solid = solid_of("thing", shape, size)
    hits(solid.code, solid.lengths, pose, origin, rays, out)
    expected, _ = cast(shape, size, pose, origin, rays)
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_a_bottle_is_thinner_at_its_neck():
    solid = solid_of("bottle", "cylinder", (0.06, 0.06, 0.18))
    assert solid.code == BOTTLE
    pose, out = np.zeros(4), np.empty(2)
    rays = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    hits(solid.code, solid.lengths, pose, np.array([-1.0, 0.02, 0.0]), rays, out)
    assert math.isclose(out[0], 1.0 - math.sqrt(0.03**2 - 0.02**2))
    hits(solid.code, solid.lengths, pose, np.array([-1.0, 0.02, 0.08]), rays, out)
    assert out[0] == np.inf


def test_nothing_behind_the_eye_is_met():
    solid = solid_of("ball", "sphere", (0.07, 0.07, 0.07))
    out = np.empty(1)
    hits(solid.code, solid.lengths, np.zeros(4), np.array([1.0, 0, 0]), np.array([[1.0, 0, 0]]), out)
    assert out[0] == np.inf
