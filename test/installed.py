"""Leaves a module of tests out where what it needs is not installed."""

from importlib.util import find_spec

import pytest


def needs(name, reason):
    """`pytest.importorskip` without the import, for what is slow to import: a process pays for it when a
    test of the module runs, not when the module is collected."""
    if find_spec(name) is None:
        pytest.skip(reason, allow_module_level=True)
