"""One scenario, once: start everything, play the script, watch, judge, leave the record and its pictures."""

from __future__ import annotations

import math
import platform
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import psutil
from PIL import Image

import vla_sim
from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.common import assets
from vla_sim.common.errors import StackError, VlaSimError
from vla_sim.common.files import write_whole
from vla_sim.common.profiling import node_profile
from vla_sim.contract import budgets, records
from vla_sim.contract.records import Status
from vla_sim.monitor import health_report, journal, perfetto_trace
from vla_sim.scenario import judge
from vla_sim.scenario.added import added_models
from vla_sim.scenario.checks import DEFAULT, Given, Run, judge_all, outcome
from vla_sim.scenario.client import Client, ClientThread
from vla_sim.scenario.director import Director
from vla_sim.scenario.display import Display
from vla_sim.scenario.format import Action, Play, Say, Scenario
from vla_sim.scenario.hog import Hogs
from vla_sim.scenario.load import File
from vla_sim.scenario.record import CommandRecord, Event, LoadChange, Put, RunRecord, Shot, Usage
from vla_sim.scenario.recording import Picture, Recording, path_length, path_of
from vla_sim.scenario.replay import outside_views
from vla_sim.scenario.report import profile_report, run_picture
from vla_sim.stages.voice import audio
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Espeak, Hibari, Synthesiser
from vla_sim.world.derived_world import Worlds, derive, named
from vla_sim.world.semantic_map import World

READY_TIMEOUT = 240.0  # [s] wall: the first start on a machine compiles all kernels
STALL = 120.0  # [s] wall without simulated time going on
PICTURE_PERIOD = 6.0  # [s] simulated, besides one at the beginning of each step
LINE_PERIOD = 0.5  # [s] of the live line
USAGE_PERIOD = 1.0  # [s] wall
POLL = 0.05  # [s]
LOG_LINES = 40
MONITOR = "monitor"
"""Folder of the monitor's journal and reports, in the run's."""
PROFILE = "profile"
"""Folder of the nodes' profiles, in the run's."""
WORDS_PER_MINUTE = 160  # of espeak at speed 1


class Nodes(Protocol):
    """The running nodes of a run, whoever started them. names: of all. lockstep: whether the client takes
    turns with them."""

    lockstep: bool

    @property
    def names(self) -> tuple[str, ...]: ...

    def pids(self) -> list[int]: ...

    def check(self) -> None:
        """Raises `StackError` if one has ended by itself."""

    def kill(self, name: str) -> None: ...

    def freeze(self, name: str, stopped: bool) -> None: ...


@dataclass(frozen=True)
class RunOptions:
    """file: the scenario. stack: engine, seed, speed (0: lock-step), recogniser and so on; what the
    scenario says of the world and the displacements is put into it. again: the command that plays this run
    again."""

    file: File
    stack: StackOptions = field(default_factory=StackOptions)
    folder: Path = Path("runs/run")
    domain: int | None = None
    verbose: bool = False
    pictures: bool = True
    attempt: int = 1
    again: str = ""
    profile: str = ""
    """The tool by which every node is profiled; empty: none."""


def sounds(file: File, seed: int) -> dict[int, np.ndarray]:
    """Samples (n,) of whatever the script says or plays, by its place in it. Raises `InputError`."""
    heard = {k: sound(action, seed, file.path.parent) for k, action in enumerate(file.scenario.script)}
    return {k: samples for k, samples in heard.items() if samples is not None}


def sound(action: Action, seed: int, folder: Path) -> np.ndarray | None:
    """Samples (n,) of an action that is heard, None of any other. folder: where recordings are looked for.
    Raises `InputError`."""
    if isinstance(action, Say):
        return in_room(_voice(action, seed).speak(action.words), seed, noise_db=action.noise)
    if isinstance(action, Play):
        return in_room(audio.load(folder / Path(action.file).expanduser()), seed)
    return None


def _voice(action: Say, seed: int) -> Synthesiser:
    if action.voice == "hibari":
        return Hibari(speed=action.speed, seed=seed)
    rate = min(450, max(80, round(WORDS_PER_MINUTE * action.speed)))
    return Espeak(action.voice.partition(":")[2], rate)


def changed_world(scenario: Scenario, folder: Path) -> Worlds:
    """The scenario's world with its changes, in `folder`."""
    s = scenario.start
    return derive(
        scenario.world, folder, add=scenario.add, remove=scenario.remove, light=scenario.light,
        start=None if s is None else (s.x, s.y, s.yaw),
    )  # fmt: skip


