"""What the map does not know appears, clears and fades."""

import math

import numpy as np
import pytest
from navigation_walker import BEAMS, cast, field_of, room

from vla_sim.stages.navigation.costmap import Costmap, StaticMap

STEP = 2 * math.pi / 360
POSE = np.array([1.0, 2.0, 0.4])


@pytest.fixture(scope="module")
def static():
    return StaticMap.from_grids(room(), forbidden=((5.0, 0.0, 6.0, 1.0),))


def look(costmap, grid, time, sensor="lidar"):
    ranges = cast(field_of(grid), POSE[0], POSE[1], BEAMS + POSE[2])
    getattr(costmap, sensor).integrate(POSE, ranges, -math.pi, STEP, time)
    costmap.update(POSE[0], POSE[1], time)


def test_forbidden_zones_count_as_occupied_but_are_no_landmarks(static):
    assert static.clearance.at(5.5, 0.5) < 0.0
    assert static.physical.at(5.5, 0.5) > 0.3
    assert static.landmarks.at(5.5, 0.5) > 0.3


def test_known_walls_are_not_marked_again(static):
    costmap = Costmap(static)
    for k in range(3):
        look(costmap, room(), 0.1 * k)
    assert costmap.local is static.clearance


def test_an_unknown_box_appears_and_clears_when_it_is_gone(static):
    costmap = Costmap(static)
    with_box = room(boxes=((2.0, 2.0, 2.3, 2.5),))
    for k in range(3):
        look(costmap, with_box, 0.1 * k)
    assert costmap.local.at(1.8, 2.2) == pytest.approx(0.2, abs=0.05)
    assert costmap.whole().at(1.8, 2.2) == pytest.approx(0.2, abs=0.05)
    for k in range(8):
        look(costmap, room(), 0.3 + 0.1 * k)
    assert costmap.local.at(1.8, 2.2) == pytest.approx(static.clearance.at(1.8, 2.2))


@pytest.mark.parametrize("began", [0.0, 1.79e9, 1.79e9 + 60.0], ids=["simulated", "robot", "a minute later"])
def test_what_is_not_seen_again_fades(static, began):
    costmap = Costmap(static)
    with_box = room(boxes=((2.0, 2.0, 2.3, 2.5),))
    for k in range(3):
        look(costmap, with_box, began + 0.1 * k)
    assert costmap.local.at(1.8, 2.2) == pytest.approx(0.2, abs=0.05)
    costmap.update(1.0, 2.0, began + 0.2 + costmap.lidar.decay + 0.1)
    assert costmap.local is static.clearance


def test_one_sensor_does_not_erase_what_the_other_saw(static):
    costmap = Costmap(static)
    for k in range(3):
        look(costmap, room(boxes=((2.0, 2.0, 2.3, 2.5),)), 0.1 * k, "depth")
    for k in range(10):
        look(costmap, room(), 0.3 + 0.1 * k)
    assert costmap.local.at(1.8, 2.2) < 0.3


def test_a_single_stray_beam_is_no_obstacle(static):
    costmap = Costmap(static)
    ranges = cast(field_of(room()), POSE[0], POSE[1], BEAMS + POSE[2])
    ranges[200] = 0.7
    costmap.lidar.integrate(POSE, ranges, -math.pi, STEP, 0.0)
    costmap.update(1.0, 2.0, 0.0)
    assert costmap.local is static.clearance


def test_unmeasured_beams_change_nothing(static):
    costmap = Costmap(static)
    costmap.lidar.integrate(POSE, np.full(360, np.nan, np.float32), -math.pi, STEP, 0.0)
    costmap.update(1.0, 2.0, 0.0)
    assert costmap.local is static.clearance


def test_a_robot_outside_the_map_does_not_break_the_window(static):
    costmap = Costmap(static)
    for k in range(3):
        look(costmap, room(boxes=((2.0, 2.0, 2.3, 2.5),)), 0.1 * k)
    costmap.update(50.0, 50.0, 0.3)
    assert costmap.local is static.clearance


def test_what_perception_keeps_in_mind_is_an_obstacle_until_it_does_not(static):
    costmap = Costmap(static)
    costmap.keep(np.array([[2.0, 2.2], [2.0, 1e30]]))  # the other is outside of the map
    for k in range(10):
        look(costmap, room(), 0.1 * k, "depth")  # whose beams pass over it
    costmap.update(1.0, 2.0, 1000.0)
    assert costmap.local.at(1.8, 2.2) == pytest.approx(0.2, abs=0.05)
    assert costmap.whole().at(1.8, 2.2) == pytest.approx(0.2, abs=0.05)
    costmap.keep(np.zeros((0, 2)))
    costmap.update(1.0, 2.0, 1000.1)
    assert costmap.local is static.clearance


def test_what_perception_keeps_in_mind_of_known_things_is_not_marked_again(static):
    costmap = Costmap(static)
    wall = np.array([[x, 0.02] for x in np.arange(1.0, 3.0, 0.05)])
    assert static.physical.along(wall).max() < 0.12
    costmap.keep(wall)
    costmap.update(1.0, 2.0, 0.0)
    assert costmap.local is static.clearance
