"""Engine, controller and manipulator in one loop without ROS: the robot stands at a table and picks.

Estimates are the truth plus seeded noise, as a good perception would give them; success is judged from
the simulator's truth alone.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vla_sim.common.assets import share_folder
from vla_sim.common.geometry import inverse, quaternion_from_yaw, transform, wrap, yaw_from_quaternion
from vla_sim.contract.records import DetectedObject, ManipulationRequest
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import load_policy
from vla_sim.stages.control.velocity import CALIBRATION
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.manipulation.base_placement import Stand, choose_stand
from vla_sim.stages.manipulation.manipulator import Manipulator
from vla_sim.stages.manipulation.planning_scene import Observation, WorldModel
from vla_sim.stages.manipulation.policy_pick import PolicyPick
from vla_sim.stages.manipulation.trajectory import Trajectory
from vla_sim.stages.navigation.docking import PoseServo, ServoSettings
from vla_sim.stages.navigation.gait import PoseFilter
from vla_sim.stages.perception.camera import Images, Intrinsics
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import World

WORLD = World.load("tabletop")
TABLE = WORLD.surfaces[0]
GRID = WORLD.rasterise()
KINDS = {kind.name: kind for kind in WORLD.objects}
TABLETOP = share_folder("worlds") / "tabletop.sdf"
PLACES = {"red_cup": 0.15, "green_bottle": 0.46, "yellow_ball": -0.15, "blue_box": -0.46}


@dataclass
class Report:
    ok: bool
    detail: str
    lifted: float = 0.0
    held_for: float = 0.0
    fallen: bool = False
    touched: set[str] = field(default_factory=set)
    planning_ms: float = 0.0
    seconds: float = 0.0
    off: float = 0.0
    phases: list[str] = field(default_factory=list)


class Bench:
    """One robot in the tabletop world. robot: (x, y, yaw); objects: name -> (x, y, yaw)."""

    kinematics = Kinematics.load()
    planner = ArmPlanner(kinematics)

    def __init__(
        self, robot_pose: tuple[float, float, float], objects: dict[str, tuple[float, float, float]],
        seed: int = 0, noise: float = 0.006, yaw_noise: float = 0.08, sensors: bool = True,
        path: Path = TABLETOP, policy: PolicyPick | None = None,
    ) -> None:  # fmt: skip
        """path: of the world, with the robot where the shipped one has it."""
        text = path.read_text()
        x, y, yaw = robot_pose
        text = text.replace("<pose>0 0 0.79 0 0 0</pose>", f"<pose>{x} {y} 0.79 0 0 {yaw}</pose>")
        for name, (ox, oy, oyaw) in objects.items():
            text = re.sub(
                rf"(<name>{name}</name>\s*<pose>)\S+ \S+ (\S+) 0 0 0",
                lambda m, a=ox, b=oy, c=oyaw: f"{m[1]}{a} {b} {m[2]} 0 0 {c}", text,
            )  # fmt: skip
        root = reader.loads(text, path)
        assert root.world is not None
        self.engine = MujocoSimulator(root.world, noise=sensors)
        self.engine.reset(seed)
        self.controller = Controller(self.kinematics.arm, load_policy(), CALIBRATION["fastsac"])
        self.manipulator = Manipulator(
            self.planner, WorldModel(WORLD.surfaces, WORLD.objects, GRID), policy=policy
        )  # fmt: skip
        self.eyes, self.images = policy is not None, None
        self.rng = np.random.default_rng(seed)
        self.noise, self.yaw_noise = noise, yaw_noise
        self.touched: set[str] = set()
        """What an arm touched."""
        self.bumped: set[str] = set()
        """What trunk or legs touched."""
        self.phases: list[str] = []
        self.ticks = 0
        self.objects: tuple[DetectedObject, ...] = ()
        self.look()
        self.observation = self._sense()

    def look(self) -> None:
        """New estimates of all objects: the truth with noise."""
        truth = self.engine.truth()
        out = []
        for i, (name, pose) in enumerate(truth.objects.items()):
            kind = KINDS[name]
            p = pose[:3] + self.rng.normal(0.0, self.noise, 3)
            turn = self.rng.normal(0.0, self.yaw_noise)
            out.append(DetectedObject(
                track_id=i, kind=kind.kind, colour=kind.colour, position=tuple(float(v) for v in p),
                size=kind.size, yaw=wrap(yaw_from_quaternion(pose[3:]) + turn),
                confidence=0.9, last_seen=truth.time,
            ))  # fmt: skip
        self.objects = tuple(out)
        if self.eyes and self.manipulator.busy:
            self.see()

    def see(self) -> None:
        """New images of the head camera."""
        frame = self.engine.render(self.engine.snapshot())
        height, width = frame.depth.shape
        camera = Intrinsics(frame.fx, frame.fy, frame.cx, frame.cy, width, height)
        self.images = Images(frame.time, frame.color, frame.depth, camera)

    def object(self, name: str) -> DetectedObject:
        kind = KINDS[name]
        return next(o for o in self.objects if (o.kind, o.colour) == (kind.kind, kind.colour))

    def _sense(self) -> Observation:
        state, truth = self.engine.state(), self.engine.truth()
        base = transform(state.odom_position, state.odom_orientation)
        true = transform(truth.robot[:3], truth.robot[3:])
        map_to_odom = _level(true) @ inverse(_level(base))
        return Observation(
            state.time, state.joint_position, base, map_to_odom, self.objects, state.joint_effort, self.images
        )

    def step(self) -> None:
        """20 ms: control every tick, the manipulator every second one."""
        state = self.engine.state()
        self.engine.command(self.controller.update(state))
        self.engine.step()
        self.ticks += 1
        for contact in self.engine.contacts():
            for mine, other in ((contact.a, contact.b), (contact.b, contact.a)):
                arm = mine.startswith("g1::") and any(w in mine for w in ("arm", "wrist", "palm", "finger"))
                if mine.startswith("g1::") and not other.startswith("g1::") and "ankle" not in mine:
                    found = self.touched if arm else self.bumped
                    found.add(f"{mine.split('::')[1]} {other.split('::')[0]}")
        if self.ticks % 2:
            return
        if self.ticks % 10 == 0:
            self.look()
        self.observation = self._sense()
        for out in self.manipulator.tick(self.observation):
            if isinstance(out, Trajectory):
                self.controller.arm_trajectory(
                    out.side, facts.ARM_JOINTS[out.side], out.times, out.positions, out.velocities, out.frame,
                    out.stamp,
                )  # fmt: skip
            else:
                self.controller.hand[out.side].move(out.opening)
        phase = self.manipulator.status.phase
        if not self.phases or self.phases[-1] != phase:
            self.phases.append(phase)

    def dock(self, goal: tuple[float, float, float], timeout: float = 40.0) -> bool:
        """Walk the last half metre to `goal` as navigation does, with perfect localisation."""
        pose_filter, servo = PoseFilter(), PoseServo(ServoSettings(line_up=0.3, position=0.03))
        end = self.ticks + round(timeout / 0.02)
        while servo.state not in ("done", "failed") and self.ticks < end:
            truth = self.engine.truth()
            pose_filter.odometry(
                truth.time, truth.robot[0], truth.robot[1], yaw_from_quaternion(truth.robot[3:])
            )
            if self.ticks % 2 == 0:
                command = servo.step(
                    truth.time, np.array(goal), pose_filter.mean(), pose_filter.raw, pose_filter.velocity
                )
                pose_filter.command(command)
                self.controller.velocity.ask(*(float(v) for v in command), truth.time)
            self.step()
        self.controller.velocity.ask(0.0, 0.0, 0.0, self.engine.state().time)
        return servo.state == "done"

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.step()

    def do(self, timeout: float = 40.0, **request: object) -> str:
        """Run one request to its end; its state."""
        if self.eyes:
            self.see()
            self.observation = self._sense()
        self.manipulator.request(ManipulationRequest(goal_id=f"g{self.ticks}", **request))  # type: ignore[arg-type]
        end = self.ticks + round(timeout / 0.02)
        while self.manipulator.busy and self.ticks < end:
            self.step()
        return self.manipulator.status.state

    def pose(self) -> tuple[float, float, float]:
        """True x, y, yaw of the pelvis."""
        truth = self.engine.truth().robot
        return float(truth[0]), float(truth[1]), yaw_from_quaternion(truth[3:])

    def height(self, name: str) -> float:
        return float(self.engine.truth().objects[name][2])


def _level(t: np.ndarray) -> np.ndarray:
    """The pose (4, 4) with only its x, y and yaw."""
    return transform((t[0, 3], t[1, 3], 0.0), quaternion_from_yaw(math.atan2(t[1, 0], t[0, 0])))


def stand_for(name: str, position: tuple[float, float], pose: tuple[float, float, float]) -> Stand | None:
    z = TABLE.height + 0.5 * KINDS[name].size[2]
    return choose_stand((*position, z), TABLE, GRID, pose)


def random_bench(
    name: str, seed: int, spread: float = 0.10, policy: PolicyPick | None = None
) -> tuple[Bench, Stand] | None:
    """The object displaced by up to `spread`, the robot 0.4 m behind its stand; None if there is none."""
    rng = np.random.default_rng([seed, 77])
    radius, angle = spread * math.sqrt(rng.random()), rng.uniform(-math.pi, math.pi)
    x = max(1.04 + radius * math.cos(angle), 0.9 + 0.04)
    y = PLACES[name] + radius * math.sin(angle)
    stand = stand_for(name, (x, y), (0.2, 0.0, 0.0))
    if stand is None:
        return None
    x0, y0 = np.array([stand.x, stand.y]) + rng.uniform(-0.05, 0.05, 2)
    x0, y0 = x0 - 0.4 * math.cos(stand.yaw), y0 - 0.4 * math.sin(stand.yaw)
    turn = stand.yaw + rng.uniform(-0.1, 0.1)
    return Bench((x0, y0, turn), {name: (x, y, rng.uniform(-math.pi, math.pi))}, seed, policy=policy), stand


def go_and_pick(bench: Bench, name: str, stand: Stand) -> str:
    """Raise the arms, dock, look, pick, as the executive does; the state it ends in."""
    bench.wait(0.5)
    bench.do(action="ready")
    bench.dock((stand.x, stand.y, stand.yaw))
    bench.wait(0.6)
    state = "failed"
    for _ in range(3):
        state = bench.do(action="pick", object=bench.object(name), surface_height=TABLE.height)
        x, y, yaw = bench.manipulator.status.stand_offset
        if state == "succeeded" or (x, y, yaw) == (0.0, 0.0, 0.0):
            break
        px, py, heading = bench.pose()
        c, s = math.cos(heading), math.sin(heading)
        bench.dock((px + c * x - s * y, py + s * x + c * y, heading + yaw))
        bench.phases.append("came closer")
        bench.wait(0.6)
    return state


def pick_once(name: str, seed: int, spread: float = 0.10, policy: PolicyPick | None = None) -> Report:
    """Pick and hold for 2.5 s; judged from the truth."""
    made = random_bench(name, seed, spread, policy)
    if made is None:
        return Report(False, "no stand")
    bench, stand = made
    start = bench.height(name)
    state = go_and_pick(bench, name, stand)
    held_for, lifted = 0.0, 0.0
    for _ in range(125):
        bench.step()
        lifted = bench.height(name) - start
        held_for = held_for + 0.02 if lifted >= 0.10 else 0.0
    fallen = bench.engine.truth().fallen
    others = {one for one in bench.touched if not one.endswith(name)}
    x, y, _ = bench.pose()
    return Report(
        state == "succeeded" and held_for >= 2.0 and not fallen, bench.manipulator.status.detail, lifted,
        held_for, fallen, others, bench.manipulator.status.planning_ms, bench.engine.state().time,
        math.hypot(x - stand.x, y - stand.y), bench.phases,
    )  # fmt: skip
