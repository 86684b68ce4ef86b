"""Runs the stack for hours with commands repeated, and watches every process's memory."""

import itertools
import math
import os
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
import psutil
from rich.table import Column, Table

from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.common.errors import InputError, StackError
from vla_sim.common.files import write_whole, writing
from vla_sim.contract import faults, topics
from vla_sim.contract.records import Disturbance, Fault, GroundTruth, Pose7
from vla_sim.monitor.memory_growth import WARM, Growth, Sample, judge, measure
from vla_sim.report.curves import Panel, stacked
from vla_sim.report.page import standalone
from vla_sim.robot import facts
from vla_sim.scenario.client import Client, ClientThread
from vla_sim.scenario.fault_host import FaultHost
from vla_sim.scenario.format import NODES
from vla_sim.scenario.judge import forbidden_contacts
from vla_sim.scenario.recording import heading
from vla_sim.scenario.session import Standstill, raise_failure, wait_until_ready
from vla_sim.scenario.terminal import Display
from vla_sim.stages.executive.skill_context import SEARCH_TIME
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Hibari
from vla_sim.world.semantic_map import World

COMMANDS = (
    "go to the kitchen and pick up the red cup",
    "put it on the kitchen counter",
    "go to the living room",
    "turn left 90 degrees",
    "what do you see",
    "find the red ball",
    "sing me a song about tea",
    "go to the charging station",
)
"""One round in the apartment: every skill, a question, and words that mean nothing to the robot."""
RECENT = 20.0  # [s] for which what was broken may be why
COMMAND_TIMEOUT = 2.0 * SEARCH_TIME
"""[s] simulated for one command, the longest of which searches for a thing, takes it and carries it; then
"stop" is typed, and the next one follows."""
TRANSCRIPT_TIMEOUT = 20.0  # [s] simulated from the beginning of speech until it counts as unheard
REST = 1.0  # [s] simulated between two commands
FALLEN, ROOM = 0.3, 0.15
"""[m] below its first place at which a thing lies out of reach, and around that at which it is taken."""
POLL = 0.2
WAY = 50
"""Ticks before a touch of which it is noted where the robot was."""
SAMPLES, REPORT, PLOT = "soak.jsonl", "soak.json", "soak.svg"


@dataclass(frozen=True)
class SoakOptions:
    """seconds: how long [s, wall]. every: between samples [s]. limit, least: of `memory_growth.judge`.
    faults: whether something is broken at random all the time."""

    stack: StackOptions = field(default_factory=StackOptions)
    folder: Path = Path("runs/soak")
    seconds: float = 3600.0
    every: float = 10.0
    limit: float = 10.0
    least: float = 4.0
    commands: tuple[str, ...] = COMMANDS
    domain: int | None = None
    faults: bool = False


class Soak(msgspec.Struct, frozen=True):
    """`soak.json`. commands: how many ended in which state ("unheard", "late" too). simulated: seconds.
    reasons: why it did not pass."""

    seconds: float
    simulated: float
    limit: float
    least: float
    commands: dict[str, int]
    growth: list[Growth]
    reasons: list[str]
    faults: dict[str, int] = {}
    """How many there were of each kind."""
    collisions: list[str] = []

    @property
    def passed(self) -> bool:
        return not self.reasons


