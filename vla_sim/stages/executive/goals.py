"""One goal for navigation or manipulation, from request to result, as a generator.

A skill is a generator that yields once a tick and returns a `Result`; closing it (a cancel) withdraws
the goal that is under way.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from vla_sim.contract import records, topics
from vla_sim.stages.executive.skill_context import Pose2, SkillContext

ANSWER_TIMEOUT = 5.0  # [s] in which a stage must say that it took the goal
SILENCE_TIMEOUT = 3.0
"""[s] without a status from a stage that is at work, and sends 5 a second: it is dead or stuck."""


@dataclass(frozen=True)
class Result:
    """status: manipulation's last word on the goal, if it was one."""

    ok: bool
    detail: str = ""
    status: records.ManipulationStatus | None = None


Running = Generator[None, None, Result]
Request = records.NavigationRequest | records.ManipulationRequest


def drive(
    ctx: SkillContext, mode: records.NavigationMode, pose: Pose2 = (0.0, 0.0, 0.0), *,
    timeout: float = 120.0, **fields: Any,
) -> Running:  # fmt: skip
    """Walk; returns when navigation says that it arrived or gave up. fields: of `NavigationRequest`."""
    goal, (x, y, yaw) = ctx.goal_ids.new(), pose
    request = records.NavigationRequest(
        goal_id=goal, mode=mode, x=x, y=y, yaw=yaw, stop_epoch=ctx.stops.value, **fields
    )
    withdraw = records.NavigationRequest(goal_id=goal, mode="cancel")
    too_late = f"I did not get there within {timeout:.0f} seconds"
    found = yield from _reach(ctx, "navigation", request, withdraw, too_late, timeout)
    return Result(found.ok, "" if found.ok else found.detail)  # how exactly it stands is nothing to speak of


def manipulate(
    ctx: SkillContext, action: records.ManipulationAction, *, timeout: float = 40.0, **fields: Any
) -> Running:
    """Move an arm; returns when manipulation says that it is done or gave up. fields: of
    `ManipulationRequest`."""
    goal = ctx.goal_ids.new()
    request = records.ManipulationRequest(goal_id=goal, action=action, stop_epoch=ctx.stops.value, **fields)
    withdraw = records.ManipulationRequest(goal_id=goal, action="cancel")
    return (yield from _reach(ctx, "manipulation", request, withdraw, "the arm took too long", timeout))


def _reach(
    ctx: SkillContext, stage: str, request: Request, withdraw: Request, too_late: str, timeout: float
) -> Running:
    """Send a goal and wait for its end: the stage's last word on it, or why it was given up."""
    topic = topics.NAVIGATION_REQUEST if stage == "navigation" else topics.MANIPULATION_REQUEST
    ctx.send(topic, request)
    began = ctx.now
    try:
        while True:
            status, received = getattr(ctx, stage), getattr(ctx, f"{stage}_received")
            mine = status is not None and status.goal_id == request.goal_id
            if mine and status.state != "active":
                return Result(status.state == "succeeded", status.detail, status)
            if not mine and ctx.now - began > ANSWER_TIMEOUT:
                gave_up = f"{stage} does not answer"
            elif mine and ctx.now - received > SILENCE_TIMEOUT:
                gave_up = f"{stage} has fallen silent"
            elif ctx.now - began > timeout:
                gave_up = too_late
            else:
                yield
                continue
            ctx.send(topic, withdraw)
            return Result(False, gave_up, status if mine else None)
    except GeneratorExit:
        ctx.send(topic, withdraw)
        raise


def pause(ctx: SkillContext, seconds: float) -> Generator[None, None, None]:
    """Let `seconds` of the ROS clock pass."""
    end = ctx.now + seconds
    while ctx.now < end:
        yield
