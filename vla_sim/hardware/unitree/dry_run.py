"""What a driver would send, in words, where nothing is sent."""

import time
from collections.abc import Callable
from typing import Any

from vla_sim.hardware.unitree.wire import ARM_SDK_WEIGHT, JOINTS, LowCommand
from vla_sim.robot import facts

SAY_PERIOD = 1.0
"""[s] between two lines about one topic."""


class DryRun:
    """Called with each sample in place of sending it. say: takes a line. clock: steady seconds."""

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._since: dict[str, tuple[float, int]] = {}
        """When a topic was spoken of last, and how many samples it has had since."""

    def __call__(self, topic: str, sample: Any) -> None:
        now = self._clock()
        said, count = self._since.get(topic, (-SAY_PERIOD, 0))
        if now - said < SAY_PERIOD:
            self._since[topic] = said, count + 1
            return
        self._since[topic] = now, 0
        times = f", {count} since the last line" if count else ""
        self._say(f"would send {topic}{times}: {words(sample)}")


def words(sample: Any) -> str:
    """Joints [rad] with a stiffness, or a request's number and parameter, or the motors of a hand [rad]."""
    body = getattr(sample, "body", None)
    if isinstance(body, LowCommand):
        weight = float(body.motors["q"][ARM_SDK_WEIGHT])
        moved = [
            f"{joint.removesuffix('_joint')} {m['q']:.2f}"
            for joint, m in zip(facts.BODY_JOINTS, body.motors[:JOINTS], strict=True) if m["kp"] > 0.0
        ]  # fmt: skip
        share = f"weight {weight:.2f}; " if weight else ""
        return share + (", ".join(moved) or f"damping {body.motors['kd'][:JOINTS].max():.0f}")
    if hasattr(sample, "header"):
        return f"{sample.header.identity.api_id} {sample.parameter}"
    return ", ".join(f"{motor.q:.2f}" for motor in sample.motor_cmd)
