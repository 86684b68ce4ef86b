import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.manipulation.opening import Opening, find_opening

NOISE = 0.001


def seen(faces, rng, hidden=lambda p: np.zeros(len(p), bool)):
    """Points on rectangles (corner, side, side), 5 mm apart, with noise; those that are hidden left out."""
    out = []
    for corner, a, b in faces:
        n, m = (max(2, int(np.linalg.norm(side) / 0.005)) for side in (a, b))
        u, v = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, m))
        out.append(np.array(corner) + u.reshape(-1, 1) * np.array(a) + v.reshape(-1, 1) * np.array(b))
    points = np.vstack(out)
    return points[~hidden(points)] + NOISE * rng.standard_normal((len(points[~hidden(points)]), 3))


def basket(length=0.2, width=0.16, height=0.07, wall=0.008):
    """Rim, inner and outer walls, and floor; its corner at the origin."""
    low, high, inner = 0.01, height, (wall, length - wall, width - wall)
    a, b, c = inner
    yield from (((0, 0, high), (length, 0, 0), (0, y, 0)) for y in (wall,))
    yield ((0, c, high), (length, 0, 0), (0, wall, 0))
    yield ((0, 0, high), (wall, 0, 0), (0, width, 0))
    yield ((b, 0, high), (wall, 0, 0), (0, width, 0))
    yield ((a, a, low), (b - a, 0, 0), (0, c - a, 0))
    for y in (0, a, c, width):
        yield ((0, y, 0), (length, 0, 0), (0, 0, high))
    for x in (0, a, b, length):
        yield ((x, 0, 0), (0, width, 0), (0, 0, high))


def behind_the_near_wall(points):
    """What a camera 0.4 m before it and 0.4 m above its rim does not see: what lies behind its near wall (at
    x = 0), and its back."""
    x, z = points[:, 0], points[:, 2]
    return ((x > 0.008) & (0.07 - z > x) & (x < 0.19)) | ((x > 0.195) & (z < 0.065))


def behind_and_floor(points):
    """Its thin floor is taken for the table too."""
    return behind_the_near_wall(points) | (points[:, 2] < 0.014)


@pytest.mark.parametrize("hidden", [behind_the_near_wall, behind_and_floor])
def test_a_basket_is_open_within_its_rim(hidden):
    points = seen(basket(), np.random.default_rng(0), hidden)
    found = find_opening(points)
    assert found is not None
    assert math.dist(found.centre, (0.1, 0.08)) < 0.03
    assert found.rim == pytest.approx(0.07, abs=0.005)
    assert 0.060 < found.radius < 0.075  # the inside is 0.144 wide
    assert found.depth == pytest.approx(0.06, abs=0.01)


def test_a_bowl_is_open_within_its_rim():
    rng = np.random.default_rng(1)
    a, t = rng.uniform(0, 2 * math.pi, 1500), rng.uniform(0, 1, 1500)
    r = 0.03 + 0.04 * t
    points = np.stack([r * np.cos(a), r * np.sin(a), 0.055 * t], axis=1)
    found = find_opening(points)
    assert found is not None
    assert math.hypot(*found.centre) < 0.015
    assert 0.045 < found.radius < 0.07


@pytest.mark.parametrize("height", [0.02, 0.07])
def test_what_is_solid_or_flat_has_no_opening(height):
    top = [((0, 0, height), (0.2, 0, 0), (0, 0.16, 0)), ((0, 0, 0), (0, 0.16, 0), (0, 0, height))]
    assert find_opening(seen(top, np.random.default_rng(2))) is None


def test_what_stands_in_it_is_no_room():
    """A can in the middle of a basket."""
    points = seen(basket(), np.random.default_rng(3))
    full = ((0.06, 0.04, 0.07), (0.08, 0, 0), (0, 0.08, 0))
    assert find_opening(np.vstack([points, seen([full], np.random.default_rng(4))])) is None


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3), max_size=60))
def test_any_points_have_an_opening_among_them_or_none(points):
    found = find_opening(np.array(points, dtype=float).reshape(-1, 3))
    assert found is None or (isinstance(found, Opening) and found.radius > 0 and found.depth > 0)
