"""What every engine must do, checked on one bench (`worlds/conformance.sdf`).

    vla-sim check-engine gazebo

Each check resets the engine, does one thing and compares it with what physics, geometry or the model
say; it returns its figure in words, or raises `ConformanceError`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vla_sim.common.arrays import Array
from vla_sim.common.assets import find_world
from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import (
    inverse,
    pose7,
    rotation_from_quaternion,
    transform,
    wrap,
    yaw_from_quaternion,
)
from vla_sim.robot import g1
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.state import CONTROL_PERIOD, JointCommand, RobotState
from vla_sim.simulation.simulator import Randomisation, Sensors, Simulator
from vla_sim.stages.control.calibration import CALIBRATION
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.gripper import WIDEST
from vla_sim.stages.control.policy import WalkingPolicy, load_policy, standing_policy
from vla_sim.world.sdf import reader

WORLD = "conformance"
WALL = 2.0
"""x of the wall's face [m]."""
G = 9.81
FRICTION = 0.5
"""Of the blocks on the slopes."""
SIZE = len(g1.JOINTS)
LEVEL = np.array([-0.3, 0.25, 0.0, 0.4, 0.0, -0.1, 0.0])
"""Left arm joints [rad] with the hand level and ahead of the shoulder."""
OPTICAL = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


class ConformanceError(Exception):
    """What was measured and what is allowed."""


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise ConformanceError(message)


@dataclass(frozen=True)
class Outcome:
    """figure: what was measured. skipped: the check has no meaning for this engine, and why."""

    name: str
    passed: bool
    figure: str
    skipped: bool = False


