"""Holding without forces: what is between the pads when they close goes with the hand until they open."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import Array, inverse

NEAR = 0.2
"""[m] from the tool within which an object may be between the pads."""
SLACK = 0.001
"""[m] that each pad moves off what it holds before it lets go."""

Cast = Callable[[str, Array, Array], float]
"""(object, origin (3,), direction (3,)): distance along the ray to that object [m], inf if it is missed."""


@dataclass
class Grip:
    """One hand. held: an object and its (4, 4) pose in the tool frame. half: of its width [m]."""

    held: tuple[str, Array] | None = None
    half: float = 0.0

    def update(
        self, tool: Array, now: Array, wanted: Array, objects: dict[str, Array], cast: Cast
    ) -> tuple[Array, str]:
        """Positions (2,) [m] to which the fingers get on their way from `now` to `wanted`, and the name of
        an object that is let go, else empty.

        tool: (4, 4) in the world. objects: (4, 4) poses by name; that of a held one is changed.
        """
        if self.held is not None:
            name, in_tool = self.held
            objects[name] = tool @ in_tool
            if wanted.min() > self.half + SLACK:
                self.held = None
                return wanted, name
            return np.maximum(wanted, self.half), ""
        if wanted.sum() < now.sum() - 1e-6:
            for name, pose in sorted(objects.items()):
                if np.linalg.norm(pose[:3, 3] - tool[:3, 3]) > NEAR:
                    continue
                left, right = _extent(name, tool, 1.0, cast), _extent(name, tool, -1.0, cast)
                half = 0.5 * (left + right)
                if not wanted.max() <= half <= now.max() + SLACK:
                    continue
                pose = pose.copy()
                pose[:3, 3] -= 0.5 * (left - right) * tool[:3, 1]  # the pads centre it
                objects[name] = pose
                self.held, self.half = (name, inverse(tool) @ pose), half
                return np.maximum(wanted, half), ""
        return wanted, ""


def _extent(name: str, tool: Array, side: float, cast: Cast) -> float:
    """How far an object reaches from the tool's centre towards one pad [m]; -inf if it is elsewhere."""
    reach = 0.06
    best = -np.inf
    for x, z in ((0.0, 0.0), (0.006, 0.0), (-0.006, 0.0), (0.0, 0.006), (0.0, -0.006)):
        origin = tool[:3, :3] @ np.array([x, side * reach, z]) + tool[:3, 3]
        distance = cast(name, origin, -side * tool[:3, 1])
        if distance < 2.0 * reach:
            best = max(best, reach - distance)
    return float(best)
