"""People keep away from walls, each other and the robot, and get to where they go."""

import math

import numpy as np
import pytest

from vla_sim.simulation.social_force import RADIUS, ROBOT_RADIUS, Crowd, Walker, WallField, repulsion
from vla_sim.world.occupancy_grid import Grid

STEP = 0.02
FAR, STILL = np.array([50.0, 50.0]), np.zeros(2)


def walk(crowd, seconds, robot=FAR):
    """The poses (steps, n, 3) of a while."""
    out = []
    for _ in range(round(seconds / STEP)):
        crowd.step(STEP, robot, STILL)
        out.append(crowd.poses)
    return np.array(out)


def between(*goals, speed=0.8):
    return Walker(goals[0], np.array(goals[1:], dtype=float), speed)


def two_rooms(width=0.9):
    """4 m by 2 m, in the middle of it a wall at x = 2 m with a doorway at y = 1 m."""
    occupied = np.zeros((40, 80), dtype=bool)
    occupied[[0, -1]] = occupied[:, [0, -1]] = True
    occupied[:, 39:41] = True
    half = round(width / 2 / 0.05)
    occupied[20 - half : 20 + half, 39:41] = False
    return Grid(occupied, 0.0, 0.0, 0.05)


def test_an_other_that_stands_pushes_along_the_line_between_both():
    """V0 / sigma exp(-b / sigma) with b the distance of the outlines."""
    (pushed,) = repulsion(np.array([[1.4, 0.0]]), np.zeros((1, 2)), np.array([0.4]))
    assert pushed == pytest.approx([2.1 / 0.3 * math.exp(-1.0 / 0.3), 0.0])


def test_the_push_is_the_gradient_of_the_potential():
    radii, velocity = np.array([0.0]), np.array([[0.5, 0.2]])

    def potential(at):
        first, second = np.hypot(*at), np.hypot(*(at - 2.0 * velocity[0]))
        b = 0.5 * math.sqrt((first + second) ** 2 - 4.0 * float(velocity[0] @ velocity[0]))
        return 2.1 * math.exp(-b / 0.3)

    at, h = np.array([0.6, 0.7]), 1e-5
    slope = [(potential(at + h * e) - potential(at - h * e)) / (2 * h) for e in np.eye(2)]
    assert repulsion(at[None], velocity, radii)[0] == pytest.approx(-np.array(slope), rel=1e-4)


def test_who_is_alone_walks_to_his_goals_in_turn_at_his_speed():
    crowd = Crowd([between((0.0, 0.0), (6.0, 0.0), (0.0, 0.0))])
    poses = walk(crowd, 22.0)[:, 0]
    speed = np.hypot(*np.diff(poses[100:200, :2], axis=0).T) / STEP
    assert speed.mean() == pytest.approx(0.8, rel=0.2)
    there = int(np.argmax(poses[:, 0] > 5.6))
    assert there > 0
    assert poses[there:, 0].min() < 0.4  # and back
    assert abs(poses[150, 2]) < 0.4


def test_two_who_meet_pass_without_touching_each_other():
    crowd = Crowd([between((0.0, 0.0), (6.0, 0.0)), between((6.0, 0.02), (0.0, 0.0))])
    poses = walk(crowd, 9.0)
    apart = np.hypot(*(poses[:, 0, :2] - poses[:, 1, :2]).T)
    assert apart.min() > 2 * RADIUS
    assert poses[-1, 0, 0] > 5.0
    assert poses[-1, 1, 0] < 1.0


@pytest.mark.parametrize("seed", range(5))
def test_a_robot_that_stands_is_walked_around(seed):
    crowd = Crowd([between((0.0, 0.0), (6.0, 0.0))])
    crowd.reset(seed)
    robot = np.array([3.0, 0.05])
    poses = walk(crowd, 20.0, robot)[:, 0]
    assert np.hypot(*(poses[:, :2] - robot).T).min() > RADIUS + ROBOT_RADIUS
    assert poses[:, 0].max() > 5.0


def test_a_door_is_gone_through_without_touching_its_frame():
    grid = two_rooms()
    field = WallField(grid)
    crowd = Crowd([between((0.6, 0.5), (1.5, 1.0), (2.5, 1.0), (3.4, 1.5))], grid)
    poses = walk(crowd, 10.0)[:, 0]
    assert poses[-1, 0] > 2.2 or (poses[:, 0] > 3.0).any()
    assert min(field.distance(x, y) for x, y, _ in poses) > RADIUS - 0.03


def test_who_finds_the_door_blocked_turns_back_and_touches_nothing():
    grid, robot = two_rooms(), np.array([2.0, 1.0])
    crowd = Crowd([between((0.6, 0.5), (1.5, 1.0), (3.4, 1.0), (1.5, 1.0), (0.6, 0.5))], grid)
    poses = walk(crowd, 30.0, robot)[:, 0]
    assert np.hypot(*(poses[:, :2] - robot).T).min() > RADIUS + ROBOT_RADIUS - 0.05
    assert poses[:, 0].max() < 2.0
    turned = poses[500:, 0]
    assert turned.min() < 0.9  # back at where it began


def test_a_seed_says_how_they_walk():
    crowd = Crowd([between((0.0, 0.0), (6.0, 0.0))])
    first = walk(crowd, 2.0)
    crowd.reset(1)
    other = walk(crowd, 2.0)
    crowd.reset(0)
    assert np.array_equal(walk(crowd, 2.0), first)
    assert not np.array_equal(other, first)
