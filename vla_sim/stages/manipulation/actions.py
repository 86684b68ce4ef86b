"""What every arm action works with, and the actions without an object: raise, lower, open, carry.

Each action is a generator that yields once a tick and returns its `End`.
"""

import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np

from vla_sim.common import clock
from vla_sim.common.geometry import inverse
from vla_sim.contract.records import Arm, ManipulationRequest, ManipulationStatus, Point
from vla_sim.robot import facts
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.manipulation.arms import ARRIVED_JOINTS, ASTRAY, Arms, GripperCommand, Held, line_length
from vla_sim.stages.manipulation.planning_scene import WorldModel
from vla_sim.stages.manipulation.trajectory import (
    HOME,
    READY,
    Trajectory,
    follow_line,
    joint_motion,
    level_pose,
    line_motion,
    rounded,
    tool_line,
)

ELSEWHERE = 0.3
"""[rad] from being raised and from being lowered at which an arm is neither."""
LIFTED = 0.12
"""[m] by which the tool has to rise for a lift to count."""
OVER = (0.03, 0.05)
"""[m] of air above a surface that what is held needs to be taken over its edge, and to which it is raised."""
CARRY: Point = (0.25, 0.18, 0.20)
"""Tool from the pelvis while carrying: ahead, to the arm's side, up [m]."""


@dataclass(frozen=True)
class End:
    """How an action ended. stand_offset, hopeless: see `ManipulationStatus`."""

    ok: bool
    detail: str = ""
    stand_offset: Point = (0.0, 0.0, 0.0)
    hopeless: bool = False


Action = Generator[None, None, End]
Step = Generator[None, None, None]
Plan = TypeVar("Plan")