class Rounds:
    """Gives one command after the other, in turn spoken and typed. `tick` runs in the client's thread. The
    client's recording is cleared after each command, since otherwise it would be what grows."""

    def __init__(
        self, client: Client, commands: Sequence[str], seed: int, takes: Iterable[str] = (),
        broken: Callable[[], str] = lambda: "", note: Callable[[str], object] = lambda _: None,
    ) -> None:  # fmt: skip
        """takes: names of the objects that a gripper may touch. broken: what is broken now, in words. note:
        takes a line for each command, answer and failure."""
        voice = Hibari(seed=seed)
        self._client, self._takes, self._broken, self._note = client, set(takes), broken, note
        self._commands = itertools.cycle(
            (text, in_room(voice.speak(text), seed) if k % 2 == 0 else None)
            for k, text in enumerate((*commands, *commands) if len(commands) % 2 else commands)
        )
        self._number = 0
        self._id = ""
        self._due = self._began = client.now() + REST
        self._busy = False
        self._touched: set[tuple[str, str]] = set()
        self.ended: Counter[str] = Counter()
        self.collisions: list[str] = []
        """What the robot touched that no command may have asked for, and when."""
        self.unanswered: list[str] = []
        self.failures: list[str] = []
        """Both, in the order in which they came."""
        self.doing = ""
        self.fallen = False
        self._first: dict[str, Pose7] = {}
        self._way: deque[GroundTruth] = deque(maxlen=WAY)

    def tick(self) -> None:
        now, recording = self._client.now(), self._client.recording
        self.fallen = self.fallen or (recording.truth is not None and recording.truth.fallen)
        del recording.truths[:-1]  # those of a command that takes minutes would be what grows
        self._way.extend(recording.truths)
        for touch in forbidden_contacts(recording, self._takes):
            if (touch.a, touch.b) not in self._touched:
                self._touched.add((touch.a, touch.b))
                words = f"{touch.a} touched {touch.b} at {touch.stamp:.1f} s with {touch.force:.0f} N"
                self._fail(self.collisions, f"{words}: {self.doing}{self._broken()}")
                self._note(f"way to it (s: m, m, degrees): {self._walked()}; {self._held()}")
        if not self._busy:
            if now >= self._due:
                self._give(now)
            return
        if not self._id and recording.transcripts:
            self._id = recording.transcripts[-1].command_id
        final = recording.final(self._id) if self._id else None
        if final is not None:
            self._end(final.state, now)
        elif not self._id and now > self._began + TRANSCRIPT_TIMEOUT:
            self._end("unheard", now)
        elif now > self._began + COMMAND_TIMEOUT:
            self._client.type(f"soak-stop-{self._number}", "stop")
            told = f"{self.doing}, given at {self._began:.1f} s{self._last_heard()}{self._broken()}"
            self._fail(self.unanswered, told)
            self._end("late", now)

    def _walked(self) -> str:
        """Where the robot was."""
        return ", ".join(
            f"{one.stamp:.1f}: {one.robot[0]:.2f} {one.robot[1]:.2f} {math.degrees(heading(one)):.0f}"
            for one in self._way
        )

    def _held(self) -> str:
        """How its arms are, in radians from the shoulder on."""
        joints = np.array(self._way[-1].joints)
        return "; ".join(f"{side} arm {joints[i].round(2).tolist()}" for side, i in facts.ARM_INDEX.items())

    def _fail(self, of: list[str], text: str) -> None:
        of.append(text)
        self.failures.append(text)
        self._note(f"failure: {text}")

    def _put_back(self) -> None:
        """What fell down, since nothing could be done with it for the rest of the soak."""
        truth = self._client.recording.truth
        if truth is None:
            return
        self._first = self._first or truth.objects
        for name, first in self._first.items():
            others = (pose[:3] for other, pose in truth.objects.items() if other != name)
            if truth.objects[name][2] < first[2] - FALLEN and all(
                math.dist(p, first[:3]) > ROOM for p in others
            ):
                self._client.send(topics.DISTURB, Disturbance(name=name, pose=first))
                self._note(f"put back: {name}")

    def _give(self, now: float) -> None:
        self._put_back()
        self.doing, samples = next(self._commands)
        self._number += 1
        self._touched.clear()
        self._began, self._busy, self._id = now, True, ""
        self._client.recording.forget()
        if samples is not None:
            self._client.speak(samples)
        else:
            self._id = f"soak-{self._number}"
            self._client.type(self._id, self.doing)
        self._note(f"{'typed' if samples is None else 'spoken'}: {self.doing}")

    def _last_heard(self) -> str:
        """How far it came, in words."""
        r, what = self._client.recording, f" as {self._id}" if self._id else ", never heard"
        of_it = [marked for marked in r.statuses if marked.status.command_id == self._id]
        if of_it:
            last = of_it[-1]
            return f"{what}, last {last.status.state} {last.status.skill} at {last.stamp:.1f} s"
        traces = [trace.stage for trace in r.traces if trace.command_id == self._id]
        return f"{what}, no status, traced by {', '.join(dict.fromkeys(traces)) or 'nobody'}"

    def _end(self, state: str, now: float) -> None:
        self.ended[state] += 1
        self._note(f"{self._id or 'no id'}: {state}")
        self._busy, self._due = False, now + REST


