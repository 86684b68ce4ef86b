"""Colour and depth images of one instant: a driver may stamp them a few milliseconds apart. Which pairs are
looked at."""

import math
from typing import Any

MOST = 4
"""Images of a kind that wait for their partner."""


class ImagePairs:
    """lost: images that were given up without a partner.

    within [s]: most that the stamps of a pair differ. It belongs below half the cameras' period: of two
    candidates the nearer one is taken, and one that came first does not wait for a better one.
    """

    def __init__(self, within: float) -> None:
        self._within = within
        self._waiting: tuple[dict[float, Any], dict[float, Any]] = ({}, {})
        self.lost = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting))

    def color(self, stamp: float, image: Any) -> tuple[float, Any, Any] | None:
        """The pair that this colour image completes: the depth image's stamp, colour, depth."""
        found = self._partner(0, stamp, image)
        return None if found is None else (found[0], image, found[1])

    def depth(self, stamp: float, image: Any) -> tuple[float, Any, Any] | None:
        """Likewise of a depth image."""
        found = self._partner(1, stamp, image)
        return None if found is None else (stamp, found[1], image)

    def clear(self) -> None:
        """Forget all that waits."""
        for images in self._waiting:
            images.clear()

    def _partner(self, kind: int, stamp: float, image: Any) -> tuple[float, Any] | None:
        mine, theirs = self._waiting[kind], self._waiting[1 - kind]
        near = min(theirs, key=lambda other: abs(other - stamp), default=None)
        if near is not None and abs(near - stamp) <= self._within + 1e-9:
            return near, theirs.pop(near)
        mine[stamp] = image
        while len(mine) > MOST:
            mine.pop(next(iter(mine)))
            self.lost += 1
        return None


class ImageRate:
    """Which images to look at, so that it is a rate [Hz] on average. Each has a slot of a period in which it
    may come early or late: a camera at just this rate has jitter, and none of its images is one too many."""

    def __init__(self) -> None:
        self._last = self._due = -math.inf

    def takes(self, stamp: float, rate: float) -> bool:
        """Whether to look at the image of this stamp [s], at `rate` as it is now."""
        period = 1.0 / rate
        if stamp < self._last:  # time went back
            self._due = -math.inf
        self._last = stamp
        if stamp < self._due - 0.5 * period:
            return False
        self._due = period + (self._due if self._due > stamp - period else stamp)
        return True
