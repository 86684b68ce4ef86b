"""A policy without weights: it looks at the images that it is sent, plans a grasp, and answers with the next
piece of the way from where the arm is seen to be. It speaks the mapping `scripted`, and knows nothing but
what it is sent and the usual sizes of household things.
"""

import math
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, inverse, transform
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.extrinsics import CAMERA
from vla_sim.stages.manipulation.arm_planner import ArmPlanner, GraspPlan
from vla_sim.stages.manipulation.arms import EMPTY
from vla_sim.stages.manipulation.grasp import SIDE_GAP, Target, shape_of
from vla_sim.stages.manipulation.planning_scene import Scene
from vla_sim.stages.manipulation.trajectory import follow_line, tool_line
from vla_sim.stages.perception.camera import Intrinsics, check_images
from vla_sim.stages.perception.detector import ColourDetector, Detector
from vla_sim.stages.policy.errors import PolicyError

PERIOD = 0.05
"""[s] from one action to the next."""
HORIZON = 32
"""Actions of a chunk: 1.6 s."""
REACH, APPROACH, LIFT = 0.9, 0.07, 0.12
"""[rad/s] of the fastest joint on the way to the object, [m/s] of the tool towards and up with it."""
LIFT_BACK = (0.0, 0.04, 0.08)
"""[m] towards the body that a lift goes where the arm cannot go straight up."""
NEAR = 0.06
"""[rad] from the end of the reach at which it is over."""
THERE = 0.007
"""[m] from the grasp at which the fingers close."""
STUCK = 0.8
"""[s] without getting nearer, after which they close as well."""
SHUT = 0.4
"""[s] after which a gripper whose opening no longer changes has closed."""
TABLE = (0.6, 1.6)
"""[m] depth and width of the table that is taken to be under the object."""


