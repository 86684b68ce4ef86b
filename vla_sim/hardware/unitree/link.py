"""What goes between a robot's body and its driver, which are two processes: CycloneDDS and rclpy do not share
one. Fixed records over a pair of Unix sockets, the newest of which counts."""

import select
import socket
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand, RobotState

_SIZE = len(facts.JOINTS)
STATE = np.dtype([
    ("time", "f8"), ("joint_position", "f8", _SIZE), ("joint_velocity", "f8", _SIZE),
    ("joint_effort", "f8", _SIZE), ("orientation", "f8", 4), ("angular_velocity_base", "f8", 3),
    ("linear_acceleration_base", "f8", 3), ("odom_position", "f8", 3), ("odom_orientation", "f8", 4),
    ("odom_velocity_base", "f8", 3), ("temperature", "f8", _SIZE), ("voltage", "f8"), ("late", "f8"),
    ("why", "S200"),
])  # fmt: skip
"""The fields of `RobotState`; the motors' temperature [°C] and the battery's voltage [V], 0 where unknown;
late: by how much 99 of 100 of the driver's looks began late at the most [s]; why the robot does not do what
it is commanded, empty if it does."""
COMMAND = np.dtype([
    ("position", "f8", _SIZE), ("stiffness", "f8", _SIZE), ("effort", "f8", _SIZE), ("damping", "f8", _SIZE),
    ("base_velocity", "f8", 3), ("armed", "?"),
])  # fmt: skip
"""A joint command; armed: it is meant to be obeyed."""
_FELT = STATE.names[1:-4]  # type: ignore[index]


class Link:
    """One end. kind: of the records that come here."""

    def __init__(self, end: socket.socket, kind: np.dtype[Any]) -> None:
        self._end, self._kind = end, kind
        end.setblocking(False)

    def send(self, record: Any) -> bool:
        """False where the other end is full, or gone."""
        try:
            self._end.send(record.tobytes())
        except OSError:
            return False
        return True

    def wait(self, timeout: float) -> None:
        """Until a record is here, or for so long [s]."""
        select.select([self._end], [], [], timeout)

    def newest(self) -> Any:
        """The newest record that came, or None. Raises `EOFError` if the other end is gone."""
        found = None
        while True:
            try:
                data = self._end.recv(1 << 16)
            except BlockingIOError:
                return found
            except OSError as error:
                raise EOFError(str(error)) from None
            if not data:
                raise EOFError("closed")
            if len(data) == self._kind.itemsize:
                found = np.frombuffer(data, self._kind)[0]

    def close(self) -> None:
        self._end.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep records apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def state_record(state: RobotState, temperature: Array, voltage: float, why: str, late: float = 0.0) -> Any:
    out = np.zeros((), STATE)
    out["time"], out["temperature"], out["voltage"] = state.time, temperature, voltage
    out["late"], out["why"] = late, why.encode()[:200]
    for name in _FELT:
        out[name] = getattr(state, name)
    return out


def no_state() -> Any:
    """What a driver says first, when it is there and has heard no robot yet: its time is no number."""
    out = np.zeros((), STATE)
    out["time"], out["why"] = np.nan, b"the robot is silent"
    return out


def robot_state(record: Any) -> RobotState:
    return RobotState(float(record["time"]), *(np.array(record[name]) for name in _FELT))


def command_record(command: JointCommand, damping: Array, armed: bool) -> Any:
    """damping: where the command names none."""
    out = np.zeros((), COMMAND)
    for name in ("position", "stiffness", "effort", "base_velocity"):
        out[name] = getattr(command, name)
    out["damping"] = damping if command.damping is None else command.damping
    out["armed"] = armed
    return out
