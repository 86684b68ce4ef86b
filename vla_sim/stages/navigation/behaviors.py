"""What each kind of goal does: generators that yield one velocity a tick.

Each reads as what it does: leave the table, follow the route, line up, stop, measure.
"""

import math
from collections.abc import Generator

import numpy as np

from vla_sim.common.geometry import Array, wrap
from vla_sim.contract.records import NavigationRequest
from vla_sim.robot.body_size import DOCKING_BODY, PIVOTING_BODY, WALKING_BODY
from vla_sim.stages.navigation import gait
from vla_sim.stages.navigation.docking import PoseServo, ServoSettings
from vla_sim.stages.navigation.footprint import body_room
from vla_sim.stages.navigation.pose_filter import compose, relative
from vla_sim.stages.navigation.route import NavigationFailure, Route
from vla_sim.stages.navigation.state import NavigationState

Behavior = Generator[Array, None, None]
"""Yields commands (3,); raises `NavigationFailure` when the goal is given up."""

DOCK_POSITION, DOCK_YAW = 0.035, 0.06
"""Finest error [m], [rad] that docking works for, even if the request asks for less."""
DOCK_RUN_UP = 0.55
"""Straight stretch [m] in front of a docking pose."""


class Behaviors:
    """remaining [m], detail: progress of the present goal. path: (n, 2) in map when it is new."""

    def __init__(self, state: NavigationState) -> None:
        self.state = state
        self.remaining = 0.0
        self.detail = ""
        self.path: Array | None = None

    def start(self, request: NavigationRequest) -> Behavior:
        """The behavior of a request in any mode but "cancel"."""
        self.remaining, self.detail = 0.0, ""
        modes = {"go": self._go, "dock": self._dock, "move": self._move, "turn": self._turn}
        return modes[request.mode](request)

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
        yield from self._servo(goal, settings, WALKING_BODY, request)

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
            yield from self._servo(start, settings, WALKING_BODY, request)
        settings = ServoSettings(
            position=max(DOCK_POSITION, min(0.05, request.position_tolerance)),
            yaw=max(DOCK_YAW, min(0.08, request.yaw_tolerance)),
            speed=min(0.2, request.max_speed), line_up=0.30,
        )  # fmt: skip
        yield from self._servo(goal, settings, DOCKING_BODY, request)

    def _move(self, request: NavigationRequest) -> Behavior:
        goal = compose(self.state.filter.mean(), np.array([request.distance, request.lateral, 0.0]))
        settings = ServoSettings(
            position=max(0.05, min(0.10, request.position_tolerance)), yaw=max(0.08, request.yaw_tolerance),
            speed=0.9 * request.max_speed, side=0.15,
        )  # fmt: skip
        yield from self._servo(goal, settings, None, request, in_odom=True)

    def _turn(self, request: NavigationRequest) -> Behavior:
        state = self.state
        if body_room(state.costmap.local, state.pose, PIVOTING_BODY) < 0.0:
            yield from self._leave()
        goal = compose(state.filter.mean(), np.array([0.0, 0.0, request.angle]))
        settings = ServoSettings(
            position=0.20, yaw=max(0.035, min(0.06, request.yaw_tolerance)), turn=0.6, side=0.06, speed=0.1
        )
        yield from self._servo(goal, settings, WALKING_BODY, request, in_odom=True)

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
        tries = 0
        shown: Array | None = None
        while not route.arrived:
            command = route.step()
            self.remaining, self.detail = route.remaining, route.note
            if route.path.points is not shown:
                self.path = shown = route.path.points
            if route.wants_back_up:
                tries += 1
                if tries > 3:
                    left = route.remaining
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
        self.detail = "stepping back to get room"
        goal = compose(state.filter.mean(), offset)
        servo = PoseServo(ServoSettings(position=0.12, yaw=0.3, speed=0.25, attempts=1))
        begin = state.time
        while servo.state == "walking" and state.time - begin < 10.0:
            mean = state.filter.mean()
            command = servo.step(state.time, goal, mean, state.filter.raw, state.filter.velocity)
            if servo.state == "walking":
                yield state.guard(command, WALKING_BODY)
        self.detail = ""

    def _servo(
        self, goal: Array, settings: ServoSettings, body: Array | None, request: NavigationRequest,
        in_odom: bool = False,
    ) -> Behavior:  # fmt: skip
        """To a pose in map (or odom), standing still at the end. body: see `NavigationState.guard`."""
        state = self.state
        servo = PoseServo(settings)
        best, progress, blocked = math.inf, state.time, 0.0
        while True:
            frame = np.zeros(3) if in_odom else state.localizer.map_to_odom
            mean, raw = compose(frame, state.filter.mean()), compose(frame, state.filter.raw)
            command = servo.step(state.time, goal, mean, raw, state.filter.velocity)
            e = servo.error
            self.remaining = math.hypot(e[0], e[1])
            if servo.state == "done":
                self.detail = f"{100 * self.remaining:.1f} cm and {math.degrees(abs(e[2])):.1f} degrees off"
                return
            if servo.state == "failed":
                raise NavigationFailure(
                    f"I could not stand precisely enough: {100 * self.remaining:.0f} cm and "
                    f"{math.degrees(abs(e[2])):.0f} degrees off"
                )
            if servo.state == "settling":
                progress, best = state.time, math.inf
                yield command
                continue
            safe = state.guard(command, body)
            blocked = 0.0 if not gait.standing(safe) else blocked + 0.05
            left = self.remaining + 0.3 * abs(float(e[2]))
            if left < best - 0.03:
                best, progress = left, state.time
            if blocked > 6.0 or state.time - progress > 10.0:
                if self.remaining <= request.position_tolerance and abs(e[2]) <= request.yaw_tolerance:
                    return
                what = "something is in the way" if blocked > 1.0 else "I do not get any nearer"
                raise NavigationFailure(f"{what}, {self.remaining:.2f} m before the goal")
            yield safe
