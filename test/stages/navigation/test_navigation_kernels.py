"""The compiled kernels of navigation give what numpy and plain Python give, at the borders too."""

import math
from itertools import pairwise

import navigation_reference as reference
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.robot.body_size import WALKING_BODY
from vla_sim.stages.navigation import distance_field, global_planner, local_planner, localizer
from vla_sim.stages.navigation.costmap import SensedLayer, StaticMap
from vla_sim.stages.navigation.distance_field import (
    STEP,
    DistanceField,
    body_clearance,
    clearance_field,
    disc_clearance,
    sample,
    sample_many,
    signed_field,
)
from vla_sim.stages.navigation.global_planner import SPACING
from vla_sim.world.occupancy_grid import Grid

H = 0.1
X0, Y0 = -0.4, 0.3
seeds = st.integers(0, 10_000)
coordinates = st.floats(-3.0, 6.0) | st.sampled_from([math.inf, -math.inf, math.nan, X0, Y0, X0 + H / 2])
quick = settings(max_examples=40, deadline=None)


def field_of(rng, rows=25, columns=32, share=0.03):
    return clearance_field(rng.random((rows, columns)) < share, H)


def pose_of(rng):
    return np.array([*rng.uniform((-0.8, 0.0), (3.2, 3.0)), rng.uniform(-4.0, 4.0)])


# --------------------------------------------------------------------------- fields


@quick
@given(seeds, st.integers(1, 6), st.integers(1, 6), coordinates, coordinates)
def test_a_field_is_sampled_between_its_cells_and_beyond(seed, rows, columns, x, y):
    field = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    expected = reference.sample(field, X0, Y0, H, x, y)
    assert sample((field, X0, Y0, H), x, y) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(sample_many((field, X0, Y0, H), np.array([[x, y]])), [expected], atol=1e-5)


def test_no_points_have_no_clearance():
    field = DistanceField(np.zeros((3, 3), np.float32), 0.0, 0.0, H)
    assert field.along(np.empty((0, 2))).shape == (0,)


# --------------------------------------------------------------------------- evidence

POSES = st.tuples(st.floats(-1.0, 4.0), st.floats(-1.0, 4.0), st.floats(-4.0, 4.0))


@quick
@given(seeds, st.lists(POSES, min_size=1, max_size=6), st.booleans())
def test_evidence_is_what_looking_at_every_cell_gives(seed, poses, forget):
    rng = np.random.default_rng(seed)
    grid = Grid(rng.random((25, 32)) < 0.02, X0, Y0, H)
    static = StaticMap.from_grids(grid)
    layer, plain = SensedLayer(static, reach=2.0, decay=0.5), reference.Evidence(grid.occupied.shape)
    for k, pose in enumerate(poses):
        ranges = rng.uniform(0.0, 3.0, 40).astype(np.float32)
        ranges[rng.integers(0, 40, 6)] = rng.choice([np.nan, np.inf, -np.inf, -1.0, 0.0, 1e30], 6)
        time = 0.25 * k
        layer.integrate(np.array(pose), ranges, -1.0, 0.05, time)
        plain.integrate(
            static.physical.values, X0, Y0, H, pose, ranges, -1.0, 0.05, 2.0, layer.near, 0.12, time
        )
        if forget and k == 2:
            layer.forget(1.0, 1.0, 0.5)
            rows, columns = int((1.5 - Y0) / H) + 1, int((1.5 - X0) / H) + 1
            plain.evidence[int((0.5 - Y0) / H) : rows, int((0.5 - X0) / H) : columns] = 0
        out = np.zeros(grid.occupied.shape, np.bool_)
        count = layer.add_to(out, time)
        np.testing.assert_array_equal(out, plain.occupied(time - 0.5))
        assert count == out.sum()
        np.testing.assert_array_equal(layer._evidence, plain.evidence)


def test_a_pose_or_a_scan_that_is_nothing_marks_nothing():
    layer = SensedLayer(StaticMap.from_grids(Grid(np.zeros((9, 9), bool), 0.0, 0.0, H)), 2.0, 1.0)
    good = np.full(8, 0.4, np.float32)
    for pose, ranges in (
        ((math.nan, 0.4, 0.0), good), ((0.4, 0.4, math.nan), good), ((math.inf, 0.4, 0.0), good),
        ((1e300, 0.4, 0.0), good), ((0.4, 0.4, 0.0), np.empty(0, np.float32)),
    ):  # fmt: skip
        layer.integrate(np.array(pose), ranges, 0.0, 0.1, 0.0)
    assert layer.add_to(np.zeros((9, 9), np.bool_), 0.0) == 0


# --------------------------------------------------------------------------- global planning


