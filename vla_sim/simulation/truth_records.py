"""The simulator's truth as contract records."""

from __future__ import annotations

from collections.abc import Iterable

from vla_sim.contract.records import ContactPair, Contacts, GroundTruth, Point, Pose7
from vla_sim.simulation.simulator import Array, Contact, Truth


def ground_truth(truth: Truth, joints: Array, stamp: float, real_time_factor: float) -> GroundTruth:
    return GroundTruth(
        stamp=stamp,
        robot=_pose(truth.robot),
        objects={name: _pose(pose) for name, pose in truth.objects.items()},
        fallen=bool(truth.fallen),
        clearance=float(truth.clearance),
        tools={name: _point(position) for name, position in truth.tools.items()},
        real_time_factor=real_time_factor,
        joints=[round(float(q), 4) for q in joints],
        movers={name: _pose(pose) for name, pose in truth.movers.items()},
    )


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
