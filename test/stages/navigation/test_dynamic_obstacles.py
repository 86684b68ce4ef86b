"""People are seen to move, and given way to."""

import math

import numpy as np
import pytest
from navigation_walker import BEAMS, cast, field_of, room

from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.dynamic_obstacles import DynamicObstacles

STEP = 2 * math.pi / 360
STATIC = StaticMap.from_grids(room())
POSE = np.array([1.0, 2.0, 0.0])
AHEAD = np.stack([np.linspace(1.0, 5.0, 81), np.full(81, 2.0)], axis=1)


def watch(way, seconds=4.0, pose=lambda t: POSE):
    """A person of 0.4 m at way(t) seen at 10 Hz."""
    obstacles = DynamicObstacles(STATIC.physical)
    for k in range(round(seconds * 10)):
        t = 0.1 * k
        x, y = way(t)
        seen = field_of(room(resolution=0.05, boxes=((x - 0.2, y - 0.2, x + 0.2, y + 0.2),)))
        here = pose(t)
        ranges = cast(seen, here[0], here[1], BEAMS + here[2])
        obstacles.update(here, ranges, -math.pi, STEP, t)
    return obstacles


def test_a_person_who_crosses_is_a_moving_obstacle_with_its_velocity():
    obstacles = watch(lambda t: (3.0, 3.4 - 0.4 * t))
    (disc,) = obstacles.discs()
    assert disc[0] == pytest.approx(2.9, abs=0.15)
    assert disc[3] == pytest.approx(-0.4, abs=0.15)


def test_a_box_that_stands_is_none_even_seen_while_walking():
    obstacles = watch(lambda t: (3.0, 2.6), pose=lambda t: POSE + np.array([0.3 * t, 0.0, 0.0]))
    assert len(obstacles.discs()) == 0


def test_one_who_comes_towards_the_path_is_waited_for():
    crossing = watch(lambda t: (3.0, 3.6 - 0.2 * t), 4.0).crossing(AHEAD)
    assert crossing.ahead == pytest.approx(1.4, abs=0.3)
    assert not crossing.retreats


def test_one_who_will_have_passed_before_the_robot_is_there_is_not_waited_for():
    assert watch(lambda t: (3.0, 3.6 - 0.6 * t), 2.0).crossing(AHEAD).ahead == math.inf


def test_the_robot_does_not_stand_on_a_way_on_which_somebody_comes():
    """From the middle of that way on is the shorter way out."""
    comes = watch(lambda t: (1.4, 3.7 - 0.25 * t), 4.0)
    assert comes.crossing(AHEAD).retreats
    assert comes.crossing(np.add(AHEAD, (0.6, 0.0))).ahead == math.inf


def test_one_who_goes_to_and_fro_is_expected_where_he_turned_before():
    """Between y = 1 and y = 3, at 0.4 m/s."""
    (track,) = watch(
        lambda t: (3.0, 2.0 + 2.0 / math.pi * math.asin(math.sin(0.2 * math.pi * t))), 14.0
    ).tracks
    assert track.reversals == 3
    assert track.pace == pytest.approx(0.4, abs=0.05)
    expected = [2.0 + 2.0 / math.pi * math.asin(math.sin(0.2 * math.pi * t)) for t in (14.0, 16.0, 18.0)]
    np.testing.assert_allclose(track.predicted(np.array([0.0, 2.0, 4.0]))[:, 1], expected, atol=0.25)
    np.testing.assert_allclose(track.predicted(np.array([0.0, 2.0, 4.0]))[:, 0], 3.0, atol=0.15)


def test_one_who_has_passed_is_not_waited_for():
    assert watch(lambda t: (3.0, 3.4 - 0.5 * t), 4.6).crossing(AHEAD).ahead == math.inf


def test_one_who_turned_round_is_waited_for_since_he_will_come_back():
    way = lambda t: (3.0, 2.0 + 0.6 * math.sin(0.8 * t))  # noqa: E731
    assert watch(way, 5.6).crossing(AHEAD).ahead < 2.0


def test_one_who_keeps_to_the_side_does_not_matter():
    assert watch(lambda t: (1.5 + 0.4 * t, 3.5)).crossing(AHEAD).ahead == math.inf


def test_one_who_goes_far_and_comes_back_leaves_time_to_cross():
    """To y = 3.6 and back at 0.3 m/s: away from the path for long, then near again."""

    def way(t):
        phase = (0.3 * t) % 4.0
        return 3.0, 3.6 - (phase if phase < 2.0 else 4.0 - phase)  # turns at 3.6 and 1.6

    assert watch(way, 14.5).crossing(AHEAD).ahead < 2.0  # comes
    assert watch(way, 12.5).crossing(AHEAD).ahead < 2.0  # goes, but not for long enough


def test_one_who_walked_out_of_sight_may_come_back_and_is_forgotten_after_a_while():
    hidden = lambda t: (3.0, 3.2 - 0.4 * t if t < 3.0 else -20.0)  # noqa: E731
    assert watch(hidden, 5.0).crossing(AHEAD).ahead < 2.0
    assert watch(hidden, 10.5).crossing(AHEAD).ahead == math.inf
