"""Standing in front of an object, taking it, carrying it and putting it down."""

import math
from collections.abc import Generator
from dataclasses import dataclass

from vla_sim.common.geometry import Pose2, wrap
from vla_sim.contract.records import DetectedObject, ObjectQuery, Point, Step
from vla_sim.contract.surface_points import unpack
from vla_sim.stages.executive.goals import DroppedError, Result, Running, drive, manipulate, pause
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills.searching import LOOK, find, look
from vla_sim.stages.executive.skills.walking import (
    DOCK_TOLERANCE,
    behind,
    dock,
    navigate,
    pace,
    prepare_to_walk,
)
from vla_sim.stages.manipulation.base_placement import choose_place_spot, choose_stand
from vla_sim.stages.manipulation.opening import Opening, find_opening
from vla_sim.world.objects import ObjectKind
from vla_sim.world.semantic_map import Surface

PRE_DOCK = 0.40  # [m] behind the docked pose where the arm is raised
SWAY = 0.6  # [s] in which the gait's last sway dies out
MOVED = 0.04  # [m] by which an object may differ from where it was when the stand was chosen
ATTEMPTS = 3
ABOVE_RIM = 0.03  # [m] at which something is let go of above a container's rim
BESIDE_RIM = 0.012  # [m] that must be left between it and the rim


@dataclass(frozen=True)
class NoSpot(Result):
    """Nothing can be put down there, but perhaps elsewhere. detail: what was in the way, if anything was."""


def approach(ctx: SkillContext, step: Step) -> Running:
    """Stand in front of the object with the reaching arm raised."""
    query = step.object or ObjectQuery()
    target = ctx.target
    if target is None or not query.matches(target):
        found = yield from find(ctx, step)
        if not found.ok:
            return found
        target = ctx.target
        assert target is not None
    for attempt in range(ATTEMPTS):
        surface = ctx.surface_below(target.position)
        stand = choose_stand(target.position, surface, ctx.grid, ctx.pose, arm=step.arm)
        if stand is None:
            hand = f" with the {step.arm} hand" if step.arm else ""
            return Result(False, f"I cannot stand so that I reach the {query}{hand}.")
        goal = (stand.x, stand.y, stand.yaw)
        if attempt == 0:
            ready = yield from prepare_to_walk(ctx)
            if not ready.ok:
                return ready
            before = behind(goal, PRE_DOCK)
            result = yield from drive(ctx, "go", before, position_tolerance=0.12, yaw_tolerance=0.12)
            if not result.ok:
                return Result(False, f"I cannot get to the {query}: {result.detail}")
            ctx.arms_home = False
            grasp = yield from manipulate(ctx, "ready", arm=stand.arm)
            if not grasp.ok:
                return grasp
            seen = yield from look(ctx, query, LOOK, target)
            if seen is not None:
                target = ctx.target = seen
                surface = ctx.surface_below(target.position)
                stand = choose_stand(target.position, surface, ctx.grid, ctx.pose, arm=stand.arm) or stand
                goal = (stand.x, stand.y, stand.yaw)
        elif not result.ok:  # from a step further off it comes in straighter
            yield from drive(ctx, "go", behind(goal, PRE_DOCK), position_tolerance=0.12, yaw_tolerance=0.12)
        ctx.docked = True
        result = yield from dock(ctx, goal)
        yield from pause(ctx, SWAY)  # the gait's last sway dies out before the object is measured
        seen = yield from look(ctx, query, LOOK, target)
        if seen is None:
            return Result(False, f"I lost sight of the {query}.")
        moved = math.dist(seen.position[:2], target.position[:2])
        target = ctx.target = seen
        if (result.ok and moved < MOVED) or _within_reach(ctx, goal, moved):
            return Result(True)
    return Result(False, f"I cannot stand close enough to the {query}: {result.detail}")


