"""The record of a run: judged, typed, whole on the disk or not there."""

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import msgspec

import vla_sim
from vla_sim.common import secrets
from vla_sim.common.cpu_share import BUSY, busy_words
from vla_sim.common.files import write_whole
from vla_sim.contract import budgets, faults
from vla_sim.contract.records import SILENT, GroundTruth, Point
from vla_sim.robot import facts
from vla_sim.scenario.checks.base import Run, outcome
from vla_sim.scenario.checks.registry import judge_all
from vla_sim.scenario.format import FaultAction, Scenario
from vla_sim.scenario.judge import grasp, latencies
from vla_sim.scenario.preparation import RunOptions
from vla_sim.scenario.record import (
    DECODER,
    RECORD,
    AddedModel,
    Check,
    CommandRecord,
    Event,
    FaultSpan,
    LoadChange,
    Outline,
    Put,
    RunRecord,
    Source,
)
from vla_sim.scenario.recording import Given, Recording, heading, path_length, path_of, position
from vla_sim.scenario.session import Session
from vla_sim.scenario.terminal import Lines
from vla_sim.world import occupancy_grid, world_file
from vla_sim.world.derived_world import model_name, named
from vla_sim.world.sdf import elements
from vla_sim.world.solids import solids_of


def make_record(session: Session) -> RunRecord:
    """Judge what was recorded."""
    prepared, recording, director = session.prepared, session.recording, session.director
    options, scenario = prepared.options, prepared.options.file.scenario
    begin = director.begin or 0.0
    run = Run(prepared.world, recording, tuple(director.commands), begin)
    checks = judge_all(run, scenario.expect)
    for action in director.undone:
        what = action.fault if isinstance(action, FaultAction) else action.__struct_config__.tag
        name = f"{what} is done"
        checks.append(outcome(name, False, "the run was over before it was due"))
    reasons = [f"{c.name}: {c.detail}" for c in checks if not c.passed]
    if reasons:
        reasons += silent(recording, options.folder)
    busy = crowded(recording.latency_source, session.others) if reasons else ""
    reasons = [*filter(None, [busy]), *reasons]
    unjudged = busy if all(c.passed or c.speed for c in checks) else ""
    commands = [_command_record(run, given) for given in director.commands]
    path = path_of(recording.truths)
    final = recording.final(commands[-1].command_id) if commands else None
    said = [text for stamp, text in recording.said if stamp >= begin]
    picks = [s for g in director.commands for s in recording.steps(g) if s.skill == "pick" and s.object]
    empty = _record(options, session.log.utc)
    return msgspec.structs.replace(
        empty,
        command="; ".join(c.text for c in commands),
        heard=commands[0].heard if commands else "",
        spoken=any(c.spoken for c in commands),
        # not the file in the run's own folder, which contains what `added` lists
        world=named(scenario.world) if scenario.script else options.stack.world,
        passed=not reasons, state=final.state if final else "",
        answer=said[-1] if said else "", reasons=reasons, checks=checks,
        stages=commands[0].stages if commands else [],
        total_ms=commands[0].total_ms if commands else None, total_source=recording.latency_source,
        path_length=path_length(path),
        clearance=min((t.clearance for t in recording.truths), default=None),
        contacts=[msgspec.structs.replace(t, stamp=t.stamp - begin) for t in run.touches()],
        grasps=[grasp(recording, prepared.world, s.object) for s in picks if s.object],
        real_time_factor=session.simulated / session.wall if session.wall > 0 else 0.0,
        ready_seconds=session.ready, simulated_seconds=session.simulated, wall_seconds=session.wall,
        path=[(round(t - begin, 3), x, y) for t, x, y in path],
        events=[
            Event(stamp=max(0.0, line.stamp - begin), text=line.text)
            for line in Lines(recording, session.deeds).new(begin)
        ],
        start=(*position(recording.truths[0]), heading(recording.truths[0])),
        lockstep=session.nodes.lockstep, commands=commands, others=session.others, unjudged=unjudged,
        near=[(round(t.stamp - begin, 3), t.clearance) for t in recording.truths[::5]],
        usage=recording.usage, log=list(session.log.lines),
        objects={
            name: (pose[:3], recording.truths[-1].objects[name][:3])
            for name, pose in recording.truths[0].objects.items()
        },
        added=added_models(scenario, prepared.simulated_world, recording.truths),
        load=[
            LoadChange(stamp=t - begin, level=one.level, name=one.name, cause=one.cause)
            for t, one in recording.loads
        ],
        faults=[
            FaultSpan(
                fault=s.fault, text=faults.words(s.fault), begin=s.begin - begin,
                end=None if s.end is None else s.end - begin,
            )
            for s in session.faults.spans
        ],
        puts=[Put(stamp=t - begin, object=name, to=to) for t, name, to in recording.puts],
    )  # fmt: skip


