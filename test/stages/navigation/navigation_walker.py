"""A planar robot that walks like the humanoid: not quite as told, late, swaying, carried on by a stop."""

from __future__ import annotations

import math

import numpy as np

from vla_sim.common.numba_cache import kernel
from vla_sim.robot.body_size import WALKING_BODY
from vla_sim.stages.navigation.distance_field import DistanceField, body_room, clearance_field
from vla_sim.stages.navigation.gait import relative
from vla_sim.stages.navigation.navigator import Navigator
from vla_sim.world.occupancy_grid import Grid

BEAMS = np.linspace(-math.pi, math.pi, 360, endpoint=False)


def room(width=6.0, height=4.0, resolution=0.025, boxes=()):
    """A walled room from (0, 0) to (width, height) with boxes (x0, y0, x1, y1)."""
    margin = 0.2
    rows, columns = round((height + 2 * margin) / resolution), round((width + 2 * margin) / resolution)
    occupied = np.ones((rows, columns), bool)
    y, x = np.mgrid[0:rows, 0:columns]
    x = -margin + (x + 0.5) * resolution
    y = -margin + (y + 0.5) * resolution
    occupied[(x > 0) & (x < width) & (y > 0) & (y < height)] = False
    for x0, y0, x1, y1 in boxes:
        occupied[(x > x0) & (x < x1) & (y > y0) & (y < y1)] = True
    return Grid(occupied, -margin, -margin, resolution)


def two_rooms(door=(1.55, 2.45)):
    """Two rooms with a door of 0.9 m in the wall between them at x = 3."""
    return room(boxes=((2.95, -1, 3.05, door[0]), (2.95, door[1], 3.05, 9)))


def field_of(grid):
    return DistanceField(
        clearance_field(grid.occupied.copy(), grid.resolution), grid.x0, grid.y0, grid.resolution
    )


@kernel
def _cast(field, x, y, angles, reach):
    values, x0, y0, resolution = field
    rows, columns = values.shape
    out = np.full(len(angles), np.inf, np.float32)
    for k in range(len(angles)):
        r, c, s = 0.0, math.cos(angles[k]), math.sin(angles[k])
        while r < reach:
            i = min(max(int((y + r * s - y0) / resolution), 0), rows - 1)
            j = min(max(int((x + r * c - x0) / resolution), 0), columns - 1)
            d = values[i, j]
            if d <= 0.005:
                out[k] = r
                break
            r += max(0.5 * d, 0.005)
    return out


def cast(field, x, y, angles, reach=12.0):
    """Ranges (n,) by sphere tracing in a clearance field; inf beyond `reach`."""
    return _cast(field.args(), x, y, angles, reach)


class Walker:
    """pose: true (3,) mean pose; the odometry drifts from it, the pelvis sways about it."""

    def __init__(self, pose, seed=0, gain=None, drift=0.0, hidden=None):
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.pose = np.array(pose, float)
        self.odom = self.pose.copy()
        self.gain = rng.uniform((0.9, 0.85, 0.93), (1.07, 1.15, 1.07)) if gain is None else gain
        self.offset = rng.normal(0.0, (0.01, 0.01, 0.01))
        self.scale = 1.0 + drift * rng.normal()
        self.turn = 0.3 * drift * rng.normal()
        self.velocity = np.zeros(3)
        self.command = np.zeros(3)
        self.phase = rng.uniform(0, 1)
        self.walking = 0.0
        self.time = 0.0
        self.carry = np.zeros(3)

    def step(self, dt=0.02):
        stand = np.max(np.abs(self.command)) < 1e-6
        target = np.zeros(3) if stand else self.gain * self.command + self.offset
        if stand and self.walking > 0.99:  # the last step carries it on
            self.carry = np.array([0.035, -0.012, 0.0]) + self.rng.normal(0, (0.008, 0.008, 0.015))
        self.walking += (dt / 0.4) * (-1.0 if stand else 1.0)
        self.walking = min(1.0, max(0.0, self.walking))
        if stand and self.walking > 0.0:
            target = self.carry / 0.4
            self.velocity = target
        else:
            self.velocity += (1 - math.exp(-dt / 0.3)) * (target - self.velocity)
            if stand:
                self.velocity[:] = 0.0
        noisy = self.velocity + (0.0 if stand else 1.0) * self.rng.normal(0, (0.03, 0.03, 0.05))
        self.pose += dt * self._turned(self.pose[2], noisy)
        seen = noisy * self.scale + (0.0, 0.0, self.turn * np.hypot(*noisy[:2]))
        self.odom += dt * self._turned(self.odom[2], seen)
        self.time += dt
        self.phase += dt

    @staticmethod
    def _turned(yaw, v):
        c, s = math.cos(yaw), math.sin(yaw)
        return np.array([c * v[0] - s * v[1], s * v[0] + c * v[1], v[2]])

    def swayed(self, pose):
        """The pelvis around the mean pose."""
        w = 2 * math.pi * self.phase
        out = pose + self._turned(pose[2], np.array([0.0, 0.028 * self.walking * math.sin(w), 0.0]))
        out[2] += 0.015 * self.walking * math.cos(w)
        return out