def stack_options(scenario: Scenario, stack: StackOptions, folder: Path) -> StackOptions:
    """`stack` with the scenario's world, displacements, costs and pace in it."""
    worlds = changed_world(scenario, folder)
    r = scenario.randomise
    costs = " ".join(f"{name}={ms:g}" for name, ms in scenario.costs.items())
    return replace(
        stack, world=worlds.known, real_world="" if worlds.real == worlds.known else worlds.real,
        randomise_objects=r.objects, randomise_start=r.start,
        randomise_start_yaw=math.radians(r.start_yaw),
        compute=scenario.compute, costs=costs, speed=stack.speed or float(scenario.pace == "clock"),
        planner=scenario.planner if stack.planner == "rules" else stack.planner,
    )  # fmt: skip


def simulated_world(stack: StackOptions) -> Path:
    """The SDF file that the engine loads. Raises `InputError`."""
    return assets.find_world(stack.real_world or stack.world)


def run_once(options: RunOptions, display: Display) -> RunRecord:
    """Play, judge, and write `record.json` and `run.png` into the folder.

    Raises `InputError` for what the scenario asks in vain, `StackError` if a node dies or does not become
    ready; every process is ended in any case.
    """
    scenario = options.file.scenario
    stack = stack_options(scenario, options.stack, options.folder)
    if not stack.monitor_folder:
        stack = replace(stack, monitor_folder=str((options.folder / MONITOR).resolve()))
    options = replace(options, stack=stack)
    world = World.load(stack.world)
    heard = sounds(options.file, stack.seed)
    began = time.monotonic()
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    log: deque[str] = deque(maxlen=LOG_LINES)

    def echo(name: str, text: str) -> None:
        loud = "[ERROR]" in text or "[FATAL]" in text or text.startswith("error:")
        if loud or "[WARN]" in text:
            log.append(f"{name}: {text}")
        if options.verbose or loud:
            display.event(None, f"[{name}] {text}", "dim")

    profiles = options.folder / PROFILE
    running = Stack(
        stack, options.folder, domain=options.domain, echo=echo, guests=("scenario",),
        variables=node_profile.environment(options.profile, profiles) if options.profile else None,
    )  # fmt: skip
    try:
        with running, ClientThread(running.domain.id) as client:
            session = Session(options, running, client, world, display, heard)
            session.wait_until_ready()
            ready = time.monotonic() - began
            display.event(None, f"ready after {ready:.1f} s", "green")
            try:
                wall, simulated = session.play()
            finally:
                session.hogs.close()
            if not running.lockstep:
                time.sleep(0.1)  # the last records are still under way
    finally:  # also of a run that was interrupted
        if options.profile:
            profiled(profiles, running.names, display)
    record = make_record(options, world, session, started=started, ready=ready, wall=wall,
                         simulated=simulated, log=list(log))  # fmt: skip
    record = write(options, record, client.recording, world)
    if any(spec.observer for spec in running.specs):
        watched(options.folder / MONITOR, display)
    return record


def watched(folder: Path, display: Display) -> None:
    """Make of the monitor's journal what a person looks at. It is no part of the verdict: what goes wrong is
    said, and no more."""
    try:
        entries = journal.read(journal.find(folder))
        perfetto_trace.write(entries, folder / perfetto_trace.FILE)
        health_report.write(entries, folder)
    except VlaSimError as error:
        display.event(None, f"no report of the monitor: {error}", "yellow")


def profiled(folder: Path, nodes: tuple[str, ...], display: Display) -> None:
    """Make of the nodes' profiles what a person looks at, and show the longest."""
    try:
        found = profile_report.write(folder)
    except OSError as error:
        display.event(None, f"the profiles cannot be written to {folder}: {error.strerror}", "yellow")
        return
    missing = ", ".join(name for name in nodes if name not in found)
    if missing:
        display.event(None, f"no profile of {missing}: it did not end by itself", "yellow")
    if found:
        display.event(None, profile_report.summary(found))
        display.event(None, f"profiles: {folder / profile_report.REPORT}")


def warm_up(folder: Path, display: Display) -> float:
    """Start every node once, so that each compiles its kernels into the cache; the seconds it took."""
    began = time.monotonic()
    running = Stack(StackOptions(), folder)
    with running, ClientThread(running.domain.id) as client:
        wait_until_ready(running, client, display)
    return time.monotonic() - began


