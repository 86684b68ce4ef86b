"""The table of faults: cases, each a fault in a phase of a job, and what came of them.

`fault_course` plays them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.table import Table

from vla_sim.bringup.node_table import STACK
from vla_sim.common.errors import InputError
from vla_sim.contract import faults
from vla_sim.contract.records import Fault, Record, Text
from vla_sim.report.text import number
from vla_sim.scenario.format import NODES as ALL_NODES

PHASES = {
    "hearing": "corridor", "planning": "corridor", "walking": "corridor", "grasping": "tabletop",
    "carrying": "tabletop",
}  # fmt: skip
"""Of a job, and the world in which each is played."""
NODES = tuple(spec.name for spec in STACK if spec.name != "engine" and not spec.observer)
"""The engine is the world itself, whose end no robot survives; observers do not run in lock-step."""
UNHEARD = "nobody listens"
"""The state in the result of a case whose topic no node listens to: nothing was played."""
SECONDS = 2.0
"""That a fault lasts."""


@dataclass(frozen=True)
class Case:
    """A fault in a phase. seed: of the fault."""

    phase: str
    kind: str
    target: str = ""
    at: str = ""
    seed: int = 0

    @property
    def name(self) -> str:
        fault = Fault(fault_id="x", kind=self.kind, target=self.target, at=self.at)
        return f"{self.phase}: {faults.words(fault)}"

    def fault(self, number: int) -> Fault:
        kind = faults.KINDS[self.kind]
        return faults.check(
            Fault(
                fault_id=f"case-{number}", kind=self.kind, target=self.target, at=self.at, seed=self.seed,
                seconds=SECONDS if kind.lasts else 0.0,
            ),
            ALL_NODES,
        )  # fmt: skip


class CaseResult(Record, frozen=True, kw_only=True):
    """What came of a case. state, said: the command's last state, with its words. safe: [s] from the fault's
    begin until legs and arms stood; null if they went on. recovery: [s] from its end until the robot moved
    again or the command had succeeded; null if it did neither. held: no fall, no collision, the command was
    answered, and the robot stood in time where it must. why: it did not hold. lockstep: else at the clock's
    pace, where dead nodes are started again."""

    case: Text
    phase: Text
    fault: Text
    engine: Text
    lockstep: bool
    held: bool
    why: Text = ""
    state: Text = ""
    said: Text = ""
    safe: float | None = None
    recovery: float | None = None
    unanswered: int = 0
    collisions: int = 0


def cases() -> list[Case]:
    """Every node killed, frozen and slow in every phase; every topic with every disturbance, every sensor
    with every fault, each pair of nodes parted, in the phase that it is for."""
    found = [
        Case(phase, kind, node)
        for phase in PHASES for kind in ("freeze", "kill", "slow") for node in NODES
    ]  # fmt: skip
    disturbances = [k.name for k in faults.KINDS.values() if k.group == "topic"]
    found += [Case(phase_of(topic), kind, topic) for topic in faults.TOPICS for kind in disturbances]
    found += [
        Case(phase, kind.name, sensor)
        for kind in faults.KINDS.values() if kind.group == "sensor"
        for sensor in faults.targets(kind, ())
        for phase in (("walking", "grasping") if sensor != "imu" else ("walking",))
    ]  # fmt: skip
    pairs = [(a, b) for i, a in enumerate(NODES) for b in NODES[i + 1 :]]
    return found + [Case("walking", "partition", a, b) for a, b in pairs]


def phase_of(topic: str) -> str:
    """The phase in which a topic matters."""
    if topic.startswith("/voice/"):
        return "hearing"
    if topic.startswith(("/manipulation", "/left_", "/right_", "/head_camera", "/joint", "/perception")):
        return "grasping"
    return "planning" if topic.startswith("/vla/") else "walking"


DECODER = msgspec.json.Decoder(CaseResult)


def read(path: Path) -> dict[str, CaseResult]:
    """Results by engine and case. Raises `InputError`."""
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
        found = [DECODER.decode(line) for line in lines]
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(
            f"{path}: no results of faults: {error}; give a file that vla-sim fault-table wrote, or a new one"
        ) from None
    return {key(one.engine, one.case): one for one in found}


def key(engine: str, case: str) -> str:
    return f"{engine} {case}"


def table(results: Iterable[CaseResult]) -> Table:
    """What came of each case."""
    out = Table(
        "case", "", "command", "to standing", "to recovery", "unanswered", "collisions", "why it broke"
    )
    for one in results:
        out.add_row(
            one.case, "held" if one.held else "BROKE", one.state, number(one.safe, 2, "s"),
            number(one.recovery, 2, "s"),
            str(one.unanswered), str(one.collisions), one.why,
        )  # fmt: skip
    return out
