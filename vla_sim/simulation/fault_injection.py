"""Faults of the simulated robot: of its sensors, of the ROS clock, and of nodes in lock-step.

A sensor's fault changes its message on the way to its publisher; without one nothing stands in between.
"""

import copy
import math
import zlib
from array import array
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.contract.faults import KINDS, SENSORS, suspended
from vla_sim.contract.records import Fault
from vla_sim.ros.execution import CountedPublisher, Execution
from vla_sim.ros.messages import to_seconds


class SensorFault:
    """One fault of one topic of a sensor. now: [s] of a clock that does not jump."""

    def __init__(self, fault: Fault, topic: str, now: Callable[[], float]) -> None:
        self._fault, self._now, self._amount = fault, now, fault.amount or 0.0
        self._rng = np.random.default_rng([fault.seed, zlib.crc32(topic.encode())])
        self._began, self._sent = now(), -math.inf
        self._first: Any = None
        angle = self._rng.uniform(0.0, math.tau)
        self._direction = math.cos(angle), math.sin(angle)

    def pass_on(self, publish: Callable[[Any], None], message: Any) -> None:
        changed = self._changed(message)
        if changed is not None:
            publish(changed)

    def _changed(self, message: Any) -> Any:
        kind, now = self._fault.kind, self._now()
        if kind == "silent":
            return None
        if kind == "rate":
            at = to_seconds(message.header.stamp)  # the same of colour and depth, however late they are sent
            if abs(at - self._sent) < 1.0 / self._amount - 1e-6:
                return None
            self._sent = at
        elif kind == "stuck":
            if self._first is None:
                self._first = copy.deepcopy(message)
            self._first.header.stamp = message.header.stamp
            return self._first
        elif kind in ("drift", "jump"):
            way = self._amount * (now - self._began if kind == "drift" else 1.0)
            position = message.pose.pose.position
            position.x += way * self._direction[0]
            position.y += way * self._direction[1]
        else:
            change(message, partial(self._off, kind))
        return message

    def _off(self, kind: str, values: Array) -> Array:
        if kind == "nan":
            return np.full(values.shape, np.nan)
        if kind == "bias":
            return values + self._amount
        return values + self._amount * self._rng.standard_normal(values.shape)


def change(message: Any, how: Callable[[Array], Array]) -> None:
    """Change what a sensor measured, in its message. how: takes and returns the values (n,)."""
    if hasattr(message, "ranges"):
        message.ranges = array("f", how(np.array(message.ranges)).astype(np.float32).tobytes())
    elif hasattr(message, "pose"):
        p = message.pose.pose.position
        p.x, p.y = how(np.array([p.x, p.y])).tolist()
    elif hasattr(message, "angular_velocity"):
        v = message.angular_velocity
        v.x, v.y, v.z = how(np.array([v.x, v.y, v.z])).tolist()
    elif hasattr(message, "effort"):
        message.position = array("d", how(np.array(message.position)).tobytes())
    elif hasattr(message, "point_step"):
        points = np.frombuffer(message.data, np.float32)
        points[:] = how(points.astype(float))
    elif getattr(message, "encoding", "") == "32FC1":
        depth = np.frombuffer(message.data, np.float32)
        depth[:] = how(depth.astype(float))
    elif getattr(message, "encoding", "") == "rgb8":
        color = np.frombuffer(message.data, np.uint8)
        color[:] = np.clip(how(color.astype(float)), 0, 255)


class FaultInjection:
    """follow: the faults that are in force, at each change. now: [s] of a clock that does not jump. jump:
    sets the ROS clock ahead by so many seconds."""

    def __init__(
        self, publishers: dict[str, CountedPublisher], execution: Execution, now: Callable[[], float],
        jump: Callable[[float], None],
    ) -> None:  # fmt: skip
        self._publishers, self._execution, self._now, self._jump = publishers, execution, now, jump
        self._sensors: dict[tuple[Fault, str], SensorFault] = {}
        self._nodes: list[tuple[float, Fault]] = []
        self._ahead = 0.0

    def follow(self, faults: Iterable[Fault]) -> None:
        group: dict[str, list[Fault]] = {}
        for one in faults:
            if one.kind in KINDS:
                group.setdefault(KINDS[one.kind].group, []).append(one)
        self._sensors = {
            (one, topic.name): self._sensors.get((one, topic.name))
            or SensorFault(one, topic.name, self._now)
            for one in group.get("sensor", []) for topic in SENSORS[one.target]
        }  # fmt: skip
        for name, publisher in self._publishers.items():
            publisher.through = publisher.send
            for (_, topic), fault in self._sensors.items():
                if topic == name:
                    publisher.through = partial(fault.pass_on, publisher.through)
        ahead = sum(one.amount or 0.0 for one in group.get("clock", []))
        self._jump(ahead - self._ahead)
        self._ahead = ahead
        began = {one: since for since, one in self._nodes}
        self._nodes = [(began.get(one, self._now()), one) for one in group.get("process", [])]
        self.tick()

    def tick(self) -> None:
        """In lock-step, have nodes that are frozen, or slow and not in turn, take no turn. At the clock's
        pace whoever started the nodes stops their processes."""
        self._execution.freeze(suspended(self._nodes, self._now()))
