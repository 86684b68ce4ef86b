"""How fast something that only grows is growing: counts into rates, one clock against another."""

from collections import deque

WINDOW = 5.0  # of x, over which the slope is taken
LEAST = 2.0  # a shorter stretch says nothing yet


class RateMeter:
    """Points (x, y) over the last `WINDOW` of x, such as (stamp [s], messages): a rate [Hz]."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()

    def add(self, x: float, y: float) -> None:
        """Take a point. Where x or y goes back (a node was started anew), it begins again."""
        points = self._points
        if points and (x < points[-1][0] or y < points[-1][1]):
            points.clear()
        if points and x == points[-1][0]:
            points[-1] = (x, y)
            return
        points.append((x, y))
        while len(points) > 2 and points[1][0] <= x - WINDOW:
            points.popleft()

    @property
    def span(self) -> float:
        return self._points[-1][0] - self._points[0][0] if self._points else 0.0

    @property
    def value(self) -> float | None:
        """None while too little was counted."""
        if self.span < LEAST:
            return None
        (x0, y0), (x1, y1) = self._points[0], self._points[-1]
        return (y1 - y0) / (x1 - x0)

    @property
    def resolution(self) -> float:
        """By how much a count may fall short, by where the window happens to begin and end."""
        return 1.0 / self.span if self.span > 0.0 else float("inf")