@quick
@given(seeds, st.integers(1, 4))
def test_coarse_cells_hold_the_most_of_their_block(seed, factor):
    fine = np.random.default_rng(seed).random((7, 10)).astype(np.float32)
    np.testing.assert_array_equal(global_planner.coarse(fine, factor), reference.coarse(fine, factor))


@quick
@given(seeds, st.floats(0.0, 5.0), st.floats(0.01, 0.12))
def test_the_way_found_is_the_cheapest_there_is(seed, escape, share):
    rng = np.random.default_rng(seed)
    clearance = clearance_field(rng.random((18, 23)) < share, 0.2)
    start, goal = (tuple(int(v) for v in rng.integers(0, clearance.shape)) for _ in range(2))
    flat = [r * clearance.shape[1] + c for r, c in (start, goal)]
    parent, found = global_planner.search(clearance, *flat, 0.30, 0.75, 6.0, escape)
    best = reference.cheapest(clearance, start, 0.30, 0.75, 6.0, escape)
    if not math.isfinite(best[goal]):
        reached = np.isfinite(best) & (clearance >= 0.30)
        away = np.hypot(*(np.indices(clearance.shape) - np.array(goal)[:, None, None]))
        where = divmod(int(found), clearance.shape[1])
        assert where == start if not reached.any() else away[where] == away[reached].min()
        return
    assert found == flat[1]
    cells = [flat[1]]
    while cells[-1] != flat[0]:
        cells.append(int(parent[cells[-1]]))
    way = np.array([divmod(c, clearance.shape[1]) for c in cells[::-1]])
    cost = 0.0
    for a, b in pairwise(way):
        away = math.hypot(*(b - np.array(start)))
        cost += reference.price(clearance[tuple(b)], 0.30, 0.75, 6.0, away, escape) * math.hypot(*(b - a))
    assert cost == pytest.approx(best[goal], rel=1e-6)


@quick
@given(seeds, st.integers(2, 9), st.floats(0.03, 1.0))
def test_a_polyline_is_resampled_at_equal_steps(seed, n, spacing):
    points = np.random.default_rng(seed).uniform(-2, 2, (n, 2))
    np.testing.assert_allclose(
        global_planner._resample(points, spacing), reference.resample(points, spacing), atol=1e-9
    )


def test_a_way_without_length_has_two_ends():
    assert global_planner._resample(np.ones((3, 2)), 0.05).tolist() == [[1.0, 1.0], [1.0, 1.0]]


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_the_elastic_band_is_pulled_as_in_numpy(seed):
    rng = np.random.default_rng(seed)
    field = field_of(rng)
    ours = np.array([0.2, 0.6]) + np.cumsum(rng.uniform(0.0, 0.12, (14, 2)), axis=0)
    expected = reference.smooth(ours, field, X0, Y0, H, 0.33, 0.75, 5)
    global_planner._smooth(ours, (field, X0, Y0, H), 0.33, 0.75, 5)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


# --------------------------------------------------------------------------- footprint and rollouts


@quick
@given(seeds)
def test_the_bodys_room_is_that_of_its_tightest_disc(seed):
    rng = np.random.default_rng(seed)
    field, pose = field_of(rng), pose_of(rng)
    expected = reference.body_clearance(field, X0, Y0, H, pose, WALKING_BODY)
    assert body_clearance((field, X0, Y0, H), *pose, WALKING_BODY) == pytest.approx(expected, abs=1e-5)


def test_a_body_at_no_place_has_no_room():
    field = np.full((4, 4), 9.0, np.float32)
    assert body_clearance((field, X0, Y0, H), math.nan, 0.0, 0.0, WALKING_BODY) == -math.inf
    assert body_clearance((field, X0, Y0, H), 0.0, 0.0, math.nan, WALKING_BODY) == -math.inf


@quick
@given(seeds)
def test_the_way_ahead_is_rolled_out_as_in_numpy(seed):
    rng = np.random.default_rng(seed)
    field, pose = field_of(rng), pose_of(rng)
    velocity, target = rng.uniform(-0.5, 0.5, (2, 3))
    where = reference.rollout(pose, velocity, target, 0.3, 12, STEP)
    expected = min(reference.body_clearance(field, X0, Y0, H, p, WALKING_BODY) for p in where)
    found = distance_field._rollout_clearance(
        (field, X0, Y0, H), pose, velocity, target, 0.3, WALKING_BODY, 12
    )
    assert found == pytest.approx(expected, abs=1e-5)


