"""What the arms do for one request after another: a core that is ticked and knows no ROS.

manipulator = Manipulator(ArmPlanner(Kinematics.load()))
manipulator.request(request)
for command in manipulator.tick(observation):
    ...                                # a Trajectory or a GripperCommand to send
manipulator.status                     # what to report

The actions without an object are in `actions`, here are those with one: reach, grasp, lift, set down.
"""

import math
from collections.abc import Generator
from concurrent.futures import Executor
from functools import partial

import msgspec
import numpy as np

from vla_sim.common.geometry import inverse
from vla_sim.contract.lease import Lease
from vla_sim.contract.records import (
    DetectedObject,
    GoalState,
    ManipulationRequest,
    ManipulationStatus,
    Point,
    Refusal,
)
from vla_sim.robot import facts
from vla_sim.stages.manipulation.actions import LIFTED, Action, Actions, End, Step
from vla_sim.stages.manipulation.arm_planner import ABOVE, PREGRASP, ArmPlanner, GraspPlan
from vla_sim.stages.manipulation.arms import GripperCommand, Held
from vla_sim.stages.manipulation.grasp import Target
from vla_sim.stages.manipulation.planning_scene import Observation, WorldModel
from vla_sim.stages.manipulation.policy_pick import PolicyPick
from vla_sim.stages.manipulation.trajectory import READY, TOOL_SPEED, Trajectory, joint_motion, rounded

ATTEMPTS = 3
SLOW = 0.06
"""[m/s] of the tool close to an object or a surface."""
BLOCKED = 0.030
"""[m] from its goal at which a motion that should be over counts as blocked."""
MOVED = 0.035
"""[m] by which an object must have moved to be reached for again; its estimate wavers by less than 0.01."""
MOVED_TIME = 0.25
"""[s] for which it must be seen there: a hand that hides half of it shifts it for a moment."""
MAX_LOAD = 2.0
"""[kg] that one arm lifts: more pulls the standing robot off its feet, long before the motors give up."""
MAX_LEAN = 0.10
"""[rad] by which the pelvis may tilt during a lift."""
MAX_PULL = 0.045
"""[m] towards the hand to where the pelvis, as it moves, would come to rest during a lift: of 1.5 kg it is
0.038; its feet end at 0.12."""
PENDULUM = 0.3
"""[s] of the robot as an inverted pendulum, sqrt(height / g): with it a velocity becomes a distance (the
capture point: Pratt et al., Humanoids 2006)."""
HEAVY_TIME = 0.04
"""[s] for which load, lean or pull must be too much."""
ON_SURFACE = 0.01
"""[m] by which a hand that pulls in vain rises; what it holds still stands."""
TOO_HEAVY = "is too heavy for me."
LOOK_TIME = 1.0
"""[s] to wait for a new look at an object after a failed grasp."""


