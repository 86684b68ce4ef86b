"""What lies on the floor is kept until its place is seen free, not until some time has passed."""

import math

import numpy as np
import perception_reference as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perception_scene import GREY, HEAD, RED, Scene, look

from vla_sim.common.geometry import quaternion_from_yaw, transform
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.low_obstacles import (
    CELL,
    CONFIRMED,
    LEAST,
    MOST,
    REACH,
    SIZE,
    TALL_MEMORY,
    WAY,
    LowObstacles,
    _look,
)

NOBODY = np.zeros((0, 7))
FLOOR = ("box", (20, 20, 0.1), (0, 0, -0.05, 0), GREY)
CUP = ("cylinder", (0.08, 0.08, 0.10), (0.7, 0.05, 0.05, 0), RED)
POST = ("box", (0.1, 0.1, 1.0), (0.8, 0.05, 0.5, 0), RED)
PERIOD = 0.1
"""[s] from one look to the next."""


class Robot:
    """Sees scenes that stand in `map` from where it is. slid: (3,) of `odom` in `map`."""

    def __init__(self):
        self.obstacles, self.stamp, self.pose = LowObstacles(), 0.0, np.zeros(3)
        self.slid = np.zeros(3)
        self.kept = np.zeros((0, 3))

    def frames(self):
        """(4, 4) of the pelvis in `odom`, and of `odom` in `map`."""
        base, odom = (transform((x, y, 0.0), quaternion_from_yaw(a)) for x, y, a in (self.pose, self.slid))
        return np.linalg.inv(odom) @ base, odom

    def look(self, *things, times=1, seconds=PERIOD, depth=None):
        for _ in range(times):
            self.stamp += seconds
            if depth is None:
                _, seen = Scene([FLOOR, *things]).render(
                    HEAD, look(x=self.pose[0], y=self.pose[1], yaw=self.pose[2])
                )
            else:
                seen = depth
            self.kept = self.obstacles(self.stamp, seen, HEAD, look(), NOBODY, *self.frames())
        return self.kept

    def walk(self, x, *things, step=0.04):
        """Straight on to x [m], looking at each step."""
        while abs(x - self.pose[0]) > 1e-9:
            self.pose[0] += max(-step, min(step, x - self.pose[0]))
            self.look(*things)
        return self.kept


def unseen():
    return np.full((HEAD.height, HEAD.width), np.nan, np.float32)


def near_cup(points):
    return len(points) > 0 and bool((np.hypot(*(points[:, :2] - CUP[2][:2]).T) < 0.1).all())


def test_a_bare_floor_holds_nothing():
    assert len(Robot().look(times=10)) == 0


def test_something_is_kept_once_several_looks_have_found_it():
    robot = Robot()
    assert len(robot.look(CUP, times=CONFIRMED - 1)) == 0
    assert near_cup(robot.look(CUP))
    assert robot.kept[:, 2] == pytest.approx(0.10, abs=0.02)


def test_what_is_under_the_picture_stays_however_long_the_robot_stands():
    robot = Robot()
    robot.look(CUP, times=3)
    robot.walk(0.40, CUP)  # it lies 0.3 m ahead now
    robot.look(CUP, times=2, seconds=600.0)
    assert near_cup(robot.kept)


def test_what_is_seen_to_be_gone_is_gone():
    robot = Robot()
    robot.look(CUP, times=10)
    assert len(robot.look(times=MOST - CONFIRMED)) > 0  # one look without it is no proof
    assert len(robot.look()) == 0


def test_a_step_back_shows_that_nothing_lies_there_any_more():
    robot = Robot()
    robot.look(CUP, times=3)
    robot.walk(0.40, CUP)
    assert len(robot.look(times=20)) > 0  # it was taken away, which nobody sees
    assert len(robot.walk(0.0)) == 0


@pytest.mark.parametrize("slide", [(0.02, 0.0, 0.0), (-0.01, 0.01, 0.01)])
def test_where_odometry_slides_away_it_stays_where_it_lies(slide):
    robot = Robot()
    robot.look(CUP, times=3)
    robot.walk(0.40, CUP)
    for _ in range(10):
        robot.slid += slide
        robot.look(CUP)
    assert len(robot.kept) > 0
    odom = robot.frames()[1]
    assert near_cup(robot.kept[:, :2] @ odom[:2, :2].T + odom[:2, 3])


