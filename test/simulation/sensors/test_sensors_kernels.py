"""The ray caster against numpy, and against what can be worked out by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensors_reference import cast as reference

from vla_sim.common.geometry import rotation_from_rpy, transform
from vla_sim.simulation.sensors import kernels
from vla_sim.simulation.sensors.scene import Scene
from vla_sim.world.sdf import reader
from vla_sim.world.solids import Solid

PART = {
    "box": "<box><size>{0} {1} {2}</size></box>",
    "sphere": "<sphere><radius>{0}</radius></sphere>",
    "cylinder": "<cylinder><radius>{0}</radius><length>{1}</length></cylinder>",
    "capsule": "<capsule><radius>{0}</radius><length>{1}</length></capsule>",
    "ellipsoid": "<ellipsoid><radii>{0} {1} {2}</radii></ellipsoid>",
    "plane": "<plane><normal>{0} {1} {2}</normal><size>2 2</size></plane>",
    "mesh": "<mesh><uri>{0}</uri></mesh>",
}


def scene(*parts, more=""):
    """Of (shape, size, (x, y, z, roll, pitch, yaw)) visuals, each a static model."""
    models = "".join(
        f"<model name='m{i}'><static>true</static><pose>{' '.join(map(str, pose))}</pose><link name='l'>"
        f"<visual name='v'><geometry>{PART[shape].format(*size)}</geometry></visual></link></model>"
        for i, (shape, size, pose) in enumerate(parts)
    )
    text = f"<sdf version='1.10'><world name='w'>{models}{more}</world></sdf>"
    return Scene(reader.loads(text).world, "g1")


def look(made, rays, origin=(0.0, 0.0, 0.0), reach=100.0):
    return made.view().cast(made.rest, np.array(origin), np.array(rays, dtype=float), reach)


X = [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("shape", "size", "pose", "distance"),
    [
        ("box", (1, 1, 1), (3, 0, 0, 0, 0, 0), 2.5),
        ("box", (1, 1, 1), (3, 0, 0, 0, 0, math.pi / 4), 3 - math.sqrt(0.5)),
        ("sphere", (0.5,), (3, 0, 0, 0, 0, 0), 2.5),
        ("sphere", (0.5,), (3, 0.3, 0, 0, 0, 0), 3 - 0.4),
        ("cylinder", (0.5, 2), (3, 0, 0, 0, 0, 0), 2.5),
        ("cylinder", (0.5, 2), (3, 0, 0, 0, math.pi / 2, 0), 2.0),
        ("capsule", (0.5, 2), (3, 0, 0, 0, 0, 0), 2.5),
        ("capsule", (0.5, 2), (3, 0, 0, 0, math.pi / 2, 0), 1.5),
        ("ellipsoid", (0.2, 0.5, 1), (3, 0, 0, 0, 0, 0), 2.8),
        ("plane", (-1, 0, 0), (3, 0, 0, 0, 0, 0), 3.0),
        ("plane", (1, 0, 0), (3, 0, 0, 0, 0, 0), math.inf),  # from behind
        ("plane", (-1, 0, 0), (3, 0, 1.5, 0, 0, 0), math.inf),  # beside it
        ("box", (1, 1, 1), (0, 0, 0, 0, 0, 0), math.inf),  # from inside
        ("sphere", (1,), (-3, 0, 0, 0, 0, 0), math.inf),  # behind
    ],
)
def test_a_ray_meets_a_shape_where_it_should(shape, size, pose, distance):
    assert look(scene((shape, size, pose)), X)[0] == pytest.approx(distance, abs=1e-9)


def test_nothing_to_see_and_nothing_within_reach_are_misses():
    assert look(scene(("box", (1, 1, 1), (3, 0, 0, 0, 0, 0))), X, reach=2.0)[0] == math.inf
    empty = scene(("box", (1, 1, 1), (3, 0, 0, 0, 0, 0)))
    assert empty.view(np.array([False])).cast(empty.rest, np.zeros(3), np.array(X), 9.0)[0] == math.inf


side = st.floats(0.05, 1.0)
turn = st.floats(-math.pi, math.pi)
where = st.tuples(*[st.floats(-3, 3)] * 3, turn, turn, turn)
solids = st.lists(
    st.tuples(st.sampled_from(["box", "sphere", "cylinder"]), st.tuples(side, side, side), where),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(solids, st.integers(0, 2**31))
def test_any_heap_of_shapes_gives_what_numpy_gives(parts, seed):
    rays = np.random.default_rng(seed).standard_normal((40, 3))
    rays /= np.linalg.norm(rays, axis=1)[:, None]
    expected = reference(
        np.zeros(3), rays,
        tuple(Solid("s", k, transform(p[:3], rotation_from_rpy(*p[3:])), s) for k, s, p in parts),
    )  # fmt: skip
    ours = look(scene(*parts), rays)
    # A ray that only touches an edge may count either way.
    grazing = np.isfinite(ours) != np.isfinite(expected)
    assert grazing.mean() < 0.05
    assert ours[~grazing] == pytest.approx(expected[~grazing], abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 400), st.integers(0, 2**31), st.booleans())
def test_the_tree_holds_every_box_once_and_within_its_node(n, seed, piled):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-5, 5, (n, 3)) * (0.0 if piled else 1.0)
    high = low + rng.uniform(0, 1, (n, 3)) * (0.0 if piled else 1.0)
    order, box, child = np.zeros(n, np.int32), np.zeros((2 * n + 1, 6)), np.zeros((2 * n + 1, 2), np.int32)
    count = kernels.build(low, high, order, box, child)
    assert sorted(order) == list(range(n))
    seen = []
    todo = [(0, 0)] if n else []
    while todo:
        node, depth = todo.pop()
        assert depth < kernels.STACK
        first, items = child[node]
        if items:
            members = order[first : first + items]
            seen += list(members)
            assert (box[node, :3] <= low[members]).all()
            assert (box[node, 3:] >= high[members]).all()
        else:
            for one in (first, first + 1):
                assert node < one < count
                assert (box[node, :3] <= box[one, :3]).all()
                assert (box[node, 3:] >= box[one, 3:]).all()
                todo.append((one, depth + 1))
    assert sorted(seen) == list(range(n))


@pytest.mark.parametrize("far", [1.7e308, -1.7e308, np.inf, np.nan])
def test_a_box_that_is_too_far_for_numbers_is_put_into_a_bin_that_there_is(far):
    """By Python, which looks at every index; numba does not."""
    low = np.zeros((5, 3))
    low[:, 0] = 0.0, 1.0, far, 2.0, 3.0
    order, box, child = np.zeros(5, np.int32), np.zeros((11, 6)), np.zeros((11, 2), np.int32)
    with np.errstate(all="ignore"):
        kernels.build.py_func(low, low + 0.1, order, box, child)
    assert sorted(order) == list(range(5))


def test_a_mesh_is_seen_like_the_box_that_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("GZ_SIM_RESOURCE_PATH", str(tmp_path))
    pytest.importorskip("trimesh")
    corners = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
    quads = [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)]
    file = tmp_path / "cube.obj"
    file.write_text(
        "".join(f"v {x} {y} {z}\n" for x, y, z in corners)
        + "".join(f"f {a} {b} {c}\nf {a} {c} {d}\n" for a, b, c, d in quads)
    )
    rays = np.random.default_rng(0).standard_normal((200, 3))
    rays /= np.linalg.norm(rays, axis=1)[:, None]
    pose = (1.2, 0.3, 0.1, 0.4, 0.2, 0.7)
    mesh = look(scene(("mesh", (str(file),), pose)), rays)
    box = look(scene(("box", (1, 1, 1), pose)), rays)
    assert np.isfinite(box).sum() > 10
    assert mesh == pytest.approx(box, abs=1e-9)


def shoot(made, **changes):
    view = made.view()
    view.prepare(made.rest, np.zeros(3))
    color, depth = np.zeros((11, 21, 3), np.uint8), np.zeros((11, 21), np.float32)
    optical = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    p = SimpleNamespace(near=0.1, far=10.0, ambient=made.ambient, lights=made.lights)
    vars(p).update(changes)
    kernels.shoot(
        np.zeros(3), optical, 20.0, p.near, p.far, p.ambient, made.background, p.lights, view.shapes.colour,
        color, depth, *view.arguments,
    )  # fmt: skip
    return color, depth


def test_depth_is_along_the_optical_axis_and_clipped():
    wall = scene(("box", (0.1, 8, 8), (2.05, 0, 0, 0, 0, 0)))
    _, depth = shoot(wall)
    assert depth == pytest.approx(2.0, abs=1e-5)
    assert np.isinf(shoot(wall, far=1.9)[1]).all()
    assert np.isinf(shoot(wall, near=2.1)[1]).all()


def test_light_follows_lambert_and_falls_off():
    sun = (
        "<light type='directional' name='sun'><diffuse>0.5 0.5 0.5 1</diffuse>"
        "<direction>1 0 0</direction></light>"
    )
    lamp = (
        "<light type='point' name='lamp'><pose>0 0 0 0 0 0</pose><diffuse>0.5 0.5 0.5 1</diffuse>"
        "<attenuation><range>{}</range><constant>0</constant><linear>0</linear><quadratic>1</quadratic>"
        "</attenuation></light>"
    )
    wall = ("box", (0.1, 8, 8), (2.05, 0, 0, 0, 0, 0))
    none = np.zeros(3)

    def middle(more, part=wall):
        return int(shoot(scene(part, more=more), ambient=none)[0][5, 10, 0])

    dark = middle("")
    assert dark == int(255 * 0.7 * kernels.HEADLIGHT)
    assert middle(sun) - dark == pytest.approx(255 * 0.7 * 0.5, abs=1)
    tilted = ("box", (0.1, 8, 8), (2.05, 0, 0, 0, 0, math.pi / 3))
    assert middle(sun, tilted) - middle("", tilted) == pytest.approx(255 * 0.7 * 0.25, abs=1)
    assert middle(lamp.format(9)) - dark == pytest.approx(255 * 0.7 * 0.5 / 4, abs=1)
    assert middle(lamp.format(1)) == dark
