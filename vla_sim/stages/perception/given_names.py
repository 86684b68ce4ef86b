"""Names that things were given by showing ("this is my mug"), and what has such a name now.

A thing keeps its name while it is tracked. When its track is lost, the name goes to what looks alike: the
same kind and colour, and extents that are those it was shown with, in whatever pose it lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from vla_sim.contract.records import DetectedObject

ALIKE = (0.75, 1.25, 0.015)
"""Least and most of an extent that is measured of it, and a tolerance [m] for both."""
MOST = 50
"""Names that are kept, the newest."""


@dataclass(frozen=True)
class _Shown:
    """How it looked when it was named, and the track that has the name."""

    like: DetectedObject
    track_id: int


class GivenNames:
    """For one thread, but for `give`."""

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}
        self._seen: Sequence[DetectedObject] = ()

    def give(self, track_id: int, name: str) -> bool:
        """The object of this track is called so from now on; False if there is no such track."""
        like = next((one for one in self._seen if one.track_id == track_id), None)
        if like is None:
            return False
        others = [(old, one) for old, one in self._shown.items() if old != name and one.track_id != track_id]
        self._shown = {**dict(others[1 - MOST :]), name: _Shown(like, track_id)}
        return True

    def named(self, objects: Sequence[DetectedObject]) -> list[DetectedObject]:
        """The objects of one moment with the names that they have."""
        self._seen = objects
        names: dict[int, str] = {}
        tracked = {one.track_id for one in objects}
        for name, shown in list(self._shown.items()):
            if shown.track_id in tracked:
                names[shown.track_id] = name
                continue
            alike = [one for one in objects if one.track_id not in names and _is_alike(one, shown.like)]
            names |= {one.track_id: name for one in alike}
            if len(alike) == 1 and self._shown.get(name) is shown:
                self._shown = {**self._shown, name: _Shown(shown.like, alike[0].track_id)}
        return [
            msgspec.structs.replace(one, given_name=names[one.track_id]) if one.track_id in names else one
            for one in objects
        ]


def _is_alike(one: DetectedObject, shown: DetectedObject) -> bool:
    if (one.kind, one.colour) != (shown.kind, shown.colour):
        return False
    size, true = np.sort(one.size), np.sort(shown.size)
    low, high, slack = ALIKE
    return bool(((size > low * true - slack) & (size < high * true + slack)).all())
