"""Is a plan one that this robot may run in this world?"""

import math

import numpy as np

from vla_sim.contract.limits import MAX_ANGLE, MAX_DISTANCE, MAX_STEPS, MAX_WAIT
from vla_sim.contract.records import STEP_FIELDS, Plan, Step
from vla_sim.robot.body_size import ELBOWS
from vla_sim.world.occupancy_grid import Grid, spread
from vla_sim.world.semantic_map import World

NEEDS = {
    "a place": (("navigate", "carry", "place"), {"place"}), "an angle": (("turn",), {"angle"}),
    "an object": (("find", "pick", "approach"), {"object"}),
    "a distance": (("move",), {"distance", "lateral"}),
}  # fmt: skip
"""What -> the skills that need it, and the fields of which one must be given."""


class PlanChecker:
    """Checks plans against a world: known skills and targets, limits, forbidden zones, reachability.

    Reachable means: a disc of radius `ELBOWS` can be moved from the world's start to the place on the
    map. That is computed once, so a check takes microseconds.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        grid = world.rasterise()
        reachable = _reachable(grid, world.start[:2])
        self.targets = {p.name: self._reason(p.name, p.x, p.y, grid, reachable) for p in world.places}
        """Reason why a place or surface cannot be a target; empty if it can."""
        self.targets |= {s.name: self.targets.get(s.place, "") for s in world.surfaces}

    def _reason(self, name: str, x: float, y: float, grid: Grid, reachable: np.ndarray) -> str:
        for x0, y0, x1, y1 in self.world.forbidden:
            if x0 <= x <= x1 and y0 <= y <= y1:
                return f"the {name} lies in a forbidden zone"
        cell = _cell(grid, x, y)
        return f"there is no way to the {name}" if cell is None or not reachable[cell] else ""

    def check(self, plan: Plan) -> list[str]:
        """Reasons against the plan, fit for speaking; empty if it may run."""
        if len(plan.steps) > MAX_STEPS:
            return [f"the plan has {len(plan.steps)} steps; {MAX_STEPS} are allowed"]
        return [reason for step in plan.steps for reason in self._check(step)]

    def _check(self, step: Step) -> list[str]:
        if step.skill not in STEP_FIELDS:
            return [f"I have no skill {step.skill}"]
        fields = ("object", "distance", "lateral", "angle", "seconds", "place", "text")
        given = {name for name in fields if getattr(step, name) not in (None, "")}
        strange = given - set(STEP_FIELDS[step.skill])
        reasons = [f"{step.skill} takes no {name}" for name in fields if name in strange]
        for what, (skills, names) in NEEDS.items():
            if step.skill in skills and not given & names:
                reasons.append(f"{step.skill} needs {what}")
        if step.place and step.place != "user":
            known = ", ".join(sorted(self.targets))
            unknown = f'I do not know a place called "{step.place}"; I know: {known}'
            reasons += filter(None, [self.targets.get(step.place, unknown)])
        if step.object is not None and not any(step.object.matches(one) for one in self.world.objects):
            known = ", ".join(f"{k.colour} {k.kind}" for k in self.world.objects)
            reasons.append(f"I do not know a {step.object}; I know: {known}")
        for value in (step.distance, step.lateral):
            if value is not None and not abs(value) <= MAX_DISTANCE:  # not a number is no limit kept
                reasons.append(f"I move at most {MAX_DISTANCE:g} metres at once, not {abs(value):g}")
        if not abs(step.angle or 0.0) <= MAX_ANGLE:
            reasons.append(f"I turn at most {math.degrees(MAX_ANGLE):g} degrees at once")
        if not 0.0 <= (step.seconds or 0.0) <= MAX_WAIT:
            reasons.append(f"I wait at most {MAX_WAIT:g} seconds")
        return reasons


def _cell(grid: Grid, x: float, y: float) -> tuple[int, int] | None:
    """Row and column of (x, y) [m] in map; None outside."""
    row, column = int((y - grid.y0) / grid.resolution), int((x - grid.x0) / grid.resolution)
    rows, columns = grid.occupied.shape
    return (row, column) if 0 <= row < rows and 0 <= column < columns else None


def _reachable(grid: Grid, start: tuple[float, float]) -> np.ndarray:
    """(rows, columns) bool: where the body's disc can get to from `start` on the free map."""
    r = math.ceil(ELBOWS / grid.resolution)
    rows, columns = grid.occupied.shape
    wide = np.pad(grid.occupied, r)
    blocked = np.zeros_like(grid.occupied)
    for dy in range(-r, r + 1):
        reach = int(math.sqrt(r * r - dy * dy))
        for dx in range(-reach, reach + 1):
            blocked |= wide[r + dy : r + dy + rows, r + dx : r + dx + columns]
    reached = np.zeros_like(blocked)
    cell = _cell(grid, *start)
    if cell is None:
        return reached
    reached[max(0, cell[0] - 1) : cell[0] + 2, max(0, cell[1] - 1) : cell[1] + 2] = True
    count = 0
    while count != (count := int(reached.sum())):
        for _ in range(8):  # a sum costs as much as a few steps
            reached |= spread(reached, corners=False) & ~blocked
    return reached
