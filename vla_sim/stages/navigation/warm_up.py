"""All kernels of navigation compiled or loaded before the first goal."""

import math

import numpy as np

from vla_sim.contract.records import NavigationRequest
from vla_sim.stages.navigation.dynamic_obstacles import pairwise_distances
from vla_sim.stages.navigation.navigator import Navigator


def warm(navigator: Navigator) -> None:
    """Compile (or load) every kernel by driving a copy of `navigator` for a moment in its own map."""
    field = navigator.state.costmap.static.clearance
    copy = Navigator(navigator.state.costmap.static)
    # The roomiest spot of the map: everything from there runs without an early return.
    row, column = np.unravel_index(int(np.argmax(field.values)), field.values.shape)
    x, y = field.x0 + column * field.resolution, field.y0 + row * field.resolution
    ranges = np.full(360, 5.0, np.float32)  # beyond the goals: nothing is in the way

    def drive(request: NavigationRequest, began: float, heading: float = 0.0) -> bool:
        """Whether a path was planned."""
        planned = False
        copy.request(request)
        for k in range(3):
            copy.state.odometry(began + 0.05 * k, x, y, heading)
            copy.state.scan(began + 0.05 * k, ranges, -math.pi, math.pi / 180)
            copy.state.depth_scan(began + 0.05 * k, ranges[:60], -0.6, 0.02)
            planned |= copy.tick(began + 0.05 * k).path is not None
        return planned

    drive(NavigationRequest(goal_id="warm", mode="dock", x=x + 0.2, y=y), 0.0)
    # Far enough to need a path; which way there is one depends on the map.
    ways = [(d, a) for d in (2.0, 1.2, 3.0) for a in np.linspace(0.0, 2 * math.pi, 8, endpoint=False)]
    for k, (d, angle) in enumerate(ways, start=1):
        gx, gy = x + d * math.cos(angle), y + d * math.sin(angle)
        if drive(NavigationRequest(goal_id="warm", mode="go", x=gx, y=gy), 10.0 * k, float(angle)):
            break
    copy.state.costmap.whole()
    pairwise_distances(np.zeros((1, 2)), np.zeros((1, 2)))  # of moving obstacles: there are none here
