"""A robot that is driven about makes a map that is good to find itself in."""

import math
from itertools import pairwise

import numpy as np
import pytest

from vla_sim.cli.map import write
from vla_sim.common.geometry import wrap
from vla_sim.simulation.proprioception import Odometry
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.gait import compose, relative
from vla_sim.stages.navigation.localizer import Localizer
from vla_sim.stages.navigation.mapper import FIRST, Mapper
from vla_sim.world.semantic_map import World

BOXES = np.array([
    (-3.0, -2.1, 6.0, -2.0), (-3.0, 3.0, 6.0, 3.1), (-3.1, -2.1, -3.0, 3.1), (6.0, -2.1, 6.1, 3.1),
    (1.5, -2.0, 1.6, 0.0), (1.5, 1.2, 1.6, 3.0),  # a wall with a door
    (-2.0, 2.0, -1.0, 3.0), (4.0, -1.0, 5.0, -0.4), (-2.5, -1.5, -2.1, -1.1),
])  # fmt: skip
"""x0, y0, x1, y1 of two rooms with furniture [m]."""
START = np.array([-1.0, 0.0, 0.3])
BEAMS, STEP = 360, 2.0 * math.pi / 360


def scan(pose, rng):
    """What the lidar sees of the boxes, with a centimetre of noise."""
    angle = pose[2] - math.pi + STEP * np.arange(BEAMS)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    direction[np.abs(direction) < 1e-9] = 1e-9
    low = (BOXES[None, :, :2] - pose[:2]) / direction[:, None]
    high = (BOXES[None, :, 2:] - pose[:2]) / direction[:, None]
    enter, leave = np.minimum(low, high).max(axis=2), np.maximum(low, high).min(axis=2)
    hit = np.where((leave >= enter) & (enter > 0.0), enter, np.inf).min(axis=1)
    return (hit + rng.normal(0.0, 0.01, BEAMS)).astype(np.float32)


def drive(seconds_per_metre=2.5):
    """Poses (n, 3) ten times a second: through both rooms and back."""
    corners = [
        START[:2],
        (0.5, 0.6),
        (2.5, 0.6),
        (5.0, 1.5),
        (3.0, 2.0),
        (2.5, 0.6),
        (0.5, 0.6),
        (-1.5, -1.0),
    ]
    poses, yaw = [START], START[2]
    for a, b in pairwise(map(np.array, corners)):
        ahead = math.atan2(*(b - a)[::-1])
        for _ in range(round(abs(wrap(ahead - yaw)) / 0.05)):
            yaw += math.copysign(0.05, wrap(ahead - yaw))
            poses.append(np.array([*a, yaw]))
        for share in np.linspace(0.0, 1.0, round(10.0 * seconds_per_metre * math.dist(a, b))):
            poses.append(np.array([*(a + share * (b - a)), yaw]))
    return poses


@pytest.fixture(scope="module")
def made():
    """The mapper at the end of a drive, and the truth there."""
    rng = np.random.default_rng(2)
    odometry = Odometry(np.random.default_rng(3), *START, drift=2.0)
    mapper, truth = Mapper(), drive()
    for pose in truth:
        odometry.update(*pose)
        mapper.scan(scan(pose, rng), -math.pi, STEP, np.array([odometry.x, odometry.y, odometry.yaw]))
    return (
        mapper,
        relative(START, truth[-1]),
        relative(START, np.array([odometry.x, odometry.y, odometry.yaw])),
    )


def test_at_the_end_it_knows_better_than_odometry_where_it_is(made):
    mapper, truth, odometry = made
    off = math.dist(mapper.pose[:2], truth[:2])
    assert off < 0.06
    assert off < math.dist(odometry[:2], truth[:2])
    assert abs(wrap(float(mapper.pose[2] - truth[2]))) < 0.02
    assert mapper.added > 50
    assert mapper.doubted < 0.1 * mapper.added


def test_its_walls_are_where_walls_are_and_the_floor_is_free(made):
    grid = made[0].grid()
    rows, columns = np.nonzero(grid.occupied)
    x, y = grid.x0 + (columns + 0.5) * grid.resolution, grid.y0 + (rows + 0.5) * grid.resolution
    world = np.array([compose(START, np.array([a, b, 0.0]))[:2] for a, b in zip(x, y, strict=True)])
    outside = np.maximum(BOXES[None, :, :2] - world[:, None], world[:, None] - BOXES[None, :, 2:]).clip(
        min=0.0
    )
    distance = np.hypot(*outside.transpose(2, 0, 1)).min(axis=1)
    assert np.quantile(distance, 0.95) < 0.06
    assert len(distance) > 300
    for pose in drive()[::20]:
        a, b, _ = relative(START, pose)
        row, column = int((b - grid.y0) / grid.resolution), int((a - grid.x0) / grid.resolution)
        assert not grid.occupied[row, column]
        assert not grid.unknown[row, column]
    assert grid.unknown[0, 0]


def test_the_robot_finds_itself_in_the_map_that_it_made(made, tmp_path):
    write(tmp_path, made[0].grid(), {"living room": (0.5, 0.25, 0.1)})
    world = World.load(str(tmp_path / "home.yaml"))
    assert [place.name for place in world.places] == ["start", "living room"]
    static = StaticMap.from_world(world)
    here = np.array([3.5, 0.8, 1.0])
    truth = relative(START, here)
    guess = truth + np.array([0.08, -0.06, 0.04])
    found = Localizer(static.landmarks, static.physical).match(
        scan(here, np.random.default_rng(5)), -math.pi, STEP, guess
    )
    assert found.inliers > 0.6
    assert math.dist(found.pose[:2], truth[:2]) < 0.06
    assert abs(wrap(float(found.pose[2] - truth[2]))) < 0.02


def test_a_scan_that_does_not_fit_is_counted_and_odometry_believed():
    rng, mapper = np.random.default_rng(1), Mapper()
    for _ in range(FIRST):
        mapper.scan(scan(START, rng), -math.pi, STEP, np.zeros(3))
    mapper.scan(np.full(BEAMS, 1.0, np.float32), -math.pi, STEP, np.array([0.3, 0.0, 0.0]))
    assert mapper.doubted == 1
    np.testing.assert_allclose(mapper.pose, (0.3, 0.0, 0.0))


def test_a_robot_that_stands_adds_nothing_and_an_empty_map_is_one():
    rng, mapper = np.random.default_rng(1), Mapper()
    assert not mapper.grid().occupied.any()
    for _ in range(FIRST + 20):
        mapper.scan(scan(START, rng), -math.pi, STEP, np.zeros(3))
    assert mapper.added == FIRST
