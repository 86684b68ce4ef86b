"""Where the robot is, while odometry is wrong."""

import math

import numpy as np
import pytest
from navigation_walker import BEAMS, cast, field_of, room

from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.state import NavigationState

GRID = room(boxes=((4.0, 0.0, 4.6, 1.2),))
FIELD = field_of(GRID)
SPEED, SWAY = 0.25, 0.028


@pytest.mark.parametrize("drift", [(0.0, 0.1), (0.0, -0.1), (0.07, 0.07), (-0.1, 0.0), (0.0, 0.0)])
def test_odometry_that_slides_away_is_followed(drift: tuple[float, float]) -> None:
    """As fast as a fault does it, 0.1 m/s: in a doorway the hands have 14 cm to either side."""
    state = NavigationState(StaticMap.from_grids(GRID))
    random, worst = np.random.default_rng(0), 0.0
    for k in range(400):
        time = 0.02 * k
        x = 1.0 + SPEED * time
        y = 2.0 + SWAY * math.sin(2 * math.pi * time)
        slid = max(0.0, time - 2.0)
        if k == 0:
            state.odometry(0.0, x, y, 0.0)
            state.place(x, y, 0.0)
        state.filter.command(np.array([SPEED, 0.0, 0.0]))
        state.odometry(time, x + drift[0] * slid, y + drift[1] * slid, 0.0)
        if k % 5 == 0:
            ranges = cast(FIELD, x, y, BEAMS) + random.normal(0.0, 0.01, len(BEAMS))
            state.scan(time, ranges.astype(np.float32), -math.pi, 2 * math.pi / 360)
        if time > 2.0:
            worst = max(worst, math.hypot(state.pose[0] - x, state.pose[1] - 2.0))
    assert worst < 0.04  # with a match each half second: 0.051


def test_nothing_is_seen_until_a_clock_that_was_set_back_comes_there_again() -> None:
    """A box that was carried away, where the robot does not look now."""
    state = NavigationState(StaticMap.from_grids(GRID), localise=False)
    with_box = field_of(room(boxes=((4.0, 0.0, 4.6, 1.2), (2.0, 2.0, 2.3, 2.5))))
    for k in range(4):
        state.odometry(1000.0 + 0.1 * k, 1.0, 2.0, 0.0)
        ranges = cast(with_box, 1.0, 2.0, BEAMS).astype(np.float32)
        state.scan(1000.0 + 0.1 * k, ranges, -math.pi, 2 * math.pi / 360)
    assert state.costmap.local.at(1.8, 2.2) < 0.3
    blind = np.full(360, np.nan, np.float32)
    for k in range(120):
        state.odometry(0.1 * k, 1.0, 2.0, 0.0)
        state.scan(0.1 * k, blind, -math.pi, 2 * math.pi / 360)
    assert state.costmap.local is state.costmap.static.clearance
    assert not state.dynamic_obstacles.tracks


def test_what_perception_keeps_in_mind_lies_where_it_is_in_the_map() -> None:
    """It is given in `odom`, which begins anywhere."""
    state = NavigationState(StaticMap.from_grids(GRID), localise=False)
    state.odometry(0.0, 7.0, -3.0, 1.0)
    state.place(1.0, 2.0, 0.0)
    ahead = np.array([7.0 + 0.35 * math.cos(1.0), -3.0 + 0.35 * math.sin(1.0), 0.1])
    state.low_obstacles(np.array([ahead, [math.nan, 0.0, 0.1]]))
    state.scan(0.1, np.full(360, np.inf, np.float32), -math.pi, 2 * math.pi / 360)
    assert state.costmap.local.at(1.35, 2.0) < 0.03
    assert state.costmap.local.at(1.35, 2.3) == pytest.approx(0.3, abs=0.05)
    assert state.hides_ahead
    state.low_obstacles(np.zeros((0, 3)))
    state.scan(0.2, np.full(360, np.inf, np.float32), -math.pi, 2 * math.pi / 360)
    assert state.costmap.local.at(1.35, 2.0) > 0.3
    assert not state.hides_ahead
