"""Simulators by name. Each is imported only when it is chosen, since its libraries are heavy."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from vla_sim.common.assets import find_world
from vla_sim.common.errors import InputError, MissingError

if TYPE_CHECKING:  # a command line that only names simulators needs no numpy
    from vla_sim.simulation.simulator import Sensors, Simulator

GL_NAMES = ("egl", "glfw", "osmesa", "disable")
"""Ways of rendering that MUJOCO_GL may name."""
STEPPED = ("mujoco", "gazebo", "kinematic")
"""Those that go on when they are told to."""
SIMULATORS = (*STEPPED, "g1")
"""g1: a simulated robot behind its own protocol, which keeps the clock's pace by itself."""


def make_simulator(
    name: str, world: str, sensors: Sensors = "auto", gui: bool = False,
    cable: tuple[float, float] = (0.0, 0.0),
) -> Simulator:  # fmt: skip
    """world: a shipped world's name or an SDF path. sensors: who makes scans and images. gui: with the
    simulator's window. cable: of g1, jitter [ms] and loss [%].

    Raises `InputError` for an unknown name, or for a window or a cable that the simulator has not,
    `MissingError` if its simulator is not installed.
    """
    if name not in SIMULATORS:
        raise InputError(f"engine {name!r} is not known; choose one of {', '.join(SIMULATORS)}")
    if gui and name != "gazebo":
        raise InputError(f"--gui: engine {name} has no window of its own; only gazebo has one")
    if any(cable) and name != "g1":
        raise InputError(f"engine {name} has no cable that could be a bad one; only g1 has one")
    path = find_world(world)
    if name == "kinematic":
        from vla_sim.simulation.kinematic import KinematicSimulator

        return KinematicSimulator(path)
    import_mujoco()
    if name == "gazebo":
        from vla_sim.simulation.gazebo.simulator import GazeboSimulator

        return GazeboSimulator(path, sensors=sensors, gui=gui)
    if name == "g1":
        from vla_sim.hardware.unitree.network import check_robot

        check_robot()
        from vla_sim.simulation.behind_protocol import ProtocolSimulator

        return ProtocolSimulator(path, sensors, cable)
    from vla_sim.simulation.mujoco.simulator import MujocoSimulator

    return MujocoSimulator(path, sensors=sensors)


def check_pace(engine: str, speed: float) -> None:
    """Raises `InputError` for a simulator that cannot go at `speed` (0: in lock-step)."""
    if engine not in STEPPED and speed != 1.0:
        raise InputError(f"engine {engine} goes at the pace of the clock alone: --speed 1")


def import_mujoco() -> None:
    """Import MuJoCo, without its GL part if the machine has no usable GL library.

    MuJoCo loads the library that MUJOCO_GL names while it is imported, and a missing or unknown one
    breaks the import in several ways; physics needs none. Raises `MissingError` without MuJoCo.
    """
    try:
        import mujoco  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name == "mujoco":
            raise MissingError("MuJoCo is not installed; run `make setup`") from None
        _import_without_gl(error)
    except Exception as error:  # AttributeError, ImportError, RuntimeError: all that PyOpenGL raises
        _import_without_gl(error)


def _import_without_gl(error: Exception) -> None:
    asked = os.environ.get("MUJOCO_GL", "")
    logging.getLogger(__name__).warning("MUJOCO_GL=%s cannot be used: %s", asked, error)
    for module in [m for m in sys.modules if m.split(".")[0] in ("mujoco", "OpenGL")]:
        del sys.modules[module]
    os.environ["MUJOCO_GL"] = "disable"
    import mujoco  # noqa: F401
