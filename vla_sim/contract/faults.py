"""The table of faults: what can be broken on purpose, in a scenario (`faults:`) and on a running stack
(`vla-sim fault`)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from vla_sim.common.errors import InputError, nearest
from vla_sim.contract import topics
from vla_sim.contract.records import Fault

SLOW_PERIOD = 0.2
"""[s] in which a slow node has one turn."""
Group = Literal["process", "topic", "link", "sensor", "clock", "model", "machine"]

SENSORS: dict[str, tuple[topics.Topic, ...]] = {
    "lidar": (topics.SCAN, topics.POINTS),
    "odometry": (topics.ODOM,),
    "imu": (topics.IMU,),
    "joints": (topics.JOINT_STATES,),
    "camera": (topics.COLOR, topics.DEPTH, topics.CAMERA_INFO),
    "depth": (topics.DEPTH,),
}
"""What each sensor sends."""
UNITS = {
    "lidar": "m", "odometry": "m", "imu": "rad/s", "joints": "rad", "camera": "of 255", "depth": "m",
}  # fmt: skip
"""Of a sensor's bias and noise. Odometry: of its position; imu: of its angular velocity."""
TOPICS = tuple(t.name for t in topics.TOPICS if not t.truth and t is not topics.CLOCK)
"""Those that can be disturbed."""


@dataclass(frozen=True)
class FaultKind:
    """name, group: what is broken. does: to it, in words. amount: what the amount is, "" if there is none;
    usual, low, high: its default and range. targets: where not every one of its group can be. share: whether
    it may meet a share of the messages alone. lasts: whether it goes on until it is ended. lockstep: whether
    it can be in lock-step, where nothing depends on the machine and there is one clock."""

    name: str
    group: Group
    does: str
    amount: str = ""
    usual: float = 0.0
    low: float = 0.0
    high: float = 0.0
    targets: tuple[str, ...] = ()
    share: bool = False
    lasts: bool = True
    lockstep: bool = True


_NUMBERS = ("lidar", "odometry", "imu", "joints", "depth")
KINDS: dict[str, FaultKind] = {k.name: k for k in (
    FaultKind("kill", "process", "the node's process is ended without warning", lasts=False),
    FaultKind("freeze", "process", "the node's process is suspended"),
    FaultKind(
        "slow", "process", "the node's process is let work for a share of the time only, in turns of 0.2 s",
        "share of the time", 0.2, 0.01, 0.95,
    ),
    FaultKind("drop", "topic", "messages do not arrive", share=True),
    FaultKind("delay", "topic", "messages arrive later", "s", 0.3, 0.001, 60.0, share=True),
    FaultKind("duplicate", "topic", "messages arrive twice", share=True),
    FaultKind("reorder", "topic", "messages arrive after the one that follows them", share=True),
    FaultKind(
        "corrupt", "topic", "a value, some elements of an array or a piece of the text is another one",
        share=True,
    ),
    FaultKind(
        "partition", "link",
        "of two nodes neither hears the other; of a topic that more nodes publish, none of these",
    ),
    FaultKind("silent", "sensor", "it sends nothing", targets=tuple(SENSORS)),
    FaultKind("nan", "sensor", "it measures no numbers", targets=_NUMBERS),
    FaultKind("bias", "sensor", "what it measures is off", "unit of the sensor", 0.2, -1e4, 1e4),
    FaultKind("noise", "sensor", "what it measures is noisy", "standard deviation", 0.2, 0.0, 1e4),
    FaultKind("stuck", "sensor", "it sends the same values with new stamps"),
    FaultKind("rate", "sensor", "it sends no more often than this", "Hz", 2.0, 0.01, 1000.0),
    FaultKind("drift", "sensor", "its position slides away", "m/s", 0.1, -10.0, 10.0, ("odometry",)),
    FaultKind("jump", "sensor", "its position is elsewhere at once", "m", 0.5, -100.0, 100.0, ("odometry",)),
    FaultKind(
        "clock_jump", "clock", "the ROS clock is ahead by this, or behind", "s", -2.0, -3600.0, 3600.0,
        lockstep=False,
    ),
    FaultKind("llm_down", "model", "the language model's server cannot be reached"),
    FaultKind("llm_slow", "model", "its answer comes late", "s", 4.0, 0.0, 600.0),
    FaultKind("llm_lying", "model", "it answers with a plan for something else"),
    FaultKind("llm_hostile", "model", "it answers with orders, control characters, floods and nonsense"),
    FaultKind(
        "cpu", "machine", "other processes want the cores", "processes; 0: one a core", 0.0, 0.0, 64.0,
        lockstep=False,
    ),
    FaultKind("memory", "machine", "memory is taken", "MB", 500.0, 1.0, 1e6, lockstep=False),
    FaultKind("disk", "machine", "disk is taken", "MB", 500.0, 1.0, 1e6, lockstep=False),
    FaultKind("shared_memory", "machine", "shared memory is taken", "MB", 100.0, 1.0, 1e6, lockstep=False),
)}  # fmt: skip
"""By name."""


