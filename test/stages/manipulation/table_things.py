"""Things as people own them, made here: textured meshes to look at, primitives to touch.

A mesh is turned on a lathe (a profile of radius and height) or is a box; its texture is two colours in
stripes with speckles, so that no thing has one colour. Each thing's frame is on the table, under its middle.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Pose = tuple[float, float, float, float, float, float]
FLAT = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Piece:
    """shape: box (x, y, z), or cylinder (radius, length). hidden: touched, not seen."""

    shape: str
    size: tuple[float, ...]
    pose: Pose
    hidden: bool = False


@dataclass(frozen=True)
class TableThing:
    """colours: of the texture, 0..255, the first one has two thirds of it."""

    name: str
    pieces: tuple[Piece, ...]
    colours: tuple[tuple[int, int, int], tuple[int, int, int]]
    lathe: tuple[tuple[float, float], ...] = ()
    mass: float = 0.15


def _box(x: float, y: float, z: float, *at: float, hidden: bool = False) -> Piece:
    pose = (*at, *(0.0,) * (6 - len(at)))
    return Piece("box", (x, y, z), pose, hidden)  # type: ignore[arg-type]


def _can(radius: float, length: float, *at: float, hidden: bool = False) -> Piece:
    pose = (*at, *(0.0,) * (6 - len(at)))
    return Piece("cylinder", (radius, length), pose, hidden)  # type: ignore[arg-type]


def _handle(radius: float, height: float) -> tuple[Piece, ...]:
    """A mug's, towards -x."""
    out = radius + 0.030
    return (
        _box(0.012, 0.014, 0.075, -out, 0.0, height),
        *(_box(0.034, 0.014, 0.012, -radius - 0.013, 0.0, height + z) for z in (-0.032, 0.032)),
    )


def _ring(radius: float, height: float, thick: float, count: int = 20) -> Iterator[Piece]:
    wide = 2.0 * radius * math.tan(math.pi / count) + 0.002
    for k in range(count):
        a = 2.0 * math.pi * k / count
        at = (radius * math.cos(a), radius * math.sin(a), height / 2, 0.0, 0.0, a)
        yield _box(thick, wide, height, *at, hidden=True)


BLUE, GREEN, RED, WHITE = (25, 60, 190), (20, 140, 50), (190, 25, 25), (235, 235, 230)
YELLOW, SILVER, PURPLE, PINK = (235, 195, 20), (170, 172, 176), (110, 40, 150), (235, 60, 150)

THINGS = {
    one.name: one
    for one in (
        TableThing(
            "mug", (_can(0.036, 0.095, 0, 0, 0.0475, hidden=True), *_handle(0.036, 0.05)), (BLUE, WHITE),
            ((0.0, 0.002), (0.036, 0.0), (0.036, 0.095), (0.032, 0.095), (0.031, 0.01), (0.0, 0.008)),
        ),
        TableThing(
            "wide_mug", (_can(0.050, 0.10, 0, 0, 0.05, hidden=True), *_handle(0.050, 0.052)), (GREEN, WHITE),
            ((0.0, 0.002), (0.05, 0.0), (0.05, 0.10), (0.046, 0.10), (0.045, 0.01), (0.0, 0.008)), 0.25,
        ),
        TableThing(
            "lying_bottle", (
                _can(0.031, 0.15, 0.0, 0, 0.031, 0, math.pi / 2, 0),
                _can(0.014, 0.06, 0.10, 0, 0.031, 0, math.pi / 2, 0),
            ), (GREEN, YELLOW),
        ),
        TableThing(
            "bowl", (*_ring(0.0715, 0.055, 0.011), _can(0.07, 0.006, 0, 0, 0.003, hidden=True)),
            (RED, YELLOW),
            (
                (0.0, 0.002), (0.05, 0.0), (0.077, 0.055), (0.066, 0.055), (0.045, 0.008), (0.0, 0.006),
            ),
        ),
        TableThing("carton", (_box(0.062, 0.095, 0.19, 0, 0, 0.095),), (WHITE, BLUE), mass=0.3),
        TableThing("can", (_can(0.033, 0.115, 0, 0, 0.0575),), (RED, SILVER), mass=0.2),
        TableThing(
            "cross", (_box(0.03, 0.11, 0.05, 0, 0, 0.025), _box(0.11, 0.03, 0.05, 0, 0, 0.025)),
            (PURPLE, WHITE),
        ),
        TableThing(
            "dumbbell", (
                _can(0.016, 0.14, 0, 0, 0.032, 0, math.pi / 2, 0),
                *(_can(0.032, 0.035, x, 0, 0.032, 0, math.pi / 2, 0) for x in (-0.075, 0.075)),
            ), (PINK, SILVER),
        ),
        TableThing(
            "tower", (
                _box(0.10, 0.10, 0.03, 0, 0, 0.015), _box(0.06, 0.06, 0.05, 0, 0, 0.055),
                _can(0.02, 0.07, 0, 0, 0.115),
            ), (YELLOW, RED),
        ),
        TableThing(
            "corner", (_box(0.12, 0.04, 0.06, 0.04, 0, 0.03), _box(0.04, 0.04, 0.14, 0, 0, 0.07)),
            (BLUE, PINK),
        ),
    )
}  # fmt: skip
NAMELESS = ("cross", "dumbbell", "tower", "corner")
"""Those of which no vocabulary has a word."""


