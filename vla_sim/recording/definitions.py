"""The definition of a ROS message as text (`ros2msg`), which readers of MCAP files decode messages by. It is
made of the message's class: the files that it was generated from are not everywhere installed."""

import re
from functools import cache

from vla_sim.common.mcap_file import ros2msg
from vla_sim.ros.messages import message_class

NAMES = {"double": "float64", "float": "float32", "boolean": "bool", "octet": "byte"}
"""What a definition calls a type, where that is not what the class calls it."""
_FIELD = re.compile(r"(?:sequence<(?P<items>.+?)(?:, (?P<most>\d+))?>|(?P<one>[^\[]+))(?:\[(?P<size>\d+)\])?")


@cache
def definition(kind: str) -> str:
    """Of a ROS type, as "nav_msgs/msg/Odometry", and of all types that it is made of."""
    found: dict[str, str] = {}
    _collect(kind, found)
    return ros2msg(found)


def _collect(kind: str, found: dict[str, str]) -> None:
    """`kind` and what it holds, by their names without `msg`."""
    name = kind.replace("/msg/", "/")
    if name in found:
        return
    found[name] = ""  # it comes before what it holds
    for field, hint in message_class(kind).get_fields_and_field_types().items():
        match = _FIELD.fullmatch(hint)
        assert match is not None, hint
        item = match["items"] or match["one"]
        if "/" in item:
            _collect(item.replace("/", "/msg/"), found)
        size = match["size"] or (f"<={match['most']}" if match["most"] else "")
        array = f"[{size}]" if match["items"] or size else ""
        bounded = re.sub(r"^(w?string)<(\d+)>$", r"\1<=\2", item)
        found[name] += f"{NAMES.get(item, bounded)}{array} {field}\n"
