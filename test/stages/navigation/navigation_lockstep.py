"""Engine, controller, navigator and velocity gate in one process and in step, with the robot's eyes where
they are wanted: walking without ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from vla_sim.common.geometry import quaternion_from_yaw, transform, wrap, yaw_from_quaternion
from vla_sim.contract.records import NavigationRequest, NavigationStatus
from vla_sim.robot import facts, level_scan
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.extrinsics import CAMERA
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.simulator import Randomisation
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import load_policy
from vla_sim.stages.control.velocity import CALIBRATION
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.navigator import Navigator
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.depth_scan import (
    HALF_ANGLE,
    INCREMENT,
    depth_scan,
    level_from,
    moved_capsules,
    own_capsules,
)
from vla_sim.stages.perception.low_obstacles import LowObstacles
from vla_sim.stages.safety.supervisor import Supervisor
from vla_sim.world.semantic_map import World

FEET = ("ankle", "foot")
NOTHING_LOW = np.full(91, np.inf, np.float32)
"""There is no camera here."""


@dataclass
class Run:
    """What one goal gave; poses are true ones in the world."""

    last: NavigationStatus | None = None
    seconds: float = 0.0
    length: float = 0.0
    clearance: float = math.inf
    """Smallest between body and any fixed thing [m], at the pose `tightest`."""
    tightest: np.ndarray = field(default_factory=lambda: np.zeros(3))
    contacts: set[tuple[str, str]] = field(default_factory=set)
    pose: np.ndarray = field(default_factory=lambda: np.zeros(3))
    localisation: float = 0.0
    """Largest error of the pose in map [m]."""
    halts: int = 0
    """How often the gate let nothing pass of a velocity."""
    fallen: bool = False
    track: list[np.ndarray] = field(default_factory=list)

    def error(self, x, y, yaw):
        """(ahead, left, turn) of the goal seen from where it stands."""
        dx, dy = x - self.pose[0], y - self.pose[1]
        c, s = math.cos(self.pose[2]), math.sin(self.pose[2])
        return np.array([c * dx + s * dy, -s * dx + c * dy, wrap(yaw - self.pose[2])])


class Eyes:
    """Depth images into what safety and navigation hear of them."""

    def __init__(self):
        self.low = LowObstacles()

    def look(self, engine, kinematics, state, map_to_odom):
        """(2, beams) of `depth_scan`, and what `LowObstacles` keeps."""
        image = engine.render(engine.snapshot(), shrink=2)
        height, width = image.depth.shape
        camera = Intrinsics(image.fx, image.fy, image.cx, image.cy, width, height)
        base = transform(state.odom_position, state.odom_orientation)
        odom = transform((*map_to_odom[:2], 0.0), quaternion_from_yaw(map_to_odom[2]))
        level = level_from(base)
        own = moved_capsules(own_capsules(kinematics, state.joint_position), level)
        optical = level @ kinematics.frame(CAMERA, state.joint_position) @ SENSOR_FROM_OPTICAL
        seen = image.depth.astype(np.float32), camera, optical, own
        return depth_scan(*seen), self.low(state.time, *seen, base, odom)


class Lockstep:
    def __init__(self, world="apartment", localise=True, real=None, eyes=None):
        """real: the world that is simulated, if not the one that the robot knows. eyes: `Eyes`; None: there
        is no camera."""
        self.world = World.load(world)
        self.static = StaticMap.from_world(self.world)
        self.engine = MujocoSimulator(real or self.world.path, sensors="software" if eyes else "auto")
        self.eyes = eyes
        self.kinematics = Kinematics.load()
        self.policy = load_policy()
        self.localise = localise
        self.holding = ()
        """Sides of the hands that hold something."""
        self.slide = np.zeros(2)
        """[m/s] at which odometry slides away."""

    def reset(self, seed=0, start=0.0, start_yaw=0.0):
        self.engine.reset(seed, Randomisation(0.0, start, start_yaw))
        self.controller = Controller(self.kinematics.arm, load_policy(), CALIBRATION["fastsac"])
        self.navigator = Navigator(self.static, localise=self.localise)
        self.safety = Supervisor()
        self.tick = 0
        self.state = self.engine.state()
        self.slid = np.zeros(2)
        self._advance(75, None)

    def true_pose(self):
        truth = self.engine.truth().robot
        return np.array([truth[0], truth[1], yaw_from_quaternion(truth[3:])])

    def wait(self, seconds):
        self._advance(round(seconds / 0.02), None)

    def run(self, request: NavigationRequest, seconds=120.0) -> Run:
        run = Run()
        self.navigator.request(request)
        begin = self.engine.state().time
        self._advance(round(seconds / 0.02), run)
        run.seconds = self.engine.state().time - begin
        self._advance(75, None)
        run.pose = self.true_pose()
        return run

    def _advance(self, ticks, run):
        command = np.zeros(3)
        for _ in range(ticks):
            state = self.engine.state()
            self.slid += 0.02 * self.slide
            state.odom_position[:2] += self.slid
            navigator = self.navigator
            pose = (*state.odom_position[:2], yaw_from_quaternion(state.odom_orientation))
            navigator.state.odometry(state.time, *pose)
            self.safety.on_odom(*map(float, pose), state.time, state.time, state.time)
            if self.tick % 5 == 0:
                ranges = self._scan(state)
                navigator.state.scan(state.time, ranges, level_scan.ANGLE_MIN, level_scan.ANGLE_STEP)
                clocks = (state.time, state.time, state.time)
                self.safety.on_scan(ranges, level_scan.ANGLE_MIN, level_scan.ANGLE_STEP, *clocks)
                if self.eyes is None:
                    self.safety.on_depth_scan(NOTHING_LOW, -HALF_ANGLE, INCREMENT, *clocks)
                elif self.tick % 10 == 0:
                    self._look(state, clocks)
            if run is not None and self.tick % 5 in (0, 2):
                out = navigator.tick(state.time)
                command = out.command
                if out.status:
                    run.last = out.status[-1]
                if not out.active:
                    return
            self.safety.on_velocity(*command, state.time, state.time)
            passed = self.safety.output(state.time, state.time)
            if run is not None and command.any() and not any(passed):
                run.halts += 1
            self.controller.velocity.ask(*passed, state.time)
            self.engine.command(self.controller.update(state))
            self.engine.step()
            self.tick += 1
            if run is not None:
                self._touch(run)
                if self.tick % 5 == 0:
                    self._watch(run)

    def _look(self, state, clocks):
        """As perception does, at 5 Hz."""
        map_to_odom = self.navigator.state.localizer.map_to_odom
        (ranges, at_arms), low = self.eyes.look(self.engine, self.kinematics, state, map_to_odom)
        self.navigator.state.depth_scan(state.time, ranges, -HALF_ANGLE, INCREMENT)
        self.navigator.state.low_obstacles(low)
        self.safety.on_depth_scan(ranges, -HALF_ANGLE, INCREMENT, *clocks, at_arms)
        self.safety.on_low_obstacles(low, *clocks)

    def _watch(self, run):
        truth = self.engine.truth()
        if truth.clearance < run.clearance:
            run.clearance, run.tightest = truth.clearance, self.true_pose()
        run.fallen |= truth.fallen
        pose = self.true_pose()
        if run.track:
            run.length += float(np.hypot(*(pose - run.track[-1])[:2]))
        run.track.append(pose)
        believed = self.navigator.state.localizer.map_to_odom
        c, s = math.cos(believed[2]), math.sin(believed[2])
        odom = self.navigator.state.filter.raw
        seen = np.array([believed[0] + c * odom[0] - s * odom[1], believed[1] + s * odom[0] + c * odom[1]])
        run.localisation = max(run.localisation, float(np.hypot(*(seen - pose[:2]))))

    def _touch(self, run):
        for pair in self.engine.contacts():
            for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
                foot = any(f in one for f in FEET)
                if one.startswith("g1::") and not (foot and other.startswith("ground")):
                    run.contacts.add((one, other))

    def _scan(self, state):
        points = level_scan.points_in_pelvis(self.engine.scan())
        level = level_scan.level_rotation(state.orientation)
        soles = [
            (level @ self.kinematics.frame(f"{s}_ankle_roll_link", state.joint_position)[:3, 3])[2]
            for s in facts.SIDES
        ]
        hands = [
            self.kinematics.frame(facts.TOOL_FRAME[s], state.joint_position)[:3, 3] for s in self.holding
        ]
        return level_scan.flatten(points, state.orientation, 0.037 - min(soles), hands).astype(np.float32)
