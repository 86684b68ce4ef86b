"""The topics' types as ROS 2 message definitions (`ros2msg`), which readers of MCAP files know. In plain CDR
both are the same bytes."""

from typing import Any

from cyclonedds.idl.types import array, sequence

from vla_sim.common import mcap_file


def ros_name(kind: Any) -> str:
    """As ROS names it: unitree_hg/msg/LowState."""
    package, _, _, name = kind.__idl_typename__.split(".")
    return f"{package}/msg/{name.rstrip('_')}"


def ros2msg(kind: Any) -> str:
    """The definition of a type of `dds_types`, and those of what it is made of."""
    found: dict[str, str] = {}
    _collect(kind, found)
    return mcap_file.ros2msg(found)


def _collect(kind: Any, found: dict[str, str]) -> None:
    """`kind` and what it holds, by their names without `msg`."""
    name = ros_name(kind).replace("/msg/", "/")
    if name in found:
        return
    found[name] = ""  # it comes before what it holds
    for field, hint in kind.__annotations__.items():
        found[name] += f"{_type(hint, found)} {field}\n"


def _type(hint: Any, found: dict[str, str]) -> str:
    about = getattr(hint, "__metadata__", (None,))[0]
    if isinstance(about, array):
        return f"{_type(about.subtype, found)}[{about.length}]"
    if isinstance(about, sequence):
        return f"{_type(about.subtype, found)}[]"
    if isinstance(about, str):  # int32 and the like
        return about
    if hint in (str, bool):
        return {str: "string", bool: "bool"}[hint]
    _collect(hint, found)
    return ros_name(hint).replace("/msg/", "/")
