"""From an object to arm motions: which arm, which grasp, by which path, clear of everything.

Everything is planned for the robot as it stands at `Scene.stamp`; tool poses are kept in the world
(`odom`), so that each motion can be solved again for the pelvis as it is when the motion begins.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array, inverse, transform
from vla_sim.contract.records import Arm
from vla_sim.robot import facts
from vla_sim.robot.arm_body import ArmBody, BodyModel
from vla_sim.robot.kinematics import COMFORT_WEIGHT, ArmChain, Kinematics
from vla_sim.stages.manipulation import measured_grasp
from vla_sim.stages.manipulation.arm_collision import Obstacles, check, check_path
from vla_sim.stages.manipulation.grasp import SIDE_GAP, Grasp, Target, candidates
from vla_sim.stages.manipulation.measured_grasp import measured_candidates
from vla_sim.stages.manipulation.planning_scene import Scene
from vla_sim.stages.manipulation.trajectory import READY, follow_line, level_pose, rounded, tool_line

PREGRASP = 0.09
"""Start of the straight approach before the grasp [m]."""
LIFT = 0.17
"""Straight up after the grasp [m]."""
ABOVE = 0.10
"""Straight down before something is set down, and the detour over the table's rim [m]."""
GAP = 0.007
"""Smallest air between the arm and the world at the grasp [m]."""
PATH_GAP = 0.015
"""The same on the way there."""
BODY_GAP = 0.010
"""Smallest air between forearm or hand and the own body [m]."""
HELD_GAP = -0.020
"""The same with what is held, whose spheres are wider than it is: it may be carried against the chest."""
INWARD = math.radians(12.0)
"""The approach that suits an arm best points this much across the body."""
MEASURED, MEASURED_RADIUS = 40, 0.012
"""Points of a measured thing that the arm keeps clear of on its way, and their radius [m]."""
LONGEST_SEARCH = 120
"""Grasps an arm tries until the best plan so far has to do: some 0.1 s where little is in the way. Counted,
not timed, so that a slow machine finds the same plan."""


@dataclass(frozen=True)
class GraspPlan:
    """reach (n, 7): joints to the start of the approach, for the pelvis at `stamp`. pregrasp, grasp, lift:
    tool poses in odom. posture (7,): of the grasp, which later motions stay near to."""

    side: Arm
    stamp: float
    opening: float
    reach: Array
    pregrasp: Array
    grasp: Grasp
    lift: Array
    posture: Array
    cost: float
    clearance: float


@dataclass(frozen=True)
class PlacePlan:
    """Like `GraspPlan`: reach to `above`, down to `down`, back off to `away`, up to `leave`."""

    side: Arm
    stamp: float
    reach: Array
    above: Array
    down: Array
    away: Array
    leave: Array
    posture: Array


