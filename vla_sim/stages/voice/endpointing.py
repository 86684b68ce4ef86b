"""Where an utterance begins and ends in a stream of chunks."""

from dataclasses import dataclass, field
from typing import Literal

from vla_sim.stages.voice.audio import CHUNK_SECONDS
from vla_sim.stages.voice.vad import Activity

Edge = Literal["none", "begin", "end"]


@dataclass(frozen=True)
class Hangover:
    """Seconds of silence that end an utterance, by what has been understood so far.

    closed: a sentence that only "please" or a further command could follow, or a stop.
    complete: a sentence that could go on. open: anything else; people pause within a sentence.
    """

    closed: float = 0.14
    complete: float = 0.20
    open: float = 0.44


@dataclass
class Endpointer:
    """Chunk by chunk: `push` says whether an utterance begins or ends with this one.

    onset: loud chunks among the last `window` that make a beginning. longest [s] of an utterance.
    """

    onset: int = 3
    window: int = 5
    longest: float = 15.0
    active: bool = False
    chunks: int = 0
    """Since the beginning."""
    loud: int = 0
    speechlike: int = 0
    silence: float = 0.0
    """[s] since the last loud chunk."""
    _recent: list[Activity] = field(default_factory=list)

    def push(self, activity: Activity, hangover: float) -> Edge:
        """hangover: seconds of silence that end the utterance now."""
        if not self.active:
            self._recent = [*self._recent, activity][-self.window :]
            self.loud = sum(one.loud for one in self._recent)
            if self.loud < self.onset:
                return "none"
            self.active, self.chunks = True, len(self._recent)
            self.speechlike = sum(one.speechlike for one in self._recent)
            self.silence = 0.0
            return "begin"
        self.chunks += 1
        self.loud += activity.loud
        self.speechlike += activity.speechlike
        self.silence = 0.0 if activity.loud else self.silence + CHUNK_SECONDS
        if self.silence >= hangover - 1e-9 or self.chunks * CHUNK_SECONDS >= self.longest:
            self.reset()
            return "end"
        return "none"

    def reset(self) -> None:
        self.active = False
        self._recent.clear()
