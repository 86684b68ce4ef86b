"""When a device's samples were captured, by how many have come and when."""

from collections import deque

WINDOW = 10.0
"""[s] looked back: a device whose rate is off by 100 ppm is off by 1 ms until then."""


class SampleClock:
    """Samples come at one rate, and none before it was captured: the block that came soonest says when the
    first one was captured at the latest, also for blocks that wait for a busy machine. rate [Hz].

    What a device says itself of their age is not asked. PulseAudio works it out from a clock that runs on
    while its source gives nothing: of a null sink's first samples it says 0.56 s, and 0 only after 1.5 s of
    sound (PulseAudio 16.1). What each sample took to come here (Bluetooth) cannot be seen.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._count = 0
        self._begins: deque[tuple[float, float]] = deque()
        """When blocks came, and when the first sample of all was captured by them at the latest [s]; both
        ascend."""

    def begin(self, count: int, now: float, lost: bool = False) -> float:
        """When the first of `count` samples was captured that come at `now` [s]. lost: some were, before
        them."""
        if lost:
            self._begins.clear()
        before = self._count / self.rate
        self._count += count
        begin = now - self._count / self.rate
        while self._begins and self._begins[-1][1] >= begin:
            self._begins.pop()
        self._begins.append((now, begin))
        while self._begins[0][0] < now - WINDOW:
            self._begins.popleft()
        return self._begins[0][1] + before
