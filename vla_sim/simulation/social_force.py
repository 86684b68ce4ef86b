"""People who walk to their goals and keep away from walls, each other and the robot.

D. Helbing and P. Molnár, "Social force model for pedestrian dynamics", Physical Review E 51 (1995), 4282 to
4286, with the figures given there: a person is accelerated towards its next goal, and pushed away from others
by an elliptical potential that reaches where they will step next, and from walls by one of their distance.
What differs, since the paper is of wide walkways and people without a width: others' distances are those
between outlines, the walls' range is 0.1 m in place of 0.2 m, which would let nobody through a door of 0.9 m,
and who gets no nearer to its goal for a while turns back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from vla_sim.common.geometry import Array
from vla_sim.stages.navigation.distance_field import DistanceField
from vla_sim.world.occupancy_grid import Grid

RELAXATION = 0.5
"""[s] in which a person comes to its speed."""
OTHERS = (2.1, 0.3)
"""[m^2/s^2], [m]: strength and range of the potential around others."""
STRIDE = 2.0
"""[s] ahead that others are given room."""
WALLS = (10.0, 0.1)
"""[m^2/s^2], [m] of the potential along walls."""
SIGHT, BEHIND = math.radians(100.0), 0.5
"""[rad] to either side within which others count in full, and how much they do behind that."""
FASTEST = 1.3
"""Times its speed that a person walks at most."""
FLUCTUATION = 0.2
"""[m/s^2] of chance, as deviation over one second: two who meet do not stand before each other."""
PACES = 0.15
"""Part by which people's speeds differ."""
RADIUS, ROBOT_RADIUS = 0.20, 0.40
"""[m] of a person; of the robot with its arms before it."""
REACHED = 0.30
"""[m] from a goal at which the next one is walked to."""
PATIENCE, NEARER = 8.0, 0.2
"""[s] in which a person wants to come so much [m] nearer to its goal."""
TURNING = 3.0
"""[rad/s] at the most."""


@dataclass(frozen=True)
class Walker:
    """start: x, y [m]. goals (n, 2) [m]: in turn, round and round. speed [m/s]."""

    start: tuple[float, float]
    goals: Array
    speed: float


class Crowd:
    """walls: what is in their way, or None. `poses` (n, 3) are x, y [m], heading [rad]."""

    def __init__(self, walkers: Sequence[Walker], walls: Grid | None = None) -> None:
        self.walkers = tuple(walkers)
        self._walls = None if walls is None else WallField(walls)
        self.reset(0)

    def reset(self, seed: int) -> None:
        n = len(self.walkers)
        self._rng = np.random.default_rng([seed, 6])
        self._speed = np.array([w.speed for w in self.walkers]) * self._rng.uniform(1 - PACES, 1 + PACES, n)
        self._at = np.array([w.start for w in self.walkers], dtype=float).reshape(n, 2)
        self._velocity = np.zeros((n, 2))
        self._goal = np.zeros(n, dtype=int)
        self._way = np.ones(n, dtype=int)
        self._nearest, self._waited = np.full(n, math.inf), np.zeros(n)
        to_goal = np.array([w.goals[0] for w in self.walkers]).reshape(n, 2) - self._at
        self._heading = np.arctan2(to_goal[:, 1], to_goal[:, 0])

    @property
    def poses(self) -> Array:
        return np.column_stack([self._at, self._heading])

    def step(self, seconds: float, robot: Array, robot_velocity: Array) -> None:
        """robot, robot_velocity: (2,) [m], [m/s]."""
        at, velocity = np.vstack([self._at, robot]), np.vstack([self._velocity, robot_velocity])
        chance = self._rng.normal(0.0, FLUCTUATION / math.sqrt(seconds), self._at.shape)
        for i, walker in enumerate(self.walkers):
            to_goal = self._to_goal(i, walker, seconds)
            ahead = to_goal / max(float(np.hypot(*to_goal)), 1e-9)
            force = (self._speed[i] * ahead - self._velocity[i]) / RELAXATION + chance[i]
            radii = np.full(len(at), 2.0 * RADIUS)
            radii[-1] = RADIUS + ROBOT_RADIUS
            others = np.arange(len(at)) != i
            pushed = repulsion(at[i] - at[others], velocity[others], radii[others])
            seen = -(pushed @ ahead) >= np.hypot(*pushed.T) * math.cos(SIGHT)
            force = force + (pushed * np.where(seen, 1.0, BEHIND)[:, None]).sum(axis=0)
            if self._walls is not None:
                force = force + self._walls.repulsion(at[i])
            self._velocity[i] = _limited(self._velocity[i] + seconds * force, FASTEST * self._speed[i])
        self._at = self._at + seconds * self._velocity
        self._turn(seconds)

    def _to_goal(self, i: int, walker: Walker, seconds: float) -> Array:
        """(2,) from person i to its goal, which is the next one if it is there, or the one before if it gets
        no nearer."""
        to_goal: Array = walker.goals[self._goal[i]] - self._at[i]
        off = float(np.hypot(*to_goal))
        self._waited[i] += seconds
        if off < self._nearest[i] - NEARER:
            self._nearest[i], self._waited[i] = off, 0.0
        late = self._waited[i] > PATIENCE
        if off < REACHED or late:
            self._way[i] *= -1 if late else 1
            self._goal[i] = (self._goal[i] + self._way[i]) % len(walker.goals)
            self._nearest[i], self._waited[i] = math.inf, 0.0
            to_goal = walker.goals[self._goal[i]] - self._at[i]
        return to_goal

    def _turn(self, seconds: float) -> None:
        """To where they walk; who stands looks where it looked."""
        walks = np.hypot(*self._velocity.T) > 0.1
        wanted = np.arctan2(self._velocity[:, 1], self._velocity[:, 0])
        turn = np.remainder(wanted - self._heading + math.pi, 2.0 * math.pi) - math.pi
        self._heading = self._heading + np.where(
            walks, np.clip(turn, -TURNING * seconds, TURNING * seconds), 0
        )


