"""Walking: to a place, by a distance, by an angle."""

import math
from typing import Any

import msgspec

from vla_sim.common.geometry import Pose2
from vla_sim.contract.records import ManipulationAction, NavigationMode, NavigationRequest, Step
from vla_sim.stages.executive.goals import Result, Running, drive, manipulate
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.manipulation.base_placement import view_stands

STEP_BACK = 0.40  # [m] away from furniture before walking
USUAL_SPEED: float = NavigationRequest(goal_id="usual", mode="go").max_speed  # [m/s]
DOCK_TOLERANCE = 0.03  # [m]
DOCK_YAW_TOLERANCE = 0.06  # [rad]


def prepare_to_walk(ctx: SkillContext) -> Running:
    """Arms where they do not disturb walking, and out of reach of furniture; else it does not walk."""
    if ctx.docked:
        # An empty hand may still be around what it was to take, where a stop ended that.
        away: ManipulationAction = "ready" if ctx.holding is None else "carry"
        grasp = yield from manipulate(ctx, away, arm=ctx.holding_arm)
        if not grasp.ok:
            return grasp
        back = yield from drive(ctx, "move", distance=-STEP_BACK, position_tolerance=0.10, timeout=20.0)
        if not back.ok:
            return Result(False, f"I cannot step back to walk: {back.detail}")
        ctx.docked = False
    if ctx.holding is None and not ctx.arms_home:
        grasp = yield from manipulate(ctx, "home")
        ctx.arms_home = grasp.ok
        return grasp
    return Result(True)


def navigate(ctx: SkillContext, step: Step) -> Running:
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
        result = yield from drive(ctx, "go", pose, timeout=150.0 / slowness(step), **pace(step))
        if result.ok:
            return result
        if ctx.navigation is not None and ctx.navigation.state == "cancelled":
            break  # for a goal that somebody else has set
    name = {"user": "back to you", "start": "back to the start"}.get(step.place, f"to the {step.place}")
    return Result(False, f"I could not get {name}: {result.detail}")


def pace(step: Step) -> dict[str, float]:
    """The field of a `NavigationRequest` for the speed that was asked for, if one was."""
    return {} if step.speed is None else {"max_speed": step.speed}


def slowness(step: Step) -> float:
    """The asked speed as a share of the usual one, at most 1: a slow walk may take longer."""
    return 1.0 if step.speed is None else max(0.1, min(1.0, step.speed / USUAL_SPEED))


def move(ctx: SkillContext, step: Step) -> Running:
    distance, lateral = step.distance or 0.0, step.lateral or 0.0
    timeout = 20.0 + 8.0 * (abs(distance) + abs(lateral) * 2.0) / slowness(step)
    fields = {"distance": distance, "lateral": lateral, "position_tolerance": 0.08, **pace(step)}
    return (yield from _walk(ctx, "move", timeout, fields))


def turn(ctx: SkillContext, step: Step) -> Running:
    angle = step.angle or 0.0
    fields = {"angle": angle, "yaw_tolerance": 0.06}
    return (yield from _walk(ctx, "turn", 20.0 + 6.0 * abs(angle), fields))


def _walk(ctx: SkillContext, mode: NavigationMode, timeout: float, fields: dict[str, Any]) -> Running:
    ready = yield from prepare_to_walk(ctx)
    if not ready.ok:
        return ready
    ctx.walking_from = (*ctx.pose[:2], ctx.heading)
    try:
        return (yield from drive(ctx, mode, timeout=timeout, **fields))
    finally:
        ctx.walking_from = None


def rest(ctx: SkillContext, step: Step) -> Step:
    """What is left of the step that runs: of a move or a turn, without what it has walked already."""
    if ctx.walking_from is None:
        return step
    (x0, y0, yaw0), (x, y, _) = ctx.walking_from, ctx.pose
    if step.skill == "turn":
        angle = step.angle or 0.0
        turned = math.copysign(1.0, angle) * (ctx.heading - yaw0)
        return msgspec.structs.replace(step, angle=math.copysign(max(0.0, abs(angle) - turned), angle))
    ahead = (x - x0) * math.cos(yaw0) + (y - y0) * math.sin(yaw0)
    left = (y - y0) * math.cos(yaw0) - (x - x0) * math.sin(yaw0)
    return msgspec.structs.replace(
        step, distance=(step.distance or 0.0) - ahead, lateral=(step.lateral or 0.0) - left
    )


def dock(ctx: SkillContext, goal: Pose2) -> Running:
    """Stand exactly where an arm can reach from."""
    tolerances = {"position_tolerance": DOCK_TOLERANCE, "yaw_tolerance": DOCK_YAW_TOLERANCE}
    return (yield from drive(ctx, "dock", goal, timeout=40.0, **tolerances))


def behind(pose: Pose2, distance: float) -> Pose2:
    """The pose `distance` [m] further back along its heading."""
    x, y, yaw = pose
    return x - distance * math.cos(yaw), y - distance * math.sin(yaw), yaw
