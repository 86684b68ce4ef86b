"""What a scenario brought into a run, on the run's map: models that it added, people that walk, objects that
its script put elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from vla_sim.report.parts import Markup, tag
from vla_sim.report.plan import Sheet
from vla_sim.report.svg import XY, line, points, px, sane
from vla_sim.scenario.record import AddedModel, Outline, RunRecord

PUT = 12.0  # [px] half of a diamond: the ring of where an object lies at last fits in
Way = Sequence[tuple[float, ...]]
"""(stamp [s], x, y [m]) one after the other."""


def spoken(name: str) -> str:
    return name.replace("_", " ")


def spots(added: Iterable[AddedModel]) -> list[XY]:
    """Where added models are or go [m]: a map has to hold these."""
    found: list[XY] = []
    for one in added:
        found += [c for o in one.outlines for c in o.corners] + one.walk + [(x, y) for _, x, y in one.track]
    return [p for p in found if sane(*p)]


def meeting(one: AddedModel, way: Way) -> tuple[float, XY, XY] | None:
    """When a moving model's centre came nearest to the robot's: stamp [s], where it was and where the robot
    was [m]. None if either left no track."""
    track = [p for p in one.track if sane(*p)]
    if len(track) < 2 or not way:
        return None
    stamps, *robot = np.array(way).T
    times, *model = np.array(track).T
    there = np.stack([np.interp(stamps, times, axis) for axis in model], axis=1)
    here = np.stack(robot, axis=1)
    k = int(np.argmin(np.hypot(*(there - here).T)))
    return float(stamps[k]), (float(there[k, 0]), float(there[k, 1])), (float(here[k, 0]), float(here[k, 1]))


def draw_added(sheet: Sheet, record: RunRecord, way: Way) -> tuple[list[Markup], list[Markup]]:
    """Outlines, and names to be put over all else. Of what moves: its waypoints, and itself as it was when
    the robot's way came nearest to it. Loose objects are left to whoever draws the others."""
    marks: list[Markup] = []
    labels: list[tuple[XY, str, float]] = []
    for one in record.added:
        if one.name in record.objects or not sane(one.x, one.y):
            continue
        met = meeting(one, way)
        at = met[1] if met else (one.x, one.y)
        marks += _walk(sheet, one)
        moved = (at[0] - one.x, at[1] - one.y)
        marks += [m for o in one.outlines if (m := _outline(sheet, one, o, moved)) is not None]
        if met is not None:
            marks.append(line(*sheet.at(*met[1]), *sheet.at(*met[2]), "moving"))
        words = f"{spoken(one.name)} at {met[0]:.1f} s" if met else spoken(one.name)
        if sane(*at) and sheet.inside(*at):
            around = min(60.0, max(8.0, sheet.scale * _reach(one)))
            sheet.block(*sheet.at(*at), around)
            labels.append((sheet.at(*at), words, around - 6))
    return marks, [sheet.label(*at, words, "t-warn", away) for at, words, away in labels]


def _reach(one: AddedModel) -> float:
    """How far its outlines reach along x or y from where it stands [m]."""
    far = [
        max(abs(x - one.x), abs(y - one.y)) + o.radius
        for o in one.outlines for x, y in o.corners if sane(x, y, o.radius)
    ]  # fmt: skip
    return max(far, default=0.0)


def _outline(sheet: Sheet, one: AddedModel, outline: Outline, moved: XY) -> Markup | None:
    corners = [(x + moved[0], y + moved[1]) for x, y in outline.corners if sane(x, y)]
    if not corners or not sane(outline.radius):
        return None
    kind = "added" if one.mapped else "added unmapped"
    title = tag("title", spoken(one.name))
    drawn = [sheet.at(*c) for c in corners]
    if len(drawn) == 1:
        radius = px(max(2.0, outline.radius * sheet.scale))
        return tag("circle", title, cx=px(drawn[0][0]), cy=px(drawn[0][1]), r=radius, class_=kind)
    return tag("polygon", title, points=points(drawn), class_=kind)


def _walk(sheet: Sheet, one: AddedModel) -> list[Markup]:
    """Round its waypoints, and where it really went."""
    walk = [sheet.at(x, y) for x, y in one.walk if sane(x, y)]
    track = [sheet.at(x, y) for _, x, y in one.track if sane(x, y)]
    marks = []
    if len(track) > 1:
        marks.append(tag("polyline", points=points(track), class_="track"))
    elif len(walk) > 1:
        marks.append(tag("polygon", points=points(walk), class_="track"))
    marks += [tag("circle", cx=px(x), cy=px(y), r="3", class_="waypoint") for x, y in walk]
    return marks


def draw_puts(sheet: Sheet, record: RunRecord) -> tuple[list[Markup], list[Markup]]:
    """A diamond wherever the script put an object, on a line from where it began; and when that was."""
    marks: list[Markup] = []
    labels: list[tuple[XY, str]] = []
    for put in record.puts:
        if not (sane(put.stamp, *put.to) and sheet.inside(*put.to[:2])):
            continue
        x, y = sheet.at(*put.to[:2])
        first = record.objects.get(put.object, (put.to, put.to))[0]
        if sane(*first) and sheet.inside(*first[:2]) and math.dist(first[:2], put.to[:2]) > 0.0:
            marks.append(line(*sheet.at(*first[:2]), x, y, "put-way"))
        diamond = [(x, y - PUT), (x + PUT, y), (x, y + PUT), (x - PUT, y)]
        title = tag("title", f"{spoken(put.object)}, put here at {put.stamp:.1f} s")
        marks.append(tag("polygon", title, points=points(diamond), class_="put"))
        sheet.block(x, y, PUT)
        labels.append(((x, y), f"put here at {put.stamp:.1f} s"))
    return marks, [sheet.label(*at, words, "t-warn", away=5) for at, words in labels]


def told(record: RunRecord) -> list[str]:
    """Sentences for the map's caption."""
    words = []
    if any(one.name not in record.objects for one in record.added):
        words.append("Amber is what the scenario added, with a dashed edge where the robot's map lacks it.")
    if any(one.track for one in record.added):
        words.append(
            "Whoever walks is drawn where the robot came nearest, on the amber line that was walked; dots on "
            "it are waypoints."
        )
    if record.puts:
        names = ", ".join(dict.fromkeys(spoken(p.object) for p in record.puts))
        words.append(f"Diamonds are where the script put things: {names}.")
    return words
