"""The picture of a run: a map from above with the path walked, and what the robot saw on its way.

Beside it, key moments from outside: the recorded poses put into the world and rendered.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vla_sim.common.errors import MissingError
from vla_sim.contract.records import GroundTruth
from vla_sim.report.svg import thin
from vla_sim.report.text import number
from vla_sim.scenario.record import AddedModel, RunRecord
from vla_sim.scenario.recording import Picture, Recording, heading
from vla_sim.scenario.report.run_map import paint, spoken, touched_at
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.world.semantic_map import World
from vla_sim.world.solids import Solid

WIDTH, MARGIN, HEAD = 1280, 24, 72  # [px]
COLUMNS, MOMENTS = 4, 12
RESOLUTION = 0.02  # [m] of a cell of the map
INK, PAPER, WALL, FLOOR, SOFT = (38, 42, 48), (250, 249, 246), (92, 98, 108), (232, 228, 219), (120, 120, 120)
PATH, START, END = (24, 110, 216), (46, 160, 67), (214, 60, 50)
ADDED, ADDED_FILL = (128, 84, 0), (251, 239, 211)
At = Callable[[float, float], tuple[float, float]]  # [m] to [px]


def draw(recording: Recording, record: RunRecord, world: World, outside: Sequence[Picture]) -> Image.Image:
    """The map above; below, for each key moment, what the robot saw and how it looked from outside.

    outside: pictures from outside; each stands below the head-camera picture of the same moment.
    """
    top = _map(recording, record, world)
    by_stamp = {p.stamp: p for p in outside}
    width = (WIDTH - (COLUMNS + 1) * MARGIN) // COLUMNS
    tiles = [_tile(p, by_stamp.get(p.stamp), width) for p in thin(recording.pictures, MOMENTS)]
    rows = [tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)]
    height = top.height + sum(max(t.height for t in row) + MARGIN for row in rows)
    page = Image.new("RGB", (WIDTH, height), PAPER)
    page.paste(top, (0, 0))
    y = top.height
    for row in rows:
        for i, tile in enumerate(row):
            page.paste(tile, (MARGIN + i * (width + MARGIN), y))
        y += max(t.height for t in row) + MARGIN
    return page


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _tile(seen: Picture, outside: Picture | None, width: int) -> Image.Image:
    images = [Image.fromarray(np.ascontiguousarray(p.color)) for p in (seen, outside) if p is not None]
    images = [i.resize((width, round(width * i.height / i.width)), Image.Resampling.LANCZOS) for i in images]
    tile = Image.new("RGB", (width, 22 + sum(i.height + 4 for i in images)), PAPER)
    ImageDraw.Draw(tile).text((2, 2), seen.title, fill=INK, font=_font(15))
    y = 22
    for image in images:
        tile.paste(image, (0, y))
        y += image.height + 4
    return tile


def _map(recording: Recording, record: RunRecord, world: World) -> Image.Image:
    grid = world.rasterise(resolution=RESOLUTION)
    rows, columns = grid.occupied.shape
    scale = min((WIDTH - 2 * MARGIN) / columns, 760 / rows)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    shade = np.where(grid.occupied[::-1, :, None], np.array(WALL), np.array(FLOOR)).astype(np.uint8)
    plan = Image.fromarray(shade).resize(size, Image.Resampling.BOX)
    page = Image.new("RGB", (WIDTH, size[1] + HEAD + MARGIN), PAPER)
    left = (WIDTH - size[0]) // 2
    page.paste(plan, (left, HEAD))
    pen = ImageDraw.Draw(page)

    def at(x: float, y: float) -> tuple[float, float]:
        px = left + (x - grid.x0) / grid.resolution * scale
        return px, HEAD + size[1] - (y - grid.y0) / grid.resolution * scale

    for place in world.places:
        x, y = at(place.x, place.y)
        pen.circle((x, y), 4, outline=SOFT, width=2)
        pen.text((x + 7, y - 9), place.name, fill=SOFT, font=_font(14))
    for one in record.added:
        _added(pen, one, at, scale / grid.resolution)
    path = [at(x, y) for _, x, y in record.path]
    if len(path) > 1:
        pen.line(path, fill=PATH, width=4, joint="curve")
    for truth in recording.truths[:1]:
        for name, pose in truth.objects.items():
            pen.circle(at(pose[0], pose[1]), 5, fill=paint(name), outline=INK)
    if path:
        for end, colour in ((path[0], START), (path[-1], END)):
            pen.circle(end, 7, fill=colour, outline=PAPER, width=2)
    for touch in record.contacts:
        near = touched_at(touch, record.path)
        if near is not None:
            x, y = at(near[1], near[2])
            pen.line((x - 8, y - 8, x + 8, y + 8), fill=END, width=3)
            pen.line((x - 8, y + 8, x + 8, y - 8), fill=END, width=3)
    verdict = "passed" if record.passed else "failed: " + "; ".join(record.reasons)
    title, size_px = fitted(f'"{record.command}"  {verdict}')
    pen.text((MARGIN, 14), title, fill=INK, font=_font(size_px))
    facts = [record.world, f"seed {record.seed}", f"{record.path_length:.1f} m walked"]
    if record.total_ms is not None:
        facts.append(f"first motion after {number(record.total_ms, 0, 'ms')} ({record.total_source})")
    if record.clearance is not None:
        facts.append(f"closest approach {record.clearance:.2f} m")
    facts.append(f"real-time factor {record.real_time_factor:.2f}")
    pen.text((MARGIN, 44), "   ".join(facts), fill=INK, font=_font(15))
    return page


def fitted(text: str) -> tuple[str, int]:
    """A title that fits into the width, smaller and then shorter where it is long, and its size."""
    room, text = WIDTH - 2 * MARGIN, text[:1000]
    for size in range(22, 14, -1):
        if _font(size).getlength(text) <= room:
            return text, size
    font = _font(size)
    most = bisect_right(
        range(1, len(text) + 1), room, key=lambda n: math.ceil(font.getlength(text[:n] + "..."))
    )
    return text[:most] + "...", size


def _added(pen: ImageDraw.ImageDraw, one: AddedModel, at: At, scale: float) -> None:
    """A model that the scenario added, where it stood at first, and where it walked. scale: [px/m]."""
    for outline in one.outlines:
        corners = [at(x, y) for x, y in outline.corners]
        if len(corners) == 1:
            pen.circle(corners[0], outline.radius * scale, fill=ADDED_FILL, outline=ADDED, width=2)
        elif len(corners) > 2:
            pen.polygon(corners, fill=ADDED_FILL, outline=ADDED, width=2)
    track = [at(x, y) for _, x, y in one.track]
    if len(track) > 1 and one.walk:
        pen.line(track, fill=ADDED, width=2)
    x, y = at(one.x, one.y)
    pen.text((x + 14, y - 9), spoken(one.name), fill=ADDED, font=_font(14), stroke_width=3, stroke_fill=PAPER)


SIZE = (480, 360)
DISTANCE, HEIGHT = 1.9, 1.75  # the camera stands so far from the robot and so high [m]
SIDES = (2.2, -2.2, 1.6, -1.6, 2.8, -2.8, 0.9, -0.9)
"""Where it may stand, round from the robot's heading [rad], the best view of the hands first."""


