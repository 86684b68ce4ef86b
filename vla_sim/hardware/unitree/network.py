"""The network on which the robot is, and whether it is one that speaks this protocol."""

import os
from collections.abc import Callable
from typing import Any, Protocol

from vla_sim.common.errors import InputError, package


class Network(Protocol):
    """The topics on it: see `dds.Bus`."""

    def writer(self, name: str, kind: Any) -> Callable[[Any], None]: ...

    def reader(self, name: str, kind: Any) -> Callable[[], list[Any]]: ...


def check_installed() -> None:
    """Raises `MissingError` without CycloneDDS."""
    package("cyclonedds", "the robot's protocol needs CycloneDDS: pip install cyclonedds==11.0.1")


def check_network(interface: str, domain: int) -> None:
    """Raises `InputError` for an interface that this machine has not, or a number that is no DDS domain."""
    known = sorted(os.listdir("/sys/class/net"))
    if interface not in known:
        raise InputError(f"there is no network interface {interface!r}; there are {', '.join(known)}")
    if not 0 <= domain <= 232:
        raise InputError(f"DDS domain {domain}: a number from 0 to 232 is allowed")


def check_robot() -> None:
    """Raises `InputError` where the process's robot does not speak the protocol."""
    from vla_sim.robot import facts  # of numpy, for which the command line's flags need not wait

    if facts.PROFILE.protocol != "unitree_hg":
        raise InputError(
            f"{facts.NAME} does not speak the G1's protocol; run it with an engine that simulates it"
        )


def domain_beside(ros_domain: int) -> int:
    """A DDS domain for a simulated robot, in which no ROS domain from 1 to 50 is met. Beyond 101 the ports of
    a domain (DDSI-RTPS 9.6.1.1) overlap those that Linux gives to anybody."""
    return 51 + (ros_domain - 1) % 50
