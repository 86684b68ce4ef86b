"""A robot without physics: its pelvis stands still, its joints do what they are told, its gripper stops
at an object that is between the fingers."""

from __future__ import annotations

import numpy as np

from vla_sim.common.geometry import transform
from vla_sim.contract.records import DetectedObject, ManipulationRequest
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.arm_collision import table_box
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.manipulation.arms import GripperCommand
from vla_sim.stages.manipulation.manipulator import Manipulator
from vla_sim.stages.manipulation.planning_scene import Observation, Scene, WorldModel
from vla_sim.stages.manipulation.policy_pick import PolicyPick
from vla_sim.stages.manipulation.trajectory import READY, Trajectory
from vla_sim.stages.perception.camera import Images
from vla_sim.world.semantic_map import Surface

KINEMATICS = Kinematics.load()
PLANNER = ArmPlanner(KINEMATICS)
EDGE = 0.22
TABLE = Surface("table", "kitchen", EDGE + 0.3, 0.0, 0.0, 0.6, 1.4, 0.76)
"""Its edge is `EDGE` ahead of a pelvis at the origin."""


def ready_joints() -> np.ndarray:
    q = facts.DEFAULT_POSE.copy()
    for side in facts.SIDES:
        q[facts.ARM_INDEX[side]] = READY[side]
    return q


def scene(**values: object) -> Scene:
    """Standing at the table with both arms raised."""
    base = transform((0.0, 0.0, facts.STANDING_HEIGHT))
    made = {"stamp": 1.0, "joint_position": ready_joints(), "base": base, "table": table_box(TABLE)}
    return Scene(**(made | values))  # type: ignore[arg-type]


def cup(x: float = 0.35, y: float = -0.15, **values: object) -> DetectedObject:
    made = {
        "track_id": 1, "kind": "cup", "colour": "red", "position": (x, y, 0.81), "size": (0.068, 0.068, 0.10),
        "yaw": 0.0, "confidence": 0.9, "last_seen": 0.0,
    }  # fmt: skip
    return DetectedObject(**(made | values))  # type: ignore[arg-type]


class KinematicRobot:
    """things: what is really there, name -> DetectedObject; they follow the hand that holds them."""

    def __init__(
        self, *things: DetectedObject, ready: bool = True, policy: PolicyPick | None = None,
        images: Images | None = None,
    ) -> None:  # fmt: skip
        self.manipulator = Manipulator(PLANNER, WorldModel((TABLE,)), policy=policy)
        self.images = images
        self.time = 1.0
        self.q = ready_joints() if ready else facts.DEFAULT_POSE.copy()
        self.things = list(things)
        self.motion: dict[str, tuple[float, Trajectory, np.ndarray]] = {}
        self.width = dict.fromkeys(facts.SIDES, 0.0)
        self.wanted = dict.fromkeys(facts.SIDES, 0.0)
        self.sent: list[Trajectory | GripperCommand] = []
        self.phases: list[str] = []
        self.slippery = self.stuck = False
        self.last_hand: dict[str, np.ndarray] = {}

    def tool(self, side: str) -> np.ndarray:
        base = transform((0.0, 0.0, facts.STANDING_HEIGHT))
        return base @ KINEMATICS.frame(facts.TOOL_FRAME[side], self.q)

    def between(self, side: str) -> DetectedObject | None:
        p = self.tool(side)[:3, 3]
        return next((o for o in self.things if np.linalg.norm(p - o.position) < 0.04), None)

    def step(self) -> None:
        self.time += 0.05
        for side, (began, motion, start) in self.motion.items():
            t = np.concatenate([[0.0], motion.times + 1e-9])
            p = np.vstack([start, motion.positions])
            now = [np.interp(self.time - began, t, p[:, j]) for j in range(7)]
            if not self.stuck:
                self.q[facts.ARM_INDEX[side]] = now
        for side in facts.SIDES:
            self.move_gripper(side)
        observation = Observation(
            self.time, self.q.copy(), transform((0.0, 0.0, facts.STANDING_HEIGHT)), np.eye(4),
            tuple(_with(o, last_seen=self.time) for o in self.things), images=self.images,
        )  # fmt: skip
        for command in self.manipulator.tick(observation):
            self.sent.append(command)
            if isinstance(command, Trajectory):
                start = self.q[facts.ARM_INDEX[command.side]].copy()
                self.motion[command.side] = (self.time, command, start)
            else:
                self.wanted[command.side] = command.opening
        if not self.phases or self.phases[-1] != self.manipulator.status.phase:
            self.phases.append(self.manipulator.status.phase)

    def move_gripper(self, side: str) -> None:
        thing = None if self.slippery else self.between(side)
        stop = 0.0 if thing is None else thing.size[1]
        target = max(self.wanted[side], stop if self.width[side] >= stop else 0.0)
        self.width[side] += float(np.clip(target - self.width[side], -0.006, 0.006))
        self.q[facts.FINGER_INDEX[side]] = 0.5 * self.width[side]
        hand = self.tool(side)[:3, 3]
        if thing is not None and self.wanted[side] < stop and self.width[side] == stop:
            moved = np.array(thing.position) + hand - self.last_hand.get(side, hand)
            self.things[self.things.index(thing)] = _with(thing, position=tuple(moved.tolist()))
        self.last_hand[side] = hand

    def do(self, seconds: float = 60.0, **request: object) -> str:
        """Run one request to its end; its state."""
        self.manipulator.request(ManipulationRequest(goal_id=f"at {self.time:.2f}", **request))  # type: ignore[arg-type]
        end = self.time + seconds
        while self.manipulator.busy and self.time < end:
            self.step()
        return self.manipulator.status.state


def _with(thing: DetectedObject, **values: object) -> DetectedObject:
    return DetectedObject(**({name: getattr(thing, name) for name in thing.__struct_fields__} | values))
