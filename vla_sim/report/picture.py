"""The picture of a run: a map from above with the walked path, and what the robot saw on its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vla_sim.scenario.record import AddedModel, RunRecord
from vla_sim.scenario.recording import Picture, Recording
from vla_sim.world.semantic_map import World

WIDTH = 1280
MARGIN = 24
COLUMNS, MOMENTS = 4, 12
INK, PAPER, WALL = (38, 42, 48), (250, 249, 246), (92, 98, 108)
PATH, START, END = (24, 110, 216), (46, 160, 67), (214, 60, 50)
ADDED, ADDED_FILL = (128, 84, 0), (251, 239, 211)
COLOURS = {
    "red": (214, 44, 40), "green": (40, 150, 70), "blue": (40, 90, 210), "yellow": (240, 200, 30),
    "orange": (240, 130, 30), "purple": (130, 60, 170), "white": (235, 235, 235),
}  # fmt: skip


def draw(recording: Recording, record: RunRecord, world: World, outside: list[Picture]) -> Image.Image:
    """The map above; below, for each key moment, what the robot saw and how it looked from outside.

    outside: pictures from outside; each stands below the head-camera picture of the same moment.
    """
    top = _map(recording, record, world)
    by_stamp = {p.stamp: p for p in outside}
    moments = recording.pictures
    if len(moments) > MOMENTS:  # evenly, the first and the last among them
        moments = [moments[i] for i in np.linspace(0, len(moments) - 1, MOMENTS).round().astype(int)]
    width = (WIDTH - (COLUMNS + 1) * MARGIN) // COLUMNS
    tiles = [_tile(p, by_stamp.get(p.stamp), width) for p in moments]
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


def save(path: Path, recording: Recording, record: RunRecord, world: World, outside: list[Picture]) -> None:
    draw(recording, record, world, outside).save(path)


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
    grid = world.rasterise(resolution=0.02)
    rows, columns = grid.occupied.shape
    scale = min((WIDTH - 2 * MARGIN) / columns, 760 / rows)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    shade = np.where(grid.occupied[::-1, :, None], np.array(WALL), np.array((232, 228, 219))).astype(np.uint8)
    plan = Image.fromarray(shade).resize(size, Image.Resampling.BOX)
    page = Image.new("RGB", (WIDTH, size[1] + 72 + MARGIN), PAPER)
    left, head = (WIDTH - size[0]) // 2, 72
    page.paste(plan, (left, head))
    pen = ImageDraw.Draw(page)

    def at(x: float, y: float) -> tuple[float, float]:
        px = left + (x - grid.x0) / grid.resolution * scale
        return px, head + size[1] - (y - grid.y0) / grid.resolution * scale

    for place in world.places:
        x, y = at(place.x, place.y)
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), outline=(150, 150, 150), width=2)
        pen.text((x + 7, y - 9), place.name, fill=(110, 110, 110), font=_font(14))
    for one in record.added:
        _added(pen, one, at, scale / grid.resolution)
    path = [at(x, y) for _, x, y in record.path]
    if len(path) > 1:
        pen.line(path, fill=PATH, width=4, joint="curve")
    for truth in recording.truths[:1]:
        for name, pose in truth.objects.items():
            x, y = at(pose[0], pose[1])
            colour = COLOURS.get(name.split("_")[0], (120, 120, 120))
            pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour, outline=INK)
    if path:
        for (x, y), colour in ((path[0], START), (path[-1], END)):
            pen.ellipse((x - 7, y - 7, x + 7, y + 7), fill=colour, outline=PAPER, width=2)
    for touch in record.contacts:
        near = min(record.path, key=lambda p: abs(p[0] - touch.stamp), default=None)
        if near is not None:
            x, y = at(near[1], near[2])
            pen.line((x - 8, y - 8, x + 8, y + 8), fill=END, width=3)
            pen.line((x - 8, y + 8, x + 8, y - 8), fill=END, width=3)
    verdict = "passed" if record.passed else "failed: " + "; ".join(record.reasons)
    pen.text((MARGIN, 14), f'"{record.command}"  {verdict}'[:120], fill=INK, font=_font(22))
    total = "" if record.total_ms is None else f"first motion after {record.total_ms:.0f} ms   "
    clearance = "" if record.clearance is None else f"closest approach {record.clearance:.2f} m   "
    facts = f"{record.world}   seed {record.seed}   {record.path_length:.1f} m walked   {total}{clearance}"
    facts += f"real-time factor {record.real_time_factor:.2f}"
    pen.text((MARGIN, 44), facts, fill=INK, font=_font(15))
    return page


def _added(
    pen: ImageDraw.ImageDraw, one: AddedModel, at: Callable[[float, float], tuple[float, float]], scale: float
) -> None:
    """A model that the scenario added, where it stood at first, and where it walked. scale: [px/m]."""
    for outline in one.outlines:
        corners = [at(x, y) for x, y in outline.corners]
        if len(corners) == 1:
            (x, y), r = corners[0], outline.radius * scale
            pen.ellipse((x - r, y - r, x + r, y + r), fill=ADDED_FILL, outline=ADDED, width=2)
        elif len(corners) > 2:
            pen.polygon(corners, fill=ADDED_FILL, outline=ADDED, width=2)
    track = [at(x, y) for _, x, y in one.track]
    if len(track) > 1 and one.walk:
        pen.line(track, fill=ADDED, width=2)
    x, y = at(one.x, one.y)
    words = one.name.replace("_", " ")
    pen.text((x + 14, y - 9), words, fill=ADDED, font=_font(14), stroke_width=3, stroke_fill=PAPER)