class Bench:
    """An engine on the bench, and a controller that keeps the robot on its feet."""

    def __init__(
        self, engine: Simulator, name: str = "mujoco", sensors: Sensors = "auto", ready: float = 0.0
    ) -> None:
        """name, sensors: with which `make_simulator` makes another like it; ready: how long that took [s]."""
        self.engine, self.physics, self.ready = engine, engine.physics, ready
        self.name, self.sensors = name, sensors
        self.kinematics = Kinematics.load()
        self.model = reader.load_world(find_world(WORLD)).model("g1")
        policy = load_policy("fastsac") if self.physics else standing_policy()
        self.controller = Controller(self.kinematics.arm, WalkingPolicy(policy), CALIBRATION["fastsac"])

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> RobotState:
        self.engine.reset(seed, randomisation)
        self.controller.reset()
        return self.engine.state()

    def run(self, seconds: float, velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> list[RobotState]:
        """Stand or walk under control; the state after each control period."""
        states = [self.engine.state()]
        for _ in range(round(seconds / CONTROL_PERIOD)):
            state = states[-1]
            self.controller.cmd_vel(*velocity, state.time)
            self.engine.command(self.controller.update(state))
            self.engine.step()
            states.append(self.engine.state())
        return states[1:]

    def mount(self, name: str) -> Array:
        """(4, 4) true pose of a sensor in the world."""
        truth = self.engine.truth()
        pelvis = transform(truth.robot[:3], truth.robot[3:])
        return pelvis @ self.kinematics.frame(name, self.engine.state().joint_position)


Check = Callable[[Bench], str]


def time_and_shapes(bench: Bench) -> str:
    state = bench.reset()
    expect(state.time == 0.0, f"time after a reset is {state.time}; it must be 0")
    states = bench.run(0.4)
    steps = np.diff([0.0, *(s.time for s in states)])
    even = bool(np.allclose(steps, CONTROL_PERIOD, atol=1e-9))
    expect(even, f"a step advances {steps.min()} to {steps.max()} s; it must be {CONTROL_PERIOD}")
    last = states[-1]
    for name, shape in (
        ("joint_position", (SIZE,)), ("joint_velocity", (SIZE,)), ("joint_effort", (SIZE,)),
        ("orientation", (4,)), ("angular_velocity_base", (3,)), ("linear_acceleration_base", (3,)),
        ("odom_position", (3,)), ("odom_orientation", (4,)), ("odom_velocity_base", (3,)),
    ):  # fmt: skip
        value = getattr(last, name)
        good = value.shape == shape and bool(np.isfinite(value).all())
        expect(good, f"{name} is {value}; it must be {shape} and finite")
    first = states[0].joint_position.copy()
    bench.engine.step()
    expect(np.array_equal(first, states[0].joint_position), "a state changed after it was given out")
    return f"{CONTROL_PERIOD} s a step"


def stands(bench: Bench) -> str:
    bench.reset()
    off = 0.0
    for second in range(60):
        bench.run(1.0)
        truth = bench.engine.truth()
        off = max(off, math.hypot(*truth.robot[:2]))
        expect(not truth.fallen, f"the robot fell after standing {second} s")
    expect(off < 0.15, f"standing 60 s it strays {off:.2f} m from its start; 0.15 are allowed")
    return f"at most {100 * off:.0f} cm off"


def walks(bench: Bench) -> str:
    """Away from the wall, with the heading held by the robot's own odometry."""
    began = bench.reset().time
    turn, forward, seconds = math.pi, 0.0, 0.0
    begin = bench.engine.truth().robot
    while (way := math.hypot(*(bench.engine.truth().robot[:2] - begin[:2]))) < 5.0:
        state = bench.run(0.2, (forward, 0.0, float(np.clip(turn, -0.6, 0.6))))[-1]
        seconds = state.time - began
        turn = wrap(math.pi - yaw_from_quaternion(state.odom_orientation))
        forward = 0.7 if abs(turn) < 0.5 else 0.0
        expect(not bench.engine.truth().fallen, f"the robot fell after {way:.1f} m, {seconds:.1f} s")
        expect(seconds < 40.0, f"it walked {way:.1f} m in 40 s; 5 were asked for")
    bench.run(1.0)
    expect(not bench.engine.truth().fallen, "the robot fell when it stopped")
    return f"{way:.1f} m and about-turn in {seconds:.1f} s"


def imu(bench: Bench) -> str:
    bench.reset()
    states = bench.run(3.0)[50:]
    level = [rotation_from_quaternion(s.orientation) @ s.linear_acceleration_base for s in states]
    up = np.mean(level, axis=0)
    turn = np.mean([s.angular_velocity_base for s in states], axis=0)
    expect(abs(up[2] - G) < 0.25, f"mean acceleration upwards is {up[2]:.2f} m/s^2; gravity is {G}")
    expect(math.hypot(up[0], up[1]) < 0.4, f"mean level acceleration is {up[:2]} m/s^2; it must be near 0")
    expect(bool(np.abs(turn).max() < 0.1), f"mean turn rate is {turn} rad/s; it must be near 0")
    return f"{up[2]:.2f} m/s^2 up"


def lidar(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    at = bench.mount("head_lidar")
    scans = [bench.engine.scan() for _ in range(40)]
    frame = scans[0]
    e, a = np.meshgrid(frame.elevation, frame.azimuth, indexing="ij")
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1) @ at[:3, :3].T
    with np.errstate(divide="ignore"):
        expected = (WALL - at[0, 3]) / rays[..., 0]
    hits = at[:3, 3] + rays * expected[..., None]
    wall = (rays[..., 0] > 0.3) & (np.abs(hits[..., 1]) < 2.5) & (hits[..., 2] > 1.0) & (hits[..., 2] < 1.9)
    expect(wall.sum() >= 20, f"{wall.sum()} rays should meet the wall; there must be some")
    ranges = np.array([scan.ranges for scan in scans])[:, wall]
    expect(bool(np.isfinite(ranges).all()), "some rays miss the wall")
    bias = float(np.mean(ranges - expected[wall]))
    spread = float(np.std(ranges - ranges.mean(axis=0)))
    sensor = next(s.lidar for s in bench.model.sensors() if s.lidar)
    stddev = sensor.noise.stddev
    expect(abs(bias) < 0.01, f"the wall is measured {1000 * bias:.1f} mm off; 10 are allowed")
    if bench.physics:
        ok = 0.7 * stddev < spread < 1.3 * stddev if stddev else spread < 1e-4
        expect(ok, f"noise is {1000 * spread:.1f} mm; the model says {1000 * stddev:.1f}")
    level = float(np.median(ranges.mean(axis=0) * rays[wall][:, 0]) + at[0, 3])
    return f"wall at {level:.3f} m, noise {1000 * spread:.1f} mm"


def camera(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    snapshot = bench.engine.snapshot()
    optical = bench.mount("head_camera") @ OPTICAL
    box = bench.engine.truth().objects["red_box"]
    frame = bench.engine.render(snapshot)
    kinds = frame.color.dtype == np.uint8 and frame.depth.dtype == np.float32
    expect(kinds, "images must be uint8 and float32")
    expect(frame.color.shape[:2] == frame.depth.shape, "colour and depth must have one size")
    p = inverse(optical) @ np.array([*box[:3], 1.0])
    u, v = frame.cx + frame.fx * p[0] / p[2], frame.cy + frame.fy * p[1] / p[2]
    r, g, b = (frame.color[..., k].astype(int) for k in range(3))
    red = (r > 60) & (r > 2 * g) & (r > 2 * b)
    rows, columns = np.nonzero(red)
    expect(len(rows) > 40, f"{len(rows)} red pixels; the red box must be seen")
    off = math.hypot(float(np.mean(columns)) - u, float(np.mean(rows)) - v)
    # The middle of what is seen of a box from above lies a little off its centre.
    expect(off < 6.0, f"the box is {off:.1f} pixels from where it projects to ({u:.0f}, {v:.0f})")
    # The depth of the seen faces lies before the centre by no more than half the diagonal.
    depth = float(np.nanmedian(frame.depth[red]))
    expect(p[2] - 0.065 < depth < p[2] + 0.01, f"its depth is {depth:.3f} m; its centre is at {p[2]:.3f}")
    return f"{off:.1f} px, depth {depth:.3f} of {p[2]:.3f} m"


def odometry(bench: Bench) -> str:
    first = bench.reset()
    begin = bench.engine.truth().robot
    bench.run(0.5)
    bench.run(4.0, (-0.3, 0.0, 0.2))
    last = bench.run(0.8)[-1]
    end = bench.engine.truth().robot
    truth = end[:2] - begin[:2]
    seen = last.odom_position[:2] - first.odom_position[:2]
    way = float(np.hypot(*truth))
    expect(not bench.engine.truth().fallen, "the robot fell while walking backwards")
    expect(way > 0.5, f"it walked {way:.2f} m; at least 0.5 were asked for")
    off = float(np.hypot(*(seen - truth)))
    expect(off < 0.05 * way + 0.05, f"odometry is {off:.3f} m off after {way:.2f} m")
    turned = [wrap(yaw_from_quaternion(b) - yaw_from_quaternion(a)) for a, b in (
        (begin[3:], end[3:]), (first.odom_orientation, last.odom_orientation),
    )]  # fmt: skip
    same = abs(turned[0] - turned[1]) < 0.06
    expect(same, f"odometry turned {turned[1]:.2f} rad, the robot {turned[0]:.2f}")
    expect(turned[0] > 0.3, f"it turned {turned[0]:.2f} rad to the left; 0.8 were asked for")
    return f"{way:.2f} m, odometry {100 * off:.1f} cm off"


def joint_tracking(bench: Bench) -> str:
    bench.reset()
    bench.run(1.0)
    side = "right"
    state = bench.engine.state()
    start = state.joint_position[g1.ARM_INDEX[side]]
    goal = start.copy()
    goal[3] -= 0.4  # the elbow
    bench.controller.arm_trajectory(side, g1.ARM_JOINTS[side], [1.0], goal[None, :])
    states = bench.run(2.5)
    off = float(np.abs(states[-1].joint_position[g1.ARM_INDEX[side]] - goal).max())
    expect(off < 0.06, f"the arm ends {off:.3f} rad from its goal; 0.06 are allowed")
    if bench.physics:
        effort = np.abs([s.joint_effort for s in states]).max(axis=0)
        limits = np.array([bench.model.joint(n).axis.effort for n in g1.JOINTS])  # type: ignore[union-attr]
        expect(bool((effort <= 1.05 * limits + 5.0).all()), "an effort is above the joint's limit")
    return f"{off:.3f} rad off"


def weight(bench: Bench) -> str:
    bench.reset()
    bench.run(2.0)
    mass = sum(link.inertial.mass for link in bench.model.links)
    forces, others = [], set()
    for _ in range(25):
        bench.run(CONTROL_PERIOD)
        total = 0.0
        for contact in bench.engine.contacts():
            names = (contact.a, contact.b)
            if not any(n.startswith("g1::") for n in names):
                continue
            expect(contact.force >= 0.0, f"{contact} pulls")
            if any("ankle" in n for n in names) and any(n.startswith("ground::") for n in names):
                total += contact.force
            elif contact.force > 5.0:
                others.add(names)
        forces.append(total)
    expect(not others, f"a standing robot touches more than the ground: {sorted(others)}")
    # The strongest force within a period is told, so that this lies somewhat above the weight.
    ratio = float(np.median(forces)) / (mass * G)
    expect(0.7 < ratio < 1.6, f"the soles press with {ratio:.2f} times the weight of {mass:.0f} kg")
    return f"{np.median(forces):.0f} N under {mass:.1f} kg"


def gravity(bench: Bench) -> str:
    bench.reset()
    high = bench.engine.truth().objects["blue_ball"][2]
    bench.run(0.6)
    fallen = high - bench.engine.truth().objects["blue_ball"][2]
    expected = 0.5 * G * 0.6**2
    right = abs(fallen - expected) < 0.03 * expected
    expect(right, f"a ball fell {fallen:.3f} m in 0.6 s; {expected:.3f} expected")
    return f"{fallen:.3f} m in 0.6 s"


def putting(bench: Bench) -> str:
    bench.reset()
    bench.run(0.2)
    goal = bench.engine.truth().objects["red_box"].copy()
    goal[1] += 0.06
    bench.engine.put("red_box", goal)
    bench.run(0.5)
    off = float(np.linalg.norm(bench.engine.truth().objects["red_box"][:3] - goal[:3]))
    expect(off < 0.005, f"a box that was put down lies {1000 * off:.1f} mm away; 5 are allowed")
    try:
        bench.engine.put("teapot", goal)
    except EngineError as error:
        expect("red_box" in str(error), f"the message does not say what can be moved: {error}")
    else:
        raise ConformanceError("a model that does not exist was put somewhere")
    return f"{1000 * off:.1f} mm"


def grip(bench: Bench) -> str:
    """A box in the left hand, which is level and ahead of the shoulder, while the robot walks about."""
    side, name = "left", "red_box"
    bench.reset()
    bench.run(0.5)
    start = bench.engine.state().joint_position[g1.ARM_INDEX[side]]
    share = np.linspace(0.0, 1.0, 50)[:, None]
    path = start + (LEVEL - start) * share**2 * (3.0 - 2.0 * share)
    bench.controller.arm_trajectory(side, g1.ARM_JOINTS[side], 0.04 * np.arange(1, 51), path)
    bench.controller.gripper(side, WIDEST)
    bench.run(3.0)
    bench.controller.gripper(side, 0.0)
    for _ in range(round(1.5 / CONTROL_PERIOD)):  # held there until the fingers have it
        bench.engine.put(name, pose7(bench.mount(g1.TOOL_FRAME[side])))
        bench.run(CONTROL_PERIOD)

    def held() -> Array:
        box = bench.engine.truth().objects[name]
        return np.asarray(inverse(bench.mount(g1.TOOL_FRAME[side])) @ transform(box[:3], box[3:]))

    before = held()
    for velocity in ((0.0, 0.0, 0.0), (0.0, 0.0, 0.6), (-0.4, 0.0, 0.0), (0.0, 0.0, -0.6), (0.0, 0.3, 0.0)):
        bench.run(5.0, velocity)
    after = inverse(before) @ held()
    moved = float(np.linalg.norm(after[:3, 3]))
    turned = math.degrees(math.acos(min(1.0, 0.5 * (float(np.trace(after[:3, :3])) - 1.0))))
    expect(
        moved < 0.01 and turned < 5.0,
        f"a box between the fingers moved by {1000 * moved:.0f} mm and {turned:.0f} degrees in 25 s of "
        "standing and walking; 10 mm and 5 degrees are allowed",
    )
    return f"{1000 * moved:.1f} mm, {turned:.1f} degrees"


def friction(bench: Bench) -> str:
    bench.reset()
    bench.run(0.2)
    before = bench.engine.truth().objects
    bench.run(0.7)
    after = bench.engine.truth().objects
    held, slid = (float(np.linalg.norm(after[n][:3] - before[n][:3])) for n in ("green_box", "yellow_box"))
    angle = math.degrees(math.atan(FRICTION))
    expect(held < 0.01, f"a block slid {held:.3f} m down 20 degrees; it sticks below {angle:.1f}")
    expect(slid > 0.1, f"a block stayed on 35 degrees ({slid:.3f} m); it slides above {angle:.1f}")
    a = G * (math.sin(math.radians(35)) - FRICTION * math.cos(math.radians(35)))
    expected = 0.5 * a * (0.9**2 - 0.2**2)
    expect(abs(slid - expected) < 0.25 * expected, f"it slid {slid:.3f} m; {expected:.3f} expected")
    return f"20 degrees {1000 * held:.0f} mm, 35 degrees {slid:.2f} m ({expected:.2f} expected)"


def reset(bench: Bench) -> str:
    bench.reset()
    first = bench.engine.truth()
    joints = bench.engine.state().joint_position
    bench.run(1.5, (-0.3, 0.0, 0.3))
    state = bench.reset()
    again = bench.engine.truth()
    expect(state.time == 0.0, f"time is {state.time} after a reset")
    worst = float(np.abs(again.robot - first.robot).max())
    for name, pose in first.objects.items():
        worst = max(worst, float(np.abs(again.objects[name][:3] - pose[:3]).max()))
    expect(worst < 2e-3, f"something is {1000 * worst:.1f} mm from its start after a reset")
    off = float(np.abs(state.joint_position - joints).max())
    expect(off < 0.01, f"a joint is {off:.3f} rad from its start after a reset")
    bench.run(2.0)
    expect(not bench.engine.truth().fallen, "the robot fell after a reset")
    return f"{1000 * worst:.2f} mm"


def outcome_of(bench: Bench, seed: int) -> list[float]:
    """Where a seeded second ends: robot's pose, joints as felt, ranges of a scan (infinite ones as -1)."""
    bench.reset(seed)
    state = bench.run(1.0)[-1]
    ranges = bench.engine.scan().ranges
    parts = bench.engine.truth().robot, state.joint_position, np.where(np.isfinite(ranges), ranges, -1.0)
    return [float(v) for part in parts for v in np.ravel(part)]


def determinism(bench: Bench) -> str:
    """In processes of their own, as runs are. A simulator may remember its past across a reset."""
    command = [sys.executable, "-m", "vla_sim.simulation.conformance.bench", bench.name, bench.sensors, "7"]
    fresh = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300.0, check=False)
        expect(done.returncode == 0, f"a fresh engine ended with {done.returncode}: {done.stderr[-200:]}")
        fresh.append(np.array(json.loads(done.stdout.splitlines()[-1])))
    off = float(np.abs(fresh[0] - fresh[1]).max())
    expect(off < 1e-6, f"the same seed ends {off:.2g} apart after 1 s")
    again = float(np.abs(np.array(outcome_of(bench, 7))[:7] - fresh[0][:7]).max())
    expect(again < 5e-3, f"after a reset the same seed ends {again:.2g} m apart after 1 s")
    return f"{off:.1g} apart after 1 s, {again:.1g} m after a reset"


def seeds(bench: Bench) -> str:
    most = Randomisation(objects=0.0, start=0.3, start_yaw=0.4)
    bench.reset(0)
    nominal = bench.engine.truth().robot
    starts = []
    for seed in range(1, 6):
        bench.reset(seed, most)
        starts.append(bench.engine.truth().robot)
        shift = float(np.hypot(*(starts[-1][:2] - nominal[:2])))
        turn = abs(wrap(yaw_from_quaternion(starts[-1][3:]) - yaw_from_quaternion(nominal[3:])))
        expect(shift < 0.301 * math.sqrt(2), f"seed {seed} moved the start by {shift:.2f} m; 0.3 were asked")
        expect(turn < 0.401, f"seed {seed} turned the start by {turn:.2f} rad; 0.4 were asked for")
    apart = min(float(np.abs(a - b).max()) for k, a in enumerate(starts) for b in starts[:k])
    expect(apart > 1e-4, "two seeds give the same start")
    bench.reset(3, most)
    off = float(np.abs(bench.engine.truth().robot - starts[2]).max())
    expect(off < 1e-3, f"seed 3 gives another start the second time, {off:.3g} m off")
    return f"5 starts, {apart:.2f} m or rad apart at least"


def bad_commands(bench: Bench) -> str:
    bench.reset()
    good = JointCommand(g1.DEFAULT_POSE.copy(), np.full(SIZE, 20.0), np.zeros(SIZE))
    for position in (np.full(SIZE, np.nan), np.zeros(3), np.full(SIZE, np.inf)):
        try:
            bench.engine.command(JointCommand(position, good.stiffness, good.effort))
        except EngineError as error:
            expect("33 finite numbers" in str(error), f"the message does not say what is allowed: {error}")
        else:
            raise ConformanceError(f"a command of {position[:2]}... was taken")
    bench.engine.command(JointCommand(np.full(SIZE, 50.0), good.stiffness, good.effort))
    bench.reset()
    far = g1.DEFAULT_POSE.copy()
    elbow = g1.INDEX["right_elbow_joint"]
    axis = bench.model.joint("right_elbow_joint").axis
    assert axis is not None
    far[elbow] = 50.0
    for _ in range(40):
        bench.engine.command(JointCommand(far, np.full(SIZE, 60.0), np.zeros(SIZE)))
        bench.engine.step()
    reached = bench.engine.state().joint_position[elbow]
    expect(reached < axis.upper + 0.1, f"a position far out of limits moved the elbow to {reached:.2f} rad")
    expect(bool(np.isfinite(bench.engine.state().joint_position).all()), "the state is not finite any more")
    return "refused or clipped"


def hands(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    truth = bench.engine.truth()
    pelvis = transform(truth.robot[:3], truth.robot[3:])
    joints = bench.engine.state().joint_position
    worst = 0.0
    for frame in g1.TOOL_FRAME.values():
        expected = (pelvis @ bench.kinematics.frame(frame, joints))[:3, 3]
        worst = max(worst, float(np.linalg.norm(truth.tools[frame] - expected)))
    expect(worst < 0.005, f"a tool is {1000 * worst:.1f} mm from where kinematics puts it")
    return f"{1000 * worst:.1f} mm"


def speed(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    began = time.perf_counter()
    bench.run(3.0, (-0.2, 0.0, 0.0))
    took = (time.perf_counter() - began) / 3.0
    period = 0.0
    for _ in range(100):
        began = time.perf_counter()
        bench.engine.step()
        period += time.perf_counter() - began
    return (
        f"{1.0 / took:.1f} times real time with control, {10 * period:.2f} ms a control period of the "
        f"engine alone, {bench.ready:.1f} s to start"
    )


CHECKS: tuple[tuple[str, Check, bool], ...] = (
    ("time, shapes and units of the state", time_and_shapes, False),
    ("stands 60 s", stands, True),
    ("walks 5 m without a fall", walks, True),
    ("IMU at rest shows gravity", imu, False),
    ("lidar measures the wall, with the model's noise", lidar, False),
    ("camera shows a known object where it is", camera, False),
    ("odometry follows the motion", odometry, False),
    ("joints go where they are told", joint_tracking, False),
    ("soles carry the weight, nothing else touches", weight, True),
    ("gravity", gravity, True),
    ("what is put down stays there", putting, False),
    ("fingers hold a box for 25 s", grip, True),
    ("friction cone", friction, True),
    ("tools are where kinematics says", hands, False),
    ("reset brings everything back", reset, False),
    ("one seed, one run", determinism, False),
    ("another seed, another start", seeds, False),
    ("bad commands", bad_commands, False),
    ("speed", speed, False),
)
"""(name, check, whether it needs physics)."""


def check_engine(bench: Bench, report: Callable[[Outcome], None]) -> list[Outcome]:
    """All checks, each reported as it ends."""
    physics = bench.physics
    outcomes = []
    for name, check, needs_physics in CHECKS:
        if needs_physics and not physics:
            outcome = Outcome(name, True, "the engine has no physics", skipped=True)
        else:
            try:
                outcome = Outcome(name, True, check(bench))
            except (ConformanceError, EngineError) as error:
                outcome = Outcome(name, False, str(error))
        outcomes.append(outcome)
        report(outcome)
    return outcomes


def main() -> None:
    """`python -m vla_sim.simulation.conformance.bench ENGINE SENSORS SEED`: `outcome_of` a fresh engine."""
    from vla_sim.simulation.registry import make_simulator

    name, sensors, seed = sys.argv[1:]
    engine = make_simulator(name, WORLD, sensors)  # type: ignore[arg-type]
    print(json.dumps(outcome_of(Bench(engine), int(seed))), flush=True)
    os._exit(0)  # Gazebo's threads need not be waited for


if __name__ == "__main__":
    main()
