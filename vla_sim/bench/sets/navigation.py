"""Navigation: global plans over the chapter's routes and over a map of 1000 x 1000 cells, a tick of the
whole navigator, and how soon the robot stops for what appears before it."""

import math
from functools import partial
from itertools import count

import numpy as np
from numpy.typing import NDArray

from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.contract.records import NavigationRequest
from vla_sim.robot import level_scan
from vla_sim.robot.body import CONTROL_PERIOD, JointCommand
from vla_sim.robot.facts import DEFAULT_POSE, STANDING_HEIGHT
from vla_sim.simulation.kinematic import KinematicSimulator
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.distance_field import DistanceField, clearance_field
from vla_sim.stages.navigation.global_planner import HARD, Path, plan_path
from vla_sim.stages.navigation.navigator import Navigator
from vla_sim.stages.safety import gate
from vla_sim.stages.safety.supervisor import Supervisor
from vla_sim.world.semantic_map import World

CELLS = 1000
BLOCK = 8.0  # [m] between the walls of the large map
DOOR = 1.2  # [m]
CELL = 0.05  # [m]
ROOM = 1.0  # [m] of floor around start and goal
RADIUS = 0.25  # [m] of an obstacle


def route(meter: Meter, size: float, obstacles: int) -> None:
    """From (0, 0) to (size, size) [m] past discs on and beside the straight way."""
    plan(meter, discs(size, obstacles), -ROOM, (0.0, 0.0), (size, size), 1.3)


def discs(size: float, obstacles: int) -> NDArray[np.bool_]:
    """Cells that discs on and beside the straight way from (0, 0) to (size, size) [m] occupy, seeded; the
    first cell is at -`ROOM`."""
    rng = np.random.default_rng(obstacles)
    at = -ROOM + (np.arange(round((size + 2.0 * ROOM) / CELL)) + 0.5) * CELL
    x, y = np.meshgrid(at, at)
    occupied = np.zeros(x.shape, bool)
    for k in range(obstacles):
        along, aside = size * (k + 1) / (obstacles + 1), rng.uniform(-0.5, 0.5)
        occupied |= np.hypot(x - along - aside, y - along + aside) < RADIUS
    return occupied


def large(meter: Meter) -> None:
    """From corner to corner of 1000 x 1000 cells, 50 m wide: a grid of rooms, a door in each wall, and
    furniture in each room."""
    rng = np.random.default_rng(0)
    occupied = np.zeros((CELLS, CELLS), bool)
    block, door = round(BLOCK / CELL), round(DOOR / CELL)
    for wall in range(block, CELLS - 1, block):
        occupied[wall - 1 : wall + 1] = occupied[:, wall - 1 : wall + 1] = True
    for wall in range(block, CELLS - 1, block):
        for room in range(0, CELLS, block):
            least, most = room + door // 2, min(room + block, CELLS) - 2 * door
            for cells in (occupied, occupied.T):
                begin = int(rng.integers(least, max(least + 1, most)))
                cells[wall - 1 : wall + 1, begin : begin + door] = False
    for _ in range(150):
        r, c = (int(v) for v in rng.integers(0, CELLS, 2))
        if min(r, c) > 60 and max(r, c) < CELLS - 60 and 30 < r % block < 130 and 30 < c % block < 130:
            occupied[r - 8 : r + 8, c - 8 : c + 8] = True
    far = CELLS * CELL - 1.0
    plan(meter, occupied, 0.0, (1.0, 1.0), (far, far), 1.6)


def plan(
    meter: Meter, occupied: np.ndarray, low: float, start: tuple[float, float], goal: tuple[float, float],
    detour: float,
) -> None:  # fmt: skip
    """detour: the longest way that is right, as a factor of the straight one."""
    clearance = DistanceField(clearance_field(occupied, CELL), low, low, CELL)

    def check(found: object) -> None:
        if not isinstance(found, Path):
            raise Wrong(f"no path: {found}")
        off = max(math.dist(found.points[0], start), math.dist(found.points[-1], goal))
        if off > 1e-6:
            raise Wrong(f"the path ends {off:.2f} m beside start or goal")
        if found.clearance.min() < HARD - CELL:
            raise Wrong(f"the path passes {found.clearance.min():.2f} m beside an obstacle")
        straight = math.dist(start, goal)
        if not straight <= found.length + 1e-6 <= detour * straight:
            raise Wrong(f"the path is {found.length:.2f} m long, straight are {straight:.2f} m")

    meter.time(lambda: plan_path(clearance, start, goal), check=check)