class RandomFaults:
    """Begins one fault after the other, of every kind that a running stack can have, on anything; the engine
    stays whole, since it is the world. `tick` runs in the client's thread."""

    PAUSE, LONGEST = 12.0, 6.0
    """[s] at most between two faults, and that one lasts."""

    def __init__(self, host: FaultHost, now: Callable[[], float], seed: int) -> None:
        self._host, self._now, self._random = host, now, random.Random(seed)
        self._due = now() + self.PAUSE
        self._number = 0
        self.counts: Counter[str] = Counter()

    def tick(self) -> None:
        self._host.tick()
        if self._now() < self._due:
            return
        r = self._random
        kind = r.choice([k for k in faults.KINDS.values() if k.group not in ("model", "machine")])
        nodes = [name for name in NODES if name != "engine"]
        targets = faults.targets(kind, nodes)
        target = r.choice(targets) if targets else ""
        at = r.choice([name for name in nodes if name != target]) if kind.group == "link" else ""
        self._number += 1
        self._due = self._now() + r.uniform(2.0, self.PAUSE)
        one = Fault(
            fault_id=f"soak-{self._number}", kind=kind.name, target=target, at=at, seed=self._number,
            seconds=r.uniform(0.5, self.LONGEST) if kind.lasts else 0.0,
            share=r.choice((0.3, 1.0)) if kind.share else 1.0,
        )  # fmt: skip
        try:
            self._host.begin(one)
            self.counts[kind.name] += 1
        except InputError:  # a node that is not there now
            self.counts[f"{kind.name} in vain"] += 1


def program(name: str) -> str:
    """Whose process it is: "safety 2" is the second one of safety."""
    return name.split()[0]


class MemorySampler:
    """Samples the memory of processes by name; each is written to `out` at once, a line of `soak.jsonl`."""

    def __init__(self, out: IO[bytes] | None = None) -> None:
        self.samples: dict[str, list[Sample]] = {}
        self._processes: dict[str, psutil.Process] = {}
        self._out = out
        self._began = time.monotonic()

    def add(self, name: str, pid: int) -> None:
        """Raises `StackError` if there is no such process."""
        try:
            self._processes[name] = psutil.Process(pid)
        except psutil.Error:
            raise StackError(f"{name} has ended already (process {pid})") from None

    def follow(self, node: str, pid: int) -> None:
        """As `add`, where a node may have been started again: "safety 2" is its second process."""
        runs = [process.pid for name, process in self._processes.items() if program(name) == node]
        if pid not in runs and psutil.pid_exists(pid):
            self.add(f"{node} {len(runs) + 1}" if runs else node, pid)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def sample(self) -> None:
        for name, process in self._processes.items():
            own = process.pid == os.getpid()  # its children are the others
            found = measure(process, round(self.seconds, 2), children=not own)
            if found is None:
                continue
            self.samples.setdefault(name, []).append(found)
            if self._out is not None:
                self._out.write(msgspec.json.encode({"name": name, "sample": found}) + b"\n")
        if self._out is not None:
            self._out.flush()

    def growth(self, limit: float, least: float) -> list[Growth]:
        """Of every program that lived for long enough to say something."""
        lives: dict[str, list[list[Sample]]] = {}
        for name, some in self.samples.items():
            lives.setdefault(program(name), []).append(some)
        warm = WARM * max((some[-1].seconds - some[0].seconds for some in self.samples.values()), default=0.0)
        found = (judge(name, some, limit, least, warm) for name, some in lives.items())
        return [one for one in found if one is not None]


