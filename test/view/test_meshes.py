"""Shapes as the browser gets them: their sizes, colours, edges and roundness."""

import io

import numpy as np
import pytest

trimesh = pytest.importorskip("trimesh")

from vla_sim.view import meshes  # noqa: E402
from vla_sim.view.meshes import Shape, creased, glb, mesh_of  # noqa: E402
from vla_sim.world.sdf import reader  # noqa: E402
from vla_sim.world.sdf.elements import Geometry  # noqa: E402

LOOK = """<sdf version="1.10"><model name="m"><link name="l">
  <visual name="a"><pose>1 0 0 0 0 0</pose><geometry><box><size>1 1 1</size></box></geometry>
    <material><diffuse>0.5 0.5 0.5 1</diffuse></material></visual>
  <visual name="b"><geometry><sphere><radius>0.5</radius></sphere></geometry><transparency>0.5</transparency>
    <material><diffuse>1 0 0 1</diffuse></material></visual>
</link></model></sdf>"""


def read(data):
    return trimesh.load_scene(io.BytesIO(data), file_type="glb")


@pytest.mark.parametrize(
    ("shape", "size", "extent"),
    [
        ("box", (1.0, 2.0, 3.0), (1.0, 2.0, 3.0)),
        ("sphere", (0.5,), (1.0, 1.0, 1.0)),
        ("cylinder", (0.5, 2.0), (1.0, 1.0, 2.0)),
        ("capsule", (0.5, 2.0), (1.0, 1.0, 3.0)),
        ("ellipsoid", (0.5, 1.0, 2.0), (1.0, 2.0, 4.0)),
    ],
)
def test_a_shape_is_as_large_as_sdf_says_and_around_its_middle(shape, size, extent):
    low, high = mesh_of(Geometry(shape, size)).bounds
    np.testing.assert_allclose(high - low, extent, rtol=0.02)
    np.testing.assert_allclose(high + low, 0.0, atol=1e-6)


def test_a_plane_lies_across_its_normal():
    wall = mesh_of(Geometry("plane", (2.0, 1.0), normal=(1.0, 0.0, 0.0)))
    assert wall.extents[0] < 0.01
    assert sorted(wall.extents[1:]) == pytest.approx([1.0, 2.0])


def test_a_mesh_file_is_scaled(tmp_path):
    trimesh.creation.box((1, 1, 1)).export(tmp_path / "cube.stl")
    mesh = mesh_of(Geometry("mesh", (0.1, 0.2, 0.3), mesh=tmp_path / "cube.stl"))
    np.testing.assert_allclose(mesh.extents, (0.1, 0.2, 0.3))


def test_opaque_shapes_are_one_mesh_and_translucent_ones_another():
    link = reader.loads(LOOK).models[0].links[0]
    shapes = meshes.shapes_of(link, np.eye(4))
    found = list(read(glb([*shapes, *shapes])).geometry.values())
    assert sorted(one.visual.material.alphaMode for one in found) == ["BLEND", "OPAQUE"]
    opaque = next(one for one in found if one.visual.material.alphaMode == "OPAQUE")
    np.testing.assert_allclose(opaque.bounds, [[0.5, -0.5, -0.5], [1.5, 0.5, 0.5]])


def test_colours_become_linear_light():
    """0.5 in sRGB is 0.214 of the light (IEC 61966-2-1)."""
    link = reader.loads(LOOK).models[0].links[0]
    found = read(glb(meshes.shapes_of(link, np.eye(4))[:1]))
    colour = next(iter(found.geometry.values())).visual.vertex_attributes["color"][0]
    assert colour[:3].tolist() == pytest.approx([0.214 * 255] * 3, abs=1.0)


def test_a_texture_stays(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setenv("GZ_SIM_RESOURCE_PATH", str(tmp_path))
    Image.new("RGB", (4, 4), (10, 200, 30)).save(tmp_path / "t.png")
    (tmp_path / "m.mtl").write_text("newmtl m\nmap_Kd t.png\n")
    (tmp_path / "m.obj").write_text(
        "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl m\nf 1/1 2/2 3/3\n"
    )
    sdf = f"""<sdf version="1.10"><model name="m"><link name="l"><visual name="v"><geometry><mesh>
      <uri>file://{tmp_path}/m.obj</uri></mesh></geometry></visual></link></model></sdf>"""
    shapes = meshes.shapes_of(reader.loads(sdf).models[0].links[0], np.eye(4))
    assert shapes[0].rgba is None
    material = next(iter(read(glb(shapes)).geometry.values())).visual.material
    assert material.baseColorTexture.getpixel((0, 0))[:3] == (10, 200, 30)


def test_a_box_has_edges_and_a_sphere_has_none():
    box = mesh_of(Geometry("box", (1.0, 1.0, 1.0)))
    vertices, normals, _ = creased(np.asarray(box.vertices), np.asarray(box.faces))
    assert len(vertices) == 24
    assert np.abs(normals).max(axis=1).tolist() == pytest.approx([1.0] * 24)
    ball = mesh_of(Geometry("sphere", (0.5,)))
    vertices, normals, _ = creased(np.asarray(ball.vertices), np.asarray(ball.faces))
    assert len(vertices) == len(ball.vertices)
    np.testing.assert_allclose(normals, vertices / 0.5, atol=0.02)


def test_faces_keep_their_places_and_those_without_area_are_left_out():
    ball = mesh_of(Geometry("sphere", (0.5,)))
    flat = np.vstack([ball.faces, [[0, 0, 1]]])
    vertices, _, faces = creased(np.asarray(ball.vertices), flat)
    np.testing.assert_allclose(vertices[faces], ball.vertices[ball.faces])


def test_ghosts_are_one_mesh():
    cube = mesh_of(Geometry("box", (1.0, 1.0, 1.0)))
    vertices, faces = meshes.merged(
        [Shape(cube, None), Shape(cube.copy().apply_translation((2, 0, 0)), None)]
    )
    assert (len(vertices), len(faces), int(faces.max())) == (16, 24, 15)


def test_of_a_file_with_two_materials_each_visual_draws_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GZ_SIM_RESOURCE_PATH", str(tmp_path))
    (tmp_path / "m.mtl").write_text("newmtl a\nKd 1 0 0\nnewmtl b\nKd 0 1 0\n")
    (tmp_path / "m.obj").write_text(
        "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 5 0 0\nv 6 0 0\nv 5 1 0\n"
        "usemtl a\nf 1 2 3\nusemtl b\nf 4 5 6\n"
    )
    sdf = f"""<sdf version="1.10"><model name="m"><link name="l"><visual name="v"><geometry><mesh>
      <uri>file://{tmp_path}/m.obj</uri></mesh></geometry></visual></link></model></sdf>"""
    shapes = meshes.shapes_of(reader.loads(sdf).models[0].links[0], np.eye(4))
    assert [len(shape.mesh.faces) for shape in shapes] == [1, 1]
    assert {tuple(np.round(shape.rgba[:3])) for shape in shapes} == {(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)}