def test_what_a_hand_hides_is_not_free():
    robot = Robot()
    robot.look(CUP, times=3)
    assert near_cup(robot.look(times=50, depth=unseen()))


def test_something_beside_the_picture_stays_while_the_robot_turns_away():
    robot = Robot()
    robot.look(CUP, times=3)
    for _ in range(20):
        robot.pose[2] += 0.1
        robot.look(CUP)
    assert near_cup(robot.kept)


def test_what_the_lidar_sees_too_is_kept_for_a_moment_only():
    robot = Robot()
    assert (robot.look(POST, times=3)[:, 2] > 0.6).any()
    robot.look(depth=unseen(), seconds=TALL_MEMORY - 0.5)
    assert len(robot.kept) > 0
    robot.look(depth=unseen(), seconds=1.0)
    assert not (robot.kept[:, 2] > 0.6).any()


def test_after_a_long_way_odometry_does_not_know_where_it_was():
    robot, way = Robot(), 0.0
    robot.look(CUP, times=3)
    while way < WAY:  # to and fro, with the cup never in the picture
        assert near_cup(robot.kept)
        robot.pose[0] = 0.3 - robot.pose[0]
        robot.look(depth=unseen(), seconds=0.5)
        way += 0.3
    assert len(robot.kept) == 0


def test_swaying_on_the_spot_is_no_way():
    robot = Robot()
    robot.look(CUP, times=3)
    for k in range(600):
        robot.pose[:] = 0.0, 0.028 * math.sin(k), 0.015 * math.sin(k)
        robot.look(depth=unseen())
    assert near_cup(robot.kept)


@pytest.mark.parametrize("seconds", [-5.0, 0.1])
def test_a_jump_of_odometry_or_of_time_forgets_everything(seconds):
    robot = Robot()
    robot.look(CUP, times=3)
    if seconds > 0.0:
        robot.pose[0] += 0.5
    assert len(robot.look(depth=unseen(), seconds=seconds)) == 0


@pytest.mark.parametrize("seconds", [0.0, -0.1])
def test_an_image_that_comes_twice_or_late_forgets_nothing(seconds):
    robot = Robot()
    robot.look(CUP, times=3)
    assert near_cup(robot.look(depth=unseen(), seconds=seconds))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=25))
def test_kept_is_what_was_confirmed_and_not_seen_free_since(looks):
    """(seen, there): a look that shows the place or does not, while the cup is there or is not."""
    robot, count = Robot(), 0
    for seen, there in looks:
        things = [CUP] if there else []
        robot.look(*things, depth=None if seen else unseen())
        if seen:
            count = min(MOST, count + 1) if there else max(0, count - 1)
        assert near_cup(robot.kept) == (count >= CONFIRMED)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.floats(-9.0, 9.0), st.floats(-3.1, 3.1))
def test_one_image_is_added_up_as_by_numpy(seed, limbs, at, yaw):
    rng = np.random.default_rng(seed)
    camera = Intrinsics.from_field_of_view(1.2, 160, 120)
    depth = rng.uniform(0.5, 2.0, (6, 8)).repeat(20, 0).repeat(20, 1).astype(np.float32)
    depth[rng.random(depth.shape) < 0.1] = rng.choice([np.nan, np.inf, 0.0, -1.0, 9.0])
    ends = np.column_stack([rng.uniform((0.2, -0.6, 0.0), (0.9, 0.6, 0.9), (limbs, 3)) for _ in range(2)])
    capsules, base = np.column_stack([ends, rng.uniform(0.05, 0.15, limbs)]), np.array([at, -at, yaw])
    things, floor = np.zeros((SIZE, SIZE, 4)), np.zeros((SIZE, SIZE), np.int32)
    _look(depth, 1, camera.pinhole, look(), base, capsules, REACH, CELL, things, floor)
    expected_things, expected_floor = reference.low_cells(depth, camera, look(), base, capsules)
    assert np.abs(floor - expected_floor).sum() <= 4  # a pixel on the border of two cells
    np.testing.assert_allclose(things[..., 2].sum(), expected_things[..., 2].sum(), atol=4)
    same = things[..., 2] == expected_things[..., 2]
    assert (~same).sum() <= 4
    np.testing.assert_allclose(things[same], expected_things[same], rtol=1e-4, atol=1e-4)
    assert LEAST > 1