def repulsion(apart: Array, velocity: Array, radii: Array) -> Array:
    """(n, 2) [m/s^2]: how others push a person away: minus the gradient of V0 exp(-b / sigma), where b is the
    smaller half axis of the ellipse through the person with the other and its next step as foci (equations 3
    and 4). apart (n, 2) [m] from the others to the person, velocity (n, 2) [m/s] of the others, radii (n,)
    [m] of both together."""
    off = np.maximum(np.hypot(*apart.T), 1e-6)
    r = apart * (np.maximum(off - radii, 0.01) / off)[:, None]
    step = velocity * STRIDE
    first, second = np.hypot(*r.T), np.maximum(np.hypot(*(r - step).T), 1e-6)
    around, long = first + second, np.hypot(*step.T)
    b = np.maximum(0.5 * np.sqrt(np.maximum(around**2 - long**2, 0.0)), 1e-3)
    unit = r / first[:, None] + (r - step) / second[:, None]
    strength, reach = OTHERS
    size = strength / reach * np.exp(-b / reach) * around / (4.0 * b)
    return np.asarray(size[:, None] * unit)


class WallField:
    """How walls push (equation 5): by the distance to the nearest of them and away from it."""

    def __init__(self, grid: Grid) -> None:
        distance = distance_transform_edt(~grid.occupied) * grid.resolution
        self._field = DistanceField(distance, grid.x0, grid.y0, grid.resolution)
        self.distance(0.0, 0.0)  # compiled before anybody walks

    def distance(self, x: float, y: float) -> float:
        """[m] from (x, y) to the nearest wall, between the cells' middles by both."""
        return self._field.at(x, y)

    def repulsion(self, at: Array) -> Array:
        """(2,) [m/s^2] on a person at (2,) [m]."""
        x, y = float(at[0]), float(at[1])
        d, c = self.distance, self._field.resolution
        uphill = np.array([d(x + c, y) - d(x - c, y), d(x, y + c) - d(x, y - c)]) / (2.0 * c)
        strength, reach = WALLS
        return np.asarray(strength / reach * math.exp(-d(x, y) / reach) * uphill)


def _limited(velocity: Array, most: float) -> Array:
    speed = float(np.hypot(*velocity))
    return velocity if speed <= most else velocity * (most / speed)
