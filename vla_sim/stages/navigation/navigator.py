"""Goals to velocities: the navigation stage without ROS.

Feed `Navigator.state` odometry and scans, call `tick` 20 times a second, apply the command. What each kind
of goal does is a generator that yields one velocity a tick and reads as what it does: leave the table,
follow the route, line up, stop, measure.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.contract.lease import Lease
from vla_sim.contract.records import GoalState, NavigationRequest, NavigationStatus
from vla_sim.robot.body_size import DOCKING_BODY, PIVOTING_BODY, WALKING_BODY
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.distance_field import body_room
from vla_sim.stages.navigation.docking import PoseServo, ServoSettings
from vla_sim.stages.navigation.gait import compose, relative
from vla_sim.stages.navigation.route import LOOK_AGAIN, NavigationFailure, Route
from vla_sim.stages.navigation.state import SET_BACK, NavigationState

Behavior = Generator[Array, None, None]
"""Yields commands (3,); raises `NavigationFailure` when the goal is given up."""

DOCK_POSITION, DOCK_YAW = 0.035, 0.06
"""Finest error [m], [rad] that docking works for, even if the request asks for less."""
LOOKS, LOOK_BACK = 2, 0.25
"""How often, and by how much [m], it steps back from what it does not see, to look whether it lies there."""
GOT_ON = 0.5
"""[m] nearer than where it backed up before, from which on it does so for another reason."""
DOCK_RUN_UP = 0.55
"""Straight stretch [m] in front of a docking pose."""


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

    def __init__(self, static: StaticMap, localise: bool = True) -> None:
        self.state = NavigationState(static, localise)
        self._behavior: Behavior | None = None
        self._request: NavigationRequest | None = None
        self._remaining, self._detail = 0.0, ""
        self._path: Array | None = None
        self._pending: list[NavigationStatus] = []
        self._reported = -math.inf
        self._lease = Lease()
        self._ended: NavigationStatus | None = None

    @property
    def active(self) -> bool:
        return self._behavior is not None

    def request(self, request: NavigationRequest) -> None:
        """Take a goal, in place of the present one; mode "cancel" only ends that, "renew" lets it go on. The
        same request once more is a renewal too."""
        if request.mode == "renew" or (self.active and request == self._request):
            self._renew(request.goal_id)
            return
        if self._behavior is not None:
            self._end("cancelled", "cancelled" if request.mode == "cancel" else "a new goal came")
        if request.mode == "cancel":
            return
        self._remaining, self._detail, self._reported = 0.0, "", -math.inf
        self._lease.begin(request.lease)
        modes = {"go": self._go, "dock": self._dock, "move": self._move, "turn": self._turn}
        self._request, self._behavior = request, modes[request.mode](request)

    def _renew(self, goal_id: str) -> None:
        """Go on; of a goal that has ended say so once more, its status may have been lost."""
        if self.active and self._request is not None and self._request.goal_id == goal_id:
            self._lease.renew()
        elif self._ended is not None and self._ended.goal_id == goal_id:
            self._pending.append(self._ended)
        else:
            self._pending.append(
                NavigationStatus(goal_id=goal_id, state="failed", detail="my navigation was restarted")
            )

    def check_lease(self, now: float) -> None:
        """To be called at every tick. now: [s, steady clock]."""
        if self.active and self._lease.expired(now):
            self._end("failed", f"nobody has asked for it for {self._lease.seconds:g} s")

    def tick(self, time: float) -> Output:
        """The command for now; call at 20 Hz."""
        if self.active and time < self.state.time - SET_BACK:  # it would wait for a time that was
            self._end("failed", "my clock was set back")
        self.state.time = time
        command = np.zeros(3)
        if self._behavior is not None and self.state.filter.ready:
            try:
                command = next(self._behavior)
            except StopIteration:
                self._end("succeeded", self._detail)
            except NavigationFailure as failure:
                self._end("failed", str(failure))
            except Exception:
                self._end("failed", "my navigation has made a mistake")
                raise
            else:
                if time - self._reported >= 0.2:
                    self._reported = time
                    self._report("active", self._detail)
        self.state.filter.command(command)
        status, self._pending = tuple(self._pending), []
        path, self._path = self._path, None
        return Output(command, self.active, status, path)

    def warm(self) -> None:
        """Compile (or load) every kernel by driving a copy for a moment in the same map."""
        field = self.state.costmap.static.clearance
        copy = Navigator(self.state.costmap.static)
        # The roomiest spot of the map: everything from there runs without an early return.
        row, column = np.unravel_index(int(np.argmax(field.values)), field.values.shape)
        x, y = field.x0 + column * field.resolution, field.y0 + row * field.resolution
        ranges = np.full(360, 5.0, np.float32)  # beyond the goals: nothing is in the way

        def drive(mode: Literal["dock", "go"], distance: float, heading: float, began: float) -> bool:
            """Whether a path was planned."""
            gx, gy = x + distance * math.cos(heading), y + distance * math.sin(heading)
            copy.request(NavigationRequest(goal_id="warm", mode=mode, x=gx, y=gy))
            planned = False
            for now in (began, began + 0.05, began + 0.10):
                copy.state.odometry(now, x, y, heading)
                copy.state.scan(now, ranges, -math.pi, math.pi / 180)
                copy.state.depth_scan(now, ranges[:60], -0.6, 0.02)
                planned |= copy.tick(now).path is not None
            return planned

        drive("dock", 0.2, 0.0, 0.0)
        # Far enough to need a path; which way there is one depends on the map.
        headings = np.linspace(0.0, 2 * math.pi, 8, endpoint=False)
        ways = [(d, float(heading)) for d in (2.0, 1.2, 3.0) for heading in headings]
        for k, (distance, heading) in enumerate(ways, start=1):
            if drive("go", distance, heading, 10.0 * k):
                break
        copy.state.costmap.whole()

    def _report(self, state: GoalState, detail: str) -> None:
        assert self._request is not None
        remaining = self._remaining if math.isfinite(self._remaining) else 0.0
        self._pending.append(
            NavigationStatus(
                goal_id=self._request.goal_id, state=state, detail=detail, distance_remaining=remaining
            )
        )

    def _end(self, state: GoalState, detail: str) -> None:
        self._report(state, detail)
        self._ended = self._pending[-1]
        if self._behavior is not None:
            self._behavior.close()
        self._behavior = None

    def _go(self, request: NavigationRequest) -> Behavior:
        state = self.state
        goal = state.nearest_turn(request.x, request.y, request.yaw)
        loose = math.hypot(*(goal[:2] - state.pose[:2])) < max(0.30, request.position_tolerance)
        if not loose:
            route = Route(state, (request.x, request.y), request.position_tolerance, request.max_speed)
            yield from self._follow(route)
            assert route.path is not None
            x, y = route.path.points[-1]
            goal = state.nearest_turn(x, y, request.yaw)
        settings = ServoSettings(
            position=max(DOCK_POSITION, request.position_tolerance), yaw=max(DOCK_YAW, request.yaw_tolerance),
            speed=min(0.3, request.max_speed), turn=0.5,
        )  # fmt: skip
        yield from self._servo(goal, settings, WALKING_BODY)

    def _dock(self, request: NavigationRequest) -> Behavior:
        state = self.state
        goal = state.nearest_turn(request.x, request.y, request.yaw)
        seen = relative(goal, state.pose)
        in_front = -1.1 < seen[0] < 0.15 and abs(seen[1]) < 0.10 + 0.35 * max(0.0, -seen[0])
        if not (in_front and abs(seen[2]) < 0.8):
            back = compose(goal, np.array([-DOCK_RUN_UP, 0.0, 0.0]))
            route = Route(state, (float(back[0]), float(back[1])), 0.3, request.max_speed)
            yield from self._follow(route)
            goal = state.nearest_turn(request.x, request.y, request.yaw)
            start = np.array([*state.pose[:2], goal[2]])
            settings = ServoSettings(position=0.12, yaw=0.15, turn=0.5)
            yield from self._servo(start, settings, WALKING_BODY)
        settings = ServoSettings(
            position=max(DOCK_POSITION, min(0.05, request.position_tolerance)),
            yaw=max(DOCK_YAW, min(0.08, request.yaw_tolerance)),
            speed=min(0.2, request.max_speed), line_up=0.30,
        )  # fmt: skip
        yield from self._servo(goal, settings, DOCKING_BODY)

    def _move(self, request: NavigationRequest) -> Behavior:
        goal = compose(self.state.filter.mean(), np.array([request.distance, request.lateral, 0.0]))
        settings = ServoSettings(
            position=max(0.05, min(0.10, request.position_tolerance)), yaw=max(0.08, request.yaw_tolerance),
            speed=0.9 * request.max_speed, side=0.15,
        )  # fmt: skip
        yield from self._servo(goal, settings, None, in_odom=True)

    def _turn(self, request: NavigationRequest) -> Behavior:
        state = self.state
        if body_room(state.costmap.local, state.pose, PIVOTING_BODY) < 0.0:
            yield from self._leave()
        goal = compose(state.filter.mean(), np.array([0.0, 0.0, request.angle]))
        settings = ServoSettings(
            position=0.20, yaw=max(0.035, min(0.06, request.yaw_tolerance)), turn=0.6, side=0.06, speed=0.1
        )
        yield from self._servo(goal, settings, WALKING_BODY, in_odom=True)

    def _follow(self, route: Route) -> Behavior:
        """Along a route until its end is near."""
        state = self.state
        route.plan()
        assert route.path is not None
        first = route.path.points[min(12, len(route.path.points) - 1)]
        bearing = math.atan2(first[1] - state.pose[1], first[0] - state.pose[0])
        tight = body_room(state.costmap.local, state.pose, PIVOTING_BODY) < 0.0
        if tight and abs(wrap(bearing - float(state.pose[2]))) > 0.35:
            yield from self._leave()
            route.plan()
        tries, nearest = 0, route.remaining
        shown: Array | None = None
        while not route.arrived:
            command = route.step()
            self._remaining, self._detail = route.remaining, route.note
            if route.path.points is not shown:
                self._path = shown = route.path.points
            if route.wants_back_up:
                left = route.remaining
                tries, nearest = (1, left) if left < nearest - GOT_ON else (tries + 1, nearest)
                if tries > 3:
                    raise NavigationFailure(f"I am stuck {left:.1f} m before the goal and cannot get on")
                yield from self._leave(least=0.25)
                route.resume()
                continue
            yield command

    def _leave(self, least: float = 0.15) -> Behavior:
        """Straight back until there is room to turn (or to either side, if there is none behind)."""
        state = self.state
        here = state.pose
        field = state.costmap.local
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
        goal = compose(state.filter.mean(), offset)
        servo = PoseServo(ServoSettings(position=0.12, yaw=0.3, speed=0.25, attempts=1))
        begin = state.time
        while servo.state == "walking" and state.time - begin < 10.0:
            mean = state.filter.mean()
            command = servo.step(state.time, goal, mean, state.filter.raw, state.filter.velocity)
            if servo.state == "walking":
                yield state.guard(command, WALKING_BODY)
        self._detail = ""

    def _servo(
        self, goal: Array, settings: ServoSettings, body: Array | None, in_odom: bool = False
    ) -> Behavior:
        """To a pose in map (or odom), standing still at the end. body: see `NavigationState.guard`."""
        state, request = self.state, self._request
        assert request is not None
        servo = PoseServo(settings)
        best, progress, blocked_since = math.inf, state.time, math.inf
        looks = LOOKS
        while True:
            mean, raw = state.filter.mean(), state.filter.raw
            if not in_odom:
                mean, raw = state.pose, compose(state.localizer.map_to_odom, raw)
            command = servo.step(state.time, goal, mean, raw, state.filter.velocity)
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
                progress, best, blocked_since = state.time, math.inf, math.inf
                yield command
                continue
            safe = state.guard(command, body)
            blocked_since = min(blocked_since, state.time) if gait.standing(safe) else math.inf
            # Safety may be what holds it: then its own commands are not zero.
            if looks and state.time - progress > LOOK_AGAIN and state.hides_ahead:
                looks -= 1
                yield from self._leave(least=LOOK_BACK)
                servo, best, progress, blocked_since = PoseServo(settings), math.inf, state.time, math.inf
                continue
            left = self._remaining + 0.3 * abs(float(e[2]))
            if left < best - 0.03:
                best, progress = left, state.time
            blocked = state.time - blocked_since
            if blocked > 6.0 or state.time - progress > 10.0:
                if self._remaining <= request.position_tolerance and abs(e[2]) <= request.yaw_tolerance:
                    return
                what = "something is in the way" if blocked > 1.0 else "I do not get any nearer"
                raise NavigationFailure(f"{what}, {self._remaining:.2f} m before the goal")
            yield safe