def _within_reach(ctx: SkillContext, goal: Pose2, moved: float) -> bool:
    """Docking ended a little off; is that still good enough to try?"""
    off = math.hypot(ctx.pose[0] - goal[0], ctx.pose[1] - goal[1])
    return off + moved < 0.06 and abs(wrap(ctx.pose[2] - goal[2])) < 0.15


def pick(ctx: SkillContext, step: Step) -> Running:
    query = step.object or ObjectQuery()
    if ctx.holding is not None:
        return Result(False, f"I already hold the {ctx.holding.called}.")
    if not ctx.docked or ctx.target is None or not query.matches(ctx.target):
        near = yield from approach(ctx, step)
        if not near.ok:
            return near
    detail = ""
    for _ in range(ATTEMPTS):
        target = ctx.target
        assert target is not None
        surface = ctx.surface_below(target.position)
        grasp = yield from manipulate(
            ctx, "pick", arm=step.arm, object=target, timeout=60.0,
            surface_height=surface.height if surface else 0.0,
        )  # fmt: skip
        detail = grasp.detail
        if grasp.ok and grasp.status is not None and grasp.status.holding:
            ctx.holding, ctx.holding_arm = target, grasp.status.arm
            return Result(True, f"I have the {target.called}.")
        if grasp.status is not None and (grasp.status.hopeless or grasp.status.holding):
            return grasp  # also what was not lifted to the end is held, and that hand cannot pick again
        yield from _come_closer(ctx, grasp)
        seen = yield from look(ctx, query, LOOK, target)
        if seen is None:
            return Result(False, f"I lost sight of the {query}. {detail}".strip())
        ctx.target = seen
    return Result(False, detail or f"I could not grasp the {query}.")


def _come_closer(ctx: SkillContext, grasp: Result) -> Generator[None, None, None]:
    """Step to where manipulation says it could reach."""
    x, y, yaw = grasp.status.stand_offset if grasp.status is not None else (0.0, 0.0, 0.0)
    if (x, y, yaw) == (0.0, 0.0, 0.0):
        return
    px, py, heading = ctx.pose
    c, s = math.cos(heading), math.sin(heading)
    goal = (px + c * x - s * y, py + s * x + c * y, wrap(heading + yaw))
    yield from drive(ctx, "dock", goal, position_tolerance=DOCK_TOLERANCE, timeout=30.0)
    yield from pause(ctx, SWAY)


def carry(ctx: SkillContext, step: Step) -> Running:
    held = ctx.holding
    if held is None:
        return Result(False, "I hold nothing that I could carry.")
    result = yield from navigate(ctx, step)
    if ctx.holding is None:  # since before the first step
        raise DroppedError(held)
    return result


def place(ctx: SkillContext, step: Step) -> Running:
    """Set the held object down: on a surface, on the first one of a place that has room, next to an object,
    on top of one or into one."""
    held = ctx.holding
    if held is None:
        return Result(False, "I hold nothing that I could put down.")
    if step.object is not None:
        return (yield from _place_by(ctx, step, held, step.object))
    named = ctx.surface(step.place)
    surfaces = [named] if named else [s for s in ctx.world.surfaces if s.place == step.place]
    where = f"on the {step.place}" if named else f"on a table in the {step.place}"
    failed = Result(False, f"I find no free spot {where}.")
    for surface in sorted(surfaces, key=ctx.distance_to):
        spot = choose_place_spot(surface, _others(ctx), ctx.grid, ctx.pose)
        done = yield from _set_down(ctx, step, surface, spot, f"on the {surface.name}")
        if not isinstance(done, NoSpot):
            return done
        failed = done if done.detail else failed
    return failed


