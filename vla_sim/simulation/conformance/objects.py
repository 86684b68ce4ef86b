"""Checks of loose objects: they fall, slide, stay where they are put, and are held by the fingers."""

import math

import numpy as np

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array, inverse, pose7, transform
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD
from vla_sim.simulation.conformance.bench import Bench, ConformanceError, G, require

FRICTION = 0.5
"""Of the blocks on the slopes."""
LEVEL = np.array([-0.3, 0.25, 0.0, 0.4, 0.0, -0.1, 0.0])
"""Left arm joints [rad] with the hand level and ahead of the shoulder."""


def gravity(bench: Bench) -> str:
    bench.reset()
    high = bench.simulator.truth().objects["blue_ball"][2]
    bench.run(0.6)
    fallen = high - bench.simulator.truth().objects["blue_ball"][2]
    expected = 0.5 * G * 0.6**2
    right = abs(fallen - expected) < 0.03 * expected
    require(right, f"a ball fell {fallen:.3f} m in 0.6 s; {expected:.3f} expected")
    return f"{fallen:.3f} m in 0.6 s"


def putting(bench: Bench) -> str:
    bench.reset()
    bench.run(0.2)
    goal = bench.simulator.truth().objects["red_box"].copy()
    goal[1] += 0.06
    bench.simulator.put("red_box", goal)
    bench.run(0.5)
    off = float(np.linalg.norm(bench.simulator.truth().objects["red_box"][:3] - goal[:3]))
    require(off < 0.005, f"a box that was put down lies {1000 * off:.1f} mm away; 5 are allowed")
    try:
        bench.simulator.put("teapot", goal)
    except EngineError as error:
        require("red_box" in str(error), f"the message does not say what can be moved: {error}")
    else:
        raise ConformanceError("a model that does not exist was put somewhere")
    return f"{1000 * off:.1f} mm"


def grip(bench: Bench) -> str:
    """A box in the left hand, which is level and ahead of the shoulder, while the robot walks about."""
    side, name = "left", "red_box"
    bench.reset()
    bench.run(0.5)
    start = bench.simulator.state().joint_position[facts.ARM_INDEX[side]]
    share = np.linspace(0.0, 1.0, 50)[:, None]
    path = start + (LEVEL - start) * share**2 * (3.0 - 2.0 * share)
    bench.controller.arm_trajectory(side, facts.ARM_JOINTS[side], 0.04 * np.arange(1, 51), path)
    bench.controller.hand[side].move(facts.WIDEST)
    bench.run(3.0)
    bench.controller.hand[side].move(0.0)
    for _ in range(round(1.5 / CONTROL_PERIOD)):  # held there until the fingers have it
        bench.simulator.put(name, pose7(bench.mount(facts.TOOL_FRAME[side])))
        bench.run(CONTROL_PERIOD)

    def held() -> Array:
        box = bench.simulator.truth().objects[name]
        return np.asarray(inverse(bench.mount(facts.TOOL_FRAME[side])) @ transform(box[:3], box[3:]))

    before = held()
    for velocity in ((0.0, 0.0, 0.0), (0.0, 0.0, 0.6), (-0.4, 0.0, 0.0), (0.0, 0.0, -0.6), (0.0, 0.3, 0.0)):
        bench.run(5.0, velocity)
    after = inverse(before) @ held()
    moved = float(np.linalg.norm(after[:3, 3]))
    turned = math.degrees(math.acos(min(1.0, 0.5 * (float(np.trace(after[:3, :3])) - 1.0))))
    require(
        moved < 0.01 and turned < 5.0,
        f"a box between the fingers moved by {1000 * moved:.0f} mm and {turned:.0f} degrees in 25 s of "
        "standing and walking; 10 mm and 5 degrees are allowed",
    )
    return f"{1000 * moved:.1f} mm, {turned:.1f} degrees"


def friction(bench: Bench) -> str:
    bench.reset()
    bench.run(0.2)
    before = bench.simulator.truth().objects
    bench.run(0.7)
    after = bench.simulator.truth().objects
    held, slid = (float(np.linalg.norm(after[n][:3] - before[n][:3])) for n in ("green_box", "yellow_box"))
    angle = math.degrees(math.atan(FRICTION))
    require(held < 0.01, f"a block slid {held:.3f} m down 20 degrees; it sticks below {angle:.1f}")
    require(slid > 0.1, f"a block stayed on 35 degrees ({slid:.3f} m); it slides above {angle:.1f}")
    a = G * (math.sin(math.radians(35)) - FRICTION * math.cos(math.radians(35)))
    expected = 0.5 * a * (0.9**2 - 0.2**2)
    require(abs(slid - expected) < 0.25 * expected, f"it slid {slid:.3f} m; {expected:.3f} expected")
    return f"20 degrees {1000 * held:.0f} mm, 35 degrees {slid:.2f} m ({expected:.2f} expected)"