PERSON = 0.2
"""[m] radius of a person."""


def cast_person(x, y, angles, person):
    """Ranges (n,) to a person at (x, y); inf past it."""
    dx, dy = person[0] - x, person[1] - y
    far = math.hypot(dx, dy)
    off = np.remainder(angles - math.atan2(dy, dx) + math.pi, 2 * math.pi) - math.pi
    beside = far * np.abs(np.sin(off))
    hit = (np.abs(off) < 0.5 * math.pi) & (beside < PERSON)
    near = far * np.cos(off) - np.sqrt(np.maximum(0.0, PERSON**2 - beside**2))
    return np.where(hit, near, np.inf).astype(np.float32)


def person_room(pose, person):
    """Gap [m] between the walking body and a person."""
    seen = relative(np.array([*person, 0.0]), pose)[:2]
    return float((np.hypot(*(WALKING_BODY[:, :2] - seen).T) - WALKING_BODY[:, 2]).min()) - PERSON


def drive(
    navigator: Navigator, walker: Walker, truth: DistanceField, seconds: float, world=None, stop=True,
    person=None,
):  # fmt: skip
    """Run until the goal ends. world(time) may give the true field at that time, person(time) where one is.
    Returns (statuses, log): log rows are time, true x, y, yaw, body clearance, command x, y, yaw."""
    statuses, log = [], []
    limit = walker.time + seconds
    k = 0
    while walker.time < limit:
        pelvis = walker.swayed(walker.odom)
        navigator.state.odometry(
            walker.time, *pelvis[:2], math.atan2(math.sin(pelvis[2]), math.cos(pelvis[2]))
        )
        field = truth if world is None else world(walker.time)
        true = walker.swayed(walker.pose)
        if k % 5 == 0:
            ranges = cast(field, true[0], true[1], BEAMS + true[2])
            if person is not None:
                ranges = np.minimum(
                    ranges, cast_person(true[0], true[1], BEAMS + true[2], person(walker.time))
                )
            ranges = (ranges + walker.rng.normal(0, 0.01, len(BEAMS))).astype(np.float32)
            navigator.state.scan(walker.time, ranges, -math.pi, 2 * math.pi / 360)
        if k % 5 in (0, 2):  # 20 Hz of 50
            out = navigator.tick(walker.time)
            walker.command = out.command
            statuses += out.status
            if stop and not out.active:
                break
        walker.step()
        room_left = body_room(field, true, WALKING_BODY)
        if person is not None:
            room_left = min(room_left, person_room(true, person(walker.time)))
        log.append((walker.time, *walker.pose, room_left, *walker.command))
        k += 1
    for _ in range(75):  # let it come to rest
        walker.command = np.zeros(3)
        walker.step()
    return statuses, np.array(log)