def outside_views(
    recording: Recording, world: World, stamps: Sequence[float], size: tuple[int, int] = SIZE
) -> list[Picture]:
    """One picture (height, width, 3) for each of these times [s]; none without GL. size: (width, height)."""
    pictures: list[Picture] = []
    engine = MujocoSimulator(world.path, noise=False)
    try:
        for stamp in stamps:
            truth = min(recording.truths, key=lambda t: abs(t.stamp - stamp))
            if not truth.joints:
                continue
            engine.mirror(
                truth.stamp, np.array(truth.robot), np.array(truth.joints),
                {name: np.array(pose) for name, pose in truth.objects.items()},
                [np.array(pose) for pose in truth.movers.values()] or None,
            )  # fmt: skip
            eye, target = _camera(truth, world)
            color = engine.view(engine.snapshot(), eye, target, size)
            pictures.append(Picture(stamp, "", np.ascontiguousarray(color)))
    except MissingError:
        return []
    finally:
        engine.close()
    return pictures


FRAMES, FRAME_SIZE, FRAME_MS, FRAME_COLOURS = 50, (320, 240), 100, 64


def save_film(recording: Recording, world: World, path: Path) -> bool:
    """The run from outside as a GIF that repeats, `FRAMES` pictures for the whole of it; False without GL,
    and then without a file."""
    stamps = [truth.stamp for truth in thin(recording.truths, FRAMES)]
    views = outside_views(recording, world, stamps, FRAME_SIZE)
    if not views:
        return False
    # An octree keeps the colours of small things; Pillow's usual median cut turns a red cup brown.
    octree = Image.Quantize.FASTOCTREE
    frames = [Image.fromarray(view.color).quantize(FRAME_COLOURS, octree) for view in views]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
    return True


def _camera(truth: GroundTruth, world: World) -> tuple[np.ndarray, np.ndarray]:
    """(eye, target): the first side from which nothing tall hides the robot, looking at its chest."""
    base = np.array(truth.robot[:3])
    target = base + np.array([0.0, 0.0, 0.1])
    tall = [s for s in world.solids if s.pose[2, 3] + s.size[2] / 2 > 1.2 and s.shape == "box"]
    eyes = [
        base + np.array([DISTANCE * math.cos(angle), DISTANCE * math.sin(angle), HEIGHT - base[2]])
        for angle in (heading(truth) + side for side in SIDES)
    ]
    free = (eye for eye in eyes if not any(_hides(solid, eye, target) for solid in tall))
    return next(free, eyes[0]), target


def _hides(solid: Solid, eye: np.ndarray, target: np.ndarray) -> bool:
    """Whether a box stands between eye and target, seen from above."""
    line = eye[:2] + np.linspace(0.0, 0.9, 40)[:, None] * (target - eye)[:2]
    local = (line - solid.pose[:2, 3]) @ solid.pose[:2, :2]
    return bool((np.abs(local) <= np.array(solid.size[:2]) / 2 + 0.05).all(axis=1).any())