class ScriptedPolicy:
    """For one pick. planner, detector: shared by all, and not for two threads at once."""

    def __init__(self, planner: ArmPlanner, detector: Detector | None = None) -> None:
        self._planner = planner
        self._detector = detector or ColourDetector()
        self._plan: GraspPlan | None = None
        self._phase = "reach"
        self._at = 0
        """Points of the reach that the arm has passed."""
        self._closest, self._since = math.inf, 0.0
        self._width = math.inf

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        """{"actions": (32, 16)}: left arm [rad], its gripper's opening [m], and the right ones, by joint
        positions. Raises `PolicyError` for an observation that is not of the mapping, or if the image does
        not show the object."""
        try:
            q = np.asarray(observation["observation/joints"], dtype=float)
            base7 = np.asarray(observation["observation/base"], dtype=float)
            time = float(observation["observation/time"][0])
            prompt = str(observation["prompt"])
            fx, fy, cx, cy = (float(one) for one in observation["observation/camera"])
            rgb, depth = observation["observation/color"], observation["observation/depth"]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PolicyError(f"the observation is not of the mapping scripted ({error!r})") from None
        base = transform(base7[:3], base7[3:])
        if self._plan is None:
            camera = Intrinsics(fx, fy, cx, cy, rgb.shape[1], rgb.shape[0])
            check_images(rgb, depth, camera)
            target = self._look(q, base, rgb, depth, camera, prompt)
            self._plan = self._planned(q, base, time, target)
            self._since = time
        plan = self._plan
        self._proceed(plan, q, base, time)
        path, opening = self._way(plan, q, base)
        actions = np.empty((HORIZON, 16))
        for i, side in enumerate(facts.SIDES):
            mine = plan.side == side
            actions[:, 8 * i : 8 * i + 7] = path if mine else q[facts.ARM_INDEX[side]]
            actions[:, 8 * i + 7] = opening if mine else q[facts.FINGER_INDEX[side]].sum()
        return {"actions": actions.astype(np.float32)}

    def _look(self, q: Array, base: Array, rgb: Any, depth: Any, camera: Intrinsics, prompt: str) -> Target:
        """The thing that the prompt names, in odom."""
        pose = base @ self._planner.kinematics.frame(CAMERA, q) @ SENSOR_FROM_OPTICAL
        words = prompt.lower().split()
        seen = self._detector.detect(rgb, depth, camera, pose)
        for one in sorted(seen, key=lambda one: -one.confidence):
            if one.kind in words and one.colour in words:
                x, y, z = (float(v) for v in one.position)
                return Target(shape_of(one.kind), (x, y, z), one.size, one.yaw)
        found = ", ".join(f"{one.colour} {one.kind}" for one in seen) or "nothing"
        raise PolicyError(f'"{prompt}": the image shows {found}')

    def _planned(self, q: Array, base: Array, time: float, target: Target) -> GraspPlan:
        """With a table under the object, whose edge the robot stands at."""
        yaw = math.atan2(base[1, 0], base[0, 0])
        ahead, size = facts.HAND.reach.edge[0] if facts.HAND else 0.0, np.array([*TABLE, target.bottom])
        table = transform(base[:3, 3], (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)))
        table[:2, 3] += (ahead + 0.5 * TABLE[0]) * table[:2, 0]
        table[2, 3] = 0.5 * target.bottom
        plan = self._planner.pick(Scene(time, q, base, (table, size)), target)
        if isinstance(plan, str):
            raise PolicyError(plan.replace("{it}", "it").replace("{It}", "it"))
        return plan

    def _proceed(self, plan: GraspPlan, q: Array, base: Array, time: float) -> None:
        """Whether what was being done is done."""
        arm, width = q[facts.ARM_INDEX[plan.side]], float(q[facts.FINGER_INDEX[plan.side]].sum())
        if self._phase == "reach":
            ahead = np.abs(plan.reach[self._at :] - arm).max(axis=1)
            self._at += int(np.argmin(ahead))
            if np.abs(plan.reach[-1] - arm).max() < NEAR:
                self._phase, self._since = "approach", time
        elif self._phase == "approach":
            tool = base @ self._planner.kinematics.frame(facts.TOOL_FRAME[plan.side], q)
            gap = float(np.linalg.norm(tool[:3, 3] - plan.grasp.pose[:3, 3]))
            if gap < self._closest - 0.001:
                self._closest, self._since = gap, time
            if gap < THERE or time - self._since > STUCK:
                self._phase, self._since = "close", time
        elif self._phase == "close":
            if abs(width - self._width) > 0.001:
                self._since = time
            if time - self._since > SHUT and EMPTY < width < plan.opening - SIDE_GAP:
                self._phase = "lift"
            self._width = width

    def _way(self, plan: GraspPlan, q: Array, base: Array) -> tuple[Array, float]:
        """(HORIZON, 7) joints of the next actions, and the gripper's opening."""
        arm = q[facts.ARM_INDEX[plan.side]]
        chain = self._planner.kinematics.arm[plan.side]
        if self._phase == "reach":
            path = np.vstack([arm, plan.reach[min(self._at + 1, len(plan.reach) - 1) :]])
            return _along(path, np.abs(np.diff(path, axis=0)).max(axis=1), REACH), plan.opening
        opening = plan.opening if self._phase == "approach" else 0.0
        speed = LIFT if self._phase == "lift" else APPROACH
        here, waist, to_base = np.clip(arm, chain.low, chain.high), q[facts.WAIST_INDEX], inverse(base)
        start = chain.forward(here, waist)
        line: Array | None = None
        for back in LIFT_BACK if self._phase == "lift" else (0.0,):
            goal = (plan.lift if self._phase == "lift" else plan.grasp.pose).copy()
            to_body = base[:2, 3] - goal[:2, 3]
            goal[:2, 3] += back * to_body / max(float(np.linalg.norm(to_body)), 1e-6)
            end = to_base @ goal
            line = follow_line(chain, here, waist, tool_line(start, end), plan.posture)
            if line is not None:
                break
        path = np.vstack([here, here if line is None else line])
        metres = float(np.linalg.norm(end[:3, 3] - start[:3, 3])) / (len(path) - 1)
        turns = np.abs(np.diff(path, axis=0)).max(axis=1)  # no joint faster than in the reach
        return _along(path, np.maximum(metres, turns * speed / REACH), speed), opening


def _along(path: Array, steps: Array, speed: float) -> Array:
    """(HORIZON, 7): from the path's (n, 7) begin on at a constant speed, then at its end. steps (n - 1,):
    length of each, in the unit of which `speed` is per second."""
    times = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-9))]) / speed
    at = PERIOD * np.arange(1, HORIZON + 1)
    return np.column_stack([np.interp(at, times, column) for column in path.T])