class ArmPlanner:
    """Plans for both arms of one robot. Not for two threads at once."""

    def __init__(self, kinematics: Kinematics) -> None:
        self.kinematics = kinematics
        self.body = BodyModel(kinematics)

    def warm(self) -> None:
        """Compile or load all kernels."""
        self.kinematics.warm()
        q = facts.DEFAULT_POSE.copy()
        scene = Scene(0.0, q, transform((0.0, 0.0, facts.STANDING_HEIGHT)))
        self.pick(scene, Target("cylinder", (0.33, -0.17, 0.80), (0.07, 0.07, 0.10)))
        measured_grasp.warm()

    def choose_arm(self, scene: Scene, position: Sequence[float]) -> tuple[Arm, ...]:
        """Both arms, the one on the object's side first."""
        local = inverse(scene.base) @ np.array([*position, 1.0])
        return ("left", "right") if local[1] > 0.0 else ("right", "left")

    def pick(self, scene: Scene, target: Target, arms: Sequence[Arm] = (), avoid: int = 0) -> GraspPlan | str:
        """The best grasp that one of `arms` (in that order; default by the object's side) can do, or why
        there is none: a sentence with `{it}` where the object's name goes.

        avoid: how many of the best grasps to leave out, because they failed before.
        """
        tried: Counter[str] = Counter()
        for side in arms or self.choose_arm(scene, target.position):
            found = self._pick_with(scene, target, side, tried, avoid)
            if found is not None:
                return found
        if not tried:
            return "{It} is too wide for my hand."
        if tried["world"] + tried["path"] > tried["reach"] + tried["line"]:
            return "Something is in the way of my hand at {it}."
        return "I cannot reach {it} from here."

    def _pick_with(
        self, scene: Scene, target: Target, side: Arm, tried: Counter[str], avoid: int
    ) -> GraspPlan | None:
        chain, body = self.kinematics.arm[side], self.body.arm[side]
        to_base = inverse(scene.base)
        heading = scene.heading + (INWARD if side == "right" else -INWARD)
        fixed = self.obstacles(scene, side)
        whole = _with_target(fixed, to_base, target)
        plans: list[GraspPlan] = []
        best = math.inf
        for count, grasp in enumerate(_candidates(target, heading)):
            if plans and (grasp.score > best or count > LONGEST_SEARCH):
                break
            solutions = chain.solutions(to_base @ grasp.pose, scene.waist)
            if not len(solutions):
                tried["reach"] += 1
                continue
            for q in solutions[:2]:
                cost = grasp.score + posture_cost(chain, q)
                if cost >= best:
                    continue
                plan = self._complete(scene, side, chain, body, grasp, q, fixed, whole, tried, cost)
                if plan is not None:
                    plans.append(plan)
                    if len(plans) > avoid:
                        best = sorted(p.cost for p in plans)[avoid]
                    break
        plans.sort(key=lambda p: p.cost)
        return plans[min(avoid, len(plans) - 1)] if plans else None

    def _complete(
        self, scene: Scene, side: Arm, chain: ArmChain, body: ArmBody, grasp: Grasp, q: Array,
        fixed: Obstacles, whole: Obstacles, tried: Counter[str], cost: float,
    ) -> GraspPlan | None:  # fmt: skip
        """The plan for one grasp posture q (7,), or None if any part of it touches or ends early."""
        waist, to_base = scene.waist, inverse(scene.base)
        for opening in (grasp.opening, min(grasp.opening, grasp.width + 2.0 * SIDE_GAP + 0.004)):
            world, own = check(chain, body, q, waist, opening, fixed)
            if own < BODY_GAP:
                tried["body"] += 1
                return None
            if world >= GAP:
                break
        else:
            tried["world"] += 1
            return None
        pregrasp = grasp.backed(PREGRASP)
        back = follow_line(chain, q, waist, tool_line(to_base @ grasp.pose, to_base @ pregrasp))
        lift = grasp.pose.copy()
        lift[2, 3] += LIFT
        up = None if back is None else follow_line(
            chain, q, waist, tool_line(to_base @ grasp.pose, to_base @ lift)
        )  # fmt: skip
        if back is None or up is None:
            tried["line"] += 1
            return None
        world_back, own_back = check_path(chain, body, back, waist, opening, fixed)
        _, own_up = check_path(chain, body, up, waist, grasp.width, fixed)
        if world_back < GAP or min(own_back, own_up) < BODY_GAP:
            tried["world"] += 1
            return None
        reach = self._reach(scene, side, chain, body, back[-1], to_base @ pregrasp, opening, whole)
        if reach is None:
            tried["path"] += 1
            return None
        clearance = min(world, world_back)
        cost += 30.0 * max(0.0, 0.025 - clearance)
        return GraspPlan(side, scene.stamp, opening, reach, pregrasp, grasp, lift, q, cost, clearance)

    def _reach(
        self, scene: Scene, side: Arm, chain: ArmChain, body: ArmBody, goal: Array, pose: Array,
        opening: float, obstacles: Obstacles, holding: bool = False,
    ) -> Array | None:  # fmt: skip
        """(n, 7) smooth joint path from where the arm is to `goal`, whose tool pose is `pose`. holding: the
        hand of `body` has something, that may be near to the own body, and is not turned over."""
        waist, start = scene.waist, np.clip(scene.arm(side), chain.low, chain.high)
        detour = pose.copy()
        detour[2, 3] += ABOVE
        detour[:2, 3] -= 0.02 * pose[:2, 0]
        via = follow_line(chain, goal, waist, tool_line(pose, detour))
        above = via[-1] if via is not None else chain.inverse(detour, waist, goal)
        ready = READY[side]
        ways: list[list[Array | None]] = [
            [start, goal], [start, above, goal], [start, ready, goal], [start, ready, above, goal],
        ]  # fmt: skip
        if holding:
            here = chain.forward(start, waist)
            higher = here.copy()
            higher[2, 3] += ABOVE
            up = follow_line(chain, start, waist, tool_line(here, higher))
            ways = [[start, goal], [start, None if up is None else up[-1], goal]]
        close: list[tuple[float, Array]] = []
        for way in ways:
            postures = [q for q in way if q is not None]
            if len(postures) < len(way):
                continue
            path = rounded(np.array(postures))
            world, own = check_path(chain, body, path, waist, opening, obstacles)
            if own >= (HELD_GAP if holding else 0.0):
                if world >= PATH_GAP:
                    return path
                close.append((world, path))
        # An arm that starts close to something may leave it as it came.
        touching = check(chain, body, start, waist, opening, obstacles)[0]
        least = max(min(touching, PATH_GAP) - 1e-3, -0.05)
        return next((path for world, path in close if world >= least), None)

    def place(
        self, scene: Scene, side: Arm, spot: Sequence[float], size: Sequence[float], hold: Sequence[float],
        pitch: float,
    ) -> PlacePlan | str:  # fmt: skip
        """Set down what the arm of `side` holds at `spot` (x, y, z of the surface; odom), or why not.

        size (3,): of the object. hold: (ahead, up) of its centre from the tool along the level approach
        and vertically [m]. pitch [rad]: of the tool when it was grasped.
        """
        chain, empty = self.kinematics.arm[side], self.body.arm[side]
        ahead, up = hold
        held = empty.holding(size, (ahead, 0.0, up))
        to_base, waist = inverse(scene.base), scene.waist
        fixed = self.obstacles(scene, side)
        heading = scene.heading + (INWARD if side == "right" else -INWARD)
        tool_z = spot[2] + 0.5 * size[2] - up + 0.006
        best: PlacePlan | None = None
        best_cost, reached = math.inf, 0
        for turn in np.radians((0, 15, -15, 30, -30, 45, -45)):
            yaw = heading + float(turn)
            down = level_pose(
                (spot[0] - ahead * math.cos(yaw), spot[1] - ahead * math.sin(yaw), tool_z), yaw, pitch
            )
            for q in chain.solutions(to_base @ down, waist)[:2]:
                reached += 1
                cost = float(turn) ** 2 + posture_cost(chain, q)
                if cost >= best_cost or min(check(chain, empty, q, waist, facts.WIDEST, fixed)) < GAP:
                    continue
                above, away = down.copy(), down.copy()
                above[2, 3] += ABOVE
                away[:3, 3] -= PREGRASP * down[:3, 0]
                leave = away.copy()
                leave[2, 3] += ABOVE
                rise = follow_line(chain, q, waist, tool_line(to_base @ down, to_base @ above))
                back = follow_line(chain, q, waist, tool_line(to_base @ down, to_base @ away))
                if rise is None or back is None:
                    continue
                final = follow_line(chain, back[-1], waist, tool_line(to_base @ away, to_base @ leave))
                if final is None or min(
                    check_path(chain, empty, rise, waist, size[1], fixed)[0],
                    check_path(chain, empty, np.vstack([back, final]), waist, facts.WIDEST, fixed)[0],
                ) < GAP:  # fmt: skip
                    continue
                path = self._reach(
                    scene, side, chain, held, rise[-1], to_base @ above, size[1], fixed, holding=True
                )
                if path is None:
                    continue
                best = PlacePlan(side, scene.stamp, path, above, down, away, leave, q)
                best_cost = cost
        blocked = "Something is in the way where I want to put {it} down."
        return best or (blocked if reached else "I cannot reach that spot from here.")

    def obstacles(self, scene: Scene, side: str) -> Obstacles:
        """Table, other objects and own body in the pelvis frame."""
        to_base = inverse(scene.base)
        out = Obstacles(own=self.body.own_capsules(scene.joint_position, side))
        if scene.table is not None:
            out = out.with_box(to_base @ scene.table[0], scene.table[1])
        for other in scene.others:
            out = _with_target(out, to_base, other)
        return out