def soak(options: SoakOptions, display: Display) -> Soak:
    """Run, sample, judge: `soak.jsonl` as it goes, `soak.json` and `soak.svg` at the end, also after Ctrl-C,
    which ends it early and is no pass. Raises `InputError` where the folder cannot be written, `StackError`
    if a node dies."""
    with writing(f"to {options.folder}"):
        options.folder.mkdir(parents=True, exist_ok=True)
        out = (options.folder / SAMPLES).open("wb")
    running = Stack(options.stack, options.folder, domain=options.domain)
    with out, running, ClientThread(running.domain.id) as client:
        wait_until_ready(running, client, display)
        held = {one.name for one in World.load(options.stack.world).objects}

        def note(event: str) -> None:
            line = {"stamp": round(client.recording.stamp, 2), "event": event}
            out.write(msgspec.json.encode(line) + b"\n")

        host = FaultHost(running, client, lambda: client.recording.stamp, note)

        def broken_now() -> str:
            since = client.recording.stamp - RECENT
            recent = [faults.words(one.fault) for one in host.spans if one.end is None or one.end > since]
            return f"; broken in the last {RECENT:.0f} s: {', '.join(recent)}" if recent else ""

        rounds = Rounds(client, options.commands, options.stack.seed, held, broken_now, note)
        client.on_fault_request = host.on_request
        broken = RandomFaults(host, client.now, options.stack.seed) if options.faults else None

        def tick() -> None:
            rounds.tick()
            (broken or host).tick()
            host.forget(20)  # an hour of them is not kept

        client.on_tick = tick
        sampler = MemorySampler(out)
        sampler.add("soak", os.getpid())
        first = client.now()
        try:
            _go_on(options, running, client, rounds, sampler, display)
        except KeyboardInterrupt:
            display.event(None, "interrupted: judging what there is", "yellow")
        finally:
            host.close()
        seconds, simulated = sampler.seconds, client.now() - first
    counts = dict(broken.counts) if broken is not None else {}
    return conclude(
        options,
        sampler,
        dict(rounds.ended),
        seconds,
        simulated,
        rounds.fallen,
        counts,
        rounds.collisions,
        dict(running.restarts),
        rounds.unanswered,
    )


def _go_on(
    options: SoakOptions, running: Stack, client: Client, rounds: Rounds, sampler: MemorySampler,
    display: Display,
) -> None:  # fmt: skip
    due, standstill, told = 0.0, Standstill(), 0
    while sampler.seconds < options.seconds:
        running.check()
        raise_failure(client)
        for text in rounds.failures[told:]:  # an hour need not end before somebody looks into it
            told += 1
            display.event(client.recording.stamp, text, "red")
        if sampler.seconds >= due:
            for process in running.processes:
                sampler.follow(process.name, process.fork.pid)
            sampler.sample()
            due += options.every
            done = ", ".join(f"{n} {state}" for state, n in sorted(rounds.ended.items()))
            display.progress(f"{sampler.seconds:6.0f} of {options.seconds:.0f} s  {rounds.doing}  {done}")
        standstill.check(client.recording.stamp)
        time.sleep(POLL)
    sampler.sample()


