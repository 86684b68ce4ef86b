"""Rendering beside the control loop: one thread owns the GL context and draws the newest snapshot."""

import threading
from collections.abc import Callable
from typing import Any

from vla_sim.robot.body import CameraFrame


class CameraThread:
    """Snapshots come in with `offer`; one that was not drawn when the next comes is dropped.

    render: draws a snapshot. deliver: gets each frame, in this thread. After an exception in either the
    thread ends and `error` says why.
    """

    def __init__(self, render: Callable[[Any], CameraFrame], deliver: Callable[[CameraFrame], None]) -> None:
        self.error: BaseException | None = None
        self.frames = 0
        self._render = render
        self._deliver = deliver
        self._ready = threading.Condition()
        self._snapshot: Any = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def offer(self, snapshot: Any) -> None:
        with self._ready:
            self._snapshot = snapshot
            self._ready.notify()

    def wait_for_frame(self, seconds: float) -> None:
        """Until the first frame has been delivered or drawing has failed, at most `seconds`."""
        with self._ready:
            self._ready.wait_for(lambda: self.frames or self.error, seconds)

    def close(self) -> None:
        """End the thread after the frame it is drawing. Idempotent."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        try:
            while True:
                with self._ready:
                    self._ready.wait_for(lambda: self._closed or self._snapshot is not None)
                    if self._closed:
                        return
                    snapshot, self._snapshot = self._snapshot, None
                frame = self._render(snapshot)
                if self._closed:
                    return
                self._deliver(frame)
                with self._ready:
                    self.frames += 1
                    self._ready.notify_all()
        except BaseException as error:
            with self._ready:
                self.error = error
                self._ready.notify_all()
