"""How hard an arm pushes against something, by what its motors do beyond holding it."""

import numpy as np

from vla_sim.common.geometry import STANDARD_GRAVITY, Array
from vla_sim.robot.kinematics import WAIST, ArmChain
from vla_sim.robot.kinematics_kernels import chain_jacobian

MAX_FORCE = 30.0
"""[N] with which an arm that moves may push. A level push at 0.9 m moves the centre of pressure of the
robot's 33 kg by 0.08 m, and its feet end at 0.12. ISO/TS 15066:2016, table A.2, allows 65 N where a person's
body bears least, in the face. Without contact it is 2 N, with 2 kg in the hand 20 N."""
FORCE_TIME = 0.1
"""[s] for which it must be more."""
FORCE_ROOM = 15.0
"""[N] by which the force may still rise for an arm that sets out while it pushes: so that it can leave."""
LEVER = 0.02
"""[m] of damping: along a stretched arm, where no joint feels a force, none is made up out of noise."""


def contact_force(chain: ArmChain, q: Array, waist: Array, effort: Array, down: Array) -> float:
    """[N] the force at the tool that explains best, by least squares, what the motors of an arm do beyond
    holding its own weight. What is held counts, and so does what presses on the forearm, as more than it is.

    q, effort: (7,) [rad], [Nm]. waist: (3,) [rad]. down: (3,) the direction of gravity in the pelvis frame.
    """
    beyond = effort - chain.gravity_torque(q, waist, STANDARD_GRAVITY * down)
    jacobian = chain_jacobian(chain.frames(q, waist), chain.axis, WAIST)[:3]
    square = jacobian @ jacobian.T + LEVER**2 * np.eye(3)
    return float(np.linalg.norm(np.linalg.solve(square, jacobian @ beyond)))
