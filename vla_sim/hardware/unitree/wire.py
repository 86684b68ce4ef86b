"""The G1's two large messages as bytes: motors' state and motors' commands, 500 times a second.

`Buffer` is the body of a message as CDR puts it (XTypes 1.3, plain CDR, little-endian), with views into it:
what is written to a view is in the message, without a copy. Layouts are those of the vendor's IDL
`unitree_hg/msg` and of its CRC, both in unitree_sdk2_python at 37116c5 (BSD-3-Clause).
"""

import zlib

import numpy as np

MOTORS = 35
"""Slots of a message, of which the G1 uses the first `JOINTS`."""
JOINTS = 29
"""Legs (12), waist (3), left and right arm (7 each): the order of `facts.BODY_JOINTS`."""
ARM_SDK_WEIGHT = 29
"""The slot whose `q` is the share in 0..1 of the arms that `rt/arm_sdk` has."""

_WORD = np.dtype("<u4")
_FLOAT = np.dtype("<f4")

# CDR aligns each number to its own size and structs not at all: `mode` (1 byte) of the first motor follows
# what is before it at once, and every other motor begins where a number of 4 bytes may. So motor k > 0 lies
# at a multiple of its size, and motor 0 with it, but for its `mode`.
MOTOR_COMMAND = np.dtype({
    "names": ["mode", "q", "dq", "tau", "kp", "kd", "reserve"],
    "formats": ["u1", _FLOAT, _FLOAT, _FLOAT, _FLOAT, _FLOAT, _WORD],
    "offsets": [0, 4, 8, 12, 16, 20, 24], "itemsize": 28,
})  # fmt: skip
"""Of one motor: position [rad], velocity [rad/s], torque [Nm], gains [Nm/rad] and [Nms/rad]; mode 1: on.
Its torque is tau + kp (q - position) + kd (dq - velocity)."""
MOTOR_STATE = np.dtype({
    "names": ["mode", "q", "dq", "ddq", "tau_est", "temperature", "vol", "sensor", "motorstate", "reserve"],
    "formats": ["u1", _FLOAT, _FLOAT, _FLOAT, _FLOAT, ("<i2", 2), _FLOAT, (_WORD, 2), _WORD, (_WORD, 4)],
    "offsets": [0, 4, 8, 12, 16, 20, 24, 28, 36, 40], "itemsize": 56,
})  # fmt: skip
"""Of one motor: what it measures, in the units of `MOTOR_COMMAND`; temperatures of its case and winding [°C];
supply [V]."""


class Buffer:
    """A message's body. motors: (35,) of `MOTOR_COMMAND` or `MOTOR_STATE`; of its first `mode` see `modes`.
    mode_pr: ankles and waist in series (0: pitch and roll) or parallel (1). mode_machine: the robot's build,
    which a command copies from the state. crc: as it stands in the message."""

    size: int
    _motors: tuple[int, np.dtype]  # type: ignore[type-arg]
    _first_mode: int
    """Where the first motor's mode is."""
    _modes: int
    """Where `mode_pr` is, and `mode_machine` behind it."""

    def __init__(self, body: bytes | None = None) -> None:
        """Raises `ValueError` for a body of another size."""
        if body is not None and len(body) < self.size:
            raise ValueError(f"{len(body)} bytes; {self.size} are a whole message")
        self.bytes = bytearray(self.size) if body is None else bytearray(body[: self.size])
        self.array = np.frombuffer(self.bytes, np.uint8)
        begin, kind = self._motors
        self.motors = np.frombuffer(self.bytes, kind, MOTORS, begin)
        self._words = np.frombuffer(self.bytes, _WORD)

    @property
    def mode_pr(self) -> int:
        return int(self.array[self._modes])

    @mode_pr.setter
    def mode_pr(self, value: int) -> None:
        self.array[self._modes] = value

    @property
    def mode_machine(self) -> int:
        return int(self.array[self._modes + 1])

    @mode_machine.setter
    def mode_machine(self, value: int) -> None:
        self.array[self._modes + 1] = value

    @property
    def crc(self) -> int:
        return int(self._words[-1])

    @property
    def modes(self) -> np.ndarray:
        """(35,) a copy of every motor's mode."""
        out: np.ndarray = self.motors["mode"].copy()
        out[0] = self.array[self._first_mode]
        return out

    def set_modes(self, mode: int) -> None:
        """The same for each motor that the G1 has."""
        self.motors["mode"][1:JOINTS] = mode
        self.array[self._first_mode] = mode

    def computed_crc(self) -> int:
        """What `crc` must be: over the message as a C struct has it, which pads each motor to 4 bytes."""
        head = self._first_mode
        begin, kind = self._motors
        padded = bytes(-head % 4)
        rest = self.array[begin : begin + MOTORS * kind.itemsize].reshape(MOTORS, kind.itemsize).copy()
        rest[:, 1:4] = 0
        rest[0, 0] = self.array[head]
        tail = self.bytes[begin + MOTORS * kind.itemsize : self.size - 4]
        return crc32(self.bytes[:head] + padded + rest.tobytes() + tail)

    def seal(self) -> None:
        """Set the CRC of what the message holds now."""
        self._words[-1] = self.computed_crc()


class LowCommand(Buffer):
    """`rt/lowcmd` and `rt/arm_sdk`."""

    size = 1000
    _motors = (0, MOTOR_COMMAND)
    _first_mode = 2
    _modes = 0


class LowState(Buffer):
    """`rt/lowstate`. imu: (13,) quaternion w x y z, angular velocity [rad/s], acceleration [m/s^2], roll,
    pitch and yaw [rad]. remote: (40,) bytes of the remote control."""

    size = 2088
    _motors = (68, MOTOR_STATE)
    _first_mode = 70
    _modes = 8

    def __init__(self, body: bytes | None = None) -> None:
        super().__init__(body)
        self.imu = np.frombuffer(self.bytes, _FLOAT, 13, 16)
        self.remote = np.frombuffer(self.bytes, np.uint8, 40, 2028)
        self._tick = np.frombuffer(self.bytes, _WORD, 1, 12)

    @property
    def tick(self) -> int:
        """Milliseconds since the robot was switched on."""
        return int(self._tick[0])

    @tick.setter
    def tick(self, value: int) -> None:
        self._tick[0] = value & 0xFFFFFFFF


_MIRRORED = np.array([int(f"{k:08b}"[::-1], 2) for k in range(256)], np.uint8)


def crc32(data: bytes | bytearray) -> int:
    """The vendor's checksum: polynomial 0x04C11DB7, highest bit first, begun with ones, over little-endian
    words of 4 bytes. zlib's runs the other way round: over mirrored bytes it gives the mirrored result."""
    bytes_in_order = np.frombuffer(data, np.uint8).reshape(-1, 4)[:, ::-1]
    mirrored = zlib.crc32(_MIRRORED[bytes_in_order].tobytes()) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
