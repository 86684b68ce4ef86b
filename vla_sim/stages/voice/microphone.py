"""Whether anybody can be heard: what the flow of audio says of the microphone."""

STREAMS = 10.0
"""[s] of audio without a gap after which it comes from a microphone, not from a clip that is played."""
GAP = 2.0
"""[s] without audio after which a microphone has fallen silent; its packets come every 20 ms."""
ABSENT = 5.0
"""[s] for which no publisher of audio is there; at the start it may not have been found yet."""
NO_MICROPHONE = "nobody can be heard: nothing publishes audio"
SILENT = "nobody can be heard: the microphone has fallen silent"


class Microphone:
    """Times are of the steady clock [s]."""

    def __init__(self) -> None:
        self._began = 0.0
        self._last: float | None = None
        self._streams = False
        self._there: float | None = None
        """When a publisher was there last, or it was asked first."""

    def packet(self, now: float) -> None:
        """Audio came."""
        if self._last is None or now - self._last > GAP:
            self._began = now
        self._last = now
        self._streams = self._streams or now - self._began >= STREAMS

    def problem(self, now: float, publishers: int) -> str:
        """Why nobody can be heard; "" where all is well. publishers: of audio, that are there."""
        if publishers > 0 or self._there is None:
            self._there = now
        if now - self._there > ABSENT:
            return NO_MICROPHONE
        silent = self._last is not None and now - self._last > GAP
        return SILENT if self._streams and silent else ""
