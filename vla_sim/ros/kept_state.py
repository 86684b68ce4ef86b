"""What a node remembers beyond its own end: a small file that lives as long as the run."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from vla_sim.common.files import write_whole

FOLDER = "VLA_SIM_KEPT"
"""Environment variable with the folder; set by what starts a node again when it has died. Without it nothing
is kept."""

S = TypeVar("S", bound=msgspec.Struct)


def _number(value: Any) -> Any:
    """Of numpy's types."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} cannot be kept")


class KeptState(Generic[S]):
    """decoder: of the node's record. warn: takes a line when it cannot be written or read."""

    def __init__(self, node: str, decoder: msgspec.json.Decoder[S], warn: Callable[[str], object]) -> None:
        folder = os.environ.get(FOLDER)
        self._path = Path(folder) / f"{node}.json" if folder else None
        self._decoder, self._warn = decoder, warn
        self._saved: S | None = None

    def load(self) -> S | None:
        """What was kept before the node was started again; None at its first start."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            return self._decoder.decode(self._path.read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            self._warn(f"what was kept in {self._path} cannot be read: {error}")
            return None

    def save(self, state: S) -> None:
        """Keep this instead of what was kept before."""
        if self._path is None or state == self._saved:
            return
        try:
            write_whole(self._path, msgspec.json.encode(state, enc_hook=_number))
            self._saved = state
        except OSError as error:
            self._warn(f"{self._path} cannot be written ({error.strerror}): a restart would forget it")
