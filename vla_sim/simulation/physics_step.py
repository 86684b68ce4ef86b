"""The physics step of a world: its own, where the control loop can go with it."""

import warnings

from vla_sim.robot.body import CONTROL_PERIOD
from vla_sim.world.sdf.elements import World
from vla_sim.world.sdf.values import SdfWarning

USUAL = 0.002
"""[s] The step that the walking policy was tried with."""
SMALLEST = 0.0001


def physics_step(world: World) -> float:
    """[s]. Says so in an `SdfWarning` where it is not what the file asks for."""
    steps = CONTROL_PERIOD / world.step
    if abs(steps - round(steps)) < 1e-6 * steps and SMALLEST <= world.step <= CONTROL_PERIOD / 4:
        return world.step
    warnings.warn(
        f"{world.where}: the physics step of {world.step:g} s is left for {USUAL:g} s: it must divide the "
        f"control period of {CONTROL_PERIOD:g} s and be from {SMALLEST:g} to {CONTROL_PERIOD / 4:g} s",
        SdfWarning, stacklevel=2,
    )  # fmt: skip
    return USUAL