def wait_until_ready(running: Nodes, client: Client, display: Display) -> None:
    """Until every node runs and everyone who should hear another does. Raises `StackError`."""
    names = {*running.names, client.get_name()}
    deadline = time.monotonic() + READY_TIMEOUT
    while True:
        # In lock-step the first truth comes when all have met.
        missing = [] if running.lockstep else client.meetings.missing(names)
        if not missing and client.recording.truths:
            return
        waiting = ", ".join(missing[:8]) or "the engine's first state"
        if time.monotonic() > deadline:
            raise StackError(f"not ready after {READY_TIMEOUT:.0f} s; waiting for {waiting}")
        display.progress(f"starting: waiting for {waiting}")
        running.check()
        raise_failure(client)
        time.sleep(POLL)


def raise_failure(client: Client) -> None:
    """What went wrong in the client's thread, in the caller's."""
    if client.failure is not None:
        raise client.failure


class Standstill:
    """Watches that simulated time goes on."""

    def __init__(self) -> None:
        self._stamp, self._moved = -1.0, time.monotonic()

    def check(self, stamp: float) -> None:
        """Raises `StackError` once it has stood still for `STALL`. stamp: simulated time now [s]."""
        if stamp != self._stamp:
            self._stamp, self._moved = stamp, time.monotonic()
        elif time.monotonic() - self._moved > STALL:
            raise StackError(f"simulated time stands at {stamp:.2f} s since {STALL:.0f} s")


class Session:
    """The outside of a run while it goes on: watches the nodes, shows what happens, measures."""

    def __init__(
        self, options: RunOptions, running: Nodes, client: Client, world: World, display: Display,
        heard: dict[int, np.ndarray],
    ) -> None:  # fmt: skip
        self.options, self.stack, self.client, self.display = options, running, client, display
        self.world = world
        self.recording = client.recording
        if running.lockstep and options.stack.compute == "fixed":
            self.recording.latency_source = "modelled"
        self.pictured = 0.0
        self.events: list[Event] = []
        self._lined = self._used = 0.0
        self._cpu: dict[int, float] = {}
        self.hogs = Hogs()
        self._shown = {"load": 0, "status": 0, "said": 0, "safety": 0, "transcripts": 0}
        self._go = running.lockstep
        self._told: deque[str] = deque()
        self.director = Director(
            options.file.scenario, world, self.recording, self, heard, self._told.append, now=lambda: self._go
        )
        client.on_tick = self.tick

    def tick(self) -> None:
        """In the client's thread, every 20 ms."""
        self.director.tick()
        self.client.closed = self.director.over

    # What the director asks for, in the client's thread.

    def speak(self, samples: np.ndarray) -> None:
        self.client.speak(samples)

    def type(self, command_id: str, text: str) -> None:
        self.client.type(command_id, text)

    def disturb(self, what: records.Disturbance) -> None:
        self.client.disturb(what)

    def kill(self, node: str) -> None:
        self.stack.kill(node)

    def freeze(self, node: str, stopped: bool) -> None:
        self.stack.freeze(node, stopped)

    def hog(self, processes: int, nice: int, seconds: float) -> None:
        self.hogs.start(processes, nice, seconds / self.options.stack.speed)

    # In the caller's thread.

    def wait_until_ready(self) -> None:
        wait_until_ready(self.stack, self.client, self.display)

    def play(self, until: Callable[[], bool] | None = None) -> tuple[float, float]:
        """Until that is so, or the director says that it is over: seconds of the wall clock, seconds
        simulated. Raises `StackError` if simulated time stands still."""
        until = until or (lambda: self.director.over)
        self._go = True
        mark, standstill = (time.monotonic(), self.recording.stamp), Standstill()
        while not until():
            self.stack.check()
            raise_failure(self.client)
            if self.director.begin is not None:
                self._measure()
                self.show()
            standstill.check(self.recording.stamp)
            time.sleep(POLL)
        self.show()
        return time.monotonic() - mark[0], self.recording.stamp - mark[1]

    def _measure(self) -> None:
        """CPU and memory of all nodes."""
        now = time.monotonic()
        if now - self._used < USAGE_PERIOD:
            return
        cpu, memory = {}, 0.0
        for pid in self.stack.pids():
            try:
                seen = psutil.Process(pid)
                times = seen.cpu_times()
                cpu[pid] = times.user + times.system
                memory += seen.memory_info().rss / 1e6
            except psutil.Error:
                continue
        if self._used:
            spent = sum(v - self._cpu.get(pid, v) for pid, v in cpu.items())
            share = 100.0 * spent / (now - self._used)
            self.recording.usage.append(
                Usage(stamp=self._since(self.recording.stamp), cpu=share, memory=memory)
            )
        self._used, self._cpu = now, cpu

    def _since(self, stamp: float) -> float:
        return max(0.0, stamp - (self.director.begin or 0.0))

    def event(self, text: str, style: str = "", stamp: float | None = None) -> None:
        at = self._since(self.recording.stamp if stamp is None else stamp)
        self.events.append(Event(stamp=at, text=text))
        self.display.event(at, text, style)

    def show(self) -> None:
        """Print what is new, and rewrite the live line."""
        recording, shown = self.recording, self._shown
        while self._told:
            self.event(self._told.popleft(), "bold")
        for transcript in recording.transcripts[shown["transcripts"] :]:
            note = "" if transcript.complete else f" ({transcript.reason or 'incomplete'})"
            self.event(f'heard: "{transcript.text}"{note}')
            shown["transcripts"] += 1
        for marked in recording.statuses[shown["status"] :]:
            self._show_status(marked.status, marked.stamp)
            self.pictured = recording.stamp
            shown["status"] += 1
        for stamp, text in recording.said[shown["said"] :]:
            self.event(f'robot: "{text}"', "magenta", stamp)
            shown["said"] += 1
        for stamp, load in recording.loads[shown["load"] :]:
            if self.director.begin is not None:
                self.event(str(load), "yellow", stamp)
            shown["load"] += 1
        for stamp, level, reasons in recording.safety[shown["safety"] :]:
            if level in ("stopped", "estop") and stamp >= (self.director.begin or 0.0):
                self.event(f"safety: {level} ({reasons})", "yellow", stamp)
            shown["safety"] += 1
        truth = recording.truth
        if truth is None:
            return
        if recording.stamp - self.pictured > PICTURE_PERIOD:
            self.pictured = recording.stamp
            self.client.want_picture(recording.statuses[-1].status.skill if recording.statuses else "")
        if time.monotonic() - self._lined < LINE_PERIOD:
            return
        self._lined = time.monotonic()
        path = path_length(path_of(recording.truths))
        doing = recording.statuses[-1].status if recording.statuses else None
        what = f"{doing.skill} ({doing.step + 1}/{doing.steps})" if doing and doing.steps else "listening"
        self.display.progress(
            f"{self._since(recording.stamp):6.1f} s  {what}  walked {path:.1f} m  "
            f"nearest {truth.clearance:.2f} m  real-time factor {truth.real_time_factor:.2f}"
        )

    def _show_status(self, status: Status, stamp: float) -> None:
        if status.state == "running":
            self.event(f"{status.skill} (step {status.step + 1} of {status.steps})", "cyan", stamp)
        else:
            detail = f": {status.detail}" if status.detail else ""
            style = "green" if status.state == "succeeded" else ""
            self.event(f"{status.state}{detail}", style, stamp)


