"""One goal for navigation or manipulation, from request to result, as a generator.

A skill is a generator that yields once a tick and returns a `Result`; closing it (a cancel) withdraws
the goal that is under way. A goal is leased: it is renewed as long as its skill runs, and ends by itself when
nobody does.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import msgspec

from vla_sim.common.geometry import Pose2
from vla_sim.contract import records, topics
from vla_sim.contract.lease import GOAL_LEASE, RENEW_PERIOD
from vla_sim.stages.executive.skill_context import SkillContext

ANSWER_TIMEOUT = 5.0  # [s] in which a stage must say that it took the goal
SILENCE_TIMEOUT = 3.0
"""[s] without a status from a stage that is at work, and sends 5 a second: it is dead or stuck."""


@dataclass(frozen=True)
class Result:
    """status: manipulation's last word on the goal, if it was one."""

    ok: bool
    detail: str = ""
    status: records.ManipulationStatus | None = None


class DroppedError(Exception):
    """What the robot carried is gone: the skill that carried it has failed."""

    def __init__(self, what: records.DetectedObject) -> None:
        super().__init__(f"I dropped the {what.called} on the way.")


Running = Generator[None, None, Result]
Request = records.NavigationRequest | records.ManipulationRequest


def drive(
    ctx: SkillContext, mode: records.NavigationMode, pose: Pose2 = (0.0, 0.0, 0.0), *,
    timeout: float = 120.0, **fields: Any,
) -> Running:  # fmt: skip
    """Walk; returns when navigation says that it arrived or gave up. fields: of `NavigationRequest`.

    Raises `DroppedError`, and the robot stops, if it loses what it holds: manipulation watches the grip.
    """
    goal, (x, y, yaw) = ctx.goal_ids.new(), pose
    request = records.NavigationRequest(
        goal_id=goal, mode=mode, x=x, y=y, yaw=yaw, stop_epoch=ctx.stops.value, lease=GOAL_LEASE, **fields
    )
    withdraw = records.NavigationRequest(goal_id=goal, mode="cancel")
    too_late = f"I did not get there within {timeout:.0f} seconds"
    renew = msgspec.structs.replace(withdraw, mode="renew")
    held = ctx.holding

    def keep_hold() -> None:
        if held is not None and ctx.holding is None:
            raise DroppedError(held)

    found = yield from _reach(ctx, "navigation", request, (renew, withdraw), too_late, timeout, keep_hold)
    return Result(found.ok, "" if found.ok else found.detail)  # how exactly it stands is nothing to speak of


def manipulate(
    ctx: SkillContext, action: records.ManipulationAction, *, timeout: float = 40.0, **fields: Any
) -> Running:
    """Move an arm; returns when manipulation says that it is done or gave up. fields: of
    `ManipulationRequest`."""
    goal = ctx.goal_ids.new()
    request = records.ManipulationRequest(
        goal_id=goal, action=action, stop_epoch=ctx.stops.value, lease=GOAL_LEASE, **fields
    )
    if action == "pick":
        ctx.picking = request
    withdraw = records.ManipulationRequest(goal_id=goal, action="cancel")
    renew = msgspec.structs.replace(withdraw, action="renew")
    too_late = "the arm took too long"
    return (yield from _reach(ctx, "manipulation", request, (renew, withdraw), too_late, timeout))


def _reach(
    ctx: SkillContext, stage: str, request: Request, more: tuple[Request, Request], too_late: str,
    timeout: float, check: Callable[[], None] = lambda: None,
) -> Running:  # fmt: skip
    """Send a goal and wait for its end: the stage's last word on it, or why it was given up. more: what
    renews the goal, and what withdraws it. check: called at each tick; what it raises withdraws the goal."""
    topic = topics.NAVIGATION_REQUEST if stage == "navigation" else topics.MANIPULATION_REQUEST
    renew, withdraw = more
    ctx.send(topic, request)
    began, renewed = ctx.now, ctx.mono
    try:
        while True:
            check()
            status, received = getattr(ctx, stage), getattr(ctx, f"{stage}_received")
            mine = status is not None and status.goal_id == request.goal_id
            if mine and status.state != "active":
                return Result(status.state == "succeeded", status.detail, status)
            silent = ctx.now - (received if mine else began)
            if silent > (SILENCE_TIMEOUT if mine else ANSWER_TIMEOUT):
                gave_up = records.SILENT[stage]
            elif ctx.now - began > timeout:
                gave_up = too_late
            else:
                if ctx.mono - renewed >= RENEW_PERIOD - 1e-6:
                    renewed = ctx.mono
                    ctx.send(topic, renew)
                yield
                continue
            ctx.send(topic, withdraw)
            return Result(False, gave_up, status if mine else None)
    except BaseException:  # it is closed, the check failed, or the program is wrong
        ctx.send(topic, withdraw)
        raise


def pause(ctx: SkillContext, seconds: float) -> Generator[None, None, None]:
    """Let `seconds` of the ROS clock pass."""
    end = ctx.now + seconds
    while ctx.now < end:
        yield
