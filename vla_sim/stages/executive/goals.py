"""One goal for navigation or manipulation, from request to result, as a generator.

A skill is a generator that yields once a tick and returns a `Result`; closing it (a cancel) withdraws
the goal that is under way.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from vla_sim.contract import records, topics
from vla_sim.stages.executive.skill_context import Pose2, SkillContext

ANSWER_TIMEOUT = 5.0  # [s] in which a stage must say that it took the goal
SILENCE_TIMEOUT = 3.0
"""[s] without a status from a stage that is at work, and sends 5 a second: it is dead or stuck."""

S = TypeVar("S", records.NavigationStatus, records.ManipulationStatus)


@dataclass(frozen=True)
class Result:
    """status: manipulation's last word on the goal, if it was one."""

    ok: bool
    detail: str = ""
    status: records.ManipulationStatus | None = None


Running = Generator[None, None, Result]


def drive(
    ctx: SkillContext, mode: records.NavigationMode, pose: Pose2 = (0.0, 0.0, 0.0), *,
    timeout: float = 120.0, **fields: Any,
) -> Running:  # fmt: skip
    """Walk; returns when navigation says that it arrived or gave up. fields: of `NavigationRequest`."""
    goal, (x, y, yaw) = ctx.goal_ids.new(), pose
    request = records.NavigationRequest(goal_id=goal, mode=mode, x=x, y=y, yaw=yaw, **fields)
    withdraw = records.NavigationRequest(goal_id=goal, mode="cancel")
    ctx.send(topics.NAVIGATION_REQUEST, request)
    status, gave_up = yield from _status(
        ctx, goal, lambda: (ctx.navigation, ctx.navigation_received),
        lambda: ctx.send(topics.NAVIGATION_REQUEST, withdraw),
        "navigation", f"I did not get there within {timeout:.0f} seconds", timeout,
    )  # fmt: skip
    if gave_up or status is None:
        return Result(False, gave_up)
    ok = status.state == "succeeded"
    return Result(ok, "" if ok else status.detail)  # how exactly it stands is nothing to speak of


def manipulate(
    ctx: SkillContext, action: records.ManipulationAction, *, timeout: float = 40.0, **fields: Any
) -> Running:
    """Move an arm; returns when manipulation says that it is done or gave up. fields: of
    `ManipulationRequest`."""
    goal = ctx.goal_ids.new()
    withdraw = records.ManipulationRequest(goal_id=goal, action="cancel")
    ctx.send(topics.MANIPULATION_REQUEST, records.ManipulationRequest(goal_id=goal, action=action, **fields))
    status, gave_up = yield from _status(
        ctx, goal, lambda: (ctx.manipulation, ctx.manipulation_received),
        lambda: ctx.send(topics.MANIPULATION_REQUEST, withdraw),
        "manipulation", "the arm took too long", timeout,
    )  # fmt: skip
    if gave_up or status is None:
        return Result(False, gave_up, status)
    return Result(status.state == "succeeded", status.detail, status)


def _status(
    ctx: SkillContext, goal: str, latest: Callable[[], tuple[S | None, float]],
    withdraw: Callable[[], None], stage: str, too_late: str, timeout: float,
) -> Generator[None, None, tuple[S | None, str]]:  # fmt: skip
    """Waits for the end of a goal: the stage's last status of it, and why it was given up, if it was."""
    began = ctx.now
    try:
        while True:
            status, received = latest()
            mine = status is not None and status.goal_id == goal
            if status is not None and mine and status.state != "active":
                return status, ""
            if not mine and ctx.now - began > ANSWER_TIMEOUT:
                gave_up = f"{stage} does not answer"
            elif mine and ctx.now - received > SILENCE_TIMEOUT:
                gave_up = f"{stage} has fallen silent"
            elif ctx.now - began > timeout:
                gave_up = too_late
            else:
                yield
                continue
            withdraw()
            return status if mine else None, gave_up
    except GeneratorExit:
        withdraw()
        raise


def pause(ctx: SkillContext, seconds: float) -> Generator[None, None, None]:
    """Let `seconds` of the ROS clock pass."""
    end = ctx.now + seconds
    while ctx.now < end:
        yield
