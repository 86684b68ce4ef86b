import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_sim.common.errors import InputError
from vla_sim.stages.control.path import joint_path

LOW, HIGH = np.full(7, -2.0), np.full(7, 2.0)


@st.composite
def waypoints(draw):
    n = draw(st.integers(1, 6))
    gaps = draw(st.lists(st.floats(0.02, 2.0), min_size=n, max_size=n))
    positions = draw(arrays(float, (n, 7), elements=st.floats(-2.0, 2.0)))
    return np.cumsum(gaps), positions


@given(waypoints(), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_a_path_passes_its_points_and_hardly_overshoots_them(points, share):
    times, positions = points
    path = joint_path(times, positions, LOW, HIGH)
    for t, q in zip(times, positions, strict=True):
        np.testing.assert_allclose(path.sample(t)[0], q, atol=1e-6)
    q = path.sample(times[0] + share * (times[-1] - times[0]))[0]
    low, high = positions.min(axis=0), positions.max(axis=0)
    assert (q >= low - 0.02 * (high - low) - 1e-9).all()
    assert (q <= high + 0.02 * (high - low) + 1e-9).all()


@given(waypoints())
@settings(max_examples=50, deadline=None)
def test_a_stretched_path_keeps_to_velocity_and_acceleration(points):
    velocity, acceleration = np.full(7, 2.0), np.full(7, 8.0)
    path = joint_path(*points, LOW, HIGH).stretched(velocity, acceleration)
    for t in np.linspace(path.times[0], path.duration, 200):
        _, v, a = path.sample(t)
        assert (np.abs(v) <= velocity * 1.01).all()
        assert (np.abs(a) <= acceleration * 1.02).all()
    np.testing.assert_array_equal(path.positions, points[1])


@pytest.mark.parametrize(
    ("times", "positions", "text"),
    [
        ([], np.zeros((0, 7)), "from 1 to"),
        ([1.0, 1.0], np.zeros((2, 7)), "must rise"),
        ([2.0, 1.0], np.zeros((2, 7)), "must rise"),
        ([-1.0], np.zeros((1, 7)), "from 0"),
        ([1.0], np.full((1, 7), np.nan), "finite"),
        ([np.inf], np.zeros((1, 7)), "finite"),
        ([1.0], np.full((1, 7), 2.5), r"2\.500 is outside -2\.000 .. 2\.000"),
        ([1.0], np.zeros((1, 6)), r"\(1, 6\)"),
        ([500.0], np.zeros((1, 7)), "up to 120"),
    ],
)
def test_a_wrong_path_is_refused_with_the_reason(times, positions, text):
    with pytest.raises(InputError, match=text):
        joint_path(times, positions, LOW, HIGH)


def test_velocities_that_are_given_are_kept():
    path = joint_path([1.0, 2.0], [np.zeros(7), np.ones(7)], LOW, HIGH, [np.zeros(7), np.full(7, 0.5)])
    np.testing.assert_allclose(path.sample(1.999999)[1], 0.5, atol=1e-3)


@given(
    arrays(float, 7, elements=st.floats(-1.9, 1.9)), arrays(float, 7, elements=st.floats(-1.5, 1.5)),
    arrays(float, 7, elements=st.floats(-1.9, 1.9)), st.floats(0.1, 20.0),
)  # fmt: skip
def test_a_path_that_is_begun_while_the_joints_move_does_not_swing_out(position, velocity, goal, lead):
    path = joint_path([lead], goal[None], LOW, HIGH).after(position, velocity, lead)
    q = np.array([path.sample(t)[0] for t in np.linspace(0.0, lead, 300)])
    swing = 0.5 * np.abs(velocity).max() ** 2 / 4.0 + 0.02
    assert (q >= np.minimum(position, goal) - swing).all()
    assert (q <= np.maximum(position, goal) + swing).all()
    np.testing.assert_allclose(path.sample(0.0)[1], velocity, atol=1e-9)
    np.testing.assert_allclose(q[-1], goal, atol=1e-6)
