"""Goals to velocities: the navigation stage without ROS.

Feed it odometry and scans, call `tick` 20 times a second, apply the command. A goal is a generator that
yields one velocity a tick, so that each mode reads as what it does: leave the table, follow the route,
line up, stop, measure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.arrays import Array
from vla_sim.common.geometry import wrap
from vla_sim.contract.records import GoalState, NavigationRequest, NavigationStatus
from vla_sim.robot.body_size import ARMS, DOCKING_BODY, LEGS, PIVOTING_BODY, WALKING_BODY
from vla_sim.stages.navigation.costmap import Costmap, StaticMap
from vla_sim.stages.navigation.docking import PoseServo, ServoSettings
from vla_sim.stages.navigation.dynamic_obstacles import DynamicObstacles
from vla_sim.stages.navigation.footprint import body_room, clearance_ahead
from vla_sim.stages.navigation.gait import GAIT, Gait
from vla_sim.stages.navigation.localizer import Localizer
from vla_sim.stages.navigation.pose_filter import PoseFilter, compose, relative
from vla_sim.stages.navigation.proximity import pairwise_distances
from vla_sim.stages.navigation.route import NavigationFailure, Route

Task = Generator[Array, None, None]

DOCK_POSITION, DOCK_YAW = 0.035, 0.06
"""Finest error [m], [rad] that docking works for, even if the request asks for less."""
DOCK_RUN_UP = 0.55
"""Straight stretch [m] in front of a docking pose."""
LOCALISE_PERIOD = 0.5
"""Seconds between two matches of the scan against the map."""


@dataclass(frozen=True)
class Output:
    """command: (3,) velocity in base_link. active: a goal is being worked on. status: set when something
    changed or 0.2 s passed. path: (n, 2) in map when it is new."""

    command: Array
    active: bool
    status: tuple[NavigationStatus, ...] = ()
    path: Array | None = None


class Navigator:
    """One robot's navigation. All times are of one clock, in seconds (simulated time)."""

    def __init__(self, static: StaticMap, gait: Gait = GAIT, localise: bool = True) -> None:
        self.gait = gait
        self.costmap = Costmap(static)
        self.movers = DynamicObstacles(static.physical)
        self.localizer = Localizer(static.landmarks, static.physical)
        self.filter = PoseFilter(gait)
        self._localise = localise
        self._matched = -math.inf
        self._task: Task | None = None
        self._request: NavigationRequest | None = None
        self._pending: list[NavigationStatus] = []
        self._reported = -math.inf
        self._remaining = 0.0
        self._detail = ""
        self._path: Array | None = None
        self._time = 0.0

    # ------------------------------------------------------------------ inputs

    def odometry(self, time: float, x: float, y: float, yaw: float) -> None:
        """Pelvis pose in `odom` at `time`."""
        self.filter.odometry(time, x, y, yaw)

    def scan(self, time: float, ranges: NDArray[np.float32], angle_min: float, increment: float) -> None:
        """The lidar's level scan taken at `time`; ranges (n,) [m], inf: nothing there."""
        if not self.filter.ready:
            return
        odom = self.filter.at(time)
        if self._localise and not 0.0 <= time - self._matched < LOCALISE_PERIOD:
            self._matched = time
            self.localizer.update(ranges, angle_min, increment, odom)
        pose = compose(self.localizer.map_to_odom, odom)
        self.costmap.lidar.integrate(pose, ranges, angle_min, increment, time)
        self.movers.update(pose, ranges, angle_min, increment, time)
        for track in self.movers.moving():  # these are avoided where they will be, not where they are
            for layer in (self.costmap.lidar, self.costmap.depth):
                layer.forget(float(track.position[0]), float(track.position[1]), 0.4)
        self.costmap.update(float(pose[0]), float(pose[1]), time)

    def depth_scan(
        self, time: float, ranges: NDArray[np.float32], angle_min: float, increment: float
    ) -> None:
        """The depth camera's level scan; used by the costmap from the next lidar scan on."""
        if self.filter.ready:
            pose = compose(self.localizer.map_to_odom, self.filter.at(time))
            self.costmap.depth.integrate(pose, ranges, angle_min, increment, time)

    def request(self, request: NavigationRequest) -> None:
        """Take a goal, in place of the present one; mode "cancel" only ends that."""
        if self._request is not None:
            why = "cancelled" if request.mode == "cancel" else "a new goal came"
            self._end("cancelled", why)
        if request.mode == "cancel":
            return
        self._request = request
        modes: dict[str, Callable[[NavigationRequest], Task]] = {
            "go": self._go, "dock": self._dock, "move": self._move, "turn": self._turn,
        }  # fmt: skip
        self._task = modes[request.mode](request)
        self._remaining, self._detail, self._reported = 0.0, "", -math.inf

    @property
    def active(self) -> bool:
        return self._task is not None

    @property
    def pose(self) -> Array:
        """Sway-free pose (3,) in map; yaw unwrapped."""
        return compose(self.localizer.map_to_odom, self.filter.mean())

    # ------------------------------------------------------------------ tick

    def tick(self, time: float) -> Output:
        """The command for now; call at 20 Hz."""
        self._time = time
        command = np.zeros(3)
        if self._task is not None and self.filter.ready:
            try:
                command = next(self._task)
            except StopIteration:
                self._end("succeeded", self._detail)
            except NavigationFailure as failure:
                self._end("failed", str(failure))
            else:
                if time - self._reported >= 0.2:
                    self._reported = time
                    self._report("active", self._detail)
        self.filter.command(command)
        status, self._pending = tuple(self._pending), []
        path, self._path = self._path, None
        return Output(command, self.active, status, path)

    def _report(self, state: GoalState, detail: str) -> None:
        assert self._request is not None
        self._pending.append(
            NavigationStatus(
                goal_id=self._request.goal_id, state=state, detail=detail,
                distance_remaining=self._remaining if math.isfinite(self._remaining) else 0.0,
            )
        )  # fmt: skip

    def _end(self, state: GoalState, detail: str) -> None:
        self._report(state, detail)
        if self._task is not None:
            self._task.close()
        self._task = self._request = None

    # ------------------------------------------------------------------ modes

    def _go(self, request: NavigationRequest) -> Task:
        goal = self._near_branch(np.array([request.x, request.y, request.yaw]))
        loose = math.hypot(*(goal[:2] - self.pose[:2])) < max(0.30, request.position_tolerance)
        if not loose:
            route = self._route((request.x, request.y), request.position_tolerance, request.max_speed)
            yield from self._follow(route)
            assert route.path is not None
            goal = self._near_branch(np.array([*route.path.points[-1], request.yaw]))
        settings = ServoSettings(
            position=max(DOCK_POSITION, request.position_tolerance), yaw=max(DOCK_YAW, request.yaw_tolerance),
            speed=min(0.3, request.max_speed), turn=0.5,
        )  # fmt: skip
        yield from self._servo(goal, settings, WALKING_BODY, request)

    def _dock(self, request: NavigationRequest) -> Task:
        goal = self._near_branch(np.array([request.x, request.y, request.yaw]))
        seen = relative(goal, self.pose)
        in_front = -1.1 < seen[0] < 0.15 and abs(seen[1]) < 0.10 + 0.35 * max(0.0, -seen[0])
        if not (in_front and abs(seen[2]) < 0.8):
            back = compose(goal, np.array([-DOCK_RUN_UP, 0.0, 0.0]))
            route = self._route((float(back[0]), float(back[1])), 0.3, request.max_speed)
            yield from self._follow(route)
            goal = self._near_branch(np.array([request.x, request.y, request.yaw]))
            start = np.array([*self.pose[:2], goal[2]])
            settings = ServoSettings(position=0.12, yaw=0.15, turn=0.5)
            yield from self._servo(start, settings, WALKING_BODY, request)
        settings = ServoSettings(
            position=max(DOCK_POSITION, min(0.05, request.position_tolerance)),
            yaw=max(DOCK_YAW, min(0.08, request.yaw_tolerance)),
            speed=min(0.2, request.max_speed), line_up=0.30,
        )  # fmt: skip
        yield from self._servo(goal, settings, DOCKING_BODY, request)

    def _move(self, request: NavigationRequest) -> Task:
        goal = compose(self.filter.mean(), np.array([request.distance, request.lateral, 0.0]))
        settings = ServoSettings(
            position=max(0.05, min(0.10, request.position_tolerance)), yaw=max(0.08, request.yaw_tolerance),
            speed=0.9 * request.max_speed, side=0.15,
        )  # fmt: skip
        yield from self._servo(goal, settings, None, request, in_odom=True)

    def _turn(self, request: NavigationRequest) -> Task:
        if body_room(self.costmap.local, self.pose, PIVOTING_BODY) < 0.0:
            yield from self._leave()
        goal = compose(self.filter.mean(), np.array([0.0, 0.0, request.angle]))
        settings = ServoSettings(
            position=0.20, yaw=max(0.035, min(0.06, request.yaw_tolerance)), turn=0.6, side=0.06, speed=0.1
        )
        yield from self._servo(goal, settings, WALKING_BODY, request, in_odom=True)

    # ------------------------------------------------------------------ parts of modes

    def _route(self, goal: tuple[float, float], tolerance: float, speed: float) -> Route:
        return Route(self.costmap, self.movers, goal, tolerance, speed, gait=self.gait)

    def _near_branch(self, goal: Array) -> Array:
        """The goal with its yaw on the present pose's branch, so that the shorter turn is taken."""
        yaw = float(self.pose[2])
        return np.array([goal[0], goal[1], yaw + wrap(float(goal[2]) - yaw)])

    def _follow(self, route: Route) -> Task:
        """Along a route until its end is near."""
        route.plan(self._time, self.pose)
        assert route.path is not None
        first = route.path.points[min(12, len(route.path.points) - 1)]
        bearing = math.atan2(first[1] - self.pose[1], first[0] - self.pose[0])
        tight = body_room(self.costmap.local, self.pose, PIVOTING_BODY) < 0.0
        if tight and abs(wrap(bearing - float(self.pose[2]))) > 0.35:
            yield from self._leave()
            route.plan(self._time, self.pose)
        tries = 0
        shown: Array | None = None
        while not route.arrived:
            command = route.step(self._time, self.pose, self.filter.velocity)
            self._remaining, self._detail = route.remaining, route.note
            if route.path.points is not shown:
                self._path = shown = route.path.points
            if route.wants_back_up:
                tries += 1
                if tries > 3:
                    left = route.remaining
                    raise NavigationFailure(f"I am stuck {left:.1f} m before the goal and cannot get on")
                yield from self._leave(least=0.25)
                route.resume(self._time, self.pose)
                continue
            yield command

    def _leave(self, least: float = 0.15) -> Task:
        """Straight back until there is room to turn (or to either side, if there is none behind)."""
        here = self.pose
        field = self.costmap.local
        options = [np.array([-d, 0.0, 0.0]) for d in np.arange(least, 0.91, 0.1)]
        options += [np.array([0.0, side * d, 0.0]) for d in np.arange(0.2, 0.61, 0.1) for side in (1.0, -1.0)]
        for offset in options:
            there = compose(here, offset)
            way = (compose(here, offset * u) for u in np.linspace(0.25, 1.0, 4))
            now = body_room(field, here, WALKING_BODY)
            if body_room(field, there, PIVOTING_BODY) > 0.02 and all(
                body_room(field, p, WALKING_BODY) > min(0.0, now - 0.02) for p in way
            ):
                break
        else:
            return
        self._detail = "stepping back to get room"
        goal = compose(self.filter.mean(), offset)
        servo = PoseServo(ServoSettings(position=0.12, yaw=0.3, speed=0.25, attempts=1), self.gait)
        begin = self._time
        while servo.state == "walking" and self._time - begin < 10.0:
            mean = self.filter.mean()
            command = servo.step(self._time, goal, mean, self.filter.raw, self.filter.velocity)
            if servo.state == "walking":
                yield self._guard(command, WALKING_BODY)
        self._detail = ""

    def _guard(self, command: Array, body: Array | None) -> Array:
        """The command, slower or zero if the body would come too close to something within 0.8 s. None:
        legs and arms each at their height, and never nearer than they are where they touch already."""
        if self.gait.standing(command):
            return command
        local, high = self.costmap.local, self.costmap.high
        parts = [(local, LEGS), (high, ARMS)] if body is None else [(local, body)]
        least, worse = (0.0, 0.003) if body is None else (0.01, 0.015)
        for share in (1.0, 0.5):
            scaled = command * share
            if all(
                clearance_ahead(field, self.pose, self.filter.velocity, scaled, part, self.gait, 0.8)
                > min(least, body_room(field, self.pose, part) - worse)
                for field, part in parts
            ):
                return np.asarray(scaled)
        return np.zeros(3)

    def _servo(
        self,
        goal: Array,
        settings: ServoSettings,
        body: Array | None,
        request: NavigationRequest,
        in_odom: bool = False,
    ) -> Task:
        """To a pose in map (or odom), standing still at the end. body: see `_guard`."""
        servo = PoseServo(settings, self.gait)
        best, progress, blocked = math.inf, self._time, 0.0
        while True:
            frame = np.zeros(3) if in_odom else self.localizer.map_to_odom
            mean, raw = compose(frame, self.filter.mean()), compose(frame, self.filter.raw)
            command = servo.step(self._time, goal, mean, raw, self.filter.velocity)
            e = servo.error
            self._remaining = math.hypot(e[0], e[1])
            if servo.state == "done":
                self._detail = f"{100 * self._remaining:.1f} cm and {math.degrees(abs(e[2])):.1f} degrees off"
                return
            if servo.state == "failed":
                raise NavigationFailure(
                    f"I could not stand precisely enough: {100 * self._remaining:.0f} cm and "
                    f"{math.degrees(abs(e[2])):.0f} degrees off"
                )
            if servo.state == "settling":
                progress, best = self._time, math.inf
                yield command
                continue
            safe = self._guard(command, body)
            blocked = 0.0 if not self.gait.standing(safe) else blocked + 0.05
            left = self._remaining + 0.3 * abs(float(e[2]))
            if left < best - 0.03:
                best, progress = left, self._time
            if blocked > 6.0 or self._time - progress > 10.0:
                if self._remaining <= request.position_tolerance and abs(e[2]) <= request.yaw_tolerance:
                    return
                what = "something is in the way" if blocked > 1.0 else "I do not get any nearer"
                raise NavigationFailure(f"{what}, {self._remaining:.2f} m before the goal")
            yield safe


