"""Errors a user can cause, each with the exit code that `vla-sim` ends with.

A message is one line: what was given, what is allowed, what to do.
"""

import difflib
import importlib
from collections.abc import Iterable
from typing import Any

from vla_sim.common.printable import one_line

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class VlaSimError(Exception):
    """Base of every error whose message is meant for the user: one line, whatever it quotes. `exit_code` is
    the process's."""

    exit_code = 1

    def __str__(self) -> str:
        return one_line(super().__str__())


class InputError(VlaSimError):
    """A bad argument, file or value: says what was given and what is allowed."""

    exit_code = 2


class SdfError(InputError):
    """An SDF file cannot be used; the message starts with `file:line:`."""


class MissingError(VlaSimError):
    """A package, library or device that is not installed, and how to get it."""

    exit_code = 3


class EngineError(VlaSimError):
    """The simulator cannot start, cannot go on, or cannot do what was asked."""

    exit_code = 4


class StackError(VlaSimError):
    """A node died or did not become ready, or a port or domain is taken."""

    exit_code = 5


class BusyError(VlaSimError):
    """The machine's resources are reserved: what was asked, what is free, what to do."""

    exit_code = 6


def package(module: str, missing: str) -> Any:
    """A module that not everyone has installed. Raises `MissingError`, which says `missing`."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingError(missing) from None


def meant(word: str, known: Iterable[str], most: int = 1) -> str:
    """What a user may have meant, as "did you mean rate?"; "" if nothing is like it."""
    like = difflib.get_close_matches(word, tuple(known), most)
    return f"did you mean {' or '.join(like)}?" if like else ""


def nearest(word: str, known: Iterable[str], otherwise: str = "", most: int = 1) -> str:
    """What a user may have meant, as "; did you mean rate?"; else what there is, or `otherwise`."""
    known = tuple(known)
    if like := meant(word, known, most):
        return f"; {like}"
    return f"; {otherwise}" if otherwise else f"; known are {', '.join(known) or 'none'}"
