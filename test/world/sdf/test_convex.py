"""Mesh files in, convex pieces out: exact where they can be, and never hostile."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from vla_sim.common.errors import InputError, MissingError, SdfError
from vla_sim.world.sdf import convex, decompose, meshes, reader

trimesh = pytest.importorskip("trimesh", reason="the extra `meshes`")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    convex.pieces.cache_clear()
    meshes.parts.cache_clear()


def pieces(mesh: object) -> list[convex.Piece]:
    found, note = convex.convex(np.asarray(mesh.vertices), np.asarray(mesh.faces))  # type: ignore[attr-defined]
    assert not note
    return found


def test_boxes_in_one_file_are_those_boxes() -> None:
    turned = trimesh.transformations.rotation_matrix(0.5, (0, 0, 1), (3, 0, 0))
    turned[:3, 3] += (0, 0, 0.5)
    top = trimesh.creation.box((1.2, 0.6, 0.04), trimesh.transformations.translation_matrix((0, 0, 0.75)))
    found = pieces(trimesh.util.concatenate([top, trimesh.creation.box((0.4, 0.2, 1.0), turned)]))
    assert [one.corners for one in found] == [None, None]
    assert found[0].size == pytest.approx((1.2, 0.6, 0.04))
    assert found[0].pose[:3, 3] == pytest.approx([0, 0, 0.75])
    assert found[1].size == pytest.approx((0.4, 0.2, 1.0))
    assert found[1].pose[:3, :3] == pytest.approx(turned[:3, :3], abs=1e-6)


def test_a_convex_part_is_its_own_hull() -> None:
    (one,) = pieces(trimesh.creation.cylinder(radius=0.3, height=0.8, sections=16))
    assert one.corners is not None
    assert one.size == pytest.approx((0.6, 0.6, 0.8))
    assert len(one.corners) == 32


def test_an_open_bin_stays_open() -> None:
    """Five sides of a box without thickness: one could reach into it."""
    box = trimesh.creation.box((0.4, 0.4, 0.6))
    box.update_faces(box.face_normals[:, 2] < 0.5)
    found = pieces(box)
    assert len(found) == 5
    inside = np.array([0.0, 0.0, 0.1])
    for one in found:
        local = np.linalg.inv(one.pose) @ [*inside, 1.0]
        assert (np.abs(local[:3]) > np.array(one.size) / 2).any()


def test_the_sides_of_a_mirrored_bin_are_as_far_out_as_its_own(tmp_path: Path) -> None:
    box = trimesh.creation.box((0.4, 0.4, 0.6))
    box.update_faces(box.face_normals[:, 2] < 0.5)
    box.export(tmp_path / "bin.stl")
    for scale in ((1.0, 1.0, 1.0), (-1.0, 1.0, 1.0)):
        found, _ = convex.pieces(tmp_path / "bin.stl", scale)
        assert max(one.pose[0, 3] + one.size[0] / 2 for one in found) == pytest.approx(0.2)


def test_a_room_of_thin_walls_in_one_mesh_has_an_inside() -> None:
    """Its surface, seen from both sides, is as large as that of a solid block."""
    outer, inner = trimesh.creation.box((14.0, 21.0, 9.0)), trimesh.creation.box((13.98, 20.98, 9.0))
    inner.invert()
    sides = [one.faces[np.abs(one.face_normals[:, 2]) < 0.5] for one in (outer, inner)]
    n = len(outer.vertices)
    rims = [[k, k + n, k + 1] for k in range(0, n, 2)]  # so that it is one part
    vertices = np.concatenate([outer.vertices, inner.vertices])
    found, note = convex.convex(vertices, np.concatenate([sides[0], sides[1] + n, rims]))
    assert note == ""
    for one in found:
        local = np.linalg.inv(one.pose) @ [3.0, -5.0, 1.0, 1.0]
        assert (np.abs(local[:3]) > 0.5 * np.array(one.size)).any(), one.size


def test_a_wall_with_a_door_in_one_mesh_can_be_walked_through() -> None:
    """An extruded outline with a notch, the door, from the floor up."""
    outline = [(0, 0), (2, 0), (2, 2), (3, 2), (3, 0), (5, 0), (5, 2.5), (0, 2.5)]
    n = len(outline)
    vertices = [(x, y, z) for y in (0.0, 0.1) for x, z in outline]
    flat = [(0, 1, 2), (0, 2, 7), (2, 3, 7), (7, 3, 6), (3, 4, 5), (3, 5, 6)]
    faces = flat + [(a + n, c + n, b + n) for a, b, c in flat]
    for i in range(n):
        j = (i + 1) % n
        faces += [(i, i + n, j), (j, i + n, j + n)]
    found = pieces(trimesh.Trimesh(vertices, faces, process=False))
    for one in found:
        corners = (
            one.corners if one.corners is not None else np.array(one.size) / 2 * [[1, 1, 1], [-1, -1, -1]]
        )
        points = corners @ one.pose[:3, :3].T + one.pose[:3, 3]
        low, high = points.min(axis=0), points.max(axis=0)
        assert not (low[0] < 2.5 < high[0] and low[2] < 1.0 < high[2]), "a piece stands in the door"


def test_a_flat_sheet_gets_its_thickness_below() -> None:
    (one,) = pieces(trimesh.Trimesh([(0, 0, 1), (2, 0, 1), (2, 2, 1), (0, 2, 1)], [(0, 1, 2), (0, 2, 3)]))
    assert one.size == pytest.approx((2, 2, convex.THICKNESS))
    assert one.pose[2, 3] + one.size[2] / 2 == pytest.approx(1.0)


def test_a_part_that_is_too_intricate_is_one_hull_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object) -> list[np.ndarray]:
        raise decompose.TooHardError

    monkeypatch.setattr(decompose, "decompose", give_up)
    torus = trimesh.creation.torus(0.5, 0.1)
    found, note = convex.convex(np.asarray(torus.vertices), np.asarray(torus.faces))
    assert len(found) == 1
    assert "too intricate" in note


def test_the_second_process_finds_what_the_first_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ball.stl"
    trimesh.creation.icosphere(subdivisions=1).export(file)
    first, _ = convex.pieces(file)
    convex.pieces.cache_clear()
    monkeypatch.setattr(convex, "convex", None)
    again, _ = convex.pieces(file)
    assert again[0].corners == pytest.approx(first[0].corners)


@pytest.mark.parametrize("suffix", ["stl", "obj", "glb", "dae"])
def test_all_formats_are_the_same_shape(tmp_path: Path, suffix: str) -> None:
    if suffix == "dae":
        pytest.importorskip("collada")
    file = tmp_path / f"wedge.{suffix}"
    wedge = trimesh.convex.convex_hull(np.array([(0, 0, 0), (2, 0, 0), (0, 1, 0), (0, 0, 1.0)]))
    file.write_bytes(
        wedge.export(file_type=suffix) if suffix != "obj" else wedge.export(file_type="obj").encode()
    )
    (one,), _ = convex.pieces(file)
    assert one.size == pytest.approx((2, 1, 1))


def test_the_unit_of_a_collada_file_is_applied(tmp_path: Path) -> None:
    pytest.importorskip("collada")
    file = tmp_path / "box.dae"
    text = trimesh.creation.box((100, 50, 20)).export(file_type="dae").decode()
    text = text.replace("<asset>", "<asset><unit name='cm' meter='0.01'/>") if "<unit" not in text else text
    file.write_text(text.replace('meter="1.0"', 'meter="0.01"').replace('meter="1"', 'meter="0.01"'))
    (one,), _ = convex.pieces(file)
    assert one.size == pytest.approx((1.0, 0.5, 0.2))


def test_colour_and_texture_come_from_the_mesh(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8), (200, 100, 0)).save(tmp_path / "skin.png")
    (tmp_path / "a.mtl").write_text("newmtl skin\nmap_Kd skin.png\n")
    (tmp_path / "a.obj").write_text(
        "mtllib a.mtl\nusemtl skin\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    )
    (part,) = meshes.parts(tmp_path / "a.obj")
    assert part.texture is not None
    assert part.uv is not None
    assert part.colour == pytest.approx((200 / 255, 100 / 255, 0, 1), abs=0.01)


def test_a_mesh_names_no_file_outside_of_its_model(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8), (200, 100, 0)).save(tmp_path / "secret.png")
    folder = tmp_path / "model" / "meshes"
    folder.mkdir(parents=True)
    (folder / "a.mtl").write_text("newmtl skin\nmap_Kd ../../secret.png\n")
    (folder / "a.obj").write_text(
        "mtllib a.mtl\nusemtl skin\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    )
    (part,) = meshes.parts(folder / "a.obj")
    assert part.texture is None


ONE = "<instance_node url='#n{}'/>"
TWICE = "".join(f"<node id='n{k}'>{2 * ONE.format(k - 1)}</node>" for k in range(1, 31))
NESTED = f"""<COLLADA><library_nodes><node id="n0"><instance_geometry url="#g"/></node>{TWICE}</library_nodes>
<library_visual_scenes><visual_scene><node><instance_node url="#n30"/></node></visual_scene>
</library_visual_scenes></COLLADA>""".encode()
MODEL = """<sdf version="1.10"><model name="m"><static>true</static><link name="l"><collision name="c">
<geometry><mesh><uri>{}</uri></mesh></geometry></collision></link></model></sdf>"""


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("bad.stl", b"nonsense", "bad.stl holds no triangles"),
        ("empty.obj", b"v 0 0 0\n", "empty.obj"),
        ("bomb.dae", b"<!DOCTYPE a [<!ENTITY b 'c'>]><COLLADA/>", "has a DOCTYPE, which is refused"),
        ("nested.dae", NESTED, "places 1073741824 shapes; 20000 are the most"),
    ],
)
def test_a_bad_mesh_is_one_line_with_the_place_in_the_world(
    tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SdfError) as error:
        reader.loads(MODEL.format(name), tmp_path / "model.sdf")
    assert str(error.value).startswith(f"{tmp_path / 'model.sdf'}:1: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_without_the_packages_a_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.stl").write_bytes(b"solid a\nendsolid a\n")
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(MissingError, match=r"pip install 'vla_sim\[meshes\]'"):
        convex.pieces(tmp_path / "a.stl")


def test_too_many_triangles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meshes, "MOST_TRIANGLES", 10)
    trimesh.creation.box().export(tmp_path / "a.stl")
    with pytest.raises(InputError, match="has 12 triangles; 10 are the most"):
        meshes.parts(tmp_path / "a.stl")
