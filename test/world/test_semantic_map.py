"""The world model: what is read from SDF, the map, and that the shipped flats suit the robot."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vla_sim.common import assets
from vla_sim.common.errors import InputError, SdfError
from vla_sim.common.geometry import rotation_from_rpy, transform
from vla_sim.contract.records import ObjectQuery
from vla_sim.world import occupancy_grid
from vla_sim.world.occupancy_grid import Grid
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import Surface, World
from vla_sim.world.solids import Solid

WORLDS = assets.world_names()
CELL = 0.05


@pytest.fixture(scope="module")
def apartment() -> World:
    return World.load("apartment")


def model(name: str, pose: str, geometry: str, static: bool = True) -> str:
    return (
        f"<model name='{name}'><static>{str(static).lower()}</static><pose>{pose}</pose><link name='link'>"
        "<inertial><mass>0.2</mass><inertia><ixx>1e-4</ixx><iyy>1e-4</iyy><izz>1e-4</izz></inertia></inertial>"
        f"<collision name='c'><geometry>{geometry}</geometry></collision></link></model>"
    )


def box(x: float, y: float, z: float) -> str:
    return f"<box><size>{x} {y} {z}</size></box>"


ROBOT = model("g1", "0 0 0.79 0 0 0.5", box(0.1, 0.1, 0.1), static=False)
PLACE = "<frame name='place/far_end'><pose>1 2 0 0 0 1.5</pose></frame>"


def write(folder: Path, body: str) -> str:
    path = folder / "tiny.sdf"
    path.write_text(f"<sdf version='1.10'><world name='tiny'>{body}</world></sdf>")
    return str(path)


# --------------------------------------------------------------------------- loading


def test_world_knows_places_start_and_vocabulary(tmp_path: Path) -> None:
    cup = "<cylinder><radius>0.03</radius><length>0.1</length></cylinder>"
    body = ROBOT + PLACE
    body += model("red_cup", "1 1 1 0 0 0", cup, False) + model("red_cup_2", "2 1 1 0 0 0", cup, False)
    world = World.load(write(tmp_path, body))
    assert world.name == "tiny"
    assert world.start == pytest.approx((0, 0, 0.5))
    (place,) = world.places
    assert (place.name, place.x, place.y, place.yaw) == pytest.approx(("far end", 1, 2, 1.5))
    kind, second = world.objects
    assert (second.name, second.kind, second.colour) == ("red_cup_2", "cup", "red")
    assert (kind.name, kind.kind, kind.colour) == ("red_cup", "cup", "red")
    assert (kind.shape, kind.mass) == ("cylinder", 0.2)
    assert kind.size == pytest.approx((0.06, 0.06, 0.1))
    assert ObjectQuery(kind="cup").matches(kind)
    assert not ObjectQuery(kind="cup", colour="blue").matches(kind)


def test_both_spellings_of_grey_are_one_colour(tmp_path: Path) -> None:
    body = ROBOT + PLACE + model("gray_box", "1 0 0 0 0 0", box(0.1, 0.1, 0.1), False)
    body += model("grey_cup", "2 0 0 0 0 0", box(0.1, 0.1, 0.1), False)
    found = World.load(write(tmp_path, body)).objects
    assert [(o.name, o.colour) for o in found] == [("gray_box", "grey"), ("grey_cup", "grey")]


def test_unmapped_movable_and_forbidden_models_are_not_on_the_map(tmp_path: Path) -> None:
    body = ROBOT + PLACE + model("crate", "3 0 0.5 0 0 0", box(1, 1, 1))
    body += model("unmapped_crate", "5 0 0.5 0 0 0", box(1, 1, 1))
    body += model("cart", "7 0 1 0 0 0", box(1, 1, 1), False)
    body += model("forbidden_stairs", "0 5 0 0 0 1.5707963", box(2, 1, 0.01))
    world = World.load(write(tmp_path, body))
    assert [solid.name for solid in world.solids] == ["crate::link::c"]
    (area,) = world.forbidden
    assert area == pytest.approx((-0.5, 4, 0.5, 6), abs=1e-6)


def test_surface_belongs_to_the_place_that_is_nearest_on_foot(tmp_path: Path) -> None:
    """A wall stands between the table and the place that is nearer as the crow flies."""
    body = ROBOT + model("work_table", "0 0.4 0.735 0 0 0", box(1.2, 0.6, 0.03))
    body += model("wall", "1 0 1 0 0 0", box(6, 0.1, 2))
    body += "<frame name='place/near'><pose>0 -0.5 0 0 0 0</pose></frame>"
    body += "<frame name='place/here'><pose>0 3 0 0 0 0</pose></frame>"
    (surface,) = World.load(write(tmp_path, body)).surfaces
    assert surface.name == "work table"
    assert surface.place == "here"
    assert (surface.length, surface.width, surface.height) == pytest.approx((1.2, 0.6, 0.75))


def test_unreachable_surface_takes_the_nearest_place(tmp_path: Path) -> None:
    body = ROBOT + PLACE + model("desk", "0 0 0.7 0 0 0", box(1, 0.5, 0.03))
    body += "".join(
        model(f"wall{i}", f"{x} {y} 1 0 0 0", box(sx, sy, 2))
        for i, (x, y, sx, sy) in enumerate([(0, 1, 4, 0.1), (0, -1, 4, 0.1), (2, 0, 0.1, 2), (-2, 0, 0.1, 2)])
    )
    assert World.load(write(tmp_path, body)).surfaces[0].place == "far end"


def test_broken_world_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(SdfError, match=r"tiny\.sdf:1: "):
        World.load(write(tmp_path, "<model>"))


def test_a_fixed_mesh_is_on_the_map_as_its_shape(tmp_path: Path) -> None:
    """A wedge: its shadow is a triangle, not the rectangle around it."""
    (tmp_path / "wedge.obj").write_text(
        "v 0 0 0\nv 2 0 0\nv 0 2 0\nv 0 0 1\nv 2 0 1\nv 0 2 1\n"
        "f 1 3 2\nf 4 5 6\nf 1 2 5\nf 1 5 4\nf 2 3 6\nf 2 6 5\nf 3 1 4\nf 3 4 6\n"
    )
    mesh = "<mesh><uri>wedge.obj</uri></mesh>"
    world = World.load(write(tmp_path, ROBOT + PLACE + model("wedge", "3 0 0 0 0 0", mesh)))
    (solid,) = world.solids
    assert (solid.shape, solid.size) == ("hull", (2.0, 2.0, 1.0))
    grid = world.rasterise()

    def taken(x: float, y: float) -> bool:
        return bool(grid.occupied[int((y - grid.y0) / CELL), int((x - grid.x0) / CELL)])

    assert taken(3.5, 0.5)
    assert taken(4.7, 0.2)
    assert not taken(4.5, 1.5)


# --------------------------------------------------------------------------- the map

numbers = st.floats(-0.6, 0.6)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(["box", "cylinder", "sphere"]),
    size=st.tuples(*[st.floats(0.05, 0.5)] * 3),
    at=st.tuples(numbers, numbers, numbers),
    rpy=st.tuples(st.sampled_from([0.0, 0.4, math.pi / 2]), st.sampled_from([0.0, -0.7]), st.floats(-3, 3)),
)
def test_entered_cells_are_those_that_hold_a_point_of_the_solid(
    shape: str, size: tuple[float, float, float], at: tuple[float, ...], rpy: tuple[float, float, float]
) -> None:
    low, high, cell = -0.1, 0.3, 0.1
    pose = transform(at, rotation_from_rpy(*rpy))
    axis = np.arange(-1.55, 1.56, cell)
    shadow = occupancy_grid.shadow(Solid("s", shape, pose, size), low, high)
    got = np.zeros((32, 32), bool) if shadow is None else occupancy_grid.entered(*shadow, axis, axis, cell)
    # Points that are more than a touch inside of the solid and of the slab.
    inside = np.asarray(size) - 2 * occupancy_grid.TOUCH
    low, high = low + 5 * occupancy_grid.TOUCH, high - 5 * occupancy_grid.TOUCH
    u = np.random.default_rng(1).uniform(-1, 1, (40000, 3))
    if shape == "box":
        points = u * inside / 2
    elif shape == "cylinder":
        points = u[np.hypot(u[:, 0], u[:, 1]) <= 1] * (inside[0], inside[0], inside[1] / 2)
    else:
        # Half of the points where the sphere is widest within the slab, of which a thin cap has few.
        u[::2, 2] = (np.clip(at[2], low + 1e-6, high - 1e-6) - at[2]) / inside[0]
        points = u[np.linalg.norm(u, axis=1) <= 1] * inside[0]
    points = points @ (np.eye(3) if shape == "sphere" else pose[:3, :3].T) + pose[:3, 3]
    points = points[(points[:, 2] > low) & (points[:, 2] < high)]
    hit = np.zeros((32, 32), bool)
    hit[tuple(np.floor((points[:, 1::-1] + 1.6) / cell).astype(int).T)] = True
    assert not (hit & ~got).any(), "a cell with a point of the solid is free"
    # A cell without a sampled point may be entered at its edge, but not far from every point.
    if len(points) > 300:
        for row, column in np.argwhere(got & ~hit):
            off = np.hypot(points[:, 0] - axis[column], points[:, 1] - axis[row]).min()
            assert off < cell * math.sqrt(0.5) + 0.04


def test_wall_on_cell_edges_fills_no_cell_beside_it(tmp_path: Path) -> None:
    world = World.load(write(tmp_path, ROBOT + PLACE + model("wall", "2 1 1 0 0 1.5708", box(1, 0.1, 2))))
    grid = world.rasterise(CELL)
    assert grid.occupied.sum() == 2 * 20


@pytest.mark.parametrize("x", ["30000", "1e300"])
def test_what_is_placed_far_away_makes_no_map(tmp_path: Path, x: str) -> None:
    far = f"<frame name='place/far'><pose>{x} {x} 0 0 0 0</pose></frame>"
    path = write(tmp_path, ROBOT + PLACE + far + model("table", "1 0 0 0 0 0", box(1, 1, 1.5)))
    with pytest.raises(InputError, match="is something placed far away by mistake"):
        World.load(path).rasterise(CELL)


def test_rug_lamp_and_lintel_leave_the_floor_free(tmp_path: Path) -> None:
    body = ROBOT + PLACE + model("rug", "1 1 0.01 0 0 0", box(2, 2, 0.02))
    body += model("lintel", "2 0 2 0 0 0", box(1, 1, 0.4))
    assert not World.load(write(tmp_path, body)).rasterise().occupied.any()


@pytest.mark.parametrize(("cell", "low", "high"), [(0.0, 0.05, 1.4), (math.nan, 0.05, 1.4), (0.05, 1.0, 1.0)])
def test_map_without_cells_or_height_is_refused(
    apartment: World, cell: float, low: float, high: float
) -> None:
    with pytest.raises(InputError, match="give a positive resolution and low < high"):
        apartment.rasterise(cell, low, high)


def test_grid_goes_through_pgm_as_map_server_reads_it(apartment: World, tmp_path: Path) -> None:
    grid = apartment.rasterise()
    grid.write(tmp_path / "flat")
    header = dict(line.split(": ") for line in (tmp_path / "flat.yaml").read_text().splitlines())
    assert header["mode"] == "trinary"
    assert header["negate"] == "0"
    magic, size, largest, pixels = (tmp_path / header["image"]).read_bytes().split(b"\n", 3)
    columns, rows = map(int, size.split())
    assert (magic, largest) == (b"P5", b"255")
    image = np.frombuffer(pixels, np.uint8).reshape(rows, columns)
    probability = (255 - image) / 255.0
    read = np.where(probability > float(header["occupied_thresh"]), True, False)[::-1]
    assert np.all(probability[::-1][~read] < float(header["free_thresh"]))
    x0, y0, yaw = (float(v) for v in header["origin"].strip("[]").split(","))
    assert yaw == 0.0
    back = Grid(read, x0, y0, float(header["resolution"]))
    assert np.array_equal(back.occupied, grid.occupied)
    assert (back.x0, back.y0, back.resolution) == (grid.x0, grid.y0, grid.resolution)


# --------------------------------------------------------------------------- the shipped worlds


def clearance(grid: Grid, x: float, y: float) -> float:
    """Distance [m] from (x, y) to the nearest occupied cell's square."""
    row, column = np.nonzero(grid.occupied)
    dx = np.maximum(np.abs(grid.x0 + (column + 0.5) * grid.resolution - x) - grid.resolution / 2, 0)
    dy = np.maximum(np.abs(grid.y0 + (row + 0.5) * grid.resolution - y) - grid.resolution / 2, 0)
    return float(np.hypot(dx, dy).min())


