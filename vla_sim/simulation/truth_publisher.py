"""The simulator's truth on /sim/ground_truth and /sim/contacts: for checks, reports and pictures alone."""

from collections.abc import Iterable
from typing import Any

from vla_sim.common.geometry import Array
from vla_sim.contract import topics
from vla_sim.contract.records import ContactPair, Contacts, GroundTruth, Point, Pose7
from vla_sim.ros.stage_node import StageNode
from vla_sim.simulation.simulator import Contact, Simulator, Truth
from vla_sim.stages.control.body_host import BodyHost

PERIOD = 0.04
"""Seconds; the contract asks for 20 Hz, this is the whole number of ticks next to it."""


class TruthPublisher:
    def __init__(self, node: StageNode[Any], simulator: Simulator, host: BodyHost) -> None:
        self._node, self._simulator, self._host = node, simulator, host
        self._contacts = ContactCollector()
        node.publish(topics.GROUND_TRUTH)
        node.publish(topics.CONTACTS)

    def tick(self, real_time_factor: float) -> None:
        self._contacts.add(self._simulator.contacts())
        if self._host.due(PERIOD, 2):
            now, joints = self._host.now(), self._host.state.joint_position
            record = ground_truth(self._simulator.truth(), joints, now, real_time_factor)
            self._node.send(topics.GROUND_TRUTH, record)
            self._node.send(topics.CONTACTS, self._contacts.take(now))


def ground_truth(truth: Truth, joints: Array, stamp: float, real_time_factor: float) -> GroundTruth:
    return GroundTruth(
        stamp=stamp, robot=_pose(truth.robot), fallen=bool(truth.fallen), clearance=float(truth.clearance),
        objects={name: _pose(pose) for name, pose in truth.objects.items()},
        tools={name: _point(position) for name, position in truth.tools.items()},
        real_time_factor=real_time_factor, joints=[round(float(q), 4) for q in joints],
        movers={name: _pose(pose) for name, pose in truth.movers.items()},
    )  # fmt: skip


class ContactCollector:
    """The strongest force of every pair that touched since the last `take`."""

    def __init__(self) -> None:
        self._force: dict[tuple[str, str], float] = {}

    def add(self, contacts: Iterable[Contact]) -> None:
        for one in contacts:
            pair = (one.a, one.b) if one.a <= one.b else (one.b, one.a)
            self._force[pair] = max(self._force.get(pair, 0.0), float(one.force))

    def take(self, stamp: float) -> Contacts:
        pairs = [ContactPair(a=a, b=b, force=force) for (a, b), force in sorted(self._force.items())]
        self._force = {}
        return Contacts(stamp=stamp, pairs=pairs)


def _pose(pose: Array) -> Pose7:
    x, y, z, qw, qx, qy, qz = (float(v) for v in pose)
    return (x, y, z, qw, qx, qy, qz)


def _point(position: Array) -> Point:
    x, y, z = (float(v) for v in position[:3])
    return (x, y, z)