def tick(meter: Meter) -> None:
    """The navigator leads a robot without legs through the apartment, by what a ray cast lidar sees."""
    engine = KinematicSimulator("apartment")
    navigator = Navigator(StaticMap.from_world(World.load("apartment")))
    navigator.warm()
    kitchen = next(p for p in engine.world.places if p.name == "kitchen")
    navigator.request(
        NavigationRequest(goal_id="bench", mode="go", x=kitchen.x, y=kitchen.y, yaw=kitchen.yaw)
    )
    start, ticks = engine.base.copy(), 0

    def before() -> None:
        """20 Hz of the 50: on to the next tick."""
        nonlocal ticks
        for _ in range(2 + ticks % 2):
            engine.step()
            state = engine.state()
            navigator.state.odometry(state.time, *engine.base)
        if ticks % 2 == 0:
            points = level_scan.points_in_pelvis(engine.scan())
            ranges = level_scan.flatten(points, state.orientation, STANDING_HEIGHT).astype(np.float32)
            navigator.state.scan(state.time, ranges, level_scan.ANGLE_MIN, level_scan.ANGLE_STEP)
        ticks += 1

    def lead() -> np.ndarray:
        return navigator.tick(engine.time).command

    def check(command: np.ndarray) -> None:
        if not navigator.active:
            raise Wrong("the navigator has no goal any more")
        engine.command(JointCommand(DEFAULT_POSE, np.zeros(33), np.zeros(33), command))

    meter.time(lead, before=before, check=check)
    distance = math.dist(engine.base[:2], start[:2])
    if distance < 0.15 * meter.repeat * 2.5 * CONTROL_PERIOD:
        raise Wrong(f"the robot was led only {distance:.2f} m")


def gate_core(meter: Meter) -> None:
    """A scan with something close ahead, and the velocity that may pass then."""
    gate.warm()
    ranges = np.full(level_scan.BEAMS, 3.0, np.float32)
    ranges[170:191] = 0.4
    supervisor = Supervisor()
    ticks = count(1)
    clocks = [0.0, 0.0]

    def react() -> tuple[float, float, float]:
        supervisor.on_scan(ranges, level_scan.ANGLE_MIN, level_scan.ANGLE_STEP, clocks[0], *clocks)
        return supervisor.output(*clocks)

    def before() -> None:
        clocks[:] = [0.02 * next(ticks)] * 2
        now = clocks[0]
        supervisor.on_odom(0.0, 0.0, 0.0, now, now, now)
        supervisor.on_depth_scan(np.full(91, np.inf, np.float32), -0.8, 0.0175, now, now, now)
        supervisor.on_velocity(0.5, 0.0, 0.0, *clocks)

    def check(velocity: tuple[float, float, float]) -> None:
        if velocity != (0.0, 0.0, 0.0) or supervisor.state().level != "stopped":
            raise Wrong(f"{velocity} passed with something 0.4 m ahead")

    meter.time(react, before=before, check=check)


def reaction(meter: Meter) -> None:
    """Of the safety node itself, through ROS."""
    from vla_sim.bench.reaction import reactions

    reactions(meter.repeat, meter.options.folder / "reaction", lambda s: meter.add(1e3 * s))


BENCHMARKS = (
    *(
        Benchmark(
            f"navigation.plan_{size}m_{obstacles}", f"global plan from (0, 0) to ({size}, {size}) m, "
            f"{obstacles} obstacles", partial(route, size=float(size), obstacles=obstacles), repeat=100,
            quick=20,
        )
        for size, obstacles in ((5, 0), (5, 5), (10, 0), (10, 10))
    ),
    Benchmark(
        "navigation.plan_1000", "global plan across 1000x1000 cells of rooms", large, repeat=20, quick=4
    ),
    Benchmark(
        "navigation.tick", "a tick of the navigator on the way to the kitchen", tick, repeat=200, quick=40
    ),
    Benchmark("navigation.gate", "scan in to stop out, computed", gate_core, repeat=300, quick=50),
    Benchmark(
        "navigation.reaction", "obstacle reaction: scan sent to zero velocity received, by the safety node",
        reaction, repeat=60, quick=15,
    ),
)  # fmt: skip
