"""What the robot knows of objects in advance: which kinds there are and how large, never where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.stages.perception.colour import COLOURS, VIVID, label_of
from vla_sim.stages.perception.solids import Solid, solid_of
from vla_sim.world.semantic_map import ObjectKind


@dataclass(frozen=True)
class ObjectModels:
    """solids: one for each kind and size. pairs: the (kind, colour) that exist; others may be seen but
    are less likely. colours: labels (len(COLOURS),) bool that are looked for: the vivid ones and those
    that an object has."""

    solids: tuple[Solid, ...]
    pairs: frozenset[tuple[str, str]]
    colours: NDArray[np.bool_]

    @staticmethod
    def of(objects: Iterable[ObjectKind]) -> ObjectModels:
        """The models of a world."""
        solids: dict[Solid, None] = {}
        pairs = set()
        colours = np.array([name in VIVID for name in COLOURS])
        for one in objects:
            solids[solid_of(one.kind, one.shape, one.size)] = None
            pairs.add((one.kind, one.colour))
            colours[label_of(one.colour)] = True
        return ObjectModels(tuple(solids), frozenset(pairs), colours)

    @staticmethod
    def household() -> ObjectModels:
        """Cup, ball, box and bottle of usual size, of any vivid colour: for a world that names none."""
        solids = (
            solid_of("cup", "cylinder", (0.068, 0.068, 0.10)),
            solid_of("ball", "sphere", (0.07, 0.07, 0.07)),
            solid_of("box", "box", (0.06, 0.06, 0.09)),
            solid_of("bottle", "cylinder", (0.06, 0.06, 0.18)),
        )
        return ObjectModels(solids, frozenset(), np.array([name in VIVID for name in COLOURS]))

    def unlikely(self, kind: str, colour: str) -> bool:
        """The world has no object of this kind and colour."""
        return bool(self.pairs) and (kind, colour) not in self.pairs
