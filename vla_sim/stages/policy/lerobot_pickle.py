"""What LeRobot's asynchronous inference sends: pickles of its own classes and of PyTorch's tensors
(github.com/huggingface/lerobot, Apache-2.0: async_inference/helpers.py of 0.4 to 0.6), written and read
without either of the two.

A pickle names functions that its reader is to call. Ours knows four, which make numbers of bytes; whatever
else is named in it is refused.
"""

import collections
import io
import pickle
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.stages.policy.errors import PolicyError

MODULE = "lerobot.async_inference.helpers"
MOST = 1000
"""Actions of an answer, and numbers of an action."""
STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
"""PyTorch's names of what numbers are."""


def write(name: str, **fields: Any) -> bytes:
    """The pickle of an object of LeRobot's class `name` with these fields: the class by its name, made
    without a call, then the fields."""
    state = pickle.dumps(fields, protocol=3)  # the last one without frames, so that it can be taken apart
    begin = pickle.PROTO + bytes([3]) + pickle.GLOBAL + f"{MODULE}\n{name}\n".encode()
    return (
        begin + pickle.EMPTY_TUPLE + pickle.NEWOBJ
        + state[2:].removesuffix(pickle.STOP) + pickle.BUILD + pickle.STOP
    )  # fmt: skip


def actions(data: bytes) -> NDArray[Any]:
    """(n, numbers) of a pickled list of n timed actions. Raises `PolicyError` for anything else."""
    try:
        found = Reader(io.BytesIO(data)).load()
        rows = [one.action for one in found[:MOST]]
        if len(found) > MOST or any(row.ndim != 1 or len(row) > MOST for row in rows):
            raise ValueError(f"{len(found)} actions of shape {rows[0].shape}")
        return np.stack(rows).astype(np.float64)
    except Exception as error:  # pickles fail in every way
        raise PolicyError(f"sends what is no list of timed actions ({error!r})") from None


class TimedAction:
    """LeRobot's: an action with its time."""

    action: NDArray[Any]


class Reader(pickle.Unpickler):
    """Of pickles that hold nothing but plain data, timed actions and tensors."""

    def find_class(self, module: str, name: str) -> Any:
        found = KNOWN.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return found


class StorageReader(pickle.Unpickler):
    """Of what PyTorch says of the memory under a tensor: the kind of its numbers."""

    def find_class(self, module: str, name: str) -> Any:
        if module != "torch" or name not in STORAGES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return name

    def persistent_load(self, pid: Any) -> Any:
        return pid[1]


def storage(data: bytes) -> NDArray[Any]:
    """The numbers (n,) under a tensor, as PyTorch's `torch.save` writes them in its older format."""
    stream = io.BytesIO(data)
    for _ in range(3):  # a magic number, the format's version, sizes of C's types
        Reader(stream).load()
    kind = StorageReader(stream).load()
    Reader(stream).load()  # the name that it has there
    (count,) = struct.unpack("<q", stream.read(8))
    numbers = np.frombuffer(stream.read(), STORAGES[kind], count)
    if kind == "BFloat16Storage":  # the upper half of a float32
        return (numbers.astype("<u4") << 16).view("<f4")
    return numbers


def tensor(numbers: NDArray[Any], offset: int, shape: Any, strides: Any, *_: Any) -> NDArray[Any]:
    """The tensor of so many numbers from `offset` on, a step along an axis being so many of them."""
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if min((offset, *strides)) < 0 or min(shape, default=1) < 1 or last >= len(numbers):
        raise ValueError(f"a tensor of shape {shape} and strides {strides} in {len(numbers)} numbers")
    steps = [step * numbers.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)


KNOWN = {
    (MODULE, "TimedAction"): TimedAction,
    ("torch._utils", "_rebuild_tensor_v2"): tensor,
    ("torch.storage", "_load_from_bytes"): storage,
    ("collections", "OrderedDict"): collections.OrderedDict,
}
"""All that a pickle may name."""
