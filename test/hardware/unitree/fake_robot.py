"""What stands, says so on `rt/lowstate`, and counts what it is sent: a process beside a test.

    python fake_robot.py DOMAIN

When its standard input ends it prints as JSON what it heard by topic, and whom it saw writing.
"""

import json
import select
import sys
import time

from cyclonedds.builtin import BuiltinDataReader, BuiltinTopicDcpsPublication

from vla_sim.hardware.unitree import dds_types
from vla_sim.hardware.unitree.dds import Bus, serve
from vla_sim.hardware.unitree.services import CHECK_MODE, OK, Service
from vla_sim.hardware.unitree.wire import JOINTS, LowState
from vla_sim.robot import facts

KINDS = {
    "rt/lowcmd": dds_types.LowCommand,
    "rt/arm_sdk": dds_types.LowCommand,
    "rt/dex3/left/cmd": dds_types.HandCommand,
    "rt/dex3/right/cmd": dds_types.HandCommand,
    "rt/api/sport/request": dds_types.Request,
    "rt/api/motion_switcher/request": dds_types.Request,
}


class Nobody(Service):
    """Nobody has the motors."""

    name, version = "motion_switcher", "1.0.0.1"

    def __init__(self):
        super().__init__(print)
        self.handlers = {CHECK_MODE: lambda _: (OK, {"form": "0", "name": ""})}


def main():
    bus = Bus("lo", int(sys.argv[1]))
    readers = {topic: bus.reader(topic, kind) for topic, kind in KINDS.items()}
    writers = BuiltinDataReader(bus._participant, BuiltinTopicDcpsPublication)
    answer = serve(bus, Nobody())
    send = bus.writer("rt/lowstate", dds_types.LowState)
    state = LowState()
    state.mode_machine = 5
    state.imu[0] = 1.0
    state.motors["q"][:JOINTS] = facts.DEFAULT_POSE[:JOINTS]
    heard, seen, began = dict.fromkeys(KINDS, 0), set(), time.monotonic()
    while not (select.select([0], [], [], 0.005)[0] and not sys.stdin.buffer.read1()):
        for k in (1, 2):  # two at once, as from a robot that is twice as fast as its driver looks
            state.tick = 2 * round(500.0 * (time.monotonic() - began)) + k
            state.seal()
            send(dds_types.LowState.of(state))
        answer()
        for topic, take in readers.items():
            heard[topic] += len(take())
        seen |= {one.topic_name for one in writers.take(100) if hasattr(one, "topic_name")}
    print(json.dumps({"heard": heard, "writers": sorted(seen & set(KINDS))}))


if __name__ == "__main__":
    main()
