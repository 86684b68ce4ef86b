"""A node's parameters as one typed record."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from vla_sim.common.params import StageParams, check

P = TypeVar("P", bound=StageParams)


def declare(node: Node, kind: type[P]) -> P:
    """Declare every field of the dataclass `kind` on the node; the values that were set at start.

    Raises `InputError` naming a value that is not allowed.
    """
    # Of any type, so that it is `check` that says what is wrong with a value.
    free = ParameterDescriptor(dynamic_typing=True)
    return check(
        kind(**{f.name: node.declare_parameter(f.name, f.default, free).value for f in fields(kind)})
    )