def free_by(grid: Grid, radius: float) -> NDArray[np.bool_]:
    """Cells whose centre is at least `radius` [m] from every occupied cell's centre."""
    n = int(radius / grid.resolution)
    blocked = np.pad(grid.occupied, n)
    rows, columns = grid.occupied.shape
    near = np.zeros_like(grid.occupied)
    for i in range(-n, n + 1):
        for j in range(-n, n + 1):
            if math.hypot(i, j) <= radius / grid.resolution:
                near |= blocked[n + i : n + i + rows, n + j : n + j + columns]
    return ~near


def reachable(free: NDArray[np.bool_], cell: tuple[int, int]) -> NDArray[np.bool_]:
    wave = np.zeros_like(free)
    wave[cell] = True
    while True:
        wide = np.pad(wave, 1)
        grown = (wave | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]) & free
        if np.array_equal(grown, wave):
            return wave
        wave = grown


def cell(grid: Grid, x: float, y: float) -> tuple[int, int]:
    return int((y - grid.y0) / grid.resolution), int((x - grid.x0) / grid.resolution)


@pytest.mark.parametrize("name", WORLDS)
def test_start_and_places_are_free_and_reachable(name: str) -> None:
    world = World.load(name)
    grid = world.rasterise(CELL)
    ways = reachable(free_by(grid, 0.40), cell(grid, *world.start[:2]))
    assert clearance(grid, *world.start[:2]) >= 0.6
    for place in world.places:
        assert clearance(grid, place.x, place.y) >= 0.45, place.name
        assert ways[cell(grid, place.x, place.y)], f"{place.name} cannot be reached"


