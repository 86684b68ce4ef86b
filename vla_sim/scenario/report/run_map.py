"""Runs from above: the way walked, objects, forbidden contacts, what the scenario added or put elsewhere."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

from vla_sim.contract.vocabulary import colour_named
from vla_sim.report.map_sheet import Plan, Sheet, sheet_around
from vla_sim.report.svg import XY, cross, line, points, px, sane, tag, thin
from vla_sim.scenario.record import AddedModel, Outline, RunRecord, Touch

PAINT = {
    "red": "#d62c28", "green": "#289646", "blue": "#285ad2", "yellow": "#f0c81e", "orange": "#f0821e",
    "purple": "#823caa", "white": "#f4f4f4", "black": "#222222", "pink": "#f08cb4", "brown": "#8a5a33",
    "grey": "#8a8f96",
}  # fmt: skip
OTHER = PAINT["grey"]
MOVED = 0.05  # [m] from where it began: an object has moved
DIAMOND = 12.0  # [px] half of one: the ring around an object's last position fits in
STAMP_PERIOD = 10.0  # [s] between two dots on the way
Way = Sequence[tuple[float, ...]]  # (stamp [s], x, y [m]) in order


def paint(name: str) -> str:
    """The colour of an object that is named after it."""
    return PAINT.get(colour_named(name.split("_")[0]), OTHER)


def spoken(name: str) -> str:
    return name.replace("_", " ")


def moved(record: RunRecord) -> dict[str, float]:
    """Objects that moved: name to distance [m]."""
    ways = {name: math.dist(first, last) for name, (first, last) in record.objects.items()}
    return {name: way for name, way in ways.items() if MOVED <= way < 1e6}


def touched_at(touch: Touch, way: Way) -> tuple[float, ...] | None:
    """The point of the way at which a contact began; None of no way."""
    return min(way, key=lambda p: abs(p[0] - touch.stamp), default=None)


def run_map(record: RunRecord, plan: Plan | None) -> Markup | None:
    """One run: the fixed world, the way walked with a dot every 10 s, start and end, where objects were at
    first and at last, what the scenario added and put elsewhere, forbidden contacts. None if there is nothing
    to draw."""
    way = thin([p for p in record.path if sane(*p)], 500)
    sheet = sheet_around(plan, [way, _spots(record.added)])
    if sheet is None or not (way or record.objects):
        return None
    parts = [sheet.plan(plan)] if plan else []
    added, added_names = _draw_added(sheet, record, way)
    parts += added
    drawn = [sheet.at(x, y) for _, x, y in way]
    if len(drawn) > 1:
        sheet.block_way(drawn)
        parts += [tag("polyline", points=points(drawn), class_="way"), *_stamps(sheet, way)]
    over: list[Markup] = []
    if drawn:
        (x, y), (u, v) = drawn[0], drawn[-1]
        parts.append(tag("circle", cx=px(x), cy=px(y), r="6", class_="start"))
        parts.append(tag("rect", x=px(u - 6), y=px(v - 6), width=12, height=12, class_="end"))
        for at in (drawn[0], drawn[-1]):
            sheet.block(*at, 7)
        over += [sheet.label(x, y, "start"), sheet.label(u, v, "end")]
    puts, put_names = _draw_puts(sheet, record)
    things, names = _objects(sheet, record)
    for i, touch in enumerate(record.contacts[:20], 1):
        near = touched_at(touch, way)
        if near is not None:
            x, y = sheet.at(near[1], near[2])
            over.append(tag("path", d=cross(x, y, 8), class_="cross"))
            sheet.block(x, y, 8)
            if i <= 5:
                over.append(sheet.label(x, y, f"contact {i}", "t-fail"))
    parts += [*puts, *things, *over, *names, *added_names, *put_names, *_places(sheet, plan)]
    says = f"Map from above: {record.path_length:.1f} m walked, {len(record.contacts)} forbidden contacts"
    return sheet.finish(says, parts)


def ways_map(passed: Sequence[RunRecord], others: Sequence[RunRecord], plan: Plan | None) -> Markup | None:
    """The ways of all runs of a scenario in one map, those of runs that did not pass dashed and on top."""
    kinds = [("ways", r) for r in passed] + [("ways-failed", r) for r in others]
    lines = [(kind, thin([p for p in r.path if sane(*p)], 100), r) for kind, r in kinds]
    first = next((r for _, way, r in lines if way), None)  # what was added is the same in every run
    if first is None:
        return None
    sheet = sheet_around(plan, [_spots(first.added), *(way for _, way, _ in lines)])
    if sheet is None:
        return None
    added, names = _draw_added(sheet, first, ())
    parts = [*([sheet.plan(plan)] if plan else []), *added]
    over = []
    for kind, way, record in lines:
        if len(way) > 1:
            drawn = points(sheet.at(x, y) for _, x, y in way)
            # of many, each is faint: where most went is dark
            faint = max(0.15, min(0.9, 6 / len(passed))) if kind == "ways" else None
            parts.append(tag("polyline", points=drawn, class_=kind, stroke_opacity=faint))
        for touch in record.contacts[:5]:
            near = touched_at(touch, way)
            if near is not None:
                over.append(tag("path", d=cross(*sheet.at(near[1], near[2]), 6), class_="cross"))
    parts += [*names, *_places(sheet, plan), *over]
    says = f"Map from above: the ways of {len(passed)} passed and {len(others)} other runs"
    return sheet.finish(says, parts)


def _stamps(sheet: Sheet, way: Way) -> list[Markup]:
    dots, due = "", way[0][0] + STAMP_PERIOD
    for stamp, x, y in way:
        if stamp >= due:
            dots += "M{} {}h0".format(*map(px, sheet.at(x, y)))
            due = stamp + STAMP_PERIOD
    return [tag("path", d=dots, class_="stamp")] if dots else []


def _places(sheet: Sheet, plan: Plan | None) -> list[Markup]:
    places = [(*sheet.at(p.x, p.y), p.name) for p in plan.world.places] if plan else []
    for x, y, _ in places:
        sheet.block(x, y, 5)
    marks = [tag("circle", cx=px(x), cy=px(y), r="4", class_="place") for x, y, _ in places]
    return marks + [sheet.label(x, y, name, "t-soft") for x, y, name in places]


def _objects(sheet: Sheet, record: RunRecord) -> tuple[list[Markup], list[Markup]]:
    """Dots where objects were at first, rings where those are that moved; and the names of these and of those
    that the scenario added."""
    marks: list[Markup] = []
    labels: list[tuple[XY, str, str]] = []
    far = moved(record)
    added = {one.name for one in record.added}
    for name, (first, last) in record.objects.items():
        if not (sane(*first, *last) and sheet.inside(*first[:2])):
            continue
        title = tag("title", spoken(name))
        x, y = sheet.at(*first[:2])
        marks.append(tag("circle", title, cx=px(x), cy=px(y), r="4.5", fill=paint(name), class_="object"))
        sheet.block(x, y, 5)
        if name in far and sheet.inside(*last[:2]):
            u, v = sheet.at(*last[:2])
            marks.append(line(x, y, u, v, "moving"))
            marks.append(tag("circle", title, cx=px(u), cy=px(v), r="7.5", class_="moved"))
            marks.append(tag("circle", cx=px(u), cy=px(v), r="3.5", fill=paint(name)))
            sheet.block(u, v, 8)
            labels.append(((u, v), name, ""))
        elif name in added and name not in far:
            labels.append(((x, y), name, "t-warn"))
    return marks, [sheet.label(*at, spoken(name), class_) for at, name, class_ in labels]


def _spots(added: Iterable[AddedModel]) -> list[XY]:
    """Where added models are or go [m]: the map has to hold these points."""
    found: list[XY] = []
    for one in added:
        found += [c for o in one.outlines for c in o.corners] + one.walk + [(x, y) for _, x, y in one.track]
    return [p for p in found if sane(*p)]


def closest_approach(one: AddedModel, way: Way) -> tuple[float, XY, XY] | None:
    """When a moving model's centre was nearest to the robot's: stamp [s], the model's position and the
    robot's [m]. None if either left no track."""
    track = [p for p in one.track if sane(*p)]
    if len(track) < 2 or not way:
        return None
    stamps, *robot = np.array(way).T
    times, *model = np.array(track).T
    there = np.stack([np.interp(stamps, times, axis) for axis in model], axis=1)
    here = np.stack(robot, axis=1)
    k = int(np.argmin(np.hypot(*(there - here).T)))
    return float(stamps[k]), (float(there[k, 0]), float(there[k, 1])), (float(here[k, 0]), float(here[k, 1]))


