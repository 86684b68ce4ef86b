"""Judged from shapes and poses: what is in a basket, and what only looks so from above."""

import math
from pathlib import Path

import pytest

from vla_sim.common.errors import InputError
from vla_sim.scenario.containment import is_inside
from vla_sim.world.semantic_map import World

BOXES = ("0 0 0.005 0.2 0.2 0.01", "-0.095 0 0.035 0.01 0.2 0.07", "0.095 0 0.035 0.01 0.2 0.07",
         "0 -0.095 0.035 0.18 0.01 0.07", "0 0.095 0.035 0.18 0.01 0.07")  # fmt: skip
INERTIAL = (
    "<inertial><mass>0.2</mass><inertia><ixx>.001</ixx><iyy>.001</iyy><izz>.001</izz></inertia></inertial>"
)
BASKET = (1.0, 0.2, 0.75, 1.0, 0.0, 0.0, 0.0)


def _collision(number: int, numbers: str) -> str:
    x, y, z, *size = numbers.split()
    return (
        f"<collision name='c{number}'><pose>{x} {y} {z} 0 0 0</pose><geometry><box><size>{' '.join(size)}"
        "</size></box></geometry></collision>"
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    walls = "".join(_collision(i, one) for i, one in enumerate(BOXES))
    ball = (
        "<collision name='c'><pose>0 0 0.03 0 0 0</pose><geometry><sphere><radius>0.03</radius></sphere>"
        "</geometry></collision>"
    )
    path: Path = tmp_path_factory.mktemp("worlds") / "w.sdf"
    path.write_text(
        "<sdf version='1.10'><world name='w'><frame name='place/start'/>"
        "<include><uri>model://g1</uri></include>"
        f"<model name='white_basket'><link name='l'>{INERTIAL}{walls}</link></model>"
        f"<model name='red_ball'><link name='l'>{INERTIAL}{ball}</link></model></world></sdf>"
    )
    return World.load(str(path))


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ((1.0, 0.2, 0.76), True),
        ((1.055, 0.145, 0.76), True),  # in its corner
        ((1.0, 0.2, 0.85), False),  # above it, in the hand
        ((1.0, 0.2, 0.795), False),  # its middle above the rim
        ((1.15, 0.2, 0.75), False),  # beside it
        ((0.905, 0.2, 0.82), False),  # on its rim
        ((1.0, 0.2, 0.70), False),  # under it
    ],
)
def test_a_ball_is_in_a_basket_if_walls_and_floor_are_around_its_middle(
    world: World, at: tuple[float, float, float], inside: bool
) -> None:
    pose = (*at, 1.0, 0.0, 0.0, 0.0)
    assert is_inside(world, "red_ball", pose, "white_basket", BASKET) == inside


def test_the_walls_turn_with_the_basket(world: World) -> None:
    """The ball is outside of its wall, and within where that wall's corner turns to."""
    ball = (1.12, 0.2, 0.755, 1.0, 0.0, 0.0, 0.0)
    turned = (*BASKET[:3], math.cos(math.pi / 8), 0.0, 0.0, math.sin(math.pi / 8))
    assert not is_inside(world, "red_ball", ball, "white_basket", BASKET)
    assert is_inside(world, "red_ball", ball, "white_basket", turned)


def test_what_fell_over_holds_nothing(world: World) -> None:
    """Its opening looks along x."""
    side = (1.0, 0.2, 0.85, math.cos(math.pi / 4), 0.0, math.sin(math.pi / 4), 0.0)
    ball = (1.03, 0.2, 0.76, 1.0, 0.0, 0.0, 0.0)
    assert not is_inside(world, "red_ball", ball, "white_basket", side)


def test_a_model_that_is_not_there_is_said(world: World) -> None:
    with pytest.raises(InputError, match="no model green_bowl"):
        is_inside(world, "red_ball", BASKET, "green_bowl", BASKET)
