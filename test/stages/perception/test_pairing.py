"""Colour and depth of one instant find each other, also where their stamps differ a little."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.perception.pairing import MOST, ImagePairs, ImageRate


def test_stamps_that_differ_by_no_more_than_the_tolerance_are_a_pair():
    pairs = ImagePairs(0.015)
    assert pairs.color(1.000, "c1") is None
    assert pairs.depth(1.015, "d1") == (1.015, "c1", "d1")
    assert pairs.depth(2.000, "d2") is None
    assert pairs.color(2.016, "c2") is None
    assert (len(pairs), pairs.lost) == (2, 0)


def test_of_two_candidates_the_nearer_one_is_taken():
    pairs = ImagePairs(0.02)
    pairs.depth(1.000, "far")
    pairs.depth(1.018, "near")
    assert pairs.color(1.015, "c") == (1.018, "c", "near")


def test_what_finds_no_partner_is_counted_and_forgotten():
    pairs = ImagePairs(0.01)
    for k in range(MOST + 3):
        pairs.color(float(k), k)
    assert (len(pairs), pairs.lost) == (MOST, 3)
    pairs.clear()
    assert len(pairs) == 0


@given(st.lists(st.floats(-0.007, 0.007), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_each_image_at_30_hz_gets_its_own_partner_whichever_comes_first(shifts, random):
    pairs, found = ImagePairs(0.015), []
    for k, shift in enumerate(shifts):
        arrivals = [(pairs.color, k / 30.0), (pairs.depth, k / 30.0 + shift)]
        random.shuffle(arrivals)
        found += [pair for take, stamp in arrivals if (pair := take(stamp, k)) is not None]
    assert [(color, depth) for _, color, depth in found] == [(k, k) for k in range(len(shifts))]
    assert pairs.lost == 0


@given(st.lists(st.floats(-0.024, 0.024), min_size=20, max_size=60))
def test_no_image_of_a_camera_with_jitter_at_just_the_rate_is_left_out(jitter):
    rate = ImageRate()
    assert all(rate.takes(0.1 * k + late, 10.0) for k, late in enumerate(jitter))


@given(st.floats(11.0, 90.0), st.floats(0.0, 100.0))
def test_of_a_faster_camera_as_many_images_as_asked_are_looked_at(camera, start):
    rate = ImageRate()
    stamps = [start + k / camera for k in range(int(10.0 * camera))]
    taken = [stamp for stamp in stamps if rate.takes(stamp, 10.0)]
    assert abs(len(taken) - 100) <= 2
    assert max(b - a for a, b in pairwise(taken)) < 0.1 + 1.01 / camera


def test_after_time_went_back_or_the_camera_paused_the_next_image_is_looked_at():
    rate = ImageRate()
    assert rate.takes(5.0, 10.0)
    assert not rate.takes(5.01, 10.0)
    assert rate.takes(1.0, 10.0)
    assert rate.takes(9.0, 10.0)
    assert not rate.takes(9.01, 10.0)
