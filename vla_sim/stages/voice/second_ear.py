"""The free recogniser beside the grammar's: begun in a pause, asked at the end, given up in time."""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late

import numpy as np

from vla_sim.common import clock
from vla_sim.stages.voice.audio import Samples
from vla_sim.stages.voice.recogniser import FreeRecogniser, Recognition
from vla_sim.stages.voice.two_ears import Witness


class SecondEar:
    """witness: the grammar's ear. budget [s]: from the end of the speech, for an answer; without one the
    grammar's ear is alone."""

    def __init__(self, recogniser: FreeRecogniser, witness: Witness, budget: float = 1.0) -> None:
        self.recogniser, self.witness, self.budget = recogniser, witness, budget
        self._thread = ThreadPoolExecutor(1, "second ear")
        self._begun: Future[Recognition] | None = None
        self._charged = 0.0

    @property
    def begun(self) -> bool:
        """Whether it has all that was said so far."""
        return self._begun is not None

    def begin(self, heard: list[Samples]) -> None:
        """Somebody has paused: this may be all. In lock-step work is done when its answer is asked for."""
        if not clock.lockstep():
            self._begun = self._submit(heard)

    def forget(self) -> None:
        """It was not all, or is another utterance: what is still being heard is nobody's answer."""
        if self._begun is not None:
            self._begun.cancel()
            self._begun = None

    def hear(self, heard: list[Samples], silence: float) -> Recognition:
        """Of the whole utterance. silence [s]: since its words ended. Without text where no answer comes in
        time."""
        left = max(0.0, self.budget - silence)
        if clock.lockstep():
            started = time.perf_counter()
            found = self._transcribe(np.concatenate(heard))
            spent = time.perf_counter() - started
            self._charged += spent
            late = clock.charge("hearing", spent, left) > left
            return Recognition("", 0.0) if late else found
        asked = self._begun or self._submit(heard)
        try:
            return asked.result(left)
        except Late:
            asked.cancel()
            return Recognition("", 0.0)
        finally:
            self._begun = None

    def _submit(self, heard: list[Samples]) -> Future[Recognition]:
        return self._thread.submit(self._transcribe, np.concatenate(heard))

    def _transcribe(self, sound: Samples) -> Recognition:
        try:
            return self.recogniser.transcribe(sound)
        except Exception:  # what the other ear heard is answered all the same
            logging.getLogger(__name__).exception("the free recogniser failed")
            return Recognition("", 0.0)

    def charged(self) -> float:
        """Seconds of this process that were charged as "hearing" since this was asked last."""
        charged, self._charged = self._charged, 0.0
        return charged

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
