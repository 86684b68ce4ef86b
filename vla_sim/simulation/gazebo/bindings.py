"""The modules of Gazebo Harmonic's Python bindings."""

import importlib
import pkgutil
import sys
from typing import Any, NamedTuple

from vla_sim.common.errors import MissingError

HELP = (
    "Gazebo Harmonic with its Python bindings is not in pip: install gz-harmonic, python3-gz-sim8, "
    "python3-gz-transport13, python3-gz-msgs10 and python3-gz-math7 from Gazebo's package repository, or "
    "ros-jazzy-ros-gz, or put a build's lib/python on PYTHONPATH"
)


class Bindings(NamedTuple):
    math: Any
    contacts: Any
    transport: Any
    sim: Any


def load_bindings() -> Bindings:
    """Raises `MissingError` that says which module is missing and where it comes from."""
    found = []
    # gz.math7 comes first: without it everything that returns a pose raises TypeError.
    for name in ("gz.math7", "gz.msgs10.contacts_pb2", "gz.transport13", "gz.sim8"):
        try:
            found.append(importlib.import_module(name))
        except ImportError as error:
            raise MissingError(f"{name} cannot be imported ({error}){_others(name)}; {HELP}") from None
    return Bindings(*found)


def _others(name: str) -> str:
    """Other versions of a missing module `gz.<name><version>`, in words."""
    stem = name.split(".")[1].rstrip("0123456789")
    folders = getattr(sys.modules.get("gz"), "__path__", [])
    found = [f"gz.{m.name}" for m in pkgutil.iter_modules(folders) if m.name.rstrip("0123456789") == stem]
    return f"; {', '.join(sorted(found))} is there, but is not Harmonic's" if found else ""
