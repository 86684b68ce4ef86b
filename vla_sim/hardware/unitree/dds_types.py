"""The types of the G1's topics, as CycloneDDS takes them.

Names, fields and their order are those of the vendor's IDL (unitree_sdk2_python at 37116c5, BSD-3-Clause): a
type of another shape is another type, and its writers are not met. Motors' commands and states travel as the
bytes of `wire`, since CycloneDDS's Python needs half a millisecond to write a state field by field.
"""

from typing import Any

from cyclonedds.idl import annotations, make_idl_struct, types
from cyclonedds.idl.types import float32, int16, int32, int64, uint8, uint16, uint32

from vla_sim.common.geometry import Array
from vla_sim.hardware.unitree import hands, wire

array: Any = types.array
sequence: Any = types.sequence

PLAIN_CDR = b"\x00\x01\x00\x00"
"""The encapsulation header: plain CDR, little-endian."""


def struct(typename: str, **fields: Any) -> Any:
    """A type whose members cannot be left out or added to."""
    made = make_idl_struct(typename.split(".")[-1], typename, fields)
    return _keeping(annotations.final(annotations.autoid("sequential")(made)))


def _keeping(kind: Any) -> Any:
    """`kind`, whose samples keep as `cdr` the bytes of which they were read."""
    read = kind.deserialize

    def deserialize(data: bytes, *given: Any, **named: Any) -> Any:
        sample = read(data, *given, **named)
        sample.cdr = bytes(data)
        return sample

    kind.deserialize = deserialize
    return kind


def copied(sample: Any) -> Any:
    """A sample as it is now, also where its sender goes on writing into it."""
    body = getattr(sample, "body", None)
    return sample if body is None else type(sample).of(type(body)(bytes(body.bytes)))


def cdr(sample: Any) -> bytes:
    """The bytes as which a sample came, or goes."""
    came: bytes | None = getattr(sample, "cdr", None)
    return sample.serialize() if came is None else came


def as_bytes(kind: Any, buffer: type[wire.Buffer]) -> Any:
    """`kind`, whose samples hold a `buffer` as `body`, and are written and read as it is."""

    def of(body: wire.Buffer) -> Any:
        sample = kind.__new__(kind)
        sample.body = body
        return sample

    kind.of = of
    kind.serialize = lambda self, *_, **__: PLAIN_CDR + self.body.bytes
    kind.deserialize = lambda data, *_, **__: of(buffer(data[4:]))
    return kind


_HG, _GO, _API = "unitree_hg.msg.dds_.", "unitree_go.msg.dds_.", "unitree_api.msg.dds_."

_MOTOR_COMMAND = struct(
    _HG + "MotorCmd_", mode=uint8, q=float32, dq=float32, tau=float32, kp=float32, kd=float32, reserve=uint32
)
_MOTOR_STATE = struct(
    _HG + "MotorState_", mode=uint8, q=float32, dq=float32, ddq=float32, tau_est=float32,
    temperature=array[int16, 2], vol=float32, sensor=array[uint32, 2], motorstate=uint32,
    reserve=array[uint32, 4],
)  # fmt: skip
_IMU = {
    "quaternion": array[float32, 4], "gyroscope": array[float32, 3], "accelerometer": array[float32, 3],
    "rpy": array[float32, 3],
}  # fmt: skip
Imu = struct(_HG + "IMUState_", **_IMU, temperature=int16)
LowCommand = as_bytes(
    struct(
        _HG + "LowCmd_", mode_pr=uint8, mode_machine=uint8, motor_cmd=array[_MOTOR_COMMAND, wire.MOTORS],
        reserve=array[uint32, 4], crc=uint32,
    ),
    wire.LowCommand,
)  # fmt: skip
LowState = as_bytes(
    struct(
        _HG + "LowState_", version=array[uint32, 2], mode_pr=uint8, mode_machine=uint8, tick=uint32,
        imu_state=Imu, motor_state=array[_MOTOR_STATE, wire.MOTORS], wireless_remote=array[uint8, 40],
        reserve=array[uint32, 4], crc=uint32,
    ),
    wire.LowState,
)  # fmt: skip
HandCommand = struct(_HG + "HandCmd_", motor_cmd=sequence[_MOTOR_COMMAND], reserve=array[uint32, 4])
_PRESS = struct(
    _HG + "PressSensorState_", pressure=array[float32, 12], temperature=array[float32, 12], lost=uint32,
    reserve=uint32,
)  # fmt: skip
HandState = struct(
    _HG + "HandState_", motor_state=sequence[_MOTOR_STATE], press_sensor_state=sequence[_PRESS],
    imu_state=Imu, power_v=float32, power_a=float32, system_v=float32, device_v=float32,
    error=array[uint32, 2], reserve=array[uint32, 2],
)  # fmt: skip

TimeSpec = struct(_GO + "TimeSpec_", sec=int32, nanosec=uint32)
GoImu = struct(_GO + "IMUState_", **_IMU, temperature=uint8)
PathPoint = struct(
    _GO + "PathPoint_", t_from_start=float32, x=float32, y=float32, yaw=float32, vx=float32, vy=float32,
    vyaw=float32,
)  # fmt: skip
SportState = struct(
    _GO + "SportModeState_", stamp=TimeSpec, error_code=uint32, imu_state=GoImu, mode=uint8, progress=float32,
    gait_type=uint8, foot_raise_height=float32, position=array[float32, 3], body_height=float32,
    velocity=array[float32, 3], yaw_speed=float32, range_obstacle=array[float32, 4],
    foot_force=array[int16, 4], foot_position_body=array[float32, 12], foot_speed_body=array[float32, 12],
    path_point=array[PathPoint, 10],
)  # fmt: skip
Remote = struct(_GO + "WirelessController_", lx=float32, ly=float32, rx=float32, ry=float32, keys=uint16)

RequestIdentity = struct(_API + "RequestIdentity_", id=int64, api_id=int64)
RequestLease = struct(_API + "RequestLease_", id=int64)
RequestPolicy = struct(_API + "RequestPolicy_", priority=int32, noreply=bool)
RequestHeader = struct(
    _API + "RequestHeader_", identity=RequestIdentity, lease=RequestLease, policy=RequestPolicy
)
Request = struct(_API + "Request_", header=RequestHeader, parameter=str, binary=sequence[uint8])
ResponseStatus = struct(_API + "ResponseStatus_", code=int32)
ResponseHeader = struct(_API + "ResponseHeader_", identity=RequestIdentity, status=ResponseStatus)
Response = struct(_API + "Response_", header=ResponseHeader, data=str, binary=sequence[uint8])


def hand_command(q: Array) -> Any:
    """A `HandCommand` for motors to go to q (n,) [rad]."""
    motors = [_MOTOR_COMMAND(hands.mode(k), float(one), 0.0, 0.0, 1.5, 0.2, 0) for k, one in enumerate(q)]
    return HandCommand(motors, [0] * 4)


def hand_state(q: Array) -> Any:
    """A `HandState` of motors at q (n,) [rad], at rest."""
    still = [
        _MOTOR_STATE(hands.mode(k), float(one), 0.0, 0.0, 0.0, [30, 30], 0.0, [0, 0], 0, [0] * 4)
        for k, one in enumerate(q)
    ]
    level = Imu([1.0, 0.0, 0.0, 0.0], [0.0] * 3, [0.0] * 3, [0.0] * 3, 30)
    return HandState(still, [], level, 0.0, 0.0, 0.0, 0.0, [0, 0], [0, 0])
