"""Maps as images: what is where, and how a terminal shows it."""

import io

import pytest
from PIL import Image

from vla_sim.report.console import Console
from vla_sim.report.floor_plan import GOAL, PAPER, PLANNED, ROBOT, WALKED, WALL, FloorPlan, half_blocks
from vla_sim.world.semantic_map import World


@pytest.fixture(scope="module")
def world():
    return World.load("corridor")


def colour(plan, image, x, y):
    u, v = plan.at(x, y)
    return image.getpixel((round(u), round(v)))


def test_walls_are_where_the_world_has_them(world):
    plan = FloorPlan.of(world, (800, 400))
    assert plan.image.width == 800
    assert plan.image.height <= 400
    wall = max(world.solids, key=lambda s: s.pose[2, 3] + s.size[2] / 2)
    assert colour(plan, plan.image, wall.pose[0, 3], wall.pose[1, 3]) == WALL
    assert colour(plan, plan.image, *world.start[:2]) == PAPER


def test_the_ways_the_goal_and_the_robot_are_drawn_over_it(world):
    plan = FloorPlan.of(world, (800, 400))
    image = plan.now([(0.0, 0.0), (2.0, 0.0)], [(2.0, 0.0), (5.0, 0.0)], (2.0, 0.0, 0.0))
    assert colour(plan, image, 1.0, 0.0) == WALKED
    assert colour(plan, image, 4.0, 0.0) == PLANNED
    assert colour(plan, image, 5.0, 0.0) == GOAL
    assert colour(plan, image, 2.0, 0.0) == ROBOT
    assert colour(plan, plan.image, 2.0, 0.0) == PAPER  # the plan itself is as it was


def test_names_do_not_cover_each_other():
    world = World.load("tabletop")  # its two places are side by side
    plan = FloorPlan.of(world, (800, 800))
    named, bare = plan.with_names(world), plan.image
    x, y = plan.at(world.places[0].x, world.places[0].y)
    below, above = ((round(x - 20), round(y + d), round(x + 20), round(y + d + 20)) for d in (10, -30))
    changed = [named.crop(area).tobytes() != bare.crop(area).tobytes() for area in (below, above)]
    assert changed == [True, True]


def test_half_a_character_is_a_pixel():
    image = Image.new("RGB", (3, 3), (255, 0, 0))
    image.putpixel((1, 1), (0, 0, 255))
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="truecolor", width=20).print(half_blocks(image))
    first, second = out.getvalue().rstrip("\n").split("\n")
    assert first.count("▀") == second.count("▀") == 3
    assert first.count("38;2;255;0;0;48;2;255;0;0") == 2
    assert first.count("38;2;255;0;0;48;2;0;0;255") == 1
    assert "48;2" not in second  # below it is nothing