@pytest.mark.parametrize("name", WORLDS)
def test_no_place_lies_in_forbidden_ground(name: str) -> None:
    world = World.load(name)
    for x0, y0, x1, y1 in world.forbidden:
        for x, y in [(p.x, p.y) for p in world.places] + [world.start[:2]]:
            assert not (x0 - 0.3 < x < x1 + 0.3 and y0 - 0.3 < y < y1 + 0.3)


DOORS = {
    "living room - kitchen": (2.55, 1.20, "y"),
    "living room - hallway": (-0.90, 2.25, "x"),
    "hallway - bedroom": (0.90, 3.75, "x"),
}


@pytest.mark.parametrize("door", DOORS)
def test_doorway_is_90_cm_wide(apartment: World, door: str) -> None:
    x, y, along = DOORS[door]
    grid = apartment.rasterise(CELL)
    row, column = cell(grid, x - 0.01, y - 0.01)
    line = grid.occupied[:, column] if along == "y" else grid.occupied[row]
    at = row if along == "y" else column
    walls = np.nonzero(line)[0]
    left, right = walls[walls < at].max(), walls[walls > at].min()
    assert (right - left - 1) * CELL == pytest.approx(0.90)


def test_apartment_has_the_rooms_and_things_that_commands_speak_of(apartment: World) -> None:
    places = {place.name for place in apartment.places}
    assert {"living room", "kitchen", "bedroom", "hallway", "charging station"} <= places
    assert {"red_cup", "red_ball", "blue_box"} <= {kind.name for kind in apartment.objects}
    at = {surface.name: surface.place for surface in apartment.surfaces}
    assert at["kitchen table"] == at["kitchen counter"] == "kitchen"
    assert at["side table"] == "living room"
    assert at["dresser"] == "bedroom"
    assert not at.keys() & {"bedside table", "coffee table"}, "too low for a standing robot to reach"


