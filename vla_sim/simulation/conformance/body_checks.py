"""What every body must do, a simulated one or a robot: `vla-sim check-body`.

Each check does one thing and compares it with what the contract of `Body` says; it returns what it measured,
in words, or raises `ConformanceError`. Nothing asks the legs to walk but the checks that say so.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array, rotation_from_quaternion, wrap, yaw_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, JointCommand, RobotState
from vla_sim.simulation.conformance.bench import BodyBench, ConformanceError, G, Outcome, outcome, require

SIZE = len(facts.JOINTS)
SHAPES = {
    "joint_position": SIZE, "joint_velocity": SIZE, "joint_effort": SIZE, "orientation": 4,
    "angular_velocity_base": 3, "linear_acceleration_base": 3, "odom_position": 3, "odom_orientation": 4,
    "odom_velocity_base": 3,
}  # fmt: skip
STEP, STEP_TIME = 0.2, 0.6
"""[rad] by which each arm joint is moved, and in what time [s]."""
ARMS = np.concatenate([facts.ARM_INDEX[side] for side in facts.SIDES])
ELBOW = facts.INDEX[facts.ARM_JOINTS["right"][3]]
SILENCE = 1.0
"""[s] for which no command comes."""
STOP_TIME = 0.5
"""[s] after which a robot says that it obeys no more, the 0.1 s of the contract among them."""
OBEY_TIMEOUT = 10.0
"""[s] for a robot to obey again."""


def shapes(bench: BodyBench) -> str:
    states = bench.run(0.2)
    for name, size in SHAPES.items():
        value = getattr(states[-1], name)
        good = value.shape == (size,) and bool(np.isfinite(value).all())
        require(good, f"{name} is {value}; it must be ({size},) and finite")
    for name in ("orientation", "odom_orientation"):
        length = float(np.linalg.norm(getattr(states[-1], name)))
        require(abs(length - 1.0) < 1e-3, f"{name} has length {length:.4f}; a unit quaternion has 1")
    first = states[0].joint_position.copy()
    bench.body.step()
    bench.body.state()
    require(np.array_equal(first, states[0].joint_position), "a state changed after it was given out")
    return f"{len(SHAPES)} fields, finite"


def pace(bench: BodyBench) -> str:
    """Mean time of a step, and the longest; of a robot, its clock beside the machine's."""
    bench.settle()
    began = bench.clock()
    first = bench.body.state().time
    times = np.array([first, *(state.time for state in bench.run(4.0))])
    took, steps = bench.clock() - began, np.diff(times)
    require(bool((steps >= 0.0).all()), f"time goes back by {-1e3 * steps.min():.1f} ms")
    mean = float(steps.mean())
    require(abs(mean - CONTROL_PERIOD) < 0.002, f"a step is {1e3 * mean:.2f} ms on average")
    longest = float(steps.max())
    require(longest < 0.1, f"a step is {1e3 * longest:.0f} ms long")
    words = f"{1e3 * mean:.2f} ms on average, {1e3 * longest:.0f} at the most"
    if not bench.keeps_pace:
        return words
    drift = (times[-1] - first) / took - 1.0
    require(abs(drift) < 0.02, f"its clock goes wrong by {100 * drift:.1f} %")
    return f"{words}; clock {100 * drift:+.2f} %"


def imu(bench: BodyBench) -> str:
    bench.settle()
    states = bench.run(2.0)
    level = [rotation_from_quaternion(s.orientation) @ s.linear_acceleration_base for s in states]
    up = np.mean(level, axis=0)
    turn = np.mean([s.angular_velocity_base for s in states], axis=0)
    require(abs(up[2] - G) < 0.25, f"mean acceleration upwards is {up[2]:.2f} m/s^2; gravity is {G}")
    require(math.hypot(up[0], up[1]) < 0.4, f"mean level acceleration is {up[:2]} m/s^2; it must be near 0")
    require(bool(np.abs(turn).max() < 0.1), f"mean turn rate is {turn} rad/s; it must be near 0")
    tilt = math.acos(min(1.0, float(rotation_from_quaternion(states[-1].orientation)[2, 2])))
    require(tilt < 0.3, f"the pelvis tilts by {tilt:.2f} rad; a robot that stands tilts by less than 0.3")
    return f"{up[2]:.2f} m/s^2 up, {np.abs(turn).max():.3f} rad/s, tilt {tilt:.2f} rad"


