"""Arrays in MessagePack, as openpi's servers and clients write them: a map with the keys `__ndarray__`,
`data`, `dtype` and `shape`, all of them byte strings (openpi_client/msgpack_numpy.py, Apache-2.0).
"""

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vla_sim.stages.policy.errors import PolicyError

KINDS = "biuf"
"""Of arrays that are read: truth values and numbers, nothing that would need pickle."""


def _write(value: Any) -> Any:
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    if isinstance(value, np.ndarray) and value.dtype.kind in KINDS:
        return {
            b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape,
        }  # fmt: skip
    raise TypeError(f"a {type(value).__name__} cannot be sent to a policy")


encode = msgspec.msgpack.Encoder(enc_hook=_write).encode
"""Of dictionaries, lists, texts, numbers and arrays."""
_decode = msgspec.msgpack.Decoder().decode


def decode(data: bytes) -> Any:
    """What `encode` wrote. Raises `PolicyError` for anything else."""
    try:
        return _read(_decode(data))
    except Exception as error:  # what says of which kind an array is fails in every way
        raise PolicyError(f"it is no MessagePack with arrays ({error!r})") from None


def numbers(data: bytes, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The array in these bytes. Raises `ValueError` unless they fill it, and for what is no number."""
    if kind.kind not in KINDS or len(data) != math.prod(shape) * kind.itemsize:
        raise ValueError(f"an array of {kind} and shape {shape} in {len(data)} bytes")
    return np.frombuffer(data, kind).reshape(shape)


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(one) for one in value]
    if not isinstance(value, dict):
        return value
    if b"__ndarray__" in value:
        return numbers(value[b"data"], np.dtype(value[b"dtype"]), tuple(value[b"shape"]))
    if b"__npgeneric__" in value:
        kind = np.dtype(value[b"dtype"])
        if kind.kind not in KINDS:
            raise ValueError(f"a number of {kind}")
        return kind.type(value[b"data"])
    return {key: _read(one) for key, one in value.items()}
