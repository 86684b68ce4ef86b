"""A home as a map server reads it is a world as any other: the same cells, places and surfaces."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vla_sim.common.errors import InputError, SdfError
from vla_sim.world import map_file
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import World

NOTES = """
places:
  living_room: [-1.0, 0.5, 1.57]
  kitchen: [2.0, 1.0, 0]
surfaces:
  kitchen table: {x: 2.6, y: 1.0, length: 1.4, width: 0.6, height: 0.76}
forbidden: [[1.0, 2.0, 0.5, 1.0]]
objects: [red_cup, blue_ball]
"""


@pytest.fixture
def home(tmp_path):
    """A walled room of 6 m by 4 m, its origin on no cell's edge, as a mapper leaves it."""
    walls = np.zeros((80, 120), dtype=bool)
    walls[[0, -1], :] = walls[:, [0, -1]] = True
    walls[30:40, 60] = True
    Grid(walls, -2.013, -1.207, 0.05).write(tmp_path / "home")
    (tmp_path / "places.yaml").write_text(NOTES)
    return tmp_path / "home.yaml"


def test_its_walls_places_and_surfaces_are_known(home):
    world = World.load(str(home))
    assert [place.name for place in world.places] == ["living room", "kitchen"]
    assert world.start == (-1.0, 0.5, 1.57)
    [table] = world.surfaces
    assert (table.name, table.place, table.height) == ("kitchen table", "kitchen", 0.76)
    assert world.forbidden == ((0.5, 1.0, 1.0, 2.0),)
    assert {(one.colour, one.kind) for one in world.objects} == {("red", "cup"), ("blue", "ball")}
    grid = world.rasterise(0.025)

    def taken(x, y):
        return bool(grid.occupied[int((y - grid.y0) / 0.025), int((x - grid.x0) / 0.025)])

    assert taken(-2.0, 0.0)
    assert taken(-2.013 + 60.5 * 0.05, -1.207 + 35 * 0.05)
    assert not taken(0.0, 0.0)
    assert not taken(*world.start[:2])


def test_a_shipped_world_read_back_from_its_own_map_has_the_same_cells(tmp_path):
    world = World.load("apartment")
    grid = world.rasterise(0.05)
    grid.write(tmp_path / "flat")
    (tmp_path / "places.yaml").write_text("places: {start: [0, 0, 0]}")
    again = World.load(str(tmp_path / "flat.yaml"))
    back = again.rasterise(0.05, 1.0, 1.3)
    rows, columns = (round((a - b) / 0.05) for a, b in ((grid.y0, back.y0), (grid.x0, back.x0)))
    height, width = grid.occupied.shape
    np.testing.assert_array_equal(
        back.occupied[rows : rows + height, columns : columns + width], grid.occupied
    )
    assert back.occupied.sum() == grid.occupied.sum()
    assert len(again.objects) > 10  # all that is shipped


def test_what_the_map_does_not_know_is_not_free_and_no_wall(home):
    from PIL import Image

    with Image.open(home.with_suffix(".pgm")) as image:
        grey = np.asarray(image).copy()
    grey[30:40, 100:110] = grey[:, -6:] = 205  # as map_saver writes what was not seen
    Image.fromarray(grey).save(home.with_suffix(".pgm"))
    world = World.load(str(home))
    x, y = -2.013 + 105 * 0.05, -1.207 + (80 - 35) * 0.05

    def taken(grid):
        return bool(grid.occupied[int((y - grid.y0) / 0.05), int((x - grid.x0) / 0.05)])

    low, tall = world.rasterise(0.05), world.rasterise(0.05, 1.0, 1.3)
    assert taken(low)
    assert not taken(tall)
    assert (low.x0, low.y0, low.occupied.shape) == (tall.x0, tall.y0, tall.occupied.shape)


def test_a_turned_map_lies_turned(home):
    text = home.read_text().replace("origin: [-2.013, -1.207, 0.0]", f"origin: [0, 0, {math.pi / 2}]")
    home.write_text(text)
    solids = World.load(str(home)).solids
    assert min(s.pose[0, 3] for s in solids) == pytest.approx(-3.975)  # 80 rows of it
    assert max(s.pose[1, 3] for s in solids) == pytest.approx(5.975)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_rectangles_cover_each_cell_once_and_no_other(cells):
    count = np.zeros(cells.shape, dtype=int)
    for row, rows, column, columns in map_file.rectangles(cells):
        count[row : row + rows, column : column + columns] += 1
    np.testing.assert_array_equal(count, cells.astype(int))


@pytest.mark.parametrize(("file", "old", "new", "why"), [
    ("home.yaml", "resolution: 0.05", "resolution: 0", "resolution"),
    ("home.yaml", "image: home.pgm", "image: none.pgm", "no image of a map"),
    ("home.yaml", "mode: trinary", "mode: raw", "only trinary is read"),
    ("home.yaml", "origin:", "orogin:", "origin"),
    ("places.yaml", "kitchen: [2.0, 1.0, 0]", "kitchen: [2.0, 1.0]", "places.yaml:3"),
    ("places.yaml", "height: 0.76", "hight: 0.76", "hight"),
    ("places.yaml", "red_cup", "red_cap", "no object 'red_cap'; did you mean red_cup"),
    ("places.yaml", "places:", "rooms:", "rooms"),
    ("places.yaml", "2.0, 1.0, 0", "2.0, 1.0, .inf", "places.yaml:3"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_its_file(home, file, old, new, why):
    path = home.parent / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=why):
        World.load(str(home))


def test_a_map_without_places_is_refused(home):
    (home.parent / "places.yaml").unlink()
    with pytest.raises(InputError, match=r"no places\.yaml beside it"):
        World.load(str(home))


def test_an_image_that_is_none_is_refused(home):
    home.with_suffix(".pgm").write_bytes(b"P5\n120 80\n255\n" + b"x" * 10)
    with pytest.raises(InputError, match="no image of a map"):
        World.load(str(home))


def test_noise_is_no_map(home, monkeypatch):
    monkeypatch.setattr(map_file, "MOST_SOLIDS", 1000)
    World.load(str(home))
    Grid(np.random.default_rng(0).random((80, 120)) < 0.5, 0.0, 0.0, 0.05).write(home.with_suffix(""))
    with pytest.raises(InputError, match=r"home\.pgm: its cells make more than 1000 rectangles"):
        World.load(str(home))


def test_a_map_is_not_simulated(home):
    with pytest.raises(SdfError, match="a map cannot be simulated"):
        reader.load_world(home)
