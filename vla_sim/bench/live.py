"""Runs of the whole stack at the clock's pace: their records and what the monitor's journals say of them.

One run of short commands serves every benchmark that asks how the stack does while everything runs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vla_sim.bench.benchmark import Meter, Wrong, once
from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.errors import StackError
from vla_sim.contract import topics
from vla_sim.contract.records import MonitorState, NodeUsage, TraceEvent
from vla_sim.monitor import journal
from vla_sim.report.console import Console
from vla_sim.scenario.checks.commands import AsCommanded
from vla_sim.scenario.checks.motion import NoCollision, NoFall
from vla_sim.scenario.format import Say, Scenario, Type, When
from vla_sim.scenario.load import File
from vla_sim.scenario.preparation import RunOptions
from vla_sim.scenario.record import CommandRecord, RunRecord
from vla_sim.scenario.run import MONITOR, run_once
from vla_sim.scenario.terminal import Display

SHORT = (
    "Turn left 90 degrees", "Turn right 90 degrees", "Move forward 1 meter", "Turn left 45 degrees",
    "Turn right 45 degrees", "Move backward 1 meter", "Turn right 90 degrees", "Turn left 90 degrees",
)  # fmt: skip
"""Spoken one after the other, each when the one before is done."""
BURST = 10
"""Commands typed all at once after them."""
SETTLED = 5.0
"""[s] after the first command, from when on rates are taken: they are counted over so long."""


@dataclass(frozen=True)
class LiveRun:
    """record: judged from the simulator's truth. states: the monitor's, once a second, from `SETTLED` after
    the first command on. traces: of all commands."""

    record: RunRecord
    states: list[MonitorState]
    traces: list[TraceEvent]

    def rate(self, topic: topics.Topic) -> list[float]:
        """A topic's rate [Hz of the ROS clock], second by second."""
        return [s.rates[topic.name] for s in self.states if topic.name in s.rates]

    def nodes(self, name: str) -> list[NodeUsage]:
        return [n for s in self.states for n in s.nodes if n.node == name and n.cpu >= 0.0]

    def figure(self, name: str) -> str:
        """The last of a node's key figures, "node.name". Raises `Wrong` if it never reported it."""
        for state in reversed(self.states):
            if name in state.figures:
                return state.figures[name]
        raise Wrong(f"no node reported {name}")

    @property
    def spoken(self) -> list[CommandRecord]:
        return [c for c in self.record.commands if c.spoken]


def play(name: str, scenario: Scenario, folder: Path, seed: int) -> LiveRun:
    """Raises `VlaSimError` if the stack does not start or dies."""
    options = RunOptions(
        File(name, Path.cwd() / name, scenario), StackOptions(seed=seed, speed=1.0), folder, pictures="none"
    )
    with Display(Console(stderr=True), quiet=True) as display:
        record = run_once(options, display)
    entries = journal.read(journal.find(folder / MONITOR))
    traces = [e.record for e in entries if isinstance(e.record, TraceEvent)]
    begin = min((t.begin_mono for t in traces), default=0.0) + SETTLED
    states = [e.record for e in entries if isinstance(e.record, MonitorState) and e.mono >= begin]
    if not states:
        raise StackError(f"the monitor left nothing of the run in {folder}: look into its logs/monitor.log")
    return LiveRun(record, states, traces)


def short_commands() -> Scenario:
    script: list[object] = [
        Say(words=words, when=When(done=k, delay=0.5) if k else When(at=0.0)) for k, words in enumerate(SHORT)
    ]
    script += [Type(words="Wait 1 second", when=When(done=len(SHORT), delay=0.5))] * BURST
    return Scenario(
        version=1, proves="The stack does what is said while everything runs.", script=script, timeout=200.0,
        expect=[*(AsCommanded(command=k + 1) for k in range(len(SHORT))), NoFall(), NoCollision()],
    )  # fmt: skip


@once
def _short(folder: Path, seed: int) -> LiveRun:
    return play("short_commands", short_commands(), folder / f"short_commands-{seed}", seed)


def runs(meter: Meter) -> Iterator[LiveRun]:
    """Runs of short commands, as many as the meter asks for; each is played once in a suite."""
    for seed in range(meter.repeat):
        yield _short(meter.options.folder, seed)


def sampled(values: Callable[[LiveRun], Iterable[float]]) -> Callable[[Meter], None]:
    """The function of a benchmark whose samples are these values of each run of short commands."""

    def run(meter: Meter) -> None:
        for one in runs(meter):
            for value in values(one):
                meter.add(value)

    return run