@quick
@given(seeds, st.integers(0, 4), st.integers(0, 4), st.floats(0.0, 3.0))
def test_discs_keep_the_gap_that_numpy_finds(seed, discs, obstacles, after):
    rng = np.random.default_rng(seed)
    body, pose = rng.uniform(0.0, 0.4, (discs, 3)), pose_of(rng)
    others = rng.uniform(-1.0, 2.0, (obstacles, 5))
    expected = reference.disc_clearance(pose, body, others, after)
    assert disc_clearance(*pose, body, others, after) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(0, 2), st.sampled_from([local_planner.ALIGN, local_planner.ALIGN_NARROW]))
def test_candidates_are_judged_as_in_numpy(seed, people, align):
    rng = np.random.default_rng(seed)
    field, pose = field_of(rng, share=0.01), pose_of(rng)
    velocity, previous = rng.uniform(-0.3, 0.3, (2, 3))
    candidates = rng.uniform((0.1, -0.1, -0.6), (0.6, 0.1, 0.6), (6, 3))
    points = pose[:2] + np.cumsum(rng.uniform(0.01, 0.05, (40, 2)), axis=0)
    movers = rng.uniform((0, 0, -1, -1, 0.2), (3, 3, 1, 1, 0.3), (people, 5))
    expected = [
        reference.rollout_cost(
            field, X0, Y0, H, pose, velocity, c, c, 0.3, WALKING_BODY, points, 2, 20, 0.0, 0.2, previous,
            0.5, movers, STEP, SPACING, align,
        )
        for c in candidates
    ]  # fmt: skip
    best = local_planner._evaluate(
        (field, X0, Y0, H), pose, velocity, candidates, 0.3, WALKING_BODY, points, 2, previous,
        0.5, movers, align,
    )  # fmt: skip
    costs = np.array([cost for cost, _ in expected])
    if not np.isfinite(costs).any():
        assert best == -1
    else:
        assert costs[best] == pytest.approx(costs.min(), rel=1e-4, abs=1e-4)


def test_a_robot_at_no_place_does_not_walk():
    field = np.full((4, 4), 9.0, np.float32)
    candidates = np.array([[0.3, 0.0, 0.0]])
    points = np.column_stack([np.linspace(0, 1, 21), np.zeros(21)])
    still, nobody = np.zeros(3), local_planner.NONE_MOVING
    for pose, velocity in ((np.array([np.nan, 0.0, 0.0]), still), (still, np.array([np.nan, 0.0, 0.0]))):
        best = local_planner._evaluate(
            (field, X0, Y0, H), pose, velocity, candidates, 0.3, WALKING_BODY, points, 0, still, 0.5,
            nobody, local_planner.ALIGN,
        )  # fmt: skip
        assert best == -1


@quick
@given(seeds, st.integers(0, 30), st.integers(0, 45))
def test_the_nearest_point_of_a_stretch_is_numpys(seed, first, last):
    rng = np.random.default_rng(seed)
    points, (x, y) = rng.normal(size=(30, 2)), rng.normal(size=2)
    away = np.linalg.norm(points[first:last] - (x, y), axis=1)
    expected = first + int(np.argmin(away)) if len(away) else first
    assert local_planner._nearest(points, x, y, first, last) == expected


# --------------------------------------------------------------------------- scan matching


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_scan_is_laid_on_the_map_as_by_numpy(seed):
    rng = np.random.default_rng(seed)
    walls = np.zeros((40, 50), bool)
    walls[:2] = walls[-2:] = walls[:, :2] = walls[:, -2:] = True
    walls[10:20, 30:34] = True
    field, everything = signed_field(walls, H), clearance_field(walls, H)
    pose = np.array([*rng.uniform((1.5, 1.5), (2.0, 2.5)), rng.uniform(-3, 3)])
    angle = np.linspace(-3, 3, 60)
    points = rng.uniform(0.5, 2.5, 60)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    now, longer = pose.copy(), 0.0
    for turn in range(5):
        width = 0.15 if turn > 3 else 0.30
        now, longer = reference.align_step(
            points, now, longer, pose, field, everything, 0.0, 0.0, H, width, 3.0
        )
    found, inliers, residual = localizer._align(
        points, pose, (field, 0.0, 0.0, H), (everything, 0.0, 0.0, H), 0.15, 3.0, 5
    )
    np.testing.assert_allclose(found, now, atol=1e-4)
    assert 0.0 <= inliers <= 1.0
    assert residual >= 0.0


def test_no_points_leave_the_pose_where_it_is():
    field = np.ones((5, 5), np.float32)
    pose = np.array([0.2, 0.2, 0.1])
    found, inliers, _ = localizer._align(
        np.empty((0, 2)), pose, (field, 0.0, 0.0, H), (field, 0.0, 0.0, H), 0.15, 3.0, 5
    )
    np.testing.assert_allclose(found, pose)
    assert inliers == 0.0
