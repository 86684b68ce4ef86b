"""Colour and depth of one instant find each other, also where their stamps differ a little."""

from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.perception.pairing import MOST, ImagePairs


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
