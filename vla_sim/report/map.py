"""Maps of a report: one run from above, and the ways of all runs of a scenario."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vla_sim.report.parts import Markup, tag
from vla_sim.report.plan import Plan, Sheet, sheet_around
from vla_sim.report.svg import cross, line, points, px, sane, thin
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.report.added import draw_added, draw_puts, spoken, spots

PAINT = {
    "red": "#d62c28", "green": "#289646", "blue": "#285ad2", "yellow": "#f0c81e", "orange": "#f0821e",
    "purple": "#823caa", "white": "#f4f4f4", "black": "#222222", "pink": "#f08cb4", "brown": "#8a5a33",
}  # fmt: skip
OTHER = "#8a8f96"


def run_map(record: RunRecord, plan: Plan | None) -> Markup | None:
    """One run from above: the fixed world, the way walked with a dot every 10 s, start and end, where
    objects were at first and at last, what the scenario added and put elsewhere, forbidden contacts. None
    if there is nothing to draw."""
    way = thin([p for p in record.path if sane(*p)], 500)
    sheet = sheet_around(plan, [way, spots(record.added)])
    if sheet is None or not (way or record.objects):
        return None
    parts = [sheet.plan(plan)] if plan else []
    added, added_names = draw_added(sheet, record, way)
    parts += added
    drawn = [sheet.at(x, y) for _, x, y in way]
    if len(drawn) > 1:
        sheet.block_way(drawn)
        parts.append(tag("polyline", points=points(drawn), class_="way"))
        parts.append(_stamps(sheet, way))
    over: list[Markup] = []
    if drawn:
        for (x, y), name in ((drawn[0], "start"), (drawn[-1], "end")):
            sheet.block(x, y, 7)
            shape = (
                tag("circle", cx=px(x), cy=px(y), r="6", class_="start") if name == "start"
                else tag("rect", x=px(x - 6), y=px(y - 6), width=12, height=12, class_="end")
            )  # fmt: skip
            parts.append(shape)
        for (x, y), name in ((drawn[0], "start"), (drawn[-1], "end")):
            over.append(sheet.label(x, y, name))
    puts, put_names = draw_puts(sheet, record)
    things, names = _objects(sheet, record)
    for i, touch in enumerate(record.contacts[:20], 1):
        near = min(way, key=lambda p: abs(p[0] - touch.stamp), default=None)
        if near is not None:
            x, y = sheet.at(near[1], near[2])
            over.append(tag("path", d=cross(x, y, 8), class_="cross"))
            sheet.block(x, y, 8)
            if i <= 5:
                over.append(sheet.label(x, y, f"contact {i}", "t-fail"))
    parts += [*puts, *things, *over, *names, *added_names, *put_names, *_places(sheet, plan)]
    says = f"Map from above: {record.path_length:.1f} m walked, {len(record.contacts)} forbidden contacts"
    return sheet.finish(says, parts)


def _stamps(sheet: Sheet, way: Sequence[tuple[float, ...]], every: float = 10.0) -> Markup:
    dots, due = "", way[0][0] + every
    for stamp, x, y in way:
        if stamp >= due:
            dots += "M{} {}h0".format(*map(px, sheet.at(x, y)))
            due = stamp + every
    return tag("path", d=dots, class_="stamp") if dots else Markup("")


def _places(sheet: Sheet, plan: Plan | None) -> list[Markup]:
    parts = []
    for place in plan.world.places if plan else ():
        x, y = sheet.at(place.x, place.y)
        parts.append(tag("circle", cx=px(x), cy=px(y), r="4", class_="place"))
        sheet.block(x, y, 5)
    for place in plan.world.places if plan else ():
        x, y = sheet.at(place.x, place.y)
        parts.append(sheet.label(x, y, place.name, "t-soft"))
    return parts


def moved(record: RunRecord, least: float = 0.05) -> dict[str, float]:
    """Objects that lie at least this far from where they began: name to distance [m]."""
    ways = {name: math.dist(first, last) for name, (first, last) in record.objects.items()}
    return {name: way for name, way in ways.items() if least <= way < 1e6}


def _objects(sheet: Sheet, record: RunRecord) -> tuple[list[Markup], list[Markup]]:
    """Dots where objects were at first, rings where those are that moved; and the names of these and of those
    that the scenario added."""
    marks: list[Markup] = []
    names: list[Markup] = []
    far = moved(record)
    for name, (first, last) in record.objects.items():
        paint = PAINT.get(name.split("_")[0], OTHER)
        title = tag("title", spoken(name))
        if not (sane(*first, *last) and sheet.inside(first[0], first[1])):
            continue
        x, y = sheet.at(first[0], first[1])
        marks.append(tag("circle", title, cx=px(x), cy=px(y), r="4.5", fill=paint, class_="object"))
        sheet.block(x, y, 5)
        if name not in far or not sheet.inside(last[0], last[1]):
            continue
        u, v = sheet.at(last[0], last[1])
        marks.append(line(x, y, u, v, "moving"))
        marks.append(tag("circle", title, cx=px(u), cy=px(v), r="7.5", class_="moved"))
        marks.append(tag("circle", cx=px(u), cy=px(v), r="3.5", fill=paint))
        sheet.block(u, v, 8)
    for name in far:
        last = record.objects[name][1]
        if sane(*last) and sheet.inside(last[0], last[1]):
            names.append(sheet.label(*sheet.at(last[0], last[1]), spoken(name)))
    for name in [one.name for one in record.added if one.name in record.objects and one.name not in far]:
        first = record.objects[name][0]
        if sane(*first) and sheet.inside(first[0], first[1]):
            names.append(sheet.label(*sheet.at(first[0], first[1]), spoken(name), "t-warn"))
    return marks, names


def ways_map(passed: Sequence[RunRecord], others: Sequence[RunRecord], plan: Plan | None) -> Markup | None:
    """The ways of all runs in one map, those of runs that did not pass dashed and on top."""
    kinds = [("ways", r) for r in passed] + [("ways-failed", r) for r in others]
    lines = [(kind, thin([p for p in r.path if sane(*p)], 100), r) for kind, r in kinds]
    brought = next((r for _, way, r in lines if way), None)  # to every run of a scenario alike
    if brought is None:
        return None
    sheet = sheet_around(plan, [spots(brought.added), *(way for _, way, _ in lines)])
    if sheet is None:
        return None
    added, names = draw_added(sheet, brought, ())
    parts = [*([sheet.plan(plan)] if plan else []), *added]
    over = []
    for kind, way, record in lines:
        if len(way) > 1:
            drawn = points(sheet.at(x, y) for _, x, y in way)
            # of many, each is faint: where most went is dark
            faint = max(0.15, min(0.9, 6 / len(passed))) if kind == "ways" else None
            parts.append(tag("polyline", points=drawn, class_=kind, stroke_opacity=faint))
        for touch in record.contacts[:5]:
            near = min(way, key=lambda p: abs(p[0] - touch.stamp), default=None)
            if near is not None:
                over.append(tag("path", d=cross(*sheet.at(near[1], near[2]), 6), class_="cross"))
    parts += [*names, *_places(sheet, plan), *over]
    says = f"Map from above: the ways of {len(passed)} passed and {len(others)} other runs"
    return sheet.finish(says, parts)
