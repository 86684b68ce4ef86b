import math

import numpy as np
import pytest
from perception_scene import HEAD, Scene, cast, look

from vla_sim.common.geometry import rotation_from_rpy, transform
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.depth_scan import (
    BEAMS,
    HALF_ANGLE,
    INCREMENT,
    depth_scan,
    level_from,
    moved_capsules,
    own_capsules,
)
from vla_sim.stages.perception.pipeline import StampedHistory

NONE = np.zeros((0, 7))
FLOOR = ("box", (20, 20, 0.1), (0, 0, -0.05, 0), (0.5, 0.5, 0.5))


def layers(scene, capsules=NONE, noise=0.01, camera=HEAD):
    """Ranges of anything, and of what stands at the height of the arms."""
    _, depth = scene.render(camera, look(), noise)
    return depth_scan(depth, camera, look(), capsules)


def scan(*args, **more):
    return layers(*args, **more)[0]


def beam(ranges, degrees):
    return ranges[round((math.radians(degrees) + HALF_ANGLE) / INCREMENT)]


def test_a_bare_floor_is_free():
    assert np.isinf(scan(Scene([FLOOR]))).all()


def test_a_box_stands_where_it_stands():
    ranges = scan(Scene([FLOOR]).add("box", (0.2, 0.4, 0.3), (1.2, 0.0, 0.15, 0), (0.5, 0.5, 0.5)))
    assert beam(ranges, 0) == pytest.approx(1.1, abs=0.03)
    assert beam(ranges, 8) == pytest.approx(1.1 / math.cos(math.radians(8)), abs=0.04)
    assert np.isinf(beam(ranges, 20))


def test_every_beam_agrees_with_rays_cast_at_a_pillar():
    at, size = (1.4, 0.5, 0.4, 0.0), (0.3, 0.3, 0.8)
    ranges = scan(Scene([FLOOR]).add("cylinder", size, at, (0.5, 0.5, 0.5)), noise=0.005)
    angles = -HALF_ANGLE + INCREMENT * np.arange(BEAMS)
    rays = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    expected, _ = cast("cylinder", size, at, np.array([0, 0, 0.4]), rays)
    both = np.isfinite(expected) & np.isfinite(ranges)
    assert (np.isfinite(expected) == np.isfinite(ranges)).mean() > 0.97
    np.testing.assert_allclose(ranges[both], expected[both], atol=0.05)


def test_a_low_table_edge_is_seen():
    ranges = scan(Scene([FLOOR]).add("box", (0.6, 1.4, 0.04), (1.1, 0, 0.74, 0), (0.6, 0.5, 0.4)))
    assert beam(ranges, 0) == pytest.approx(0.8, abs=0.03)


def test_a_coffee_table_is_below_the_arms_and_a_table_is_not():
    for top, at_arms in ((0.38, False), (0.74, True)):
        box = (0.6, 1.4, 0.04), (1.1, 0, top, 0), (0.6, 0.5, 0.4)
        anything, of_arms = layers(Scene([FLOOR]).add("box", *box))
        assert beam(anything, 0) == pytest.approx(0.8, abs=0.03)
        assert np.isfinite(beam(of_arms, 0)) == at_arms


def test_what_hangs_overhead_or_lies_flat_is_no_obstacle():
    scene = Scene([FLOOR]).add("box", (1.5, 1.5, 0.01), (1.2, 0, 0.005, 0), (0.9, 0.1, 0.1))
    assert np.isinf(scan(scene)).all()


def test_single_wrong_pixels_are_no_obstacle():
    _, depth = Scene([FLOOR]).render()
    rng = np.random.default_rng(0)
    depth[rng.integers(0, 240, 60), rng.integers(0, 320, 60)] = 0.5
    assert np.isinf(depth_scan(depth, HEAD, look(), NONE)).mean() > 0.95


def test_no_depth_is_no_obstacle():
    for value in (np.nan, np.inf, 0.0, -1.0):
        assert np.isinf(depth_scan(np.full((240, 320), value, np.float32), HEAD, look(), NONE)).all()


def test_the_own_arm_is_left_out():
    arm = Scene([FLOOR]).add("box", (0.3, 0.06, 0.06), (0.4, 0.15, 0.8, 0), (0.2, 0.2, 0.2))
    assert np.isfinite(scan(arm)).any()
    assert np.isinf(scan(arm, np.array([[0.2, 0.15, 0.8, 0.6, 0.15, 0.8, 0.1]]))).all()


def test_capsules_lie_along_the_arms():
    kinematics = Kinematics.load()
    level = transform((0, 0, 0.77))
    capsules = moved_capsules(own_capsules(kinematics, facts.DEFAULT_POSE), level)
    assert capsules.shape == (6, 7)
    tool = (level @ kinematics.frame("left_tool", facts.DEFAULT_POSE))[:3, 3]
    away = min(np.linalg.norm(tool - row[3:6]) for row in capsules)
    assert away < 0.05


def test_the_level_frame_keeps_tilt_and_height_and_drops_place_and_heading():
    tilt = rotation_from_rpy(0.1, -0.05, 0.0)
    yaw = rotation_from_rpy(0.0, 0.0, 2.0)
    level = level_from(transform((3.0, -1.0, 0.76), yaw @ tilt))
    np.testing.assert_allclose(level, transform((0, 0, 0.76), tilt), atol=1e-9)


def test_history_gives_the_nearest_instant():
    history: StampedHistory[str] = StampedHistory()
    for i, name in enumerate("abcd"):
        history.add(0.02 * i, name)
    assert history.nearest(0.031) == "c"
    assert history.nearest(-0.05) == "a"
    assert history.nearest(0.5) is None
    assert StampedHistory().nearest(0.0) is None
    history.add(0.0, "new")
    assert history.nearest(0.06) == "new"