def odometry_at_rest(bench: BodyBench) -> str:
    bench.settle()
    states = bench.run(3.0)
    way = math.hypot(*(states[-1].odom_position - states[0].odom_position)[:2])
    turned = abs(wrap(yaw_from_quaternion(states[-1].odom_orientation) - yaw_from_quaternion(
        states[0].odom_orientation
    )))  # fmt: skip
    require(way < 0.05, f"odometry went {100 * way:.1f} cm while the robot stood")
    require(turned < 0.05, f"odometry turned {turned:.3f} rad while the robot stood")
    return f"{100 * way:.1f} cm, {turned:.3f} rad"


def joints(bench: BodyBench) -> str:
    """Each arm joint on its own, there and back: the one that is commanded moves, by that much and that way;
    what its velocity adds up to is how far it went."""
    bench.settle()
    low, high = (bench.kinematics.of_joints(end) for end in ("lower", "upper"))
    worst = 0.0
    for side in facts.SIDES:
        for k, joint in enumerate(facts.ARM_JOINTS[side]):
            mine = facts.ARM_INDEX[side][k]
            start = bench.body.state().joint_position
            step = STEP if start[mine] + 1.5 * STEP < high[mine] else -STEP
            require(start[mine] + step > low[mine], f"{joint} is outside its limits: {start[mine]:.2f} rad")
            goal = start[facts.ARM_INDEX[side]].copy()
            goal[k] += step
            states = _move(bench, side, goal)
            moved = states[-1].joint_position - start
            worst = max(worst, _one_moved(moved, mine, step), _adds_up(states, start, mine))
            _move(bench, side, start[facts.ARM_INDEX[side]])
    return f"{len(ARMS)} joints, {worst:.3f} rad off at the most"


def _move(bench: BodyBench, side: str, goal: Array) -> list[RobotState]:
    """An arm to `goal` (7,), and what was felt on the way."""
    bench.controller.arm_trajectory(side, facts.ARM_JOINTS[side], [STEP_TIME], goal[None, :])
    states = bench.run(STEP_TIME + 0.6)
    _obeys(bench)
    return states


def _obeys(bench: BodyBench) -> None:
    """What was measured says something only of a robot that obeys. Raises `ConformanceError`."""
    require(not bench.body.why, f"it does not obey: {bench.body.why}")


def _one_moved(moved: Array, mine: int, step: float) -> float:
    off = abs(float(moved[mine]) - step)
    others = {facts.JOINTS[i]: float(moved[i]) for i in ARMS if i != mine}
    most = max(others, key=lambda name: abs(others[name]))
    name = facts.JOINTS[mine]
    require(
        off < 0.1,
        f"{name} was commanded to move by {step:+.2f} rad; it moved by {moved[mine]:+.2f}, and {most} by "
        f"{others[most]:+.2f}",
    )
    require(abs(others[most]) < 0.1, f"{name} was moved, and {most} moved by {others[most]:+.2f} rad as well")
    return off


def _adds_up(states: list[RobotState], start: Array, mine: int) -> float:
    times = np.array([state.time for state in states])
    velocity = np.array([state.joint_velocity[mine] for state in states])
    added = float(np.trapezoid(velocity, times))
    went = float(states[-1].joint_position[mine] - states[0].joint_position[mine])
    off = abs(added - went)
    require(
        off < 0.1,
        f"{facts.JOINTS[mine]}'s velocity adds up to {added:+.2f} rad; its position changed by {went:+.2f}",
    )
    return off