class Actions:
    """held: what each arm holds. around: the sides whose hand may be around something that it is not known to
    hold, since what they did there was ended. status: of the newest request. Planning runs on `executor`, so
    that a tick stays short; without one it runs within the tick."""

    def __init__(self, planner: ArmPlanner, world: WorldModel, executor: Executor | None) -> None:
        self.planner = planner
        self.world = world
        self.arms = Arms(planner.kinematics)
        self.held: dict[str, Held] = {}
        self.around: set[Arm] = set()
        self.status = ManipulationStatus(goal_id="none", state="cancelled", action="cancel")
        self.planned: list[float] = []
        """[s] of grasps and places that were planned, until somebody takes them."""
        self._executor = executor

    def cancel(self, request: ManipulationRequest) -> Action:
        self.arms.halt()
        return End(True, "Stopped.")
        yield

    def ready(self, request: ManipulationRequest) -> Action:
        """Empty arms up and behind the table's edge, below which they hang otherwise, and what is held above
        the surface, whose edge it would meet."""
        self.say("raising", arm=request.arm)
        now = {side: self.arms.joints(side) for side in facts.SIDES if side not in self.held}
        low = {side: q for side, q in now.items() if np.abs(q - READY[side]).max() > ARRIVED_JOINTS}
        if low:
            gap = yield from self.arms.postures({side: rounded([q, READY[side]]) for side, q in low.items()})
            if gap > ASTRAY:
                return End(False, "Something keeps me from raising my arms.")
        for side in tuple(self.held):
            rise = self._under(side, request.surface_height)
            if rise > OVER[1] - OVER[0]:
                tool = inverse(self.arms.now.base) @ self.arms.tool(side)
                end = yield from self._hold_at(side, float(tool[2, 3]) + rise)
                if not end.ok:
                    return end
        return End(True)

    def _under(self, side: str, height: float) -> float:
        """[m] that is missing for what is held to be well above a surface; nothing if there is none, 0."""
        held = self.held[side]
        bottom = float(self.arms.tool(side)[2, 3]) + held.up - 0.5 * held.target.size[2]
        return height + OVER[1] - bottom if height else 0.0

    def home(self, request: ManipulationRequest) -> Action:
        """Both empty hands shut, and the arms down; one that is elsewhere is raised first, and rests there:
        the controller takes such a corner slowly."""
        self.say("lowering")
        now = {side: self.arms.joints(side) for side in facts.SIDES if side not in self.held}
        self.arms.out += [GripperCommand(side, 0.0) for side in now]
        far = {
            side: rounded([q, READY[side]]) for side, q in now.items()
            if min(np.abs(q - READY[side]).max(), np.abs(q - HOME[side]).max()) > ELSEWHERE
        }  # fmt: skip
        gap = (yield from self.arms.postures(far)) if far else 0.0
        if gap <= ASTRAY:
            gap = yield from self.arms.postures(
                {side: rounded([self.arms.joints(side), HOME[side]]) for side in now}
            )
        return _end(gap, "Something keeps me from lowering my arms.")

    def open(self, request: ManipulationRequest) -> Action:
        sides = [request.arm] if request.arm is not None else list(self.held) or list(facts.SIDES)
        for side in sides:
            if held := self.held.pop(side, None):
                self.around.add(held.arm)
            yield from self.arms.grip(side, facts.WIDEST)
        return End(True)

    def carry(self, request: ManipulationRequest) -> Action:
        side = self.holding_side(request)
        if side is None:
            return End(False, "I hold nothing that I could carry.")
        self.say("carrying", arm=side)
        return (yield from self._hold_at(side, CARRY[2]))

    def _hold_at(self, side: str, up: float) -> Action:
        """What is held close to the body, the tool `up` above the pelvis [m]."""
        held = self.held[side]
        chain = self.planner.kinematics.arm[side]
        q, waist = self.arms.joints(side), self.arms.waist
        sign = 1.0 if side == "left" else -1.0
        start = chain.forward(q, waist)
        yaw = math.atan2(start[1, 0], start[0, 0])
        path = None
        for turn in (0.5 * yaw, -sign * 0.25, -sign * 0.6, 0.0):
            goal = level_pose((CARRY[0], sign * CARRY[1], up), turn, held.pitch)
            path = follow_line(chain, q, waist, tool_line(start, goal), chain.comfort)
            if path is not None:
                break
        if path is None:
            found = chain.inverse(goal, waist, q)
            if found is None:
                return End(False, f"I cannot bring the {held.item.called} to my body.")
            times, positions = joint_motion(rounded([q, found]), 0.6)
        else:
            path = np.vstack([q, path])
            measure = np.linspace(0.0, line_length(start, goal), len(path))
            times, positions = line_motion(path, measure, 0.18)
        gap = yield from self.arms.run(Trajectory(side, times, positions))
        if side not in self.held:
            return End(False, f"I dropped the {held.item.called}.")
        return _end(gap, f"Something keeps me from bringing the {held.item.called} to my body.")

    def holding_side(self, request: ManipulationRequest) -> str | None:
        """The requested arm if it holds something, else the first that does."""
        return request.arm if request.arm in self.held else next(iter(self.held), None)

    def plan(self, job: Callable[[], Plan]) -> Generator[None, None, Plan]:
        """Run a planning job, on the executor if there is one; its time goes into the status, and how long
        the robot waited for it into `planned`."""
        begin = time.monotonic()

        def timed() -> tuple[Plan, float]:
            began = time.perf_counter()
            return job(), time.perf_counter() - began

        if self._executor is None:
            plan, seconds = timed()
            clock.charge("manipulation", seconds)
        else:
            future = self._executor.submit(timed)
            while not future.done():
                yield
            plan, seconds = future.result()
        self.planned.append(time.monotonic() - begin)
        self.update_status(planning_ms=1e3 * seconds)
        return plan

    def say(self, phase: str, arm: str | None = None) -> None:
        """Report a phase, and the arm that is busy with it."""
        self.update_status(phase=phase, holding=bool(self.held))
        if arm is not None:
            self.update_status(arm=arm, gripper_width=self.arms.grippers[arm].width)

    def update_status(self, **values: Any) -> None:
        """Replace some of the status's fields."""
        self.status = msgspec.structs.replace(self.status, **values)


def _end(gap: float, blocked: str) -> End:
    return End(True) if gap < ASTRAY else End(False, blocked)