def make_record(
    options: RunOptions, world: World, session: Session, *, started: str, ready: float, wall: float,
    simulated: float, log: list[str],
) -> RunRecord:  # fmt: skip
    """Judge a recording."""
    recording, director = session.recording, session.director
    begin = director.begin or 0.0
    run = Run(world, recording, tuple(director.commands), begin)
    scenario = options.file.scenario
    checks = judge_all(run, scenario.expect or DEFAULT)
    for action in director.undone:
        name = f"{action.__struct_config__.tag} is done"
        checks.append(outcome(name, False, "the run was over before it was due"))
    reasons = [f"{c.name}: {c.detail}" for c in checks if not c.passed]
    commands = [_command_record(run, given) for given in director.commands]
    path = path_of(recording.truths)
    final = recording.final(commands[-1].command_id) if commands else None
    said = [text for stamp, text in recording.said if stamp >= begin]
    return RunRecord(
        command="; ".join(c.text for c in commands),
        heard=commands[0].heard if commands else "",
        spoken=any(c.spoken for c in commands),
        # not the file in the run's own folder, which adds to it what `added` tells of
        world=named(scenario.world) if scenario.script else options.stack.world, engine=options.stack.engine,
        seed=options.stack.seed, started=started, passed=not reasons, state=final.state if final else "",
        answer=said[-1] if said else "", reasons=reasons, checks=checks,
        stages=commands[0].stages if commands else [],
        total_ms=commands[0].total_ms if commands else None,
        total_limit_ms=budgets.TOTAL_BUDGET.limit, total_source=recording.latency_source,
        path_length=path_length(path),
        clearance=min((t.clearance for t in recording.truths), default=None),
        contacts=[msgspec.structs.replace(t, stamp=t.stamp - begin) for t in run.touches()],
        grasps=[
            judge.grasp(recording, world, s.object)
            for given in director.commands for s in given.steps
            if s.skill == "pick" and s.object is not None
        ],
        real_time_factor=simulated / wall if wall > 0 else 0.0, ready_seconds=ready,
        simulated_seconds=simulated, wall_seconds=wall,
        path=[(round(t - begin, 3), x, y) for t, x, y in path], events=session.events,
        versions=versions(), folder=str(options.folder), scenario=options.file.name,
        proves=scenario.proves, attempt=options.attempt, lockstep=session.stack.lockstep,
        commands=commands, near=[(round(t.stamp - begin, 3), t.clearance) for t in recording.truths[::5]],
        usage=recording.usage, log=log, again=options.again,
        objects={
            name: (pose[:3], recording.truths[-1].objects[name][:3])
            for name, pose in recording.truths[0].objects.items()
        },
        added=added_models(scenario, simulated_world(options.stack), recording.truths),
        load=[
            LoadChange(stamp=t - begin, level=one.level, name=one.name, cause=one.cause)
            for t, one in recording.loads
        ],
        puts=[Put(stamp=t - begin, object=name, to=to) for t, name, to in director.puts],
    )  # fmt: skip


