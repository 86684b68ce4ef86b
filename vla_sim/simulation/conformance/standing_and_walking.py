"""Checks of what the robot's body does: it stands, walks, moves its joints and feels its own motion."""

import math

import numpy as np

from vla_sim.common.geometry import transform, wrap, yaw_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD
from vla_sim.simulation.conformance.bench import Bench, G, require
from vla_sim.world.semantic_map import ROBOT


def stands(bench: Bench) -> str:
    bench.reset()
    off = 0.0
    for second in range(60):
        bench.run(1.0)
        truth = bench.simulator.truth()
        off = max(off, math.hypot(*truth.robot[:2]))
        require(not truth.fallen, f"the robot fell after standing {second} s")
    require(off < 0.15, f"standing 60 s it strays {off:.2f} m from its start; 0.15 are allowed")
    return f"at most {100 * off:.0f} cm off"


def walks(bench: Bench) -> str:
    """Away from the wall, with the heading held by the robot's own odometry."""
    began = bench.reset().time
    turn, forward, seconds = math.pi, 0.0, 0.0
    begin = bench.simulator.truth().robot
    while (way := math.hypot(*(bench.simulator.truth().robot[:2] - begin[:2]))) < 5.0:
        state = bench.run(0.2, (forward, 0.0, float(np.clip(turn, -0.6, 0.6))))[-1]
        seconds = state.time - began
        turn = wrap(math.pi - yaw_from_quaternion(state.odom_orientation))
        forward = 0.7 if abs(turn) < 0.5 else 0.0
        require(not bench.simulator.truth().fallen, f"the robot fell after {way:.1f} m, {seconds:.1f} s")
        require(seconds < 40.0, f"it walked {way:.1f} m in 40 s; 5 were asked for")
    bench.run(1.0)
    require(not bench.simulator.truth().fallen, "the robot fell when it stopped")
    return f"{way:.1f} m and about-turn in {seconds:.1f} s"


def odometry(bench: Bench) -> str:
    first = bench.reset()
    begin = bench.simulator.truth().robot
    bench.run(0.5)
    bench.run(4.0, (-0.3, 0.0, 0.2))
    last = bench.run(0.8)[-1]
    end = bench.simulator.truth().robot
    truth = end[:2] - begin[:2]
    seen = last.odom_position[:2] - first.odom_position[:2]
    way = float(np.hypot(*truth))
    require(not bench.simulator.truth().fallen, "the robot fell while walking backwards")
    require(way > 0.5, f"it walked {way:.2f} m; at least 0.5 were asked for")
    off = float(np.hypot(*(seen - truth)))
    require(off < 0.05 * way + 0.05, f"odometry is {off:.3f} m off after {way:.2f} m")
    turned = [wrap(yaw_from_quaternion(b) - yaw_from_quaternion(a)) for a, b in (
        (begin[3:], end[3:]), (first.odom_orientation, last.odom_orientation),
    )]  # fmt: skip
    same = abs(turned[0] - turned[1]) < 0.06
    require(same, f"odometry turned {turned[1]:.2f} rad, the robot {turned[0]:.2f}")
    require(turned[0] > 0.3, f"it turned {turned[0]:.2f} rad to the left; 0.8 were asked for")
    return f"{way:.2f} m, odometry {100 * off:.1f} cm off"


def joint_tracking(bench: Bench) -> str:
    bench.reset()
    bench.run(1.0)
    side = "right"
    state = bench.simulator.state()
    start = state.joint_position[facts.ARM_INDEX[side]]
    goal = start.copy()
    goal[3] -= 0.4  # the elbow
    bench.controller.arm_trajectory(side, facts.ARM_JOINTS[side], [1.0], goal[None, :])
    states = bench.run(2.5)
    off = float(np.abs(states[-1].joint_position[facts.ARM_INDEX[side]] - goal).max())
    require(off < 0.06, f"the arm ends {off:.3f} rad from its goal; 0.06 are allowed")
    if bench.physics:
        effort = np.abs([s.joint_effort for s in states]).max(axis=0)
        limits = np.array([bench.model.joint(n).axis.effort for n in facts.JOINTS])  # type: ignore[union-attr]
        require(bool((effort <= 1.05 * limits + 5.0).all()), "an effort is above the joint's limit")
    return f"{off:.3f} rad off"


def weight(bench: Bench) -> str:
    bench.reset()
    bench.run(2.0)
    mass = sum(link.inertial.mass for link in bench.model.links)
    feet = [[link] for link in facts.FOOT_LINK.values()]
    forces, others = [], set()
    for _ in range(25):
        bench.run(CONTROL_PERIOD)
        total = 0.0
        for contact in bench.simulator.contacts():
            names = (contact.a, contact.b)
            if not any(n.startswith(f"{ROBOT}::") for n in names):
                continue
            require(contact.force >= 0.0, f"{contact} pulls")
            if any(n.split("::")[1:2] in feet for n in names) and any(
                n.startswith("ground::") for n in names
            ):
                total += contact.force
            elif contact.force > 5.0:
                others.add(names)
        forces.append(total)
    require(not others, f"a standing robot touches more than the ground: {sorted(others)}")
    # The strongest force within a period is reported, so that this lies somewhat above the weight.
    ratio = float(np.median(forces)) / (mass * G)
    require(0.7 < ratio < 1.6, f"the soles press with {ratio:.2f} times the weight of {mass:.0f} kg")
    return f"{np.median(forces):.0f} N under {mass:.1f} kg"


def hands(bench: Bench) -> str:
    bench.reset()
    bench.run(0.5)
    truth = bench.simulator.truth()
    pelvis = transform(truth.robot[:3], truth.robot[3:])
    joints = bench.simulator.state().joint_position
    worst = 0.0
    for frame in facts.TOOL_FRAME.values():
        expected = (pelvis @ bench.kinematics.frame(frame, joints))[:3, 3]
        worst = max(worst, float(np.linalg.norm(truth.tools[frame] - expected)))
    require(worst < 0.005, f"a tool is {1000 * worst:.1f} mm from where kinematics puts it")
    return f"{1000 * worst:.1f} mm"
