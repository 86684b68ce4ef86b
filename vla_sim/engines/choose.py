"""The engine of a name. Each is imported only when it is chosen, for its libraries are heavy."""

from __future__ import annotations

from vla_sim.assets import find_world
from vla_sim.engines.engine import Engine
from vla_sim.errors import InputError, MissingError

ENGINES = ("mujoco", "fake")


def make_engine(name: str, world: str) -> Engine:
    """world: a shipped world's name or an SDF path.

    Raises `InputError` for an unknown name, `MissingError` if its simulator is not installed.
    """
    path = find_world(world)
    if name == "fake":
        from vla_sim.engines.fake import FakeEngine

        return FakeEngine(path)
    if name == "mujoco":
        try:
            from vla_sim.engines.mujoco import MujocoEngine
        except ImportError as error:
            if "mujoco" in str(error.name):
                raise MissingError("MuJoCo is not installed; run `make setup`") from None
            raise
        return MujocoEngine(path)
    raise InputError(f"engine {name!r} is not known; choose one of {', '.join(ENGINES)}")