def _command_record(run: Run, given: Given) -> CommandRecord:
    stages, total = run.latencies(given)
    final = run.recording.final(given.command_id) if given.command_id else None
    heard = next((t.text for t in run.recording.transcripts if t.command_id == given.command_id), "")
    return CommandRecord(
        text=given.text, command_id=given.command_id, spoken=given.spoken, given=given.stamp - run.begin,
        heard=heard, state=final.state if final else "", detail=final.detail if final else "",
        stages=stages, total_ms=total, total_source=run.recording.latency_source,
    )  # fmt: skip


def broken(options: RunOptions, error: Exception, started: str) -> RunRecord:
    """The record of a run that broke off: it did not pass, and says why."""
    why = str(error) or type(error).__name__
    return RunRecord(
        command="", heard="", spoken=False, world=options.file.scenario.world, engine=options.stack.engine,
        seed=options.stack.seed, started=started, passed=False, state="", answer="",
        reasons=[f"broke off: {why}"], checks=[],
        stages=[], total_ms=None, total_limit_ms=budgets.TOTAL_BUDGET.limit, path_length=0.0, clearance=None,
        contacts=[], grasps=[], real_time_factor=0.0, ready_seconds=0.0, simulated_seconds=0.0,
        wall_seconds=0.0, path=[], events=[], versions=versions(), folder=str(options.folder),
        scenario=options.file.name, proves=options.file.scenario.proves, attempt=options.attempt,
        lockstep=options.stack.speed == 0.0, error=why, again=options.again,
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


def write(options: RunOptions, record: RunRecord, recording: Recording, world: World) -> RunRecord:
    """`record.json`, `run.png` and `shots/` into the run's folder; a full disk is one clear error."""
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        if options.pictures:
            outside = outside_views(recording, World.load(str(simulated_world(options.stack))))
            run_picture.draw(recording, record, world, outside).save(options.folder / "run.png")
            begin = record_begin(recording)
            record = msgspec.structs.replace(record, shots=_shots(options.folder, recording, outside, begin))
        save_record(options.folder, record)
    except OSError as error:
        raise StackError(f"cannot write the run's record to {options.folder}: {error.strerror}") from None
    return record


def save_record(folder: Path, record: RunRecord) -> None:
    """`record.json`, whole or not at all: it is what tells that a run came to its end."""
    encoded = msgspec.json.format(msgspec.json.encode(record), indent=1)
    write_whole(folder / "record.json", encoded)


def record_begin(recording: Recording) -> float:
    """Stamp of the first command: where the kept truths begin."""
    return recording.truths[0].stamp if recording.truths else 0.0


def _shots(folder: Path, recording: Recording, outside: list[Picture], begin: float) -> list[Shot]:
    there = folder / "shots"
    there.mkdir(exist_ok=True)
    views = {p.stamp: p for p in outside}
    shots = []
    for k, seen in enumerate(recording.pictures):
        names = [f"shots/{k:02d}.jpg", f"shots/{k:02d}-outside.jpg" if seen.stamp in views else ""]
        Image.fromarray(seen.color).save(folder / names[0], quality=85)
        if names[1]:
            Image.fromarray(np.ascontiguousarray(views[seen.stamp].color)).save(folder / names[1], quality=85)
        shots.append(Shot(stamp=seen.stamp - begin, title=seen.title, file=names[0], outside=names[1]))
    return shots
