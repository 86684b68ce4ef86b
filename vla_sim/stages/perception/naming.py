"""What measured things are called, by a detector that is asked now and then and answers late.

A picture is sent when there are things in it; the answer's boxes are compared with where these were in that
picture, so that it does not matter where they are by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.asking import Asking
from vla_sim.stages.perception.detector_server import NamedBox, ServerError
from vla_sim.stages.perception.pose_estimator import Box
from vla_sim.stages.perception.tracker import Track

COVERS = 0.3
"""Least overlap (intersection over union) of a named box and a thing's: depth ends where the light does, so
half of a shiny thing may be missing."""
AGAIN = 1.0
"""[s] between two questions about things that have a name already; a thing without one is asked about at
once."""
PAUSE = 5.0
"""[s] without a question after one that failed."""


class Naming:
    """names: what the detector is asked for. threshold: least score that counts. say: takes a line when the
    detector fails, once until it works again."""

    def __init__(
        self, asking: Asking, names: Sequence[str], threshold: float, say: Callable[[str], object]
    ) -> None:
        self._asking, self._names, self.threshold, self._say = asking, list(names), threshold, say
        self._boxes: dict[int, Box] = {}
        self._asked = self._from = -math.inf
        self._failed = False

    def look(self, rgb: NDArray[np.uint8], tracks: Sequence[Track], stamp: float) -> None:
        """Name the tracks by an answer that has come, and ask about this picture if none is awaited.

        stamp: of the picture [s], in which the tracks were last seen that are in it.
        """
        back = stamp < self._asked  # time has begun anew
        if back:
            self._asked = self._from = -math.inf
        try:
            answer = self._asking.answer(math.inf if back else stamp)
            if answer is not None:
                self._failed = False
                self._name(answer["boxes"], tracks)
        except ServerError as error:
            if not self._failed:
                self._say(f"things get no names: {error}")
            self._failed, self._from = True, stamp + PAUSE
        seen = [one for one in tracks if one.standing and one.last_seen == stamp]
        new = any(not one.called for one in seen)
        if seen and not self._asking.busy and stamp >= self._from and (new or stamp >= self._asked + AGAIN):
            self._boxes = {one.track_id: one.box for one in seen}
            self._asked = stamp
            self._asking.ask({"image": rgb, "names": self._names}, stamp)

    def _name(self, boxes: Sequence[NamedBox], tracks: Sequence[Track]) -> None:
        names: dict[int, dict[str, float]] = {track_id: {} for track_id in self._boxes}
        for one in boxes:
            covers, best = max((overlap(one.box, box), track_id) for track_id, box in self._boxes.items())
            if one.score >= self.threshold and covers >= COVERS:
                names[best][one.name] = max(one.score, names[best].get(one.name, 0.0))
        for track in tracks:
            if track.track_id in names:
                track.call(names[track.track_id])

    def close(self) -> None:
        self._asking.close()


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes: left, top, right, bottom [px]."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