def warm(navigator: Navigator) -> None:
    """Compile (or load) every kernel by driving a copy of `navigator` for a moment in its own map."""
    from vla_sim.contract.records import NavigationRequest as Request

    static = navigator.costmap.static
    copy = Navigator(static, navigator.gait)
    field = static.clearance
    # The roomiest spot of the map: everything from there runs without an early return.
    row, column = np.unravel_index(int(np.argmax(field.values)), field.values.shape)
    x, y = field.x0 + column * field.resolution, field.y0 + row * field.resolution
    ranges = np.full(360, 5.0, np.float32)  # beyond the goals: nothing is in the way

    def drive(request: Request, began: float, heading: float = 0.0) -> bool:
        """Whether a path was planned."""
        planned = False
        copy.request(request)
        for k in range(3):
            copy.odometry(began + 0.05 * k, x, y, heading)
            copy.scan(began + 0.05 * k, ranges, -math.pi, math.pi / 180)
            copy.depth_scan(began + 0.05 * k, ranges[:60], -0.6, 0.02)
            planned |= copy.tick(began + 0.05 * k).path is not None
        return planned

    drive(Request(goal_id="warm", mode="dock", x=x + 0.2, y=y), 0.0)
    # Far enough to need a path; which way there is one depends on the map.
    ways = [(d, a) for d in (2.0, 1.2, 3.0) for a in np.linspace(0.0, 2 * math.pi, 8, endpoint=False)]
    for k, (d, angle) in enumerate(ways, start=1):
        goal = Request(goal_id="warm", mode="go", x=x + d * math.cos(angle), y=y + d * math.sin(angle))
        if drive(goal, 10.0 * k, float(angle)):
            break
    copy.costmap.whole()
    pairwise_distances(np.zeros((1, 2)), np.zeros((1, 2)))  # of those who walk about: nobody does here
