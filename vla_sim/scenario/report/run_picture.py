"""The picture of a run: a map from above with the path walked, and what the robot saw on its way.

Beside it, key moments from outside: the recorded poses put into the world and rendered.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vla_sim.report.floor_plan import INK, PAPER, SOFT, WALKED, FloorPlan, font, words
from vla_sim.report.svg import XY, thin
from vla_sim.report.text import number
from vla_sim.scenario.record import AddedModel, RunRecord
from vla_sim.scenario.recording import Picture, Recording
from vla_sim.scenario.report.run_map import paint, spoken, touched_at
from vla_sim.view.video import film
from vla_sim.view.video.frame import shortened
from vla_sim.view.video.outside import Follower, Outside
from vla_sim.world.semantic_map import World

WIDTH, MARGIN, HEAD = 1280, 24, 72  # [px]
COLUMNS, MOMENTS = 4, 12
MAP_SIZE = (WIDTH - 2 * MARGIN, 760)
START, END = (46, 160, 67), (214, 60, 50)
ADDED, ADDED_FILL = (128, 84, 0), (251, 239, 211)
At = Callable[[float, float], XY]  # [m] to [px]


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


def _tile(seen: Picture, outside: Picture | None, width: int) -> Image.Image:
    images = [Image.fromarray(np.ascontiguousarray(p.color)) for p in (seen, outside) if p is not None]
    images = [i.resize((width, round(width * i.height / i.width)), Image.Resampling.LANCZOS) for i in images]
    tile = Image.new("RGB", (width, 22 + sum(i.height + 4 for i in images)), PAPER)
    ImageDraw.Draw(tile).text((2, 2), seen.title, fill=INK, font=font(15))
    y = 22
    for image in images:
        tile.paste(image, (0, y))
        y += image.height + 4
    return tile


def _map(recording: Recording, record: RunRecord, world: World) -> Image.Image:
    plan = FloorPlan.of(world, MAP_SIZE)
    page = Image.new("RGB", (WIDTH, plan.image.height + HEAD + MARGIN), PAPER)
    left = (WIDTH - plan.image.width) // 2
    page.paste(plan.image, (left, HEAD))
    pen = ImageDraw.Draw(page)

    def at(x: float, y: float) -> XY:
        u, v = plan.at(x, y)
        return left + u, HEAD + v

    for place in world.places:
        x, y = at(place.x, place.y)
        pen.circle((x, y), 4, outline=SOFT, width=2)
        words(pen, (x + 7, y - 9), place.name, 14, SOFT)
    for one in record.added:
        _added(pen, one, at, plan.scale)
    path = [at(x, y) for _, x, y in record.path]
    if len(path) > 1:
        pen.line(path, fill=WALKED, width=4, joint="curve")
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
    pen.text((MARGIN, 14), title, fill=INK, font=font(size_px))
    facts = [record.world, f"seed {record.seed}", f"{record.path_length:.1f} m walked"]
    if record.total_ms is not None:
        facts.append(f"first motion after {number(record.total_ms, 0, 'ms')} ({record.total_source})")
    if record.clearance is not None:
        facts.append(f"closest approach {record.clearance:.2f} m")
    facts.append(f"real-time factor {record.real_time_factor:.2f}")
    pen.text((MARGIN, 44), "   ".join(facts), fill=INK, font=font(15))
    return page


def fitted(text: str) -> tuple[str, int]:
    """A title that fits into the width, smaller and then shorter where it is long, and its size."""
    room, text = WIDTH - 2 * MARGIN, text[:1000]
    for size in range(22, 14, -1):
        if font(size).getlength(text) <= room:
            return text, size
    return shortened(text, size, room), size


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
    words(pen, (x + 14, y - 9), spoken(one.name), 14, ADDED)


SIZE = (480, 360)
DISTANCE, HEIGHT = 1.9, 1.75  # the camera stands so far from the robot and so high [m]


def outside_views(
    recording: Recording, world: World, outside: Outside, stamps: Sequence[float]
) -> list[Picture]:
    """One picture for each of these times [s]. outside: of `world`."""
    pictures: list[Picture] = []
    for stamp in stamps:
        truth = min(recording.truths, key=lambda t: abs(t.stamp - stamp))
        if truth.joints:
            shot = Follower(world, DISTANCE, HEIGHT).shot(truth)
            pictures.append(Picture(stamp, "", outside.view(truth, shot)))
    return pictures


CLIP_SIZE, CLIP_FPS = (320, 240), 8
CLIP_BEFORE, CLIP_AFTER = 5.0, 1.5
"""[s] that a clip shows before a failure and after it."""


def save_clip(recording: Recording, world: World, outside: Outside, at: float, path: Path) -> bool:
    """The seconds around a failure, as a WebP that repeats. outside: of `world`. at: its stamp [s]. False,
    and no file, of a run without poses."""
    truths = [truth for truth in recording.between(at - CLIP_BEFORE, at + CLIP_AFTER) if truth.joints]
    if not truths:
        return False
    stamps = [truth.stamp for truth in truths]
    due = np.arange(stamps[0], stamps[-1] + 1e-6, 1.0 / CLIP_FPS)
    truths = [truths[bisect_right(stamps, stamp) - 1] for stamp in due]
    follower = Follower(world, DISTANCE, HEIGHT)
    views = (Image.fromarray(outside.view(truth, follower.shot(truth), CLIP_SIZE)) for truth in truths)
    film.save(views, path, CLIP_FPS)
    return True


def failure(recording: Recording, record: RunRecord) -> float:
    """The stamp [s] at which a run began to fail: of its first forbidden contact, fall, or command that
    failed; else its end."""
    begin = recording.truths[0].stamp if recording.truths else 0.0
    found = [begin + touch.stamp for touch in record.contacts]
    found += [truth.stamp for truth in recording.truths if truth.fallen][:1]
    found += [m.stamp for m in recording.statuses if m.status.state in ("failed", "rejected", "cancelled")][
        :1
    ]
    return min(found, default=recording.stamp)