def _draw_added(sheet: Sheet, record: RunRecord, way: Way) -> tuple[list[Markup], list[Markup]]:
    """Outlines, and names to be put over all else. Of what moves: its waypoints, and itself as it was when
    the robot's way came nearest to it. Loose objects are drawn by `_objects`."""
    marks: list[Markup] = []
    labels: list[tuple[XY, str, float]] = []
    for one in record.added:
        if one.name in record.objects or not sane(one.x, one.y):
            continue
        met = closest_approach(one, way)
        at = met[1] if met else (one.x, one.y)
        marks += _walk(sheet, one)
        shift = (at[0] - one.x, at[1] - one.y)
        marks += [m for o in one.outlines if (m := _outline(sheet, one, o, shift)) is not None]
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
    sane_corners = ((x, y, o.radius) for o in one.outlines for x, y in o.corners if sane(x, y, o.radius))
    return max((max(abs(x - one.x), abs(y - one.y)) + radius for x, y, radius in sane_corners), default=0.0)


def _outline(sheet: Sheet, one: AddedModel, outline: Outline, shift: XY) -> Markup | None:
    drawn = [sheet.at(x + shift[0], y + shift[1]) for x, y in outline.corners if sane(x, y)]
    if not drawn or not sane(outline.radius):
        return None
    kind = "added" if one.mapped else "added unmapped"
    title = tag("title", spoken(one.name))
    if len(drawn) == 1:
        radius = px(max(2.0, outline.radius * sheet.scale))
        return tag("circle", title, cx=px(drawn[0][0]), cy=px(drawn[0][1]), r=radius, class_=kind)
    return tag("polygon", title, points=points(drawn), class_=kind)


def _walk(sheet: Sheet, one: AddedModel) -> list[Markup]:
    """A loop around its waypoints, or where it really went."""
    walk = [sheet.at(x, y) for x, y in one.walk if sane(x, y)]
    track = [sheet.at(x, y) for _, x, y in one.track if sane(x, y)]
    kind, way = ("polyline", track) if len(track) > 1 else ("polygon", walk)
    marks = [tag(kind, points=points(way), class_="track")] if len(way) > 1 else []
    return marks + [tag("circle", cx=px(x), cy=px(y), r="3", class_="waypoint") for x, y in walk]


def _draw_puts(sheet: Sheet, record: RunRecord) -> tuple[list[Markup], list[Markup]]:
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
        diamond = [(x, y - DIAMOND), (x + DIAMOND, y), (x, y + DIAMOND), (x - DIAMOND, y)]
        title = tag("title", f"{spoken(put.object)}, put here at {put.stamp:.1f} s")
        marks.append(tag("polygon", title, points=points(diamond), class_="put"))
        sheet.block(x, y, DIAMOND)
        labels.append(((x, y), f"put here at {put.stamp:.1f} s"))
    return marks, [sheet.label(*at, words, "t-warn", away=5) for at, words in labels]
