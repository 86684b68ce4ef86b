"""Distance fields against plain numpy and against geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.stages.navigation.distance_field import FAR, DistanceField, clearance_field, signed_field


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 30), columns=st.integers(1, 30), share=st.floats(0.0, 0.6),
    seed=st.integers(0, 10_000),
)  # fmt: skip
def test_the_field_is_the_exact_euclidean_distance(rows, columns, share, seed):
    occupied = np.random.default_rng(seed).random((rows, columns)) < share
    occupied[seed % rows, seed % columns] = True
    field = clearance_field(occupied, 0.05)
    cells = np.argwhere(occupied)
    at = np.indices(occupied.shape).reshape(2, -1).T
    nearest = np.sqrt(((at[:, None, :] - cells[None]) ** 2).sum(2).min(1)).reshape(occupied.shape)
    reference = np.minimum(FAR, nearest * 0.05 - 0.025)
    np.testing.assert_allclose(field, reference, atol=1e-5)


def test_an_empty_map_is_far_from_everything():
    assert np.all(clearance_field(np.zeros((5, 7), bool), 0.05) == FAR)


def test_the_signed_field_is_zero_at_the_edge_and_negative_inside():
    occupied = np.zeros((20, 20), bool)
    occupied[:, 10:] = True
    values = signed_field(occupied, 0.1)
    field = DistanceField(values, 0.0, 0.0, 0.1)
    assert field.at(1.0, 1.0) == pytest.approx(0.0, abs=1e-6)
    assert field.at(0.75, 1.0) == pytest.approx(0.25, abs=1e-6)
    assert field.at(1.25, 1.0) == pytest.approx(-0.25, abs=1e-6)


def test_sampling_outside_the_map_gives_the_borders_value():
    occupied = np.zeros((4, 4), bool)
    occupied[0, 0] = True
    field = DistanceField(clearance_field(occupied, 1.0), 0.0, 0.0, 1.0)
    assert field.at(-5.0, -5.0) == pytest.approx(-0.5)
    assert field.at(50.0, 0.5) == field.at(3.5, 0.5)