def targets(kind: FaultKind, nodes: Iterable[str]) -> tuple[str, ...]:
    """What it can break; () where it takes no target."""
    if kind.targets:
        return kind.targets
    if kind.group in ("process", "link"):
        return tuple(nodes)
    return {"topic": TOPICS, "sensor": tuple(SENSORS)}.get(kind.group, ())


def whom(kind: FaultKind) -> str:
    """What it can break, in words."""
    of = {"process": "a node", "topic": "a topic", "link": "two nodes", "model": "the language model"}
    if kind.group == "sensor":
        return ", ".join(targets(kind, ()))
    return of.get(kind.group, f"the {kind.group}")


def check(fault: Fault, nodes: Iterable[str]) -> Fault:
    """The fault with its usual amount where none is given. nodes: names of those that run. Raises
    `InputError` for what cannot be, with what was meant perhaps."""
    nodes = tuple(nodes)
    kind = KINDS.get(fault.kind)
    if kind is None:
        raise InputError(f"no fault is called {fault.kind!r}{nearest(fault.kind, KINDS)}")
    known = targets(kind, nodes)
    what = {"process": "node", "link": "node"}.get(kind.group, kind.group)
    if known and not fault.target:
        raise InputError(f"{kind.name} needs a {what}: one of {', '.join(known)}")
    if known and fault.target not in known:
        raise InputError(f"{kind.name}: no {what} is called {fault.target!r}{nearest(fault.target, known)}")
    if not known and fault.target:
        raise InputError(f"{kind.name} takes no target; got {fault.target!r}")
    if kind.group == "link" and (not fault.at or fault.at == fault.target):
        raise InputError(f"{kind.name} is between two nodes: say with at which other one")
    if fault.at and kind.group not in ("topic", "link"):
        raise InputError(f"{kind.name} takes no at; got {fault.at!r}")
    if fault.at and fault.at not in nodes:
        raise InputError(f"{kind.name}: no node is called {fault.at!r}{nearest(fault.at, nodes)}")
    if fault.share != 1.0 and not kind.share:
        raise InputError(f"{kind.name} takes no share; topic faults alone do")
    if fault.seconds and not kind.lasts:
        raise InputError(f"{kind.name} takes no seconds: it is done at once")
    if not kind.amount and fault.amount is not None:
        raise InputError(f"{kind.name} takes no amount; got {fault.amount:g}")
    amount = kind.usual if fault.amount is None else fault.amount
    if kind.amount and not kind.low <= amount <= kind.high:  # no number is in no range
        raise InputError(f"{kind.name}: amount {amount:g}; {kind.low:g} to {kind.high:g} is allowed")
    if not math.isfinite(fault.seconds):
        raise InputError(f"{kind.name}: seconds {fault.seconds:g}; a number from 0 is allowed")
    return msgspec.structs.replace(fault, amount=amount if kind.amount else None)


def suspended(active: Iterable[tuple[float, Fault]], now: float) -> set[str]:
    """The nodes that do not work now. active: faults with the time [s] of their beginning."""
    return {
        one.target for began, one in active
        if one.kind == "freeze"
        or (one.kind == "slow" and (now - began) % SLOW_PERIOD >= SLOW_PERIOD * (one.amount or 0.0))
    }  # fmt: skip


def words(fault: Fault) -> str:
    """A checked fault in a few words: "freeze navigation for 3 s", "drop /scan, 50 %"."""
    kind = KINDS[fault.kind]
    parts = [fault.kind.replace("_", " ")]
    if fault.target:
        parts.append(fault.target)
    if kind.group == "link":
        parts.append(f"from {fault.at}")
    elif fault.at:
        parts.append(f"at {fault.at}")
    text = " ".join(parts)
    if fault.amount is not None:
        unit = UNITS.get(fault.target, "") if fault.kind in ("bias", "noise") else kind.amount.split(";")[0]
        text += f", {fault.amount:g} {unit}"
    if fault.share != 1.0:
        text += f", {100 * fault.share:g} %"
    return text + (f" for {fault.seconds:g} s" if fault.seconds else "")
