"""The modules of Gazebo Harmonic's Python bindings."""

import importlib
import pkgutil
import sys
from dataclasses import dataclass
from typing import Any

from vla_sim.common.errors import MissingError

HELP = (
    "Gazebo Harmonic with its Python bindings is not in pip: install gz-harmonic, python3-gz-sim8, "
    "python3-gz-transport13, python3-gz-msgs10 and python3-gz-math7 from Gazebo's package repository, or "
    "ros-jazzy-ros-gz, or put a build's lib/python on PYTHONPATH"
)


@dataclass(frozen=True)
class Bindings:
    math: Any
    sim: Any
    transport: Any
    contacts: Any


def load_bindings() -> Bindings:
    """Raises `MissingError` that says which module is missing and where it comes from."""
    found = {}
    # gz.math7 comes first: without it everything that returns a pose raises TypeError.
    for name in ("gz.math7", "gz.msgs10.contacts_pb2", "gz.transport13", "gz.sim8"):
        try:
            found[name] = importlib.import_module(name)
        except ImportError as error:
            raise MissingError(f"{name} cannot be imported ({error}){_others(name)}; {HELP}") from None
    return Bindings(
        found["gz.math7"], found["gz.sim8"], found["gz.transport13"], found["gz.msgs10.contacts_pb2"]
    )


def _others(name: str) -> str:
    """Other versions of a missing module `gz.<name><version>`, in words."""
    stem = name.split(".")[1].rstrip("0123456789")
    folders = getattr(sys.modules.get("gz"), "__path__", [])
    found = [f"gz.{m.name}" for m in pkgutil.iter_modules(folders) if m.name.rstrip("0123456789") == stem]
    return f"; {', '.join(sorted(found))} is there, but is not Harmonic's" if found else ""
