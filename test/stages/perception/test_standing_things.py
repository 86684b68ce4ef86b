"""Whatever stands on a table is found where it is and as large as it is, and nothing else."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perception_scene import BLUE, CREAM, GREEN, HEAD, RED, WOOD, Scene, look

from vla_sim.contract.vocabulary import traits_of
from vla_sim.stages.manipulation.grasp import Target
from vla_sim.stages.manipulation.measured_grasp import measured_candidates
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.perception.pose_estimator import ObjectModels
from vla_sim.stages.perception.standing_things import (
    BIN,
    FARTHEST,
    HIGHEST,
    LEVEL,
    LOWEST,
    POINTS,
    StandingThings,
    measure_heights,
    surfaces,
    thinned,
)
from vla_sim.world.objects import ObjectKind

TOP = 0.75
NOISE = 0.0035  # of depth; a D435's at 1 m
NOTHING = np.zeros((0, 7))


def found(scene, kinds=(), own=NOTHING, known=(), seed=1):
    rgb, depth = scene.render(noise=NOISE, seed=seed)
    return StandingThings(kinds).detect(rgb, depth, HEAD, look(), own, known)


@pytest.mark.parametrize("yaw", [0.0, 0.4, 1.2])
@pytest.mark.parametrize(
    ("size", "colour", "called", "traits"),
    [
        ((0.06, 0.07, 0.14), GREEN, "green", ("tall",)), ((0.20, 0.05, 0.05), RED, "red", ("long",)),
        ((0.16, 0.16, 0.03), WOOD, "brown", ("flat",)), ((0.05, 0.05, 0.05), BLUE, "blue", ("small",)),
    ],
)  # fmt: skip
def test_a_thing_has_place_size_colour_and_traits(size, colour, called, traits, yaw):
    height = TOP + size[2] / 2
    (one,) = found(Scene().table().add("box", size, (0.55, 0.05, height, yaw), colour))
    assert (one.kind, one.colour) == ("thing", called)
    assert one.position == pytest.approx([0.55, 0.05, height], abs=0.025)
    assert sorted(one.size) == pytest.approx(sorted(size), abs=0.02)
    assert one.points is not None
    assert 50 < len(one.points) <= POINTS
    local = (one.points - [0.55, 0.05, height]) @ [
        [math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1],
    ]  # fmt: skip
    assert (np.abs(local) < np.array(size) / 2 + 0.02).all(), "every point is of the thing"
    assert set(traits) <= set(traits_of(one.size))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_an_empty_table_has_no_things(seed):
    assert found(Scene().table(), seed=seed) == []


def test_a_wall_furniture_and_what_hangs_are_no_things():
    scene = Scene().table().add("box", (0.05, 3.0, 2.0), (0.9, 0, 1.0, 0), CREAM)
    scene.add("box", (0.6, 0.5, 0.3), (0.6, -0.5, TOP + 0.15, 0), RED)
    scene.add("sphere", (0.08,) * 3, (0.5, 0.2, TOP + 0.2, 0), GREEN)
    assert found(scene) == []


def test_two_things_side_by_side_are_two():
    scene = Scene().table().add("cylinder", (0.06, 0.06, 0.1), (0.5, 0.1, TOP + 0.05, 0), RED)
    scene.add("box", (0.08, 0.08, 0.04), (0.5, -0.05, TOP + 0.02, 0), RED)
    assert sorted(round(one.position[1], 1) for one in found(scene)) in ([-0.1, 0.1], [-0.0, 0.1])


def test_what_the_detector_knows_is_not_found_twice():
    scene = Scene().table().add("cylinder", (0.068, 0.068, 0.1), (0.5, 0.1, TOP + 0.05, 0), RED)
    rgb, depth = scene.render(noise=NOISE, seed=2)
    known = ColourDetector(ObjectModels.household()).detect(rgb, depth, HEAD, look())
    assert [one.kind for one in known] == ["cup"]
    assert found(scene, known=known, seed=2) == []


@pytest.mark.parametrize(("seen", "kind"), [("grey", "basket"), ("white", "basket"), ("blue", None)])
def test_white_is_grey_in_the_shade(seen, kind):
    size = (0.20, 0.24, 0.07)
    things = StandingThings([ObjectKind("b", "basket", "white", "other", size, 0.4)])
    found = things._kind(seen, size)
    assert (found and found.kind) == kind


def test_a_kind_of_the_world_is_called_by_its_name_however_it_lies():
    kinds = [ObjectKind("m1", "carton", "blue", "other", (0.06, 0.06, 0.18), 0.2)]
    lying = Scene().table().add("box", (0.18, 0.06, 0.06), (0.5, 0.0, TOP + 0.03, 0.5), BLUE)
    assert [one.kind for one in found(lying, kinds)] == ["carton"]
    green = Scene().table().add("box", (0.18, 0.06, 0.06), (0.5, 0.0, TOP + 0.03, 0.5), GREEN)
    assert [one.kind for one in found(green, kinds)] == ["thing"]
    small = Scene().table().add("box", (0.06, 0.06, 0.06), (0.5, 0.0, TOP + 0.03, 0.5), BLUE)
    assert [one.kind for one in found(small, kinds)] == ["thing"]


def test_the_own_hand_is_no_thing_nor_does_it_cut_one():
    hand = np.array([[0.30, 0.0, TOP + 0.05, 0.45, 0.0, TOP + 0.05, 0.05]])
    scene = Scene().table().add("cylinder", (0.07, 0.07, 0.1), (0.40, 0.0, TOP + 0.05, 0), RED)
    assert len(found(scene)) == 1
    assert found(scene, own=hand) == []


@pytest.mark.parametrize(
    ("size", "at", "can", "can_at"),
    [
        ((0.1978, 0.1638, 0.1801), (0.5826, -0.0333, -1.1677), (0.0624, 0.2027), (0.404, -0.0272)),
        ((0.1356, 0.1948, 0.15), (0.551, 0.0361, 1.5843), (0.0803, 0.2413), (0.3744, 0.0265)),
        ((0.1871, 0.111, 0.0749), (0.5346, 0.0258, 0.1731), (0.0615, 0.2177), (0.363, 0.0404)),
    ],
)  # fmt: skip
def test_of_a_wide_box_that_is_half_hidden_no_narrow_part_is_grasped(size, at, can, can_at):
    """What is seen of it beside the can is narrow enough for the hand; the box is not."""
    x, y, yaw = at
    width, height = can
    scene = Scene().table().add("box", size, (x, y, TOP + size[2] / 2, yaw), WOOD)
    scene.add("cylinder", (width, width, height), (*can_at, TOP + height / 2, 0), RED)
    boxes = [one for one in found(scene) if one.colour == "brown" and one.points is not None]
    assert boxes, "the box is seen beside the can"
    for one in boxes:
        thing = Target("measured", tuple(one.position), one.size, one.yaw, one.points)
        assert measured_candidates(thing, math.atan2(y, x)) == []


def test_a_thing_that_hides_nothing_of_it_takes_no_grasp_from_another():
    scene = Scene().table().add("box", (0.06, 0.06, 0.15), (0.55, 0.0, TOP + 0.075, 0.0), GREEN)
    scene.add("cylinder", (0.07, 0.07, 0.1), (0.40, 0.16, TOP + 0.05, 0), RED)
    (one,) = (one for one in found(scene) if one.colour == "green")
    thing = Target("measured", tuple(one.position), one.size, one.yaw, one.points)
    assert measured_candidates(thing, 0.0)[0].width == pytest.approx(0.06, abs=0.015)


@pytest.mark.parametrize("yaw", [0.0, 0.3])
def test_where_a_thing_is_hidden_it_may_go_on(yaw):
    """Of a wide box half is seen, and what hides the other half is not touched by its points."""
    size, pose = (0.10, 0.16, 0.10), (0.60, 0.0, TOP + 0.05, yaw)
    scene = Scene().table().add("box", size, pose, WOOD)
    whole = next(one for one in found(scene) if one.colour != "red")
    scene.add("cylinder", (0.08, 0.08, 0.25), (0.47, 0.06, TOP + 0.125, 0), RED)
    half = next(one for one in found(scene) if one.colour != "red")
    assert half.size[1] < whole.size[1] - 0.03, "it is no larger for what may be"
    hidden = half.points[half.points[:, 1] > half.position[1] + half.size[1] / 2]
    assert len(hidden) > 10
    assert np.ptp(half.points[:, 1]) > whole.size[1] - 0.02
    assert hidden[:, 0].min() > 0.51, "on its own face, not on what is before it"


def test_what_stands_beside_a_thing_hides_nothing():
    size, pose = (0.06, 0.07, 0.14), (0.55, 0.05, TOP + 0.07, 0.0)
    (alone,) = found(Scene().table().add("box", size, pose, GREEN))
    beside = Scene().table().add("box", size, pose, GREEN)
    beside.add("cylinder", (0.06, 0.06, 0.1), (0.45, -0.1, TOP + 0.05, 0), RED)
    one = next(one for one in found(beside) if one.colour == "green")
    assert np.ptp(one.points, axis=0) == pytest.approx(np.ptp(alone.points, axis=0), abs=0.012)


def test_heights_are_numpys():
    """The kernel against the plain formula, with pixels that measured nothing."""
    camera, pose = Intrinsics.from_field_of_view(1.2, 64, 48), look()
    rng = np.random.default_rng(3)
    _, depth = Scene().table(height=0.7525).render(camera, pose)  # in the middle of a bin
    depth[rng.random(depth.shape) < 0.1] = np.nan
    heights = np.empty(depth.shape, np.float32)
    area = np.zeros(math.ceil((HIGHEST - LOWEST) / BIN))
    measure_heights(depth, camera.pinhole, pose, heights, area)
    v, u = np.indices(depth.shape)
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], -1)
    slope = rays @ pose[2, :3]
    far = ~(depth < FARTHEST)
    expected = np.where(far, np.nan, pose[2, 3] + slope * depth)
    np.testing.assert_allclose(heights, expected, atol=1e-6)
    counted = np.zeros(area.size)
    for row in range(3, 48):
        for column in range(3, 64):
            h = heights[row, column]
            level = abs(h - heights[row - 3, column]) < LEVEL and abs(h - heights[row, column - 3]) < LEVEL
            if level and LOWEST <= h < HIGHEST and slope[row, column] <= -0.1:
                z = depth[row, column]
                counted[int((h - LOWEST) / BIN)] += z * z / (camera.fx * camera.fy * -slope[row, column])
    np.testing.assert_allclose(area, counted, rtol=1e-4)
    assert surfaces(area) == [pytest.approx(0.7525, abs=0.001)]


def test_many_points_become_few_that_are_spread_evenly():
    points = np.random.default_rng(0).uniform(0.0, 0.2, (20_000, 3)) * [1, 1, 0]
    few = thinned(points)
    assert 100 < len(few) <= POINTS
    gaps = np.sqrt(((points[:300, None] - few[None]) ** 2).sum(axis=2)).min(axis=1)
    assert gaps.max() < 0.02
