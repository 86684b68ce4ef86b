"""The world of a recorded run."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vla_sim.common.errors import SdfError
from vla_sim.recording.about import KNOWN, REAL
from vla_sim.recording.reader import Recording
from vla_sim.world.semantic_map import World


@contextmanager
def world_of(recording: Recording, *, simulated: bool = False) -> Iterator[World]:
    """The world that the robot knew, or the one that was simulated: as it is attached to the recording, in a
    file that is there as long as this lasts; else by its name. Raises `InputError`, `SdfError`."""
    texts = [recording.attachment(name) for name in ((REAL, KNOWN) if simulated else (KNOWN,))]
    with tempfile.TemporaryDirectory(prefix="vla_sim-") as folder:
        file = Path(folder) / KNOWN
        attached = (_loaded(text, file) for text in texts if text is not None)
        yield next(filter(None, attached), None) or World.load(recording.about.world)


def _loaded(text: bytes, file: Path) -> World | None:
    """None for one that needs files beside it."""
    file.write_bytes(text)
    try:
        return World.load(str(file))
    except SdfError:
        return None
