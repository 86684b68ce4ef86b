"""One picture of a film: the robot from outside, what its camera sees, the map, the words, the steps."""

from __future__ import annotations

import io
import math
from bisect import bisect_right
from typing import Literal, NamedTuple

from PIL import Image, ImageDraw

from vla_sim.report.floor_plan import INK, PAPER, SOFT, FloorPlan, font, words
from vla_sim.view.state import Command, ViewState
from vla_sim.view.video.outside import Follower, Outside, overhead
from vla_sim.world.semantic_map import World

View = Literal["follow", "top", "head"]
"""What the large picture shows: the robot, the whole world, or what the head camera sees."""
SMALLEST, LARGEST = (320, 240), (1920, 1080)
DISTANCE, HEIGHT = 2.3, 2.1  # [m] of the camera that follows
STRIDE = 0.03  # [m] between two points of the way on the map
SIDE, TEXT = 0.3, 0.03
"""Of the width, for the head camera and the map; of the height, for a letter."""
DONE, RUNNING, WAITING, BAD = (46, 160, 67), (24, 110, 216), (190, 190, 186), (204, 50, 40)
COLOURS = {"done": DONE, "running": RUNNING, "waiting": WAITING, "left out": WAITING}
"""Of a step, by what became of it; all else is `BAD`."""


class Layout(NamedTuple):
    """[px]. main: (width, height) of the large picture; side: (width, height) of what stands right of it."""

    main: tuple[int, int]
    side: tuple[int, int]
    text: int

    @staticmethod
    def of(size: tuple[int, int]) -> Layout:
        width, height = size
        text = max(9, round(height * TEXT))
        side = round(width * SIDE)
        return Layout((width - side, height - 4 * text), (side, height - 4 * text), text)


class Painter:
    """Draws what a `ViewState` knows. world: None where there is none to draw; then `view` is "head". Use it
    as a context manager, in one thread. Raises `SdfError` for a world that cannot be simulated."""

    def __init__(self, world: World | None, size: tuple[int, int], view: View = "follow") -> None:
        self._size, self._layout = size, Layout.of(size)
        self._walked: list[tuple[float, float]] = []
        self._outside = Outside(world, self._layout.main) if world and view != "head" else None
        self._follower = Follower(world, DISTANCE, HEIGHT) if world and view == "follow" else None
        self._overhead = overhead(world) if world and view == "top" else None
        side = self._layout.side
        high = side[1] if self._outside is None else side[1] - round(0.75 * side[0])
        self._plan = None if world is None else FloorPlan.of(world, (side[0] - 8, high - 8))

    def __enter__(self) -> Painter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._outside is not None:
            self._outside.close()

    def moved(self, state: ViewState) -> None:
        """Remember where the robot is, for the way walked on the map."""
        at = state.true_base or state.base
        if at is not None and (not self._walked or math.dist(at.position[:2], self._walked[-1]) > STRIDE):
            self._walked.append(at.position[:2])

    def frame(self, state: ViewState, clock: float) -> Image.Image:
        """clock: what it says of the time [s]. state: later than the one before it."""
        image = Image.new("RGB", self._size, PAPER)
        (wide, high), (side, _), text = self._layout
        pen = ImageDraw.Draw(image)
        seen = head_picture(state)
        below = 0
        if self._outside is None:
            if seen is not None:
                image.paste(fitted(seen, (wide, high)), (0, 0))
        else:
            self._from_outside(image, state)
            if seen is not None:
                image.paste(fitted(seen, (side, round(0.75 * side))), (wide, 0))
            below = round(0.75 * side)
        if self._plan is not None:
            plan = self._map(self._plan, state)
            image.paste(plan, (wide + (side - plan.width) // 2, below + (high - below - plan.height) // 2))
        words(pen, (text // 2, text // 2), f"{clock:.1f} s", text, INK)
        if state.safety is not None and state.safety.level != "ok":
            why = f"{state.safety.level}: {'; '.join(state.safety.reasons)}"
            words(pen, (text // 2, 2 * text), shortened(why, text, wide - text), text, BAD)
        self._said(pen, state, (text // 2, high + text // 2))
        return image

    def _from_outside(self, image: Image.Image, state: ViewState) -> None:
        truth = state.truth
        if self._outside is None or truth is None or not truth.joints:
            return
        shot = self._overhead if self._follower is None else self._follower.shot(truth)
        if shot is not None:
            image.paste(Image.fromarray(self._outside.view(truth, shot)), (0, 0))

    def _map(self, plan: FloorPlan, state: ViewState) -> Image.Image:
        at = state.true_base or state.base
        if at is None:
            return plan.image
        planned = [(float(x), float(y)) for x, y in state.path]
        return plan.now(self._walked, planned, (*at.position[:2], at.yaw))

    def _said(self, pen: ImageDraw.ImageDraw, state: ViewState, at: tuple[int, int]) -> None:
        """The last words of a person and of the robot in a line, the steps in the next."""
        text, room = self._layout.text, self._size[0] - self._layout.text
        x, y = at
        for kind, who in (("heard typed", "you: "), ("said", "robot: ")):
            last = next((line.text for line in reversed(state.events) if line.kind in kind.split()), "")
            if last:
                line = shortened(who + last, text, room - x)
                pen.text((x, y), line, fill=INK, font=font(text))
                x += round(font(text).getlength(line)) + 2 * text
        x, y = at[0], at[1] + round(1.7 * text)
        for label, colour in steps(state.command):
            wide = round(font(text).getlength(label)) + text
            if x + wide > room:
                break
            filled = colour != WAITING
            pen.rounded_rectangle(
                (x, y, x + wide, y + round(1.4 * text)), radius=text // 2, fill=colour if filled else None,
                outline=colour, width=max(1, text // 10),
            )  # fmt: skip
            ink = (255, 255, 255) if filled else SOFT
            pen.text((x + text // 2, y + round(0.7 * text)), label, fill=ink, font=font(text), anchor="lm")
            x += wide + text // 2


def steps(command: Command | None) -> list[tuple[str, tuple[int, int, int]]]:
    """Each step of a command's plan in words, and its colour: done, running, waiting or failed."""
    if command is None:
        return []
    return [(str(step), COLOURS.get(how, BAD)) for step, how in command.steps()]


def head_picture(state: ViewState) -> Image.Image | None:
    """What the head camera saw last; None before it saw anything, and for a picture that cannot be read."""
    if state.picture is None:
        return None
    try:
        with Image.open(io.BytesIO(bytes(state.picture.message.data))) as image:
            return image.convert("RGB")
    except (OSError, ValueError):
        return None


def fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """As large as it goes into `size`, (width, height), in the middle of paper."""
    scale = min(size[0] / image.width, size[1] / image.height)
    wide, high = round(image.width * scale), round(image.height * scale)
    sheet = Image.new("RGB", size, PAPER)
    sheet.paste(
        image.resize((wide, high), Image.Resampling.BILINEAR), ((size[0] - wide) // 2, (size[1] - high) // 2)
    )
    return sheet


def shortened(text: str, size: int, room: float) -> str:
    """A line cut to `room` pixels."""
    if font(size).getlength(text) <= room:
        return text
    most = bisect_right(range(1, len(text) + 1), room, key=lambda n: font(size).getlength(text[:n] + "..."))
    return text[:most] + "..."
