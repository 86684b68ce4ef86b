"""The skills a plan is made of, each a generator that yields once a tick and returns a `Result`.

Every failure's detail is a sentence that the robot can speak.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

from vla_sim.common.geometry import wrap
from vla_sim.contract.records import DetectedObject, ObjectQuery, Step
from vla_sim.stages.executive.context import Context, Pose2
from vla_sim.stages.executive.goals import Grasp, Result, Running, drive, manipulate, pause
from vla_sim.stages.manipulation.base_placement import choose_place_spot, choose_stand, view_stands
from vla_sim.world.semantic_map import Surface

FRESH = 0.3  # [s] age of an image that still shows what is there, for a robot that stands
GLANCE = 0.5  # [s] to wait for such an image
LOOK = 1.2  # [s] to look at a surface before the next view
FRESH = 0.6  # [s] within which an object counts as seen now
STEP_BACK = 0.40  # [m] away from furniture before walking
PRE_DOCK = 0.40  # [m] behind the docked pose where the arm is raised
DOCK_TOLERANCE = 0.03  # [m]
DOCK_YAW_TOLERANCE = 0.06  # [rad]
MOVED = 0.04  # [m] by which an object may differ from where it was when the stand was chosen
ATTEMPTS = 3


def article(query: ObjectQuery) -> str:
    """ "a red cup", "an object"."""
    words = str(query)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def prepare_to_walk(ctx: Context) -> Running:
    """Arms where they do not disturb walking, and out of reach of furniture."""
    if ctx.holding is not None and ctx.docked:
        grasp = yield from manipulate(ctx, "carry", arm=ctx.holding_arm)
        if not grasp.ok:
            return Result(False, grasp.detail)
    if ctx.docked:
        yield from drive(ctx, "move", distance=-STEP_BACK, position_tolerance=0.10, timeout=20.0)
        ctx.docked = False
    if ctx.holding is None and not ctx.arms_home:
        grasp = yield from manipulate(ctx, "home")
        ctx.arms_home = grasp.ok
    return Result(True)


def navigate(ctx: Context, step: Step) -> Running:
    ready = yield from prepare_to_walk(ctx)
    if not ready.ok:
        return ready
    pose = ctx.resolve(step.place)
    if pose is None:
        surface = ctx.surface(step.place)
        if surface is None:
            return Result(False, f'I do not know a place called "{step.place}".')
        stands = view_stands(surface, ctx.grid, ctx.pose)
        if not stands:
            return Result(False, f"I see no way to stand in front of the {step.place}.")
        pose = min(stands, key=lambda p: math.hypot(p[0] - ctx.pose[0], p[1] - ctx.pose[1]))
    # Two tries: a passer-by or a door frame at an odd angle may have stopped the first.
    result = Result(False)
    for _ in range(2):
        result = yield from drive(ctx, "go", pose, timeout=150.0)
        if result.ok:
            return result
    name = "back to you" if step.place == "user" else f"to the {step.place}"
    return Result(False, f"I could not get {name}: {result.detail}")


def find(ctx: Context, step: Step) -> Running:
    """Look where it stands, then at every surface of the place, or of all places, nearest first."""
    query = step.object or ObjectQuery()
    seen = yield from glance(ctx, query)
    surfaces = [s for s in ctx.world.surfaces if s.place == step.place or s.name == step.place]
    if not step.place:
        surfaces = list(ctx.world.surfaces)
    if seen is not None and (not step.place or ctx.surface_below(seen.position) in surfaces):
        ctx.target = seen
        return Result(True)
    blocked = 0
    while surfaces:
        surface = min(surfaces, key=ctx.distance_to)
        surfaces.remove(surface)
        found, got_there = yield from search(ctx, query, surface)
        blocked += not got_there
        if found is not None:
            ctx.target = found
            return Result(True)
    where = f" in the {step.place}" if step.place else ""
    detail = f"I cannot find {article(query)}{where}."
    if blocked:
        detail += f" I could not look at {blocked} of the tables."
    return Result(False, detail)


def search(
    ctx: Context, query: ObjectQuery, surface: Surface
) -> Generator[None, None, tuple[DetectedObject | None, bool]]:
    """Walk along a surface and look; the object found, and whether a view could be reached."""
    got_there = False
    for pose in view_stands(surface, ctx.grid, ctx.pose):
        ready = yield from prepare_to_walk(ctx)
        if not ready.ok:
            break
        result = yield from drive(ctx, "go", pose, position_tolerance=0.12, yaw_tolerance=0.15)
        if not result.ok:
            continue
        got_there = True
        found = yield from look(ctx, query, LOOK)
        if found is not None:
            return found, True
    return None, got_there


def glance(ctx: Context, query: ObjectQuery) -> Generator[None, None, DetectedObject | None]:
    """The nearest object that matches in what the camera has just shown: an image of the last moment
    is as good as a new one, so that a search begins without a wait."""
    began = ctx.now
    while ctx.objects_stamp < began - FRESH and ctx.now - began < GLANCE:
        yield
    return ctx.visible(query, began - FRESH)


def look(ctx: Context, query: ObjectQuery, seconds: float) -> Generator[None, None, DetectedObject | None]:
    """Stand and look; the nearest object that matches and is seen within that time."""
    began = ctx.now
    while True:
        found = ctx.visible(query, began)
        if found is not None or ctx.now - began > seconds:
            return found
        yield


def approach(ctx: Context, step: Step) -> Running:
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
        stand = choose_stand(target.position, surface, ctx.grid, ctx.pose)
        if stand is None:
            return Result(False, f"I cannot stand so that I reach the {query}.")
        goal = (stand.x, stand.y, stand.yaw)
        if attempt == 0:
            ready = yield from prepare_to_walk(ctx)
            if not ready.ok:
                return ready
            before = _behind(goal, PRE_DOCK)
            result = yield from drive(ctx, "go", before, position_tolerance=0.12, yaw_tolerance=0.12)
            if not result.ok:
                return Result(False, f"I cannot get to the {query}: {result.detail}")
            ctx.arms_home = False
            grasp = yield from manipulate(ctx, "ready", arm=stand.arm)
            if not grasp.ok:
                return Result(False, grasp.detail)
            seen = yield from look(ctx, query, LOOK)
            if seen is not None:
                target = ctx.target = seen
                surface = ctx.surface_below(target.position)
                stand = choose_stand(target.position, surface, ctx.grid, ctx.pose, arm=stand.arm) or stand
                goal = (stand.x, stand.y, stand.yaw)
        elif not result.ok:  # from a step further off it comes in straighter
            yield from drive(ctx, "go", _behind(goal, PRE_DOCK), position_tolerance=0.12, yaw_tolerance=0.12)
        ctx.docked = True
        result = yield from drive(
            ctx, "dock", goal, position_tolerance=DOCK_TOLERANCE, yaw_tolerance=DOCK_YAW_TOLERANCE,
            timeout=40.0,
        )  # fmt: skip
        yield from pause(ctx, 0.6)  # the gait's last sway dies out before the object is measured
        seen = yield from look(ctx, query, LOOK)
        if seen is None:
            return Result(False, f"I lost sight of the {query}.")
        moved = math.dist(seen.position[:2], target.position[:2])
        target = ctx.target = seen
        if result.ok and moved < MOVED:
            return Result(True)
        if _within_reach(ctx, goal, target, moved):
            return Result(True)
    return Result(False, f"I cannot stand close enough to the {query}: {result.detail}")


def _within_reach(ctx: Context, goal: Pose2, target: DetectedObject, moved: float) -> bool:
    """Docking ended a little off; is that still good enough to try?"""
    off = math.hypot(ctx.pose[0] - goal[0], ctx.pose[1] - goal[1])
    return off + moved < 0.06 and abs(wrap(ctx.pose[2] - goal[2])) < 0.15


def pick(ctx: Context, step: Step) -> Running:
    query = step.object or ObjectQuery()
    if ctx.holding is not None:
        return Result(False, f"I already hold the {ctx.holding.colour} {ctx.holding.kind}.")
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
            ctx, "pick", item=target, surface_height=surface.height if surface else 0.0, timeout=60.0
        )
        detail = grasp.detail
        if grasp.ok and grasp.status is not None and grasp.status.holding:
            ctx.holding, ctx.holding_arm = target, grasp.status.arm
            return Result(True, f"I have the {target.colour} {target.kind}.")
        yield from _come_closer(ctx, grasp)
        seen = yield from look(ctx, query, LOOK)
        if seen is None:
            return Result(False, f"I lost sight of the {query}. {detail}".strip())
        ctx.target = seen
    return Result(False, detail or f"I could not grasp the {query}.")


def _come_closer(ctx: Context, grasp: Grasp) -> Generator[None, None, None]:
    """Step to where manipulation says it could reach."""
    x, y, yaw = grasp.status.stand_offset if grasp.status is not None else (0.0, 0.0, 0.0)
    if (x, y, yaw) == (0.0, 0.0, 0.0):
        return
    px, py, heading = ctx.pose
    c, s = math.cos(heading), math.sin(heading)
    goal = (px + c * x - s * y, py + s * x + c * y, wrap(heading + yaw))
    yield from drive(ctx, "dock", goal, position_tolerance=DOCK_TOLERANCE, timeout=30.0)
    yield from pause(ctx, 0.6)


def carry(ctx: Context, step: Step) -> Running:
    if ctx.holding is None:
        return Result(False, "I hold nothing that I could carry.")
    what = f"{ctx.holding.colour} {ctx.holding.kind}"
    result = yield from navigate(ctx, step)
    if ctx.holding is None:  # manipulation watches the grip and says when it is empty
        return Result(False, f"I dropped the {what} on the way.")
    return result


def place(ctx: Context, step: Step) -> Running:
    """Set the held object down on a surface, or on the first one of a place."""
    if ctx.holding is None:
        return Result(False, "I hold nothing that I could put down.")
    what = f"{ctx.holding.colour} {ctx.holding.kind}"
    named = ctx.surface(step.place)
    surfaces = [named] if named else [s for s in ctx.world.surfaces if s.place == step.place]
    for surface in sorted(surfaces, key=ctx.distance_to):
        spot = choose_place_spot(surface, ctx.objects, ctx.grid, ctx.pose)
        if spot is None:
            continue
        stand = choose_stand(spot, surface, ctx.grid, ctx.pose, arm=ctx.holding_arm)
        if stand is None:
            continue
        goal = (stand.x, stand.y, stand.yaw)
        ready = yield from prepare_to_walk(ctx)
        if not ready.ok:
            return ready
        result = yield from drive(ctx, "go", _behind(goal, PRE_DOCK), position_tolerance=0.12)
        if not result.ok:
            continue
        ctx.docked = True
        yield from drive(
            ctx, "dock", goal, position_tolerance=DOCK_TOLERANCE, yaw_tolerance=DOCK_YAW_TOLERANCE,
            timeout=40.0,
        )  # fmt: skip
        grasp = yield from manipulate(
            ctx, "place", arm=ctx.holding_arm, target=spot, surface_height=surface.height, timeout=60.0
        )
        if not grasp.ok:
            return Result(False, grasp.detail)
        ctx.holding = ctx.holding_arm = None
        ctx.arms_home = False
        return Result(True, f"The {what} is on the {surface.name}.")
    return Result(False, f"I find no free spot on a table in the {step.place}.")


def move(ctx: Context, step: Step) -> Running:
    ready = yield from prepare_to_walk(ctx)
    if not ready.ok:
        return ready
    distance, lateral = step.distance or 0.0, step.lateral or 0.0
    timeout = 20.0 + 8.0 * (abs(distance) + abs(lateral) * 2.0)
    return (
        yield from drive(
            ctx, "move", distance=distance, lateral=lateral, position_tolerance=0.08, timeout=timeout
        )
    )


def turn(ctx: Context, step: Step) -> Running:
    ready = yield from prepare_to_walk(ctx)
    if not ready.ok:
        return ready
    angle = step.angle or 0.0
    return (yield from drive(ctx, "turn", angle=angle, yaw_tolerance=0.06, timeout=20.0 + 6.0 * abs(angle)))


def stop(ctx: Context, step: Step) -> Running:
    return Result(True, "Stopped.")
    yield


def wait(ctx: Context, step: Step) -> Running:
    yield from pause(ctx, step.seconds or 0.0)
    return Result(True)


def say(ctx: Context, step: Step) -> Running:
    ctx.say(step.text)
    return Result(True)
    yield


def _behind(pose: Pose2, distance: float) -> Pose2:
    x, y, yaw = pose
    return x - distance * math.cos(yaw), y - distance * math.sin(yaw), yaw


SKILLS: dict[str, Callable[[Context, Step], Running]] = {
    "navigate": navigate, "approach": approach, "find": find, "pick": pick, "place": place,
    "carry": carry, "move": move, "turn": turn, "stop": stop, "wait": wait, "say": say,
}  # fmt: skip