def _place_by(ctx: SkillContext, step: Step, held: DetectedObject, query: ObjectQuery) -> Running:
    """Next to, on, or into an object, which is looked for where it was seen last, then everywhere."""
    known = [o for o in _others(ctx) if query.matches(o) and ctx.surface_below(o.position) is not None]
    nearest = min(known, key=ctx.distance_to, default=None)
    seen_on = ctx.surface_below(nearest.position) if nearest is not None else None
    for where in ("",) if seen_on is None else (seen_on.name, ""):
        found = yield from find(ctx, Step(skill="find", object=query, place=where))
        if found.ok:
            break
    else:
        return found
    target = ctx.target
    assert target is not None
    surface = ctx.surface_below(target.position)
    assert surface is not None  # on which all stands that `find` takes
    spot: Point | None
    container = None
    if step.relation == "into":
        opening = find_opening(unpack(target.surface))
        if opening is None:
            return Result(False, f"I see no opening in the {target.called}.")
        if too := _too(ctx, held, opening):
            return Result(False, f"The {held.called} is too {too} for the {target.called}.")
        (x, y, z), container = target.position, target
        spot = (x + opening.centre[0], y + opening.centre[1], z + opening.rim + ABOVE_RIM)
    elif step.relation == "on top of":
        below, above = _kind(ctx, target), _kind(ctx, held)
        if below is None or above is None or below.shape != "box" or above.shape == "sphere":
            return Result(False, f"The {held.called} would not stay on the {query}.")
        spot = (*target.position[:2], surface.height + below.size[2])
    else:
        spot = choose_place_spot(surface, _others(ctx), ctx.grid, ctx.pose, beside=target.position)
    where = "in" if step.relation == "into" else step.relation
    done = yield from _set_down(ctx, step, surface, spot, f"{where} the {query}", container)
    said = done.ok or done.detail
    return done if said else Result(False, f"I find no free spot {step.relation} the {query}.")


def _too(ctx: SkillContext, held: DetectedObject, opening: Opening) -> str:
    """What it is too much of to fall into a container: "wide", "tall"; "" if it does."""
    known = _kind(ctx, held)
    length, width, height = known.size if known is not None else held.size
    is_round = known is not None and known.shape in ("sphere", "cylinder")
    half = max(length, width) / 2 if is_round else math.hypot(length, width) / 2
    if half + BESIDE_RIM > opening.radius:
        return "wide"
    return "tall" if height / 2 > opening.depth else ""  # it would lean over the rim


def _others(ctx: SkillContext) -> list[DetectedObject]:
    """Without what is held, which may still be known where it stood."""
    return [o for o in ctx.objects if ctx.holding is None or o.track_id != ctx.holding.track_id]


def _kind(ctx: SkillContext, item: DetectedObject) -> ObjectKind | None:
    return next((k for k in ctx.world.objects if (k.kind, k.colour) == (item.kind, item.colour)), None)


def _set_down(
    ctx: SkillContext, step: Step, surface: Surface, spot: Point | None, where: str,
    container: DetectedObject | None = None,
) -> Running:  # fmt: skip
    """Walk up to a surface and put down there what is held, at `spot` (map), or in a container's opening;
    `NoSpot` if there is none, or no way to where it could be reached from. where: in words, for the answer.
    step: how it walks."""
    held, arm = ctx.holding, ctx.holding_arm
    assert held is not None
    stand = None if spot is None else choose_stand(spot, surface, ctx.grid, ctx.pose, arm=arm)
    if spot is None or stand is None:
        return NoSpot(False)
    goal = (stand.x, stand.y, stand.yaw)
    ready = yield from prepare_to_walk(ctx)
    if not ready.ok:
        return ready
    before = behind(goal, PRE_DOCK)
    result = yield from drive(ctx, "go", before, position_tolerance=0.12, **pace(step))
    if not result.ok:
        return NoSpot(False, f"I could not get to the {surface.name}: {result.detail}")
    raised = yield from manipulate(ctx, "ready", arm=arm, surface_height=spot[2])
    if not raised.ok:
        return raised
    ctx.docked = True
    yield from dock(ctx, goal)
    grasp = yield from manipulate(
        ctx, "place", arm=arm, object=container, target=spot, surface_height=spot[2], timeout=60.0
    )
    if not grasp.ok:
        return grasp
    ctx.holding = ctx.holding_arm = None
    ctx.arms_home = False
    return Result(True, f"The {held.called} is {where}.")
