"""A world from above as an image: for films, run pictures, lists, and terminals in half blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.color import Color
from rich.style import Style
from rich.text import Text

from vla_sim.report.map_sheet import Plan, overlap
from vla_sim.report.svg import XY, Area
from vla_sim.world.semantic_map import World

PAPER, THING, WALL, INK, SOFT = (250, 249, 246), (213, 208, 196), (92, 98, 108), (38, 42, 48), (120, 120, 120)
KEEP_OUT = (214, 150, 60)
WALKED, PLANNED, ROBOT, GOAL = (24, 110, 216), (150, 186, 232), (235, 98, 20), (46, 160, 67)
SMOOTH = 3
"""Times as large as the image, what is fixed is drawn at first, since Pillow draws hard edges."""


@dataclass(frozen=True)
class FloorPlan:
    """What is fixed in a world. image: RGB. box: the area in it, (x0, y0, x1, y1) [m]. scale: [px/m]."""

    image: Image.Image
    box: Area
    scale: float

    @staticmethod
    def of(world: World, size: tuple[int, int]) -> FloorPlan:
        """As large as it goes into `size`, (width, height) [px]."""
        plan = Plan.of("", world)
        x0, y0, x1, y1 = plan.box
        scale = min(size[0] / (x1 - x0), size[1] / (y1 - y0))
        wide, high = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
        blank = Image.new("RGB", (wide * SMOOTH, high * SMOOTH), PAPER)
        large = FloorPlan(blank, plan.box, scale * SMOOTH)
        pen = ImageDraw.Draw(large.image)
        for shadow in plan.shadows:
            corners = [large.at(float(x), float(y)) for x, y in shadow.corners]
            colour = WALL if shadow.tall else THING
            if len(corners) == 1:
                pen.circle(corners[0], shadow.radius * large.scale, fill=colour)
            else:
                pen.polygon(corners, fill=colour)
        for left, low, right, top in world.forbidden:
            (u, v), (p, q) = large.at(left, top), large.at(right, low)
            pen.rectangle((u, v, p, q), outline=KEEP_OUT, width=max(1, round(0.03 * large.scale)))
        return FloorPlan(large.image.resize((wide, high), Image.Resampling.BOX), plan.box, scale)

    def at(self, x: float, y: float) -> XY:
        """[m] to [px]."""
        return (x - self.box[0]) * self.scale, (self.box[3] - y) * self.scale

    def now(
        self,
        walked: Sequence[XY],
        planned: Sequence[XY] = (),
        robot: tuple[float, float, float] | None = None,
    ) -> Image.Image:
        """With the way walked, the one planned and its end, the goal, and the robot (x, y, yaw). [m, rad]"""
        image = self.image.copy()
        pen = ImageDraw.Draw(image)
        width = max(1, round(0.06 * self.scale))
        for way, colour in ((planned, PLANNED), (walked, WALKED)):
            if len(way) > 1:
                pen.line([self.at(*p) for p in way], fill=colour, width=width, joint="curve")
        if planned:
            pen.circle(self.at(*planned[-1]), 0.12 * self.scale, fill=GOAL)
        if robot is not None:
            x, y, yaw = robot
            nose = self.at(x + 0.42 * math.cos(yaw), y + 0.42 * math.sin(yaw))
            pen.line([self.at(x, y), nose], fill=ROBOT, width=2 * width)
            pen.circle(self.at(x, y), 0.2 * self.scale, fill=ROBOT)
        return image

    def with_names(self, world: World) -> Image.Image:
        """With the names of its places and surfaces, as far as they do not cover each other."""
        image = self.image.copy()
        pen, size = ImageDraw.Draw(image), min(20, max(10, round(0.15 * self.scale)))
        taken: list[Area] = []

        def name(at: XY, text: str, colour: tuple[int, int, int], *anchors: tuple[str, float, float]) -> None:
            for anchor, right, down in anchors:
                spot = (at[0] + right * size, at[1] + down * size)
                area = pen.textbbox(spot, text, font(size), anchor)
                if not any(overlap(area, one) for one in taken):
                    taken.append(area)
                    words(pen, spot, text, size, colour, anchor)
                    return

        for place in world.places:
            x, y = self.at(place.x, place.y)
            pen.circle((x, y), size / 3, outline=WALKED, width=2)
            taken.append((x - size / 3, y - size / 3, x + size / 3, y + size / 3))
        for place in world.places:
            sides = ("ma", 0, 0.5), ("md", 0, -0.5), ("lm", 0.6, 0), ("rm", -0.6, 0)
            name(self.at(place.x, place.y), place.name, WALKED, *sides)
        for surface in world.surfaces:
            name(self.at(surface.x, surface.y), surface.name, INK, ("mm", 0, 0), ("mm", 0, 1.2))
        return image


def words(
    pen: ImageDraw.ImageDraw, at: XY, text: str, size: int, colour: tuple[int, int, int] = INK,
    anchor: str = "la",
) -> None:  # fmt: skip
    """Text with a pale edge, to be read on any ground. size: [px]. anchor: as Pillow names them."""
    pen.text(
        at, text, fill=colour, font=font(size), anchor=anchor, stroke_width=max(1, size // 7),
        stroke_fill=PAPER,
    )  # fmt: skip


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def half_blocks(image: Image.Image) -> Text:
    """An image for a terminal with colours: each character is two pixels, one above the other."""
    pixels = np.asarray(image.convert("RGB")).tolist()
    text = Text(no_wrap=True)
    for y in range(0, len(pixels), 2):
        below = pixels[y + 1] if y + 1 < len(pixels) else [None] * image.width
        for (upper, lower), run in groupby(zip(pixels[y], below, strict=True)):
            text.append("▀" * sum(1 for _ in run), Style(color=_colour(upper), bgcolor=_colour(lower)))
        text.append("\n")
    text.rstrip()
    return text


def _colour(pixel: Sequence[int] | None) -> Color | None:
    return None if pixel is None else Color.from_rgb(*pixel)