def model(thing: TableThing, pose: Pose, folder: Path, called: str) -> str:
    """The thing's SDF with its textured mesh, written to `folder`."""
    _write_mesh(thing, folder)
    surface = (
        "<surface><friction><ode><mu>1</mu><mu2>1</mu2></ode><torsional><coefficient>1</coefficient>"
        "<use_patch_radius>true</use_patch_radius><patch_radius>0.01</patch_radius></torsional></friction>"
        "</surface>"
    )
    parts = "".join(
        f"<collision name='c{i}'><pose>{_text(piece.pose)}</pose><geometry>{_geometry(piece)}</geometry>"
        f"{surface}</collision>"
        for i, piece in enumerate(thing.pieces)
    )
    height = max(piece.pose[2] for piece in thing.pieces)
    i = thing.mass * 0.05**2
    inertia = f"<ixx>{i}</ixx><iyy>{i}</iyy><izz>{i}</izz>"
    return (
        f"<model name='{called}'><pose>{_text(pose)}</pose><link name='link'><inertial>"
        f"<pose>0 0 {height / 2} 0 0 0</pose><mass>{thing.mass}</mass><inertia>{inertia}</inertia></inertial>"
        f"{parts}"
        f"<visual name='seen'><geometry><mesh><uri>{thing.name}.obj</uri></mesh></geometry></visual>"
        "</link></model>"
    )


def _geometry(piece: Piece) -> str:
    if piece.shape == "box":
        return f"<box><size>{_text(piece.size)}</size></box>"
    return f"<cylinder><radius>{piece.size[0]}</radius><length>{piece.size[1]}</length></cylinder>"


def _text(values: tuple[float, ...]) -> str:
    return " ".join(f"{v:.6g}" for v in values)


def _write_mesh(thing: TableThing, folder: Path) -> None:
    """<name>.obj with its material and its texture."""
    import trimesh

    meshes = []
    if thing.lathe:
        meshes.append(trimesh.creation.revolve(np.array(thing.lathe), sections=40))
    for piece in thing.pieces:
        if piece.hidden:
            continue
        made = (
            trimesh.creation.box(piece.size)
            if piece.shape == "box"
            else trimesh.creation.cylinder(piece.size[0], piece.size[1], sections=32)
        )
        x, y, z, roll, pitch, yaw = piece.pose
        made.apply_transform(trimesh.transformations.euler_matrix(roll, pitch, yaw, "sxyz"))
        made.apply_translation((x, y, z))
        meshes.append(made)
    whole: Any = trimesh.util.concatenate(meshes)
    whole.unmerge_vertices()
    v = whole.vertices
    uv = np.stack([np.arctan2(v[:, 1], v[:, 0]) / (2 * math.pi), v[:, 2] / 0.12], axis=1)
    rng = np.random.default_rng(len(thing.name))
    rows = np.indices((64, 64))[0]
    first, second = (np.array(one) for one in thing.colours)
    pixels = np.where(((rows // 8) % 3 == 0)[..., None], second, first)
    pixels = np.where((rng.random((64, 64)) < 0.05)[..., None], 40, pixels)
    Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{thing.name}.png")
    (folder / f"{thing.name}.mtl").write_text(f"newmtl skin\nKd 1 1 1\nmap_Kd {thing.name}.png\n")
    lines = [f"mtllib {thing.name}.mtl", "usemtl skin"]
    lines += [f"v {a:.5f} {b:.5f} {c:.5f}" for a, b, c in v]
    lines += [f"vt {a:.4f} {b:.4f}" for a, b in uv]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in whole.faces + 1]
    (folder / f"{thing.name}.obj").write_text("\n".join(lines) + "\n")
