"""Looking for an object, where the robot stands and along surfaces."""

from collections.abc import Collection, Generator

from vla_sim.contract.records import DetectedObject, ObjectQuery, Step
from vla_sim.stages.executive.goals import Result, Running, drive
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills.walking import prepare_to_walk
from vla_sim.stages.manipulation.base_placement import view_stands
from vla_sim.world.semantic_map import Surface

IMAGE_AGE = 0.3  # [s] of an image that still shows what is there, for a robot that stands
IMAGE_TIMEOUT = 0.5  # [s] to wait for such an image
SEEN_WITHIN = 0.6  # [s] in which an object counts as seen now
LOOK = 1.2  # [s] to look at a surface before the next view
LOOK_FOR_NAME = 3.0  # [s] likewise for what only a detector on a server can name


def find(ctx: SkillContext, step: Step) -> Running:
    """Look where it stands, then at every surface of the place, or of all places, nearest first."""
    query = step.object or ObjectQuery()
    meant = [s for s in ctx.world.surfaces if not step.place or step.place in (s.place, s.name)]
    seen = yield from glance(ctx, query, meant)
    if seen is not None:
        ctx.target = seen
        return Result(True)
    until, blocked, left = ctx.now + ctx.search_time, 0, list(meant)
    while left and ctx.now < until:
        surface = min(left, key=ctx.distance_to)
        left.remove(surface)
        found, reached = yield from search(ctx, query, surface, meant, until)
        if reached.detail:
            return reached
        blocked += not reached.ok
        if found is not None:
            ctx.target = found
            return Result(True)
    where = f" in the {step.place}" if step.place else ""
    detail = f"I cannot find {article(query)}{where}."
    if ctx.now >= until:
        detail = f"I have looked for {article(query)}{where} for {ctx.search_time:.0f} seconds, and give up."
    if blocked:
        detail += f" I could not look at {blocked} of the tables."
    return Result(False, detail)


def search(
    ctx: SkillContext, query: ObjectQuery, surface: Surface, meant: Collection[Surface], until: float
) -> Generator[None, None, tuple[DetectedObject | None, Result]]:
    """Walk along a surface and look; the object found on any of those that are meant, and whether a view
    could be reached, with a detail where the robot cannot walk at all. until: when no further view is begun
    [s]."""
    reached = Result(False)
    for pose in view_stands(surface, ctx.grid, ctx.pose):
        if ctx.now >= until:
            break
        ready = yield from prepare_to_walk(ctx)
        if not ready.ok:
            return None, ready
        result = yield from drive(ctx, "go", pose, position_tolerance=0.12, yaw_tolerance=0.15)
        if not result.ok:
            continue
        reached = Result(True)
        found = yield from look(ctx, query, LOOK, on=meant)
        if found is not None:
            return found, reached
    return None, reached


def glance(
    ctx: SkillContext, query: ObjectQuery, on: Collection[Surface] | None = None
) -> Generator[None, None, DetectedObject | None]:
    """The nearest object that matches, on one of these surfaces or on any, in what the camera has just
    shown: an image of the last moment is as good as a new one, so that a search begins without a wait."""
    began = ctx.now
    while ctx.objects_stamp < began - IMAGE_AGE and ctx.now - began < IMAGE_TIMEOUT:
        yield
    return ctx.visible(query, began - SEEN_WITHIN, on=on)


def look(
    ctx: SkillContext, query: ObjectQuery, seconds: float, near: DetectedObject | None = None,
    on: Collection[Surface] | None = None,
) -> Generator[None, None, DetectedObject | None]:  # fmt: skip
    """Stand and look; the object that matches and is seen within that time. near, on: see
    `SkillContext.visible`."""
    began = ctx.now
    if query.kind in ctx.world.words:
        seconds = max(seconds, LOOK_FOR_NAME)
    while True:
        found = ctx.visible(query, began, near, on)
        if found is not None or ctx.now - began > seconds:
            return found
        yield


def article(query: ObjectQuery) -> str:
    """ "a red cup", "an object"."""
    words = str(query)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
