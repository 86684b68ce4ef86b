"""The paper of a report's maps: a world's fixed things from above, metres to pixels, room for labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from vla_sim.common.geometry import Array
from vla_sim.report.svg import XY, Area, drawing, label, px, tag
from vla_sim.world import occupancy_grid
from vla_sim.world.semantic_map import World
from vla_sim.world.world_file import OBSTACLE_HEIGHTS

MAP_WIDTH, MAP_HEIGHT = 640, 540
TALL = 1.4  # [m] what reaches this high is drawn as a wall
OVERHEAD = 1.8  # [m] what is higher is above the robot and left out


@dataclass(frozen=True)
class Shadow:
    """What a fixed solid covers seen from above: every point within `radius` [m] of the hull of `corners`,
    (n, 2) [m]. tall: whether it is as high as a wall."""

    corners: Array
    radius: float
    tall: bool

    @property
    def bounds(self) -> Area:
        x0, y0 = self.corners.min(axis=0) - self.radius
        x1, y1 = self.corners.max(axis=0) + self.radius
        return float(x0), float(y0), float(x1), float(y1)

    def draw(self) -> Markup:
        """In metres."""
        kind, effect = "wall" if self.tall else "thing", "non-scaling-stroke"
        if len(self.corners) == 1:
            x, y = self.corners[0]
            r = f"{self.radius:.3f}"
            return tag("circle", cx=f"{x:.2f}", cy=f"{y:.2f}", r=r, class_=kind, vector_effect=effect)
        path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in self.corners) + "Z"
        return tag("path", d=path, class_=kind, vector_effect=effect)


@dataclass(frozen=True)
class Plan:
    """What is fixed in a world, to be drawn once a page and used by each of its maps. name: the id of its
    drawing. shadows: the lower ones first. box: around all of it [m]."""

    name: str
    world: World
    shadows: tuple[Shadow, ...]
    box: Area

    @staticmethod
    def of(name: str, world: World) -> Plan:
        shadows = []
        for solid in sorted(world.solids, key=lambda s: float(s.pose[2, 3])):
            found = occupancy_grid.shadow(solid, OBSTACLE_HEIGHTS[0], OVERHEAD)  # no floor
            if found is not None:
                tall = occupancy_grid.shadow(solid, TALL - 0.01, TALL) is not None
                shadows.append(Shadow(*found, tall))
        areas = [s.bounds for s in shadows] + list(world.forbidden)
        areas += [(x, y, x, y) for x, y in [(p.x, p.y) for p in world.places] + [world.start[:2]]]
        low, high = np.min(areas, axis=0)[:2] - 0.2, np.max(areas, axis=0)[2:] + 0.2
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return Plan(name, world, tuple(shadows), box)

    def draw(self) -> Markup:
        """A group in metres, y up, that `<use>` puts into a map."""
        parts = [s.draw() for s in self.shadows]
        for x0, y0, x1, y1 in self.world.forbidden:
            path = f"M{x0:.2f} {y0:.2f}H{x1:.2f}V{y1:.2f}H{x0:.2f}Z"
            parts.append(tag("path", d=path, class_="keep-out", vector_effect="non-scaling-stroke"))
        return tag("g", *parts, id=self.name)


@dataclass
class Sheet:
    """A map's paper: metres to pixels, and labels that keep out of each other's way."""

    box: Area
    taken: list[Area] = field(default_factory=list)  # where words and marks are [px]
    drawn: list[Area] = field(default_factory=list)
    """Where lines and furniture are: words go there only if nothing else is free."""

    @property
    def scale(self) -> float:
        x0, y0, x1, y1 = self.box
        return min(MAP_WIDTH / (x1 - x0), MAP_HEIGHT / (y1 - y0))

    @property
    def size(self) -> XY:
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * self.scale, (y1 - y0) * self.scale

    def at(self, x: float, y: float) -> XY:
        return (x - self.box[0]) * self.scale, (self.box[3] - y) * self.scale

    def inside(self, x: float, y: float) -> bool:
        return self.box[0] <= x <= self.box[2] and self.box[1] <= y <= self.box[3]

    def plan(self, plan: Plan) -> Markup:
        for shadow in plan.shadows:
            west, south, east, north = shadow.bounds
            self.drawn.append((*self.at(west, north), *self.at(east, south)))
        s = self.scale
        move = f"matrix({s:.4g} 0 0 {-s:.4g} {px(-self.box[0] * s)} {px(self.box[3] * s)})"
        return tag("use", href=f"#{plan.name}", transform=move)

    def label(self, x: float, y: float, words: str, class_: str = "", away: float = 0.0) -> Markup:
        """Words beside a pixel, on the first side where they cover no others and stay on the paper. away: so
        much farther from it than from a dot [px]."""
        long, tall, right = 7.2 * len(words), 15.0, 10.0 + away
        sides = [
            (x + right, y - 8, "", x + right), (x - right - long, y - 8, "t-end", x - right),
            (x - long / 2, y - 25 - away, "t-mid", x), (x - long / 2, y + 9 + away, "t-mid", x),
            (x + 8, y - 24 - away, "", x + 8), (x + 8, y + 8 + away, "", x + 8),
        ]  # fmt: skip
        width, height = self.size

        def cost(side: tuple[float, float, str, float]) -> float:
            area = (side[0], side[1], side[0] + long, side[1] + tall)
            off = area[0] < 0 or area[1] < 0 or area[2] > width or area[3] > height
            hits = sum(overlap(area, t) for t in self.taken)
            return 100.0 * off + 10.0 * hits + min(9, sum(overlap(area, d) for d in self.drawn))

        left, top, anchor, at = min(sides, key=cost)
        self.taken.append((left, top, left + long, top + tall))
        return label(at, top + 12, words, " ".join(filter(None, ["t-halo", anchor, class_])))

    def block(self, x: float, y: float, around: float) -> None:
        """Keep labels off a mark at a pixel."""
        self.taken.append((x - around, y - around, x + around, y + around))

    def block_way(self, way: Sequence[XY]) -> None:
        self.drawn += [(x - 2, y - 2, x + 2, y + 2) for x, y in way[::3]]

    def finish(self, says: str, parts: Sequence[Markup]) -> Markup:
        """The map, with a strip below it that says how long a metre is."""
        width, height = self.size
        path = f"M10 {px(height + 10)}v5h{px(self.scale)}v-5"
        scale = [tag("path", d=path, class_="scale"), label(18 + self.scale, height + 17, "1 m")]
        return drawing(width, height + 26, says, *parts, *scale, class_="map")


def overlap(a: Area, b: Area) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def sheet_around(plan: Plan | None, ways: Sequence[Sequence[tuple[float, ...]]]) -> Sheet | None:
    spots = [p[-2:] for way in ways for p in way]
    if plan is None and not spots:
        return None
    low = [min((p[i] for p in spots), default=math.inf) - 0.3 for i in (0, 1)]
    high = [max((p[i] for p in spots), default=-math.inf) + 0.3 for i in (0, 1)]
    if plan is not None:
        low = [min(low[i], plan.box[i]) for i in (0, 1)]
        high = [max(high[i], plan.box[2 + i]) for i in (0, 1)]
    return Sheet((low[0], low[1], high[0], high[1]))