class Manipulator(Actions):
    """world: what is known of the world. executor: runs the planner; without one, the tick does. policy:
    picks in the planner's place."""

    def __init__(
        self, planner: ArmPlanner, world: WorldModel | None = None, executor: Executor | None = None,
        policy: PolicyPick | None = None,
    ) -> None:  # fmt: skip
        super().__init__(planner, world or WorldModel(), executor)
        self._policy = policy
        self._action: Action | None = None
        self._request: ManipulationRequest | None = None
        self._lease = Lease()
        self._displaced: list[ManipulationStatus] = []

    @property
    def busy(self) -> bool:
        """Whether a tick has something to do for a request."""
        return self._action is not None or bool(self.arms.out)

    def take_planned(self) -> list[float]:
        """How long each grasp or place took to plan since the last call [s]."""
        planned, self.planned = self.planned, []
        return planned

    def take_displaced(self) -> list[ManipulationStatus]:
        """How requests ended, since the last call, that others took the place of."""
        displaced, self._displaced = self._displaced, []
        return displaced

    def request(self, request: ManipulationRequest) -> None:
        """Take a request; one that is under way ends as cancelled. The arms stop first. The same request once
        more lets it go on, as "renew" does; see there."""
        if self._action is not None and request == self._request:
            self._lease.renew()
            return
        if self._action is not None:
            self._finish("cancelled", End(False, "another request came"))
            self._displaced.append(self.status)
            self.arms.halt()
        self._request = request
        self._lease.begin(request.lease)
        self.status = ManipulationStatus(goal_id=request.goal_id, state="active", action=request.action)
        actions = {
            "ready": self.ready, "pick": self.pick, "place": self.place, "carry": self.carry,
            "home": self.home, "open": self.open, "cancel": self.cancel,
        }  # fmt: skip
        action = actions[request.action](request)
        self._action = action if request.action in ("open", "cancel") else self._with_free_hands(action)

    def renew(self, goal_id: str) -> ManipulationStatus | None:
        """The goal is still wanted. What is to be said to that: nothing of the goal that is under way; of the
        last one how it ended, since its status may have been lost; of any other that it is not known."""
        if self.status.goal_id == goal_id:
            self._lease.renew()
            return self.status if self._action is None else None
        return msgspec.structs.replace(
            self.status, goal_id=goal_id, state="failed", detail="My arm control was restarted.",
            holding=bool(self.held),
        )  # fmt: skip

    def check_lease(self, now: float) -> None:
        """To be called at every tick. now: [s, steady clock]."""
        if self._action is not None and self._lease.expired(now):
            self._finish("failed", End(False, f"Nobody has asked for it for {self._lease.seconds:g} s."))
            self.arms.halt()

    def refused(self, refusal: Refusal) -> None:
        """Safety let something not pass, or ended it: the request has failed, and the arms hold."""
        if self._action is not None:
            part = "gripper" if refusal.part == "gripper" else "arm"
            why = f"My {refusal.arm} {part} may not move: {refusal.reason}."
            self._finish("failed", End(False, why))
            self.arms.halt()

    def tick(self, observation: Observation) -> list[Trajectory | GripperCommand]:
        """One step; what to send now. Call it at about 20 Hz or more."""
        set_back = self.arms.known and observation.time < self.arms.now.time - 1.0
        self.arms.update(observation)
        if set_back and self._action is not None:  # it would wait for a time that was
            self._finish("failed", End(False, "The clock was set back."))
            self.arms.halt()
        self._drop_lost()
        if self._action is not None:
            try:
                next(self._action)
            except StopIteration as stop:
                end: End = stop.value
                self._finish("succeeded" if end.ok else "failed", end)
            except Exception:
                self._finish("failed", End(False, "My arm control has made a mistake."))
                self.arms.halt()
                raise
        return self.arms.take()

    def _drop_lost(self) -> None:
        for side, held in list(self.held.items()):
            if self.arms.grippers[side].lost(held.width):
                del self.held[side]
                if self._action is None:
                    self.update_status(
                        state="failed", phase="lost", arm=side, holding=False,
                        detail=f"I dropped the {held.item.called}.",
                    )  # fmt: skip

    def _finish(self, state: GoalState, end: End) -> None:
        if self._action is not None:
            self._action.close()
        self._action = None
        side = next(iter(self.held), None)
        self.update_status(
            state=state, detail=end.detail, stand_offset=end.stand_offset, hopeless=end.hopeless,
            holding=bool(self.held),
            arm=side or self.status.arm, gripper_width=self.arms.grippers[side].width if side else 0.0,
        )  # fmt: skip

    def _with_free_hands(self, action: Action) -> Action:
        """Before an action each hand that may be around something opens and goes back as hands come in."""
        for side in sorted(self.around):
            self.say("drawing back", arm=side)
            yield from self.arms.grip(side, facts.WIDEST)
            for ahead, up in ((-PREGRASP, 0.0), (0.0, ABOVE)):
                goal = self.arms.tool(side)
                goal[:3, 3] += ahead * goal[:3, 0] + (0.0, 0.0, up)
                gap = yield from self.arms.line(side, goal)
                if ahead and gap > BLOCKED:
                    return End(False, f"My {side} hand does not come free.")
            yield from self.arms.postures({side: rounded([self.arms.joints(side), READY[side]])})
            self.around.discard(side)
        return (yield from action)

    def pick(self, request: ManipulationRequest) -> Action:
        item = request.object
        if item is None:
            return End(False, "I was not told what to pick up.")
        free = tuple(side for side in facts.SIDES if side not in self.held)
        if not free or (request.arm is not None and request.arm not in free):
            return End(False, "My hand is not free.")
        if self._policy is not None:
            target = self.world.target(self.arms.now, item, request.surface_height)
            return (yield from self._policy.pick(self, item, target, request.arm))
        arms = (request.arm,) if request.arm is not None else ()
        detail = ""
        for attempt in range(ATTEMPTS):
            now = self.arms.now
            item = self.world.seen(now, item) or item
            target = self.world.target(now, item, request.surface_height)
            self.say("planning" if attempt == 0 else "trying again")
            scene = self.world.scene(now, item, held=self._in_hands())
            order = arms or tuple(a for a in self.planner.choose_arm(scene, target.position) if a in free)
            plan = yield from self.plan(partial(self.planner.pick, scene, target, order, attempt))
            if isinstance(plan, str):
                better = self.world.better_stand(self.arms.now, item.position, request.arm)
                return End(False, _fill(plan, item), better)
            detail = yield from self._grasp(plan, target, item)
            if not detail:
                return End(True)
            if detail.endswith(TOO_HEAVY):
                return End(False, detail, hopeless=True)
            yield from self._look(item)
        return End(False, detail)

    def _in_hands(self) -> list[tuple[DetectedObject, Point]]:
        """What is held, and where it is now (odom)."""
        out: list[tuple[DetectedObject, Point]] = []
        for side, held in self.held.items():
            tool = self.arms.tool(side)
            x, y, z = (float(v) for v in tool[:3, 3])
            yaw = math.atan2(tool[1, 0], tool[0, 0])
            at = (x + held.ahead * math.cos(yaw), y + held.ahead * math.sin(yaw), z + held.up)
            out.append((held.item, at))
        return out

    def _look(self, item: DetectedObject) -> Step:
        """Wait until perception has seen the object again."""
        began = self.arms.now.time
        while self.world.seen(self.arms.now, item, began) is None:
            if self.arms.now.time - began > LOOK_TIME:
                return
            yield

    def _grasp(self, plan: GraspPlan, target: Target, item: DetectedObject) -> Generator[None, None, str]:
        """Reach, close, confirm, lift. An empty string, or why it failed; then the hand is clear."""
        side, name, arms = plan.side, item.called, self.arms
        self.say("reaching", arm=side)
        arms.out.append(GripperCommand(side, plan.opening))
        times, positions = joint_motion(plan.reach)
        gap = yield from self._reach(Trajectory(side, times, positions, "odom", plan.stamp), plan, item)
        if gap is None:
            yield from self._withdraw(plan)
            return f"The {name} was moved."
        if gap > BLOCKED:
            yield from self._retreat(plan)
            return f"My arm cannot get to the {name}."
        self.say("approaching", arm=side)
        self.around.add(side)
        yield from arms.line(side, plan.grasp.pose, SLOW, plan.posture)
        self.say("closing", arm=side)
        yield from arms.grip(side, 0.0)
        gripper = arms.grippers[side]
        if not gripper.fits(plan.grasp.width):
            yield from arms.grip(side, facts.WIDEST)
            yield from self._retreat(plan)
            return f"The {name} was not between my fingers."
        hand = arms.tool(side)
        offset = np.array(target.position) - hand[:3, 3]
        ahead = math.cos(plan.grasp.yaw) * offset[0] + math.sin(plan.grasp.yaw) * offset[1]
        self.held[side] = Held(side, item, target, ahead, float(offset[2]), plan.grasp.pitch, gripper.width)
        self.around.discard(side)
        self.say("lifting", arm=side)
        heavy = yield from self._lift(plan)
        risen = float(arms.tool(side)[2, 3] - hand[2, 3])
        if side in self.held and risen > LIFTED and not heavy:
            return ""
        stuck = side in self.held
        if stuck and risen > ON_SURFACE:  # set it down again, not drop it
            yield from arms.line(side, plan.grasp.pose, SLOW, plan.posture)
        self.held.pop(side, None)
        self.around.add(side)
        yield from arms.grip(side, facts.WIDEST)
        yield from self._retreat(plan)
        if heavy:
            return f"The {name} {TOO_HEAVY}"
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
            seen = self.world.seen(self.arms.now, item, began)
            if seen is None or math.dist(seen.position, item.position) < MOVED:
                gone_since = math.inf
            else:
                gone_since = min(gone_since, seen.last_seen)
                if seen.last_seen - gone_since >= MOVED_TIME:
                    self.arms.halt()
                    return None
            yield

    def _lift(self, plan: GraspPlan) -> Generator[None, None, bool]:
        """Up, straight if the arm can, else closer to the body. True if it was given up, for arm or body feel
        that it is too heavy."""
        upright, stood = self.arms.now.tilt, self.arms.now.base[:2, 3]
        before, moved = self.arms.now.time, 0.0
        to_body = stood - plan.lift[:2, 3]
        to_body /= max(float(np.linalg.norm(to_body)), 1e-6)
        for back in (0.0, 0.04, 0.08):
            goal = plan.lift.copy()
            goal[:2, 3] += back * to_body
            rising = self.arms.line(plan.side, goal, TOOL_SPEED, plan.posture)
            since = math.inf
            while True:
                try:
                    next(rising)
                except StopIteration as stop:
                    gap = float(stop.value)
                    break
                now = self.arms.now
                last, moved = moved, float((stood - now.base[:2, 3]) @ to_body)
                pull = moved + PENDULUM * (moved - last) / max(now.time - before, 0.02)
                before = now.time
                heavy = (
                    self.arms.load(plan.side) > MAX_LOAD or now.tilt > upright + MAX_LEAN or pull > MAX_PULL
                )
                since = min(since, now.time) if heavy else math.inf
                if now.time - since >= HEAVY_TIME:
                    self.arms.halt()
                    return True
                yield
            if gap < BLOCKED:
                break
        return False

    def _retreat(self, plan: GraspPlan) -> Step:
        """Back out along the approach, then up and away, so that the camera sees the object again."""
        self.say("retreating", arm=plan.side)
        yield from self.arms.line(plan.side, plan.pregrasp, TOOL_SPEED, plan.posture)
        yield from self._withdraw(plan)

    def _withdraw(self, plan: GraspPlan) -> Step:
        """Back along the reach, from wherever on it the arm is."""
        back = np.vstack([plan.reach[::-1], READY[plan.side]])
        start = self.arms.joints(plan.side)
        nearest = int(np.argmin(np.abs(back - start).max(axis=1)))
        yield from self.arms.postures({plan.side: rounded(np.vstack([start, back[nearest + 1 :]]))})
        self.around.discard(plan.side)

    def place(self, request: ManipulationRequest) -> Action:
        side = self.holding_side(request)
        if side is None or request.target is None:
            return End(False, "I hold nothing that I could put down.")
        held, arms = self.held[side], self.arms
        name = held.item.called
        self.say("planning", arm=side)
        x, y, z = request.target
        spot = inverse(arms.now.map_to_odom) @ [x, y, request.surface_height or z, 1.0]
        scene = self.world.scene(arms.now, held.item, request.target, self._in_hands(), request.object)
        plan = yield from self.plan(
            partial(
                self.planner.place, scene, held.arm, [float(v) for v in spot[:3]], held.target.size,
                (held.ahead, held.up), held.pitch,
            )
        )  # fmt: skip
        if isinstance(plan, str):
            better = self.world.better_stand(arms.now, request.target, held.arm)
            return End(False, _fill(plan, held.item), better)
        self.say("reaching", arm=side)
        times, positions = joint_motion(plan.reach, 0.7)
        gap = yield from arms.run(Trajectory(side, times, positions, "odom", plan.stamp), plan.above)
        if side in self.held and gap < BLOCKED:
            self.say("lowering", arm=side)
            gap = yield from arms.line(side, plan.down, SLOW, plan.posture)
        if side not in self.held:
            return End(False, f"I dropped the {name}.")
        if gap > BLOCKED:
            return End(False, f"My arm cannot get to where I want to put the {name} down.")
        self.say("opening", arm=side)
        self.held.pop(side, None)
        self.around.add(held.arm)
        yield from arms.grip(side, facts.WIDEST)
        self.say("retreating", arm=side)
        yield from arms.line(side, plan.away, SLOW, plan.posture)
        yield from arms.line(side, plan.leave, TOOL_SPEED, plan.posture)
        yield from arms.postures({side: rounded([arms.joints(side), READY[side]])})
        self.around.discard(held.arm)
        return End(True)


def _fill(reason: str, item: DetectedObject) -> str:
    return reason.replace("{it}", f"the {item.called}").replace("{It}", f"The {item.called}")