def conclude(
    options: SoakOptions, sampler: MemorySampler, ended: dict[str, int], seconds: float, simulated: float,
    fallen: bool, counts: Mapping[str, int] = {}, collisions: Sequence[str] = (),
    died: Mapping[str, int] = {}, unanswered: Sequence[str] = (),
) -> Soak:  # fmt: skip
    """The verdict, written to `soak.json`, with `soak.svg` beside it. died: how often nodes did, by name.
    Raises `InputError`."""
    growth = sampler.growth(options.limit, options.least)
    reasons = []
    if seconds < options.seconds:
        reasons.append(f"interrupted after {seconds:.0f} of {options.seconds:.0f} s")
    reasons += [
        f"{g.name} grows by {g.slope:.1f} MB an hour (allowed: {options.limit:g})" for g in growth if g.grows
    ]
    judged = {g.name for g in growth}
    short = sorted({program(name) for name in sampler.samples} - judged - died.keys())
    if short or not growth:
        reasons.append(f"too short a time, or too few samples, to judge {', '.join(short) or 'anything'}")
    reasons += collisions[:5]
    if ended.get("late"):
        reasons.append(f"{ended['late']} commands were not answered within {COMMAND_TIMEOUT:.0f} s")
        reasons += unanswered[:5]
    if not options.faults:
        reasons += [f"{name} died and was started again ({n} times)" for name, n in died.items()]
    if fallen:
        reasons.append("the robot fell, and could obey no command from then on")
    elif not ended.get("succeeded"):
        reasons.append("no command succeeded: the stack was idle, so that no growth proves little")
    done = Soak(
        seconds=round(seconds, 1), simulated=round(simulated, 1), limit=options.limit, least=options.least,
        commands=ended, growth=growth, reasons=reasons, faults=dict(counts), collisions=list(collisions),
    )  # fmt: skip
    picture = plot(sampler.samples, growth)
    with writing(f"the verdict to {options.folder}"):
        write_whole(options.folder / REPORT, msgspec.json.format(msgspec.json.encode(done), indent=1))
        if picture is not None:
            write_whole(options.folder / PLOT, picture)
    return done


LEAST_SPAN = 10.0  # [MB] that a panel shows at least, so that noise does not look like growth


def table(growth: Sequence[Growth], seconds: float, simulated: float, commands: Mapping[str, int]) -> Table:
    """Each program's own memory after warming up, and how fast it grew."""
    done = ", ".join(f"{count} {state}" for state, count in sorted(commands.items())) or "none"
    title = f"{seconds / 60.0:.0f} min, {simulated:.0f} s simulated; commands: {done}"
    names = ("first [MB]", "last [MB]", "most [MB]", "RSS [MB]", "slope [MB/h]", "risen [MB]", "")
    columns = [Column(name, justify="right") for name in names]
    out = Table("program", *columns, title=title, title_justify="left")
    for g in growth:
        out.add_row(
            g.name, f"{g.first:.1f}", f"{g.last:.1f}", f"{g.most:.1f}", f"{g.rss:.1f}", f"{g.slope:+.2f}",
            f"{g.risen:+.2f}", "GROWS" if g.grows else "ok",
        )  # fmt: skip
    return out


def plot(samples: Mapping[str, Sequence[Sample]], growth: Sequence[Growth]) -> bytes | None:
    """Own memory [MB] of each process over time as an SVG file, those that grow marked; None without any."""
    verdict = {g.name: g for g in growth}
    panels = [_panel(name, some, verdict.get(program(name))) for name, some in samples.items()]
    return standalone(stacked(panels))


def _panel(name: str, some: Sequence[Sample], g: Growth | None) -> Panel:
    note = "" if g is None else f", {g.slope:+.2f} MB an hour{', GROWS' if g.grows else ''}"
    low, high = min((s.own for s in some), default=0.0), max((s.own for s in some), default=0.0)
    if high - low < LEAST_SPAN:
        low, high = low - LEAST_SPAN / 2, low + LEAST_SPAN / 2
    series = [(s.seconds, s.own) for s in some]
    return Panel(f"{name} [MB]{note}", series, 46.0, low=low, high=high, filled=False)