def test_way_to_the_kitchen_is_5_to_7_m_through_a_door(apartment: World) -> None:
    kitchen = next(p for p in apartment.places if p.name == "kitchen")
    corners = [apartment.start[:2], (2.0, 1.2), (3.1, 1.2), (kitchen.x, kitchen.y)]
    grid = apartment.rasterise(CELL)
    for a, b in pairwise(corners):
        for t in np.linspace(0, 1, 40):
            assert clearance(grid, a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) >= 0.40
    assert 5.0 <= sum(math.dist(a, b) for a, b in pairwise(corners)) <= 7.0


def objects_on(world: World) -> list[tuple[str, NDArray[np.float64], Surface]]:
    """(name, position, the surface it stands on) of every movable object."""
    tree = reader.load_world(world.path)
    found = []
    for kind in world.objects:
        position = tree.model(kind.name).pose[:3, 3]
        for s in world.surfaces:
            x, y = local(s, position[0], position[1])
            bottom = position[2] - kind.size[2] / 2
            if abs(x) < s.length / 2 and abs(y) < s.width / 2 and abs(bottom - s.height) < 0.002:
                found.append((kind.name, position, s))
    return found


def local(s: Surface, x: float, y: float) -> tuple[float, float]:
    c, d = math.cos(s.yaw), math.sin(s.yaw)
    return c * (x - s.x) + d * (y - s.y), -d * (x - s.x) + c * (y - s.y)


