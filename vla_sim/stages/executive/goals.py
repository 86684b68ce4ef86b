"""One goal for navigation or manipulation, from request to result, as a generator.

A skill is a generator that yields once a tick and returns a `Result`; closing it (a cancel) withdraws
the goal that is under way.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from vla_sim.contract import topics
from vla_sim.contract.records import (
    Arm,
    DetectedObject,
    ManipulationAction,
    ManipulationRequest,
    ManipulationStatus,
    NavigationMode,
    NavigationRequest,
    Point,
)
from vla_sim.stages.executive.skill_context import Pose2, SkillContext

ANSWER_TIMEOUT = 5.0  # [s] in which a stage must say that it took the goal
SILENCE_TIMEOUT = 3.0
"""[s] without a status from a stage that is at work, and sends 5 a second: it is dead or stuck."""


@dataclass(frozen=True)
class Result:
    ok: bool
    detail: str = ""


Running = Generator[None, None, Result]


def drive(
    ctx: SkillContext, mode: NavigationMode, pose: Pose2 = (0.0, 0.0, 0.0), *, distance: float = 0.0,
    lateral: float = 0.0, angle: float = 0.0, position_tolerance: float = 0.15,
    yaw_tolerance: float = 0.15, timeout: float = 120.0,
) -> Running:  # fmt: skip
    """Walk; returns when navigation says that it arrived or gave up."""
    goal = ctx.goal_ids.new()
    request = NavigationRequest(
        goal_id=goal, mode=mode, x=pose[0], y=pose[1], yaw=pose[2], distance=distance,
        lateral=lateral, angle=angle, position_tolerance=position_tolerance,
        yaw_tolerance=yaw_tolerance,
    )  # fmt: skip
    ctx.send(topics.NAVIGATION_REQUEST, request)
    began = ctx.now
    try:
        while True:
            status = ctx.navigation
            mine = status is not None and status.goal_id == goal
            if status is not None and mine and status.state != "active":
                if status.state == "succeeded":
                    return Result(True)  # how exactly it stands is nothing to speak of
                return Result(False, status.detail)
            if not mine and ctx.now - began > ANSWER_TIMEOUT:
                return _gave_up(ctx, goal, "navigation does not answer")
            if mine and ctx.now - ctx.navigation_received > SILENCE_TIMEOUT:
                return _gave_up(ctx, goal, "navigation has fallen silent")
            if ctx.now - began > timeout:
                return _gave_up(ctx, goal, f"I did not get there within {timeout:.0f} seconds")
            yield
    except GeneratorExit:
        _gave_up(ctx, goal, "")
        raise


def _gave_up(ctx: SkillContext, goal: str, detail: str) -> Result:
    ctx.send(topics.NAVIGATION_REQUEST, NavigationRequest(goal_id=goal, mode="cancel"))
    return Result(False, detail)


@dataclass(frozen=True)
class Grasp:
    """What manipulation reported at the end of a goal."""

    ok: bool
    detail: str
    status: ManipulationStatus | None


def manipulate(
    ctx: SkillContext, action: ManipulationAction, *, arm: Arm | None = None,
    item: DetectedObject | None = None, target: Point | None = None, surface_height: float = 0.0,
    timeout: float = 40.0,
) -> Generator[None, None, Grasp]:  # fmt: skip
    """Move an arm; returns when manipulation says that it is done or gave up."""
    goal = ctx.goal_ids.new()
    request = ManipulationRequest(
        goal_id=goal, action=action, arm=arm, object=item, target=target,
        surface_height=surface_height,
    )  # fmt: skip
    ctx.send(topics.MANIPULATION_REQUEST, request)
    began = ctx.now
    try:
        while True:
            status = ctx.manipulation
            mine = status is not None and status.goal_id == goal
            if status is not None and mine and status.state != "active":
                return Grasp(status.state == "succeeded", status.detail, status)
            late = ctx.now - began
            silent = mine and ctx.now - ctx.manipulation_received > SILENCE_TIMEOUT
            if late > timeout or silent or (not mine and late > ANSWER_TIMEOUT):
                withdraw = ManipulationRequest(goal_id=goal, action="cancel")
                ctx.send(topics.MANIPULATION_REQUEST, withdraw)
                detail = "the arm took too long" if mine else "manipulation does not answer"
                detail = "manipulation has fallen silent" if silent else detail
                return Grasp(False, detail, status if mine else None)
            yield
    except GeneratorExit:
        ctx.send(topics.MANIPULATION_REQUEST, ManipulationRequest(goal_id=goal, action="cancel"))
        raise


def pause(ctx: SkillContext, seconds: float) -> Generator[None, None, None]:
    """Let `seconds` of the ROS clock pass."""
    end = ctx.now + seconds
    while ctx.now < end:
        yield
