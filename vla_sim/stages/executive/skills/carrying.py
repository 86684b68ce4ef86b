"""Carrying what was taken, and putting it down."""

from vla_sim.contract.records import Step
from vla_sim.stages.executive.goals import Result, Running, drive, manipulate
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills.grasping import PRE_DOCK
from vla_sim.stages.executive.skills.walking import behind, dock, navigate, prepare_to_walk
from vla_sim.stages.manipulation.base_placement import choose_place_spot, choose_stand


def carry(ctx: SkillContext, step: Step) -> Running:
    if ctx.holding is None:
        return Result(False, "I hold nothing that I could carry.")
    what = f"{ctx.holding.colour} {ctx.holding.kind}"
    result = yield from navigate(ctx, step)
    if ctx.holding is None:  # manipulation watches the grip and says when it is empty
        return Result(False, f"I dropped the {what} on the way.")
    return result


def place(ctx: SkillContext, step: Step) -> Running:
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
        result = yield from drive(ctx, "go", behind(goal, PRE_DOCK), position_tolerance=0.12)
        if not result.ok:
            continue
        ctx.docked = True
        yield from dock(ctx, goal)
        grasp = yield from manipulate(
            ctx, "place", arm=ctx.holding_arm, target=spot, surface_height=surface.height, timeout=60.0
        )
        if not grasp.ok:
            return grasp
        ctx.holding = ctx.holding_arm = None
        ctx.arms_home = False
        return Result(True, f"The {what} is on the {surface.name}.")
    return Result(False, f"I find no free spot on a table in the {step.place}.")