def _candidates(target: Target, heading: float) -> list[Grasp]:
    return (measured_candidates if target.shape == "measured" else candidates)(target, heading)


def posture_cost(chain: ArmChain, q: Array) -> float:
    """How far from comfortable a posture (7,) is; a barrier at the joint limits."""
    margin = np.minimum(q - chain.low, chain.high - q)
    near = np.maximum(0.0, 0.2 - margin)
    return float(0.5 * (COMFORT_WEIGHT * (q - chain.comfort) ** 2).sum() + 20.0 * (near**2).sum())


def _with_target(obstacles: Obstacles, to_base: Array, target: Target) -> Obstacles:
    """An object as an upright capsule; a box's reaches over its corners. A measured one as some of its
    points."""
    if target.points is not None:
        for point in target.points[:: max(1, len(target.points) // MEASURED)]:
            at = to_base[:3, :3] @ point + to_base[:3, 3]
            obstacles = obstacles.with_capsule(at, at, MEASURED_RADIUS)
        return obstacles
    x, y, z = target.position
    radius = 0.5 * max(target.size[0], target.size[1])
    if target.shape == "box":
        radius = 0.5 * math.hypot(target.size[0], target.size[1])
    half = max(0.5 * target.size[2] - radius, 0.0)
    low, high = to_base @ [x, y, z - half, 1.0], to_base @ [x, y, z + half, 1.0]
    return obstacles.with_capsule(low[:3], high[:3], radius)