def bad_commands(bench: BodyBench) -> str:
    """Each field with a number that is none, and of a wrong shape."""
    bench.settle()
    refused = 0
    for name in ("position", "stiffness", "effort", "damping", "base_velocity"):
        size = 3 if name == "base_velocity" else SIZE
        for value in (np.full(size, np.nan), np.full(size, np.inf), np.zeros(5)):
            good = {
                "position": facts.DEFAULT_POSE.copy(),
                "stiffness": np.zeros(SIZE),
                "effort": np.zeros(SIZE),
            }
            try:
                bench.body.command(JointCommand(**{**good, name: value}))
            except EngineError as error:
                words = f"{size} finite numbers"
                require(words in str(error), f"the message does not say what is allowed, {words}: {error}")
                refused += 1
            else:
                raise ConformanceError(f"a command with {name} {value[:2]}... was taken")
    bench.run(0.5)
    return f"{refused} refused"


def silence(bench: BodyBench) -> str:
    bench.settle()
    before = bench.body.state()
    said, fastest = _without_commands(bench)
    require(said < STOP_TIME, f"it said {said:.2f} s after the last command that none come")
    after = bench.body.state()
    way = math.hypot(*(after.odom_position - before.odom_position)[:2])
    require(way < 0.1, f"it went {100 * way:.0f} cm")
    require(fastest < 3.0, f"an arm joint moved at {fastest:.1f} rad/s")
    return f"{until_it_obeys(bench)} s until it obeyed again; it said so after {said:.2f} s"


def _without_commands(bench: BodyBench) -> tuple[float, float]:
    """For `SILENCE`: after how long the robot says that it does not obey [s], and the fastest an arm joint
    moves meanwhile [rad/s]."""
    began, said, fastest = bench.clock(), math.inf, 0.0
    while bench.clock() - began < SILENCE:
        bench.body.step()
        if bench.body.why and said == math.inf:
            said = bench.clock() - began
        fastest = max(fastest, float(np.abs(bench.body.state().joint_velocity[ARMS]).max()))
    return said, fastest


def until_it_obeys(bench: BodyBench) -> str:
    """Command it to stand until it obeys, and obeys whole; how many seconds that took. Raises
    `ConformanceError`."""
    bench.controller.reset()
    began = bench.clock()
    while True:
        bench.run(0.1)
        took = bench.clock() - began
        if not bench.body.why:
            break
        require(took < OBEY_TIMEOUT, f"it does not obey within {OBEY_TIMEOUT:.0f} s: {bench.body.why}")
    bench.run(2.5)
    return f"{took:.1f}"


def _armed_anew(bench: BodyBench) -> str:
    bench.body.disarm()
    bench.body.step()
    bench.body.arm()
    return until_it_obeys(bench)


def stop(bench: BodyBench) -> str:
    """An arm moves when the robot is disarmed: it stops, says so, and obeys nothing until it is armed."""
    bench.settle()
    start = bench.body.state().joint_position
    goal = start[facts.ARM_INDEX["right"]].copy()
    goal[3] += STEP
    bench.controller.arm_trajectory("right", facts.ARM_JOINTS["right"], [1.0], goal[None, :])
    bench.run(0.3)
    bench.body.disarm()
    said, _ = _without_commands(bench)
    require(said < STOP_TIME, f"it said {said:.2f} s after it was disarmed that it does not obey")
    before = bench.body.state().joint_position[ELBOW]
    far = bench.body.state().joint_position
    far[ELBOW] += 2.0 * STEP
    for _ in range(50):
        bench.body.command(JointCommand(far, np.full(SIZE, 40.0), np.zeros(SIZE)))
        bench.body.step()
    moved = float(bench.body.state().joint_position[ELBOW] - before)
    require(abs(moved) < STEP, f"disarmed it was commanded, and its elbow moved by {moved:.2f} rad")
    return f"it said so after {said:.2f} s; {_armed_anew(bench)} s until it obeyed again"