@pytest.mark.parametrize("name", ["apartment", "tabletop"])
def test_every_object_stands_on_a_surface_at_reach_height(name: str) -> None:
    world = World.load(name)
    found = objects_on(world)
    assert {one for one, _, _ in found} == {kind.name for kind in world.objects}
    assert all(0.70 <= surface.height <= 0.85 for _, _, surface in found)


@pytest.mark.parametrize("name", ["apartment", "tabletop"])
def test_every_object_is_near_an_edge_with_standing_room(name: str) -> None:
    """Within 0.15 m of the front edge (the furniture's -y), on the table still when moved by 0.10 m,
    with 0.8 m of free floor before the edge and nothing under the first 0.15 m of the top."""
    world = World.load(name)
    grid = world.rasterise(CELL)
    below = world.rasterise(CELL, 0.05, 0.70)
    for one, position, s in objects_on(world):
        x, y = local(s, position[0], position[1])
        assert 0.13 <= s.width / 2 + y <= 0.15, one
        assert s.length / 2 - abs(x) >= 0.15, one
        c, d = math.cos(s.yaw), math.sin(s.yaw)
        for across in np.arange(x - 0.3, x + 0.31, 0.05):
            for ahead in np.arange(0.03, 0.8, 0.05):
                u, v = across, -s.width / 2 - ahead
                assert not grid.occupied[cell(grid, s.x + c * u - d * v, s.y + d * u + c * v)], one
        for across in np.arange(x - 0.1, x + 0.11, 0.05):
            for behind in np.arange(0.03, 0.16, 0.05):
                u, v = across, -s.width / 2 + behind
                assert not below.occupied[cell(below, s.x + c * u - d * v, s.y + d * u + c * v)], one


@pytest.mark.parametrize("name", ["apartment", "tabletop"])
def test_objects_stay_apart_when_each_moves_by_10_cm(name: str) -> None:
    found = objects_on(World.load(name))
    for i, (a, at, _) in enumerate(found):
        for b, there, _ in found[:i]:
            assert math.dist(at, there) >= 0.2 + 0.07, (a, b)


def test_corridor_hides_obstacles_from_the_map_and_has_a_person(apartment: World) -> None:
    world = World.load("corridor")
    tree = reader.load_world(world.path)
    hidden = [m.name for m in tree.models if m.name.startswith("unmapped_")]
    assert len(hidden) >= 2
    assert not any(solid.name.startswith(("unmapped_", "person", "forbidden_")) for solid in world.solids)
    assert world.forbidden
    assert not apartment.path.samefile(world.path)
    (plugin,) = [p for p in tree.model("person").plugins if p.filename == "gz-sim-trajectory-follower-system"]
    assert plugin.name == "gz::sim::systems::TrajectoryFollower"
    assert plugin.tag.get("loop") == "true"
    assert len(plugin.tag.all("waypoints")[0].all("waypoint")) >= 2


SYSTEMS = ("physics", "sensors", "user-commands", "scene-broadcaster", "contact", "imu")


@pytest.mark.parametrize("name", WORLDS)
def test_world_carries_gazebos_systems_and_casts_no_shadows(name: str) -> None:
    tree = reader.load_world(assets.find_world(name))
    assert {f"gz-sim-{system}-system" for system in SYSTEMS} <= {p.filename for p in tree.plugins}
    sensors = next(p for p in tree.plugins if "sensors" in p.filename)
    assert sensors.tag.get("render_engine") == "ogre2"
    assert tree.step == 0.002
    assert tree.gravity == (0, 0, -9.81)
    assert len(tree.lights) >= 2
    assert not any(light.cast_shadows for light in tree.lights)
