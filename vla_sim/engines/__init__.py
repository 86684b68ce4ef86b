"""Engines by name. The modules are imported when asked for: MuJoCo alone takes 0.2 s."""

from __future__ import annotations

from pathlib import Path

from vla_sim.engines.engine import Engine
from vla_sim.errors import InputError

ENGINES = ("mujoco", "fake")


def make_engine(name: str, world: str | Path, *, sensors: bool = True) -> Engine:
    """An engine with a world: the name of a shipped one ("apartment") or the path of an SDF file.

    sensors: False turns noise and odometry drift off. Raises `InputError` for an unknown engine or
    world, `SdfError` for a bad file, `EngineError` if the engine refuses it.
    """
    from vla_sim.assets import find_world

    if name not in ENGINES:
        raise InputError(f"no engine {name!r}: give one of {', '.join(ENGINES)}")
    path = find_world(str(world))
    if name == "fake":
        from vla_sim.engines.fake import FakeEngine

        return FakeEngine(path)
    from vla_sim.engines.mujoco import MujocoEngine

    return MujocoEngine(path, sensors=sensors)
