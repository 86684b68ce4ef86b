"""What the arms do for one request after another: a core that is ticked and knows no ROS.

    manipulator = Manipulator(ArmPlanner(Kinematics.load()))
    manipulator.request(request)
    for command in manipulator.tick(observation):
        ...                                # a Trajectory or a GripperCommand to send
    manipulator.status                          # what to report

Each action is a generator that yields once a tick. Planning runs on `executor`, so that a tick stays
short; without one it runs within the tick.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from vla_sim.common import clock
from vla_sim.common.geometry import inverse
from vla_sim.contract.records import (
    Arm,
    DetectedObject,
    GoalState,
    ManipulationRequest,
    ManipulationStatus,
    Point,
)
from vla_sim.robot import g1
from vla_sim.stages.manipulation.arm_planner import ArmPlanner, GraspPlan, Outcome, PlacePlan
from vla_sim.stages.manipulation.arms import Arms, GripperCommand, line_length
from vla_sim.stages.manipulation.grasp import WIDEST, Target
from vla_sim.stages.manipulation.gripper_monitor import Held
from vla_sim.stages.manipulation.planning_scene import Observation, WorldModel
from vla_sim.stages.manipulation.trajectory import (
    HOME,
    READY,
    TOOL_SPEED,
    Trajectory,
    follow_line,
    joint_motion,
    level_pose,
    line_motion,
    rounded,
    tool_line,
)

Going = Generator[None, None, "End"]

ATTEMPTS = 3
SLOW = 0.06
"""[m/s] of the tool close to an object or a surface."""
BLOCKED = 0.030
"""[m] from its goal at which a motion that should be over counts as blocked."""
LIFTED = 0.12
"""[m] by which the tool has to rise for a lift to count."""
ASTRAY = 0.35
"""[rad] from its goal at which an arm counts as blocked; the walking policy itself moves it by 0.2."""
MOVED = 0.035
"""[m] by which an object must have moved to be reached for anew; its estimate wavers by less than 0.01."""
MOVED_TIME = 0.25
"""[s] for which it must be seen there: a hand that hides half of it shifts it for a moment."""
LOOK_TIME = 1.0
"""[s] to wait for a new look at an object after a failed grasp."""
CARRY: Point = (0.25, 0.18, 0.20)
"""Tool from the pelvis while carrying: ahead, to the arm's side, up [m]."""


@dataclass(frozen=True)
class End:
    """How an action ended. stand_offset: see `ManipulationStatus`."""

    ok: bool
    detail: str = ""
    stand_offset: Point = (0.0, 0.0, 0.0)


