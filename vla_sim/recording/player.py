"""The node that gives turns where a recorded run is played to the stack again: it says what was recorded, in
the order in which it was said."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from vla_sim.common.params import StageParams
from vla_sim.contract import topics
from vla_sim.contract.topics import Topic
from vla_sim.recording import images
from vla_sim.recording.reader import Recorded, Recording
from vla_sim.ros.lockstep.conductor import Conductor
from vla_sim.ros.messages import decoded
from vla_sim.ros.stage_node import StageNode

NOT_PLAYED = (topics.TRACE, topics.DIAGNOSTICS, topics.TF, topics.TF_STATIC)
"""What no node of the stack acts on: what all of them say of themselves, and what is for other tools."""
TAIL = 1e-3
"""[s] for which the nodes go on after the last message: for what they were told at its time."""


class PlayerNode(StageNode[StageParams]):
    """Publishes all recorded topics but those that the replayed nodes publish themselves. Of a run in
    lock-step, each node gets each message in the turn in which it got it then."""

    conducts = True

    def __init__(self, recording: Recording, compute: str, costs: dict[str, float]) -> None:
        super().__init__("engine", StageParams)
        self._recording = recording
        self.execution.charge_as(compute, costs)
        self._topics: dict[str, Topic] = {}
        for topic in topics.TOPICS:
            recorded = {topic.name, topic.name + images.SUFFIX} & recording.types.keys()
            if recorded and topic not in NOT_PLAYED:
                self.publish(topic)
                self._topics |= dict.fromkeys(recorded, topic)

    def meet(self, alive: Callable[[], bool]) -> frozenset[str]:
        """Wait for the nodes; the topics that they publish. Raises `StackError`."""
        conductor = self._lockstep()
        conductor.meet(self.listeners, alive)
        seats = conductor.seats.values()
        return frozenset(itertools.chain.from_iterable(seat.publishes for seat in seats))

    def play(self, theirs: frozenset[str], went_on: Callable[[float], None]) -> None:
        """From the first to the last message. theirs: topics that are not played. went_on: called with each
        stamp [s]. Raises `StackError`."""
        conductor = self._lockstep()
        played = {name for name, topic in self._topics.items() if topic.name not in theirs}
        now = self._recording.start
        for stamp, said in itertools.groupby(self._recording.read(), lambda one: one.stamp):
            conductor.advance(now, stamp)
            waves = list(self._waves(said))
            if not any(one.topic == topics.CLOCK.name for one in waves[0]):
                # In the turn in which that was said, other nodes had one too.
                conductor.round(stamp)
            for wave in waves:
                for one in wave:
                    if one.topic in played:
                        self._say(one)
                conductor.round(stamp)
            now = stamp
            went_on(stamp)
        conductor.advance(now, now + TAIL)

    def _waves(self, said: Iterator[Recorded]) -> Iterator[list[Recorded]]:
        """What was said at one time, by the turns in which it was heard."""
        for _, wave in itertools.groupby(said, lambda one: one.turn):
            yield list(wave)

    def _say(self, one: Recorded) -> None:
        name = self._topics[one.topic].name
        said: Any = one.data
        if one.topic != name:
            said = images.decompressed(decoded("sensor_msgs/msg/CompressedImage", said))
        self.published[name].publish(said)

    def _lockstep(self) -> Conductor:
        assert isinstance(self.execution, Conductor)
        return self.execution