def walking(bench: BodyBench) -> str:
    """Forward and to the left, by its own odometry."""
    bench.settle()
    begin = bench.body.state()
    states = bench.run(4.0, (0.25, 0.0, 0.0))
    _obeys(bench)
    bench.run(1.5)
    end = bench.body.state()
    way = rotation_from_quaternion(begin.odom_orientation).T @ (end.odom_position - begin.odom_position)
    require(way[0] > 0.4, f"it was to walk forward for 4 s at 0.25 m/s; it went {way[0]:.2f} m that way")
    require(abs(way[1]) < 0.5, f"it was to walk forward and went {way[1]:.2f} m to the left")
    felt = float(np.mean([state.odom_velocity_base[0] for state in states])) * 4.0
    require(abs(felt - way[0]) < 0.35, f"its velocity adds up to {felt:.2f} m; it went {way[0]:.2f} m")
    bench.run(3.0, (0.0, 0.0, 0.4))
    bench.run(1.5)
    turned = wrap(yaw_from_quaternion(bench.body.state().odom_orientation) - yaw_from_quaternion(
        end.odom_orientation
    ))  # fmt: skip
    require(turned > 0.4, f"it was to turn left for 3 s at 0.4 rad/s; it turned {turned:.2f} rad")
    return f"{way[0]:.2f} m, {turned:.2f} rad"


def silence_while_walking(bench: BodyBench) -> str:
    bench.settle()
    bench.run(2.0, (0.25, 0.0, 0.0))
    before = bench.body.state()
    for _ in range(2):
        _without_commands(bench)
    last = bench.body.state()
    way = math.hypot(*(last.odom_position - before.odom_position)[:2])
    speed = math.hypot(*last.odom_velocity_base[:2])
    require(way < 0.4, f"it went on for {way:.2f} m")
    require(speed < 0.1, f"after 2 s it moves at {speed:.2f} m/s")
    return f"stood after {way:.2f} m; {until_it_obeys(bench)} s until it obeyed again"


class BodyCheck(NamedTuple):
    """allowed: in words. robot: for a simulator, which waits for its commands, it has no meaning. legs: it
    walks."""

    name: str
    check: Callable[[BodyBench], str]
    allowed: str
    robot: bool = False
    legs: bool = False


CHECKS = (
    BodyCheck("shapes of the state", shapes, "as `RobotState` says, finite, not touched again"),
    BodyCheck("pace", pace, "18 to 22 ms a step, none over 100 ms; clock within 2 %"),
    BodyCheck("IMU at rest", imu, "9.56 to 10.06 m/s^2 up, 0.4 level, 0.1 rad/s, tilt 0.3 rad"),
    BodyCheck("odometry at rest", odometry_at_rest, "5 cm and 0.05 rad in 3 s"),
    BodyCheck("order, direction and velocity of the arms' joints", joints, "0.1 rad off"),
    BodyCheck("bad commands", bad_commands, "15 of 15 refused, with what is allowed"),
    BodyCheck("silence", silence, f"said within {STOP_TIME} s; 10 cm, 3 rad/s; obeys again", True),
    BodyCheck("stop", stop, f"said within {STOP_TIME} s; obeys nothing until armed anew", True),
    BodyCheck("walks where it is told", walking, "over 0.4 m forward and 0.4 rad left", legs=True),
    BodyCheck("silence while it walks", silence_while_walking, "stands within 0.4 m", True, True),
)


def check_body(bench: BodyBench, legs: bool, report: Callable[[Outcome], None]) -> list[Outcome]:
    """All checks, each reported as it ends. legs: those too that walk."""
    outcomes = []
    for one in CHECKS:
        skip = "it walks, which nobody asked for" if one.legs and not legs else ""
        if one.robot and not bench.keeps_pace:
            skip = "a simulator waits for its commands"
        outcomes.append(outcome(one.name, partial(_from_obeying, one, bench), skip, one.allowed))
        report(outcomes[-1])
    return outcomes


def _from_obeying(one: BodyCheck, bench: BodyBench) -> str:
    """A check, of a robot that an earlier one may have left as it does not obey any more."""
    if bench.body.why:
        _armed_anew(bench)
    return one.check(bench)