class Manipulator:
    """around: what is known of the world. held: what each arm holds. status: of the newest request."""

    def __init__(
        self, planner: ArmPlanner, around: WorldModel | None = None, executor: Executor | None = None
    ) -> None:
        self.planner = planner
        self.held: dict[str, Held] = {}
        self.status = ManipulationStatus(goal_id="none", state="cancelled", action="cancel")
        self._world, self._executor = around or WorldModel(), executor
        self.arms = Arms(planner.kinematics)
        self._action: Going | None = None
        self._request: ManipulationRequest | None = None

    @property
    def busy(self) -> bool:
        return self._action is not None

    def request(self, request: ManipulationRequest) -> None:
        """Take a request; one that is under way ends as cancelled. The arms stop first."""
        if self._action is not None:
            self._finish("cancelled", End(False, "another request came"))
            self.arms.halt()
        self._request = request
        self.status = ManipulationStatus(goal_id=request.goal_id, state="active", action=request.action)
        actions: dict[str, Callable[[ManipulationRequest], Going]] = {
            "ready": self._ready, "pick": self._pick, "place": self._place, "carry": self._carry,
            "home": self._home, "open": self._open, "cancel": self._cancel,
        }  # fmt: skip
        self._action = actions[request.action](request)

    def tick(self, observation: Observation) -> list[Trajectory | GripperCommand]:
        """One step; what to send now. Call it at about 20 Hz or more."""
        if self.arms.known and observation.time < self.arms.now.time - 1.0:
            self._start_anew()
        self.arms.update(observation)
        self._drop_lost()
        if self._action is not None:
            try:
                next(self._action)
            except StopIteration as stop:
                end: End = stop.value
                self._finish("succeeded" if end.ok else "failed", end)
        return self.arms.take()

    # ------------------------------------------------------------------ actions

    def _cancel(self, request: ManipulationRequest) -> Going:
        self.arms.halt()
        return End(True, "Stopped.")
        yield

    def _ready(self, request: ManipulationRequest) -> Going:
        """Both arms up and behind the table's edge; the idle one hangs below table height otherwise."""
        self._say("raising", arm=request.arm)
        sides = [side for side in g1.SIDES if side not in self.held]
        paths = {side: rounded([self.arms.joints(side), READY[side]]) for side in sides}
        gap = yield from self.arms.postures(paths)
        return End(gap < ASTRAY, "" if gap < ASTRAY else "Something keeps me from raising my arms.")

    def _home(self, request: ManipulationRequest) -> Going:
        self._say("lowering")
        sides = [side for side in g1.SIDES if side not in self.held]
        paths = {}
        for side in sides:
            start = self.arms.joints(side)
            far = np.abs(start - READY[side]).max() > 0.3 and np.abs(start - HOME[side]).max() > 0.3
            paths[side] = rounded([start, READY[side], HOME[side]] if far else [start, HOME[side]])
            self.arms.out.append(GripperCommand(side, 0.0))
        gap = yield from self.arms.postures(paths)
        return End(gap < ASTRAY, "" if gap < ASTRAY else "Something keeps me from lowering my arms.")

    def _open(self, request: ManipulationRequest) -> Going:
        sides = [request.arm] if request.arm is not None else list(self.held) or list(g1.SIDES)
        for side in sides:
            self.held.pop(side, None)
            yield from self.arms.grip(side, WIDEST)
        return End(True)

    def _carry(self, request: ManipulationRequest) -> Going:
        side = request.arm if request.arm in self.held else next(iter(self.held), None)
        if side is None:
            return End(False, "I hold nothing that I could carry.")
        held = self.held[side]
        self._say("carrying", arm=held.arm, holding=True)
        chain = self.planner.kinematics.arm[side]
        q, waist = self.arms.joints(side), self.arms.waist
        sign = 1.0 if side == "left" else -1.0
        start = chain.forward(q, waist)
        yaw = math.atan2(start[1, 0], start[0, 0])
        path = None
        for turn in (0.5 * yaw, -sign * 0.25, -sign * 0.6, 0.0):
            goal = level_pose((CARRY[0], sign * CARRY[1], CARRY[2]), turn, held.pitch)
            poses = tool_line(start, goal)
            path = follow_line(chain, q, waist, poses, chain.comfort)
            if path is not None:
                break
        if path is None:
            found = chain.inverse(goal, waist, q)
            if found is None:
                return End(False, f"I cannot bring the {_name(held.item)} to my body.")
            path = rounded([q, found])
            times, positions = joint_motion(path, 0.6)
        else:
            path = np.vstack([q, path])
            measure = np.linspace(0.0, line_length(start, goal), len(path))
            times, positions = line_motion(path, measure, 0.18)
        gap = yield from self.arms.run(Trajectory(side, times, positions))
        if side not in self.held:
            return End(False, f"I dropped the {_name(held.item)}.")
        blocked = f"Something keeps me from bringing the {_name(held.item)} to my body."
        return End(gap < ASTRAY, "" if gap < ASTRAY else blocked)

    def _pick(self, request: ManipulationRequest) -> Going:
        item = request.object
        if item is None:
            return End(False, "I was not told what to pick up.")
        free = tuple(side for side in g1.SIDES if side not in self.held)
        if not free or (request.arm is not None and request.arm not in free):
            return End(False, "My hand is not free.")
        arms = (request.arm,) if request.arm is not None else ()
        detail = ""
        for attempt in range(ATTEMPTS):
            item = self._world.seen(self.arms.now, item) or item
            target = self._world.target(self.arms.now, item, request.surface_height)
            self._say("planning" if attempt == 0 else "trying again")
            scene = self._world.scene(self.arms.now, item)
            order = arms or tuple(a for a in self.planner.choose_arm(scene, target.position) if a in free)
            outcome = yield from self._work(partial(self.planner.pick, scene, target, order, attempt))
            self.status = replace_status(self.status, planning_ms=outcome.milliseconds)
            plan = outcome.plan
            if not isinstance(plan, GraspPlan):
                better = self._world.better_stand(self.arms.now, item.position, request.arm)
                return End(False, _fill(outcome.reason, item), better)
            detail = yield from self._grasp(plan, target, item)
            if not detail:
                return End(True)
            yield from self._look(item)
        return End(False, detail)

    def _look(self, item: DetectedObject) -> Generator[None, None, None]:
        """Wait until perception has seen the object anew."""
        began = self.arms.now.time
        while self._world.seen(self.arms.now, item, began) is None:
            if self.arms.now.time - began > LOOK_TIME:
                return
            yield

    def _grasp(self, plan: GraspPlan, target: Target, item: DetectedObject) -> Generator[None, None, str]:
        """Reach, close, confirm, lift. An empty string, or why it failed; then the hand is clear."""
        side, name = plan.side, _name(item)
        self._say("reaching", arm=side)
        self.arms.out.append(GripperCommand(side, plan.opening))
        times, positions = joint_motion(plan.reach)
        reach = Trajectory(side, times, positions, "odom", plan.stamp)
        gap = yield from self._reach(reach, plan, item)
        if gap is None:
            yield from self._withdraw(side, plan)
            return f"The {name} was moved."
        if gap > BLOCKED:
            yield from self._retreat(side, plan)
            return f"My arm cannot get to the {name}."
        self._say("approaching", arm=side)
        gap = yield from self.arms.line(side, plan.grasp.pose, SLOW, plan.posture)
        self._say("closing", arm=side)
        yield from self.arms.grip(side, 0.0)
        watch = self.arms.watch[side]
        if not watch.fits(plan.grasp.width):
            yield from self.arms.grip(side, WIDEST)
            yield from self._retreat(side, plan)
            return f"The {name} was not between my fingers."
        hand = self.arms.tool(side)
        offset = np.array(target.position) - hand[:3, 3]
        ahead = math.cos(plan.grasp.yaw) * offset[0] + math.sin(plan.grasp.yaw) * offset[1]
        self.held[side] = Held(side, item, target, ahead, float(offset[2]), plan.grasp.pitch, watch.width)
        self._say("lifting", arm=side, holding=True)
        yield from self._lift(side, plan)
        risen = float(self.arms.tool(side)[2, 3] - hand[2, 3])
        if side in self.held and risen > LIFTED:
            return ""
        stuck = side in self.held
        if stuck and risen > 0.02:  # set it down again, not drop it
            yield from self.arms.line(side, plan.grasp.pose, SLOW, plan.posture)
        self.held.pop(side, None)
        yield from self.arms.grip(side, WIDEST)
        yield from self._retreat(side, plan)
        return f"I cannot lift the {name}." if stuck else f"The {name} slipped out of my hand."

    def _reach(
        self, reach: Trajectory, plan: GraspPlan, item: DetectedObject
    ) -> Generator[None, None, float | None]:
        """Go to the pregrasp; how far it ends from it [m]. None, and the arm stops, if the object is seen to
        have moved meanwhile."""
        going = self.arms.run(reach, plan.pregrasp)
        began, gone_since = self.arms.now.time, math.inf
        while True:
            try:
                next(going)
            except StopIteration as stop:
                return float(stop.value)
            seen = self._world.seen(self.arms.now, item, began)
            if seen is None or math.dist(seen.position, item.position) < MOVED:
                gone_since = math.inf
            else:
                gone_since = min(gone_since, seen.last_seen)
                if seen.last_seen - gone_since >= MOVED_TIME:
                    self.arms.halt()
                    return None
            yield

    def _lift(self, side: str, plan: GraspPlan) -> Generator[None, None, None]:
        """Up, straight if the arm can, else closer to the body."""
        to_body = self.arms.now.base[:2, 3] - plan.lift[:2, 3]
        to_body /= max(float(np.linalg.norm(to_body)), 1e-6)
        for back in (0.0, 0.04, 0.08):
            goal = plan.lift.copy()
            goal[:2, 3] += back * to_body
            gap = yield from self.arms.line(side, goal, TOOL_SPEED, plan.posture)
            if gap < BLOCKED:
                return

    def _place(self, request: ManipulationRequest) -> Going:
        side = request.arm if request.arm in self.held else next(iter(self.held), None)
        if side is None or request.target is None:
            return End(False, "I hold nothing that I could put down.")
        held = self.held[side]
        name = _name(held.item)
        self._say("planning", arm=held.arm, holding=True)
        x, y, z = request.target
        spot = inverse(self.arms.now.map_to_odom) @ [x, y, request.surface_height or z, 1.0]
        scene = self._world.scene(self.arms.now, held.item, request.target)
        job = partial(
            self.planner.place, scene, held.arm, [float(v) for v in spot[:3]], held.target.size,
            (held.ahead, held.up), held.pitch,
        )  # fmt: skip
        outcome = yield from self._work(job)
        self.status = replace_status(self.status, planning_ms=outcome.milliseconds)
        plan = outcome.plan
        if not isinstance(plan, PlacePlan):
            better = self._world.better_stand(self.arms.now, request.target, held.arm)
            return End(False, _fill(outcome.reason, held.item), better)
        self._say("reaching", arm=held.arm, holding=True)
        times, positions = joint_motion(plan.reach, 0.7)
        gap = yield from self.arms.run(Trajectory(side, times, positions, "odom", plan.stamp), plan.above)
        if side in self.held and gap < BLOCKED:
            self._say("lowering", arm=held.arm, holding=True)
            gap = yield from self.arms.line(side, plan.down, SLOW, plan.posture)
        if side not in self.held:
            return End(False, f"I dropped the {name}.")
        if gap > BLOCKED:
            return End(False, f"My arm cannot get to where I want to put the {name} down.")
        self._say("opening", arm=held.arm)
        self.held.pop(side, None)
        yield from self.arms.grip(side, WIDEST)
        self._say("retreating", arm=held.arm)
        yield from self.arms.line(side, plan.away, SLOW, plan.posture)
        yield from self.arms.line(side, plan.leave, TOOL_SPEED, plan.posture)
        yield from self.arms.postures({side: rounded([self.arms.joints(side), READY[side]])})
        return End(True)

    # ------------------------------------------------------------------ pieces of actions

    def _retreat(self, side: str, plan: GraspPlan) -> Generator[None, None, None]:
        """Back out along the approach, then up and away, so that the camera sees the object again."""
        self._say("retreating", arm=plan.side)
        yield from self.arms.line(side, plan.pregrasp, TOOL_SPEED, plan.posture)
        yield from self._withdraw(side, plan)

    def _withdraw(self, side: str, plan: GraspPlan) -> Generator[None, None, None]:
        """Back along the reach, from wherever on it the arm is."""
        back = np.vstack([plan.reach[::-1], READY[side]])
        start = self.arms.joints(side)
        nearest = int(np.argmin(np.abs(back - start).max(axis=1)))
        yield from self.arms.postures({side: rounded(np.vstack([start, back[nearest + 1 :]]))})

    def _work(self, job: Callable[[], Outcome]) -> Generator[None, None, Outcome]:
        """Run something slow, on the executor if there is one."""
        if self._executor is None:
            began = time.perf_counter()
            outcome = job()
            clock.charge("manipulation", time.perf_counter() - began)
            return outcome
        future = self._executor.submit(job)
        while not future.done():
            yield
        return future.result()

    # ------------------------------------------------------------------ bookkeeping

    def _drop_lost(self) -> None:
        for side, held in list(self.held.items()):
            if self.arms.watch[side].lost(held.width):
                del self.held[side]
                if self._action is None:
                    self.status = replace_status(
                        self.status, state="failed", phase="lost", arm=held.arm, holding=False,
                        detail=f"I dropped the {_name(held.item)}.",
                    )  # fmt: skip

    def _start_anew(self) -> None:
        """The simulation was reset: the arms are the policy's again and hold nothing."""
        self.held.clear()
        self.arms.forget()
        if self._action is not None:
            self._finish("cancelled", End(False, "the simulation was reset"))

    def _say(self, phase: str, arm: Arm | str | None = None, holding: bool | None = None) -> None:
        values: dict[str, Any] = {"phase": phase}
        if arm is not None:
            values |= {"arm": arm, "gripper_width": self.arms.watch[arm].width}
        values["holding"] = bool(self.held) if holding is None else holding
        self.status = replace_status(self.status, **values)

    def _finish(self, state: GoalState, end: End) -> None:
        if self._action is not None:
            self._action.close()
        self._action = None
        side = next(iter(self.held), None)
        self.status = replace_status(
            self.status, state=state, detail=end.detail, stand_offset=end.stand_offset,
            holding=bool(self.held), arm=side or self.status.arm,
            gripper_width=self.arms.watch[side].width if side else 0.0,
        )  # fmt: skip


def replace_status(status: ManipulationStatus, **values: Any) -> ManipulationStatus:
    """A copy with some fields changed."""
    fields = {name: getattr(status, name) for name in status.__struct_fields__}
    return ManipulationStatus(**(fields | values))


def _name(item: DetectedObject) -> str:
    return f"{item.colour} {item.kind or 'object'}".strip()


def _fill(reason: str, item: DetectedObject) -> str:
    return reason.replace("{it}", f"the {_name(item)}").replace("{It}", f"The {_name(item)}")
