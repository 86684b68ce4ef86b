"""End to end: real speech into the whole stack at the pace of the clock. The chapter's four scenarios,
judged from the simulator's truth; and a run of short commands, for the latency of each stage, rates and the
machine's load while everything runs."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from vla_sim.bench import live
from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.contract import records
from vla_sim.contract.records import MonitorState
from vla_sim.scenario.checks.commands import AsCommanded, Heard
from vla_sim.scenario.checks.motion import NoCollision, NoFall
from vla_sim.scenario.format import Say, Scenario

SCENARIOS = {
    "cup": ("Go to kitchen and pick up cup", "high"),
    "forward": ("Move forward 2 meters", "low"),
    "charging": ("Navigate to charging station", "medium"),
    "ball": ("Find red ball and grasp it", "high"),
}


def scenario(meter: Meter, name: str, words: str) -> None:
    """A sample is the time from the end of speech to the first motion of a run that did what was said."""
    script = Scenario(
        version=1, proves="What was said is done.", script=[Say(words=words)],
        expect=[AsCommanded(), Heard(), NoFall(), NoCollision()],
    )  # fmt: skip
    for seed in range(meter.repeat):
        record = live.play(name, script, meter.options.folder / f"{name}-{seed}", seed).record
        if not record.passed or record.total_ms is None:
            meter.fault("; ".join(record.reasons) or "nothing moved")
        else:
            meter.add(record.total_ms)


def first_motion(meter: Meter) -> None:
    for run in live.runs(meter):
        if not run.record.passed:
            meter.fault("; ".join(run.record.reasons))
        for command in run.spoken:
            if command.total_ms is None:
                meter.fault(f'nothing moved after "{command.text}" ({command.detail or command.state})')
            else:
                meter.add(command.total_ms)


def command_rate(meter: Meter) -> None:
    """Commands that come all at once: from the first one's arrival to the last one's verdict."""
    for run in live.runs(meter):
        known = {c.command_id for c in run.record.commands if not c.spoken}
        begins = [t.begin_mono for t in run.traces if t.stage == "intent" and t.command_id in known]
        ends = sorted(t.end_mono for t in run.traces if t.stage == "safety" and t.command_id in known)
        if len(ends) < live.BURST:
            raise Wrong(f"{len(ends)} of {live.BURST} commands that came at once were answered")
        meter.add(live.BURST / (ends[live.BURST - 1] - min(begins)))


def cpu(run: live.LiveRun) -> list[float]:
    """Of all our nodes together, second by second."""
    cores = os.cpu_count() or 1
    return [sum(n.cpu for n in state.nodes if n.cpu >= 0.0) / cores for state in run.states]


def stage(run: live.LiveRun, name: str) -> list[float]:
    return [s.milliseconds for command in run.spoken for s in command.stages if s.stage == name]


def _live(name: str, what: str, run: Callable[[Meter], None], **more: Any) -> Benchmark:
    return Benchmark(f"end_to_end.{name}", what, run, repeat=1, quick=0, **more)


def _states(value: Callable[[MonitorState], float]) -> Callable[[Meter], None]:
    """Second by second."""
    return live.sampled(lambda run: [value(state) for state in run.states])


BENCHMARKS = (
    *(
        _live(f"scenario_{name}",
              f'"{words}" ({level} complexity): end of speech to first motion, where it is done',
              partial(scenario, name=name, words=words))
        for name, (words, level) in SCENARIOS.items()
    ),
    _live("first_motion", "short commands, one after the other: end of speech to first motion", first_motion),
    *(
        _live(name, f"share of stage {name} of short commands", live.sampled(partial(stage, name=name)))
        for name in records.STAGES
    ),
    _live("command_rate", "commands that come all at once: understood, planned and checked", command_rate,
          unit="1/s", better="high"),
    _live("pace", "simulated seconds a second while everything runs", _states(lambda s: s.real_time_factor),
          unit="×", better="high"),
    _live("cpu", "share of all cores that all nodes use", live.sampled(cpu), unit="%"),
    _live("memory", "share of the machine's memory in use", _states(lambda s: s.memory), unit="%"),
    _live("load", "level of `limits.LOAD_LEVELS` to which load is shed: 0 is nothing, from 2 on half of the "
          "images", _states(lambda s: s.load), unit="level"),
)  # fmt: skip