def silent(recording: Recording, folder: Path) -> list[str]:
    """Each node of which the robot said that it does not answer, with its log in the run's folder."""
    details = " ".join(marked.status.detail for marked in recording.statuses)
    logs = {node: f"logs/{node}.log" for node, words in SILENT.items() if words in details}
    return [f"{node} did not answer: see {log}" for node, log in logs.items() if (folder / log).is_file()]


def crowded(source: Source, others: float | None) -> str:
    """In words that others kept the machine busy, so that sound is lost and the robot stops, too; "" if times
    are modelled, or if others used little."""
    return busy_words(others) if source == "measured" and others is not None and others > BUSY else ""


def spoilt(checks: Sequence[Check], source: Source, others: float | None) -> str:
    """Whose fault it may be that one of these checks found the machine too slow, as `crowded` has it."""
    return crowded(source, others) if any(c.speed and not c.passed for c in checks) else ""


def _command_record(run: Run, given: Given) -> CommandRecord:
    stages, total = latencies(run.recording, given)
    final = run.recording.final(given.command_id) if given.command_id else None
    return CommandRecord(
        text=given.text, command_id=given.command_id, spoken=given.spoken, given=given.stamp - run.begin,
        heard=run.recording.heard(given.command_id), state=final.state if final else "",
        detail=final.detail if final else "", stages=stages, total_ms=total,
        total_source=run.recording.latency_source,
        judged_against="robot's plan" if given.means is None else "scenario",
    )  # fmt: skip


def broken(options: RunOptions, error: Exception, started: str) -> RunRecord:
    """The record of a run that broke off: it did not pass, and says why. started: UTC, ISO 8601."""
    why = str(error) or type(error).__name__
    return msgspec.structs.replace(_record(options, started), reasons=[f"broke off: {why}"], error=why)


def _record(options: RunOptions, started: str) -> RunRecord:
    """A record in which nothing was measured."""
    scenario, stack = options.file.scenario, options.stack
    return RunRecord(
        command="", heard="", spoken=False, world=scenario.world, engine=stack.engine, seed=stack.seed,
        robot=facts.NAME,
        started=started, passed=False, state="", answer="", reasons=[], checks=[], stages=[], total_ms=None,
        total_limit_ms=budgets.TOTAL_BUDGET.limit, path_length=0.0, clearance=None, contacts=[], grasps=[],
        real_time_factor=0.0, ready_seconds=0.0, simulated_seconds=0.0, wall_seconds=0.0, path=[], events=[],
        versions=versions(), folder=str(options.folder), scenario=options.file.name, proves=scenario.proves,
        attempt=options.attempt, lockstep=stack.speed == 0.0, again=options.again,
        reserved=options.reserved,
    )  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    found = {"vla_sim": vla_sim.__version__, "python": platform.python_version()}
    for name in ("mujoco", "numpy", "numba", "ros-jazzy-rclpy", "holosoma-inference", "pocketsphinx"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed by pip"
    return found


def save_record(folder: Path, record: RunRecord) -> RunRecord:
    """`record.json`, whole or not at all: it says that a run came to its end. The record without secrets."""
    data = secrets.strike(msgspec.json.encode(record).decode()).encode()
    write_whole(folder / RECORD, msgspec.json.format(data, indent=1))
    return DECODER.decode(data)


BELOW, ABOVE = -100.0, 100.0  # heights [m] between which everything lies


def added_models(scenario: Scenario, world: Path, truths: list[GroundTruth]) -> list[AddedModel]:
    """world: the SDF file that was simulated. truths: of the run, from its first command on."""
    if not scenario.add:
        return []
    models = {model.name: model for model in world_file.load(world).models}
    found = []
    for number, one in enumerate(scenario.add):
        name = model_name(one, number, world)
        if name in models:  # else the scenario took it away again
            found.append(AddedModel(
                name=one.name or one.model, x=one.x, y=one.y, mapped=one.mapped,
                outlines=_outlines(models[name]), walk=one.walk, track=_track(name, truths),
            ))  # fmt: skip
    return found


def _outlines(model: elements.Model) -> list[Outline]:
    shadows = (occupancy_grid.shadow(s, BELOW, ABOVE) for s in solids_of(model))
    return [
        Outline(corners=[(round(float(x), 3), round(float(y), 3)) for x, y in shadow[0]], radius=shadow[1])
        for shadow in shadows if shadow is not None
    ]  # fmt: skip


def _track(name: str, truths: list[GroundTruth], interval: float = 1.0) -> list[Point]:
    """(stamp since the first truth, x, y), about one every `interval` seconds."""
    track: list[Point] = []
    for truth in truths:
        since = truth.stamp - truths[0].stamp
        if name in truth.movers and (not track or since - track[-1][0] >= interval - 1e-6):
            x, y = truth.movers[name][:2]
            track.append((round(since, 3), round(x, 3), round(y, 3)))
    return track
