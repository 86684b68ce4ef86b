"""A user's class in place of one of ours, named as "my_package.my_module:MyClass"."""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from vla_sim.common.errors import InputError, VlaSimError

T = TypeVar("T")


def own(what: str, path: str, base: type[T], make: Callable[[Any], T]) -> T:
    """What `make` makes of the class. what: it is meant to be, for a message. Raises `InputError`; what the
    class itself says to the user, a `VlaSimError`, goes through."""
    module, _, name = path.partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise TypeError(f"{name} is no subclass of {base.__module__}.{base.__name__}")
        return make(kind)
    except VlaSimError:
        raise
    except Exception as error:  # whatever a user's module does
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{what} {path!r} cannot be used: {why}; PACKAGE.MODULE:CLASS is allowed, of an installed "
            "package or of a folder on PYTHONPATH"
        ) from None
