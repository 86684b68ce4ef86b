"""One command to one robot: start everything, speak, watch, judge, leave the record and its picture."""

from __future__ import annotations

import platform
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np

import vla_sim
from vla_sim import contract
from vla_sim.contract import Status, Step
from vla_sim.errors import StackError
from vla_sim.scenario import judge, picture
from vla_sim.scenario.client import Client, ClientThread
from vla_sim.scenario.display import Display
from vla_sim.scenario.expect import expected_steps
from vla_sim.scenario.record import Check, Event, GraspResult, RunRecord
from vla_sim.scenario.recording import Recording, path_length, path_of
from vla_sim.scenario.replay import outside_views
from vla_sim.stack import StackOptions
from vla_sim.supervise import Stack
from vla_sim.world import World

READY_TIMEOUT = 240.0  # [s] wall: the first start on a machine compiles all kernels
SETTLE = 2.0  # [s] simulated: the robot stands still, and start-up's last work is done
HEARING_TIMEOUT = 12.0  # [s] wall after the audio's end
COMMAND_TIMEOUT = 300.0  # [s] simulated
WATCH = 2.6  # [s] simulated after a grasp: longer than `judge.HOLD`
PICTURE_PERIOD = 6.0  # [s] simulated, besides one at the beginning of each step
LINE_PERIOD = 0.5  # [s] of the live line
POLL = 0.05  # [s]


@dataclass(frozen=True)
class Utterance:
    """What is said or typed, `after` simulated seconds from the first command.

    samples: (n,) int16 at 16 kHz if it is spoken, else None.
    """

    text: str
    samples: np.ndarray | None = None
    after: float = 0.0


@dataclass(frozen=True)
class RunOptions:
    utterances: tuple[Utterance, ...]
    stack: StackOptions = field(default_factory=StackOptions)
    folder: Path = Path("runs/run")
    domain: int | None = None
    timeout: float = COMMAND_TIMEOUT
    verbose: bool = False
    pictures: bool = True


def run_once(options: RunOptions, display: Display) -> RunRecord:
    """Run, judge, and write `record.json` and `run.png` into the folder.

    Raises `StackError` if a node dies or does not become ready; every process is ended in any case.
    """
    world = World.load(options.stack.world)
    expected = [expected_steps(world, u.text) for u in options.utterances]
    began = time.monotonic()
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")

    def echo(name: str, text: str) -> None:
        if options.verbose or "[ERROR]" in text or "[FATAL]" in text or text.startswith("error:"):
            display.event(None, f"[{name}] {text}", "dim")

    running = Stack(options.stack, options.folder, domain=options.domain, echo=echo)
    with running, ClientThread(running.domain.id) as client:
        session = Session(options, running, client, display)
        session.wait_until_ready()
        ready = time.monotonic() - began
        display.event(None, f"ready after {ready:.1f} s", "green")
        session.settle()
        mark = (time.monotonic(), client.recording.stamp)
        for k, utterance in enumerate(options.utterances):
            session.give(utterance)
            if not utterance.text:  # a recording of unknown words: judged by what was heard
                expected[k] = expected_steps(world, session.heard())
        session.finish(expected)
        wall = time.monotonic() - mark[0]
        simulated = client.recording.stamp - mark[1]
        time.sleep(0.1)  # the last records are still under way
    recording = client.recording
    record = make_record(
        options, world, session, recording, expected,
        started=started, ready=ready, wall=wall, simulated=simulated, begin=mark[1],
    )  # fmt: skip
    write(options, record, recording, world)
    return record


def warm_up(folder: Path, display: Display) -> float:
    """Start every node once, so that each compiles its kernels into the cache; the seconds it took."""
    options = RunOptions((), folder=folder)
    began = time.monotonic()
    running = Stack(options.stack, folder)
    with running, ClientThread(running.domain.id) as client:
        Session(options, running, client, display).wait_until_ready()
    return time.monotonic() - began


class Session:
    """The outside of a run while it goes on: gives commands and waits, watching the nodes."""

    def __init__(self, options: RunOptions, running: Stack, client: Client, display: Display) -> None:
        self.options, self.stack, self.client, self.display = options, running, client, display
        self.commands: list[tuple[str, Utterance]] = []
        self.begin = 0.0
        self.pictured = 0.0
        self.events: list[Event] = []
        self._lined = 0.0
        self._shown = {"status": 0, "said": 0, "safety": 0, "transcripts": 0}

    def wait_until_ready(self) -> None:
        """Until every node runs and everyone who should hear another does."""
        names = {spec.name for spec in self.stack.specs} | {self.client.get_name()}
        deadline = time.monotonic() + READY_TIMEOUT
        while True:
            missing = self.client.meetings.missing(names)
            if not missing and self.client.recording.truths:
                return
            waiting = ", ".join(missing[:8]) or "the engine's first state"
            if time.monotonic() > deadline:
                raise StackError(f"not ready after {READY_TIMEOUT:.0f} s; waiting for {waiting}")
            self.display.progress(f"starting: waiting for {waiting}")
            self.poll()

    def settle(self) -> None:
        recording = self.client.recording
        end = max(recording.stamp + 0.2, SETTLE)
        self.wait(lambda: recording.stamp >= end, 60.0, "the simulation does not advance")
        first = recording.truths[-1]
        recording.truths[:] = [first]
        recording.touches.clear()
        self.begin = first.stamp

    def give(self, utterance: Utterance) -> None:
        """Speak or type; returns once the command has an id."""
        recording = self.client.recording
        at = self.begin + utterance.after
        self.wait(lambda: recording.stamp >= at or self.fallen(), None, "")
        if utterance.samples is None:
            command_id = f"typed-{uuid.uuid4().hex[:8]}"
            self.event(f'typed: "{utterance.text}"', "bold")
            self.client.type(command_id, utterance.text)
        else:
            self.event(f'spoken: "{utterance.text}"', "bold")
            known = len(recording.transcripts)
            mouth = threading.Thread(target=self.client.play, args=(utterance.samples,), daemon=True)
            mouth.start()
            length = len(utterance.samples) / 16000.0
            heard = self.wait(lambda: len(recording.transcripts) > known, length + HEARING_TIMEOUT, None)
            mouth.join()
            command_id = recording.transcripts[known].command_id if heard else ""
        self.commands.append((command_id, utterance))

    def heard(self) -> str:
        """The words of the last whole utterance that was heard; "" if there was none."""
        transcripts = self.client.recording.transcripts
        return transcripts[-1].text if transcripts and transcripts[-1].complete else ""

    def finish(self, expected: list[list[Step]]) -> None:
        """Wait for the last word on every command, then a little longer to see that it holds."""
        recording = self.client.recording

        def done() -> bool:
            ended = all(recording.final(c) is not None for c, _ in self.commands if c)
            return ended or self.fallen() or recording.stamp - self.begin > self.options.timeout

        self.wait(done, None, "")
        hold = WATCH if any(s.skill == "pick" for steps in expected for s in steps) else 1.0
        end = recording.stamp + hold
        self.wait(lambda: recording.stamp >= end or self.fallen(), 120.0, "the simulation stopped")

    def fallen(self) -> bool:
        truth = self.client.recording.truth
        return truth is not None and truth.fallen

    def wait(self, condition, wall: float | None, complaint: str | None) -> bool:  # type: ignore[no-untyped-def]
        """Poll until the condition holds; after `wall` seconds False, or `StackError(complaint)`."""
        deadline = None if wall is None else time.monotonic() + wall
        while not condition():
            if deadline is not None and time.monotonic() > deadline:
                if complaint:
                    raise StackError(complaint)
                return False
            self.poll()
        return True

    def poll(self) -> None:
        self.stack.check()
        self.show()
        time.sleep(POLL)

    def event(self, text: str, style: str = "") -> None:
        stamp = max(0.0, self.client.recording.stamp - self.begin)
        self.events.append(Event(stamp=stamp, text=text))
        self.display.event(stamp, text, style)

    def show(self) -> None:
        """Print what is new, and rewrite the live line."""
        recording, shown = self.client.recording, self._shown
        for transcript in recording.transcripts[shown["transcripts"] :]:
            note = "" if transcript.complete else f" ({transcript.reason or 'incomplete'})"
            self.event(f'heard: "{transcript.text}"{note}')
            shown["transcripts"] += 1
        for marked in recording.statuses[shown["status"] :]:
            self._show_status(marked.status)
            self.pictured = recording.stamp
            shown["status"] += 1
        for _, text in recording.said[shown["said"] :]:
            self.event(f'robot: "{text}"', "magenta")
            shown["said"] += 1
        for _, level, reasons in recording.safety[shown["safety"] :]:
            if level in ("stopped", "estop") and self.commands:  # before, nothing has met yet
                self.event(f"safety: {level} ({reasons})", "yellow")
            shown["safety"] += 1
        truth = recording.truth
        if truth is not None and self.commands:
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
                f"{recording.stamp - self.begin:6.1f} s  {what}  walked {path:.1f} m  "
                f"nearest {truth.clearance:.2f} m  real-time factor {truth.real_time_factor:.2f}"
            )

    def _show_status(self, status: Status) -> None:
        if status.state == "running":
            self.event(f"{status.skill} (step {status.step + 1} of {status.steps})", "cyan")
        else:
            detail = f": {status.detail}" if status.detail else ""
            self.event(f"{status.state}{detail}", "green" if status.state == "succeeded" else "")


def make_record(
    options: RunOptions, world: World, session: Session, recording: Recording, expected: list[list[Step]],
    *, started: str, ready: float, wall: float, simulated: float, begin: float,
) -> RunRecord:  # fmt: skip
    """Judge a recording."""
    first_id, first = session.commands[0]
    spoken = first.samples is not None
    stages, total = judge.latencies(recording, first_id, spoken)
    reasons: list[str] = []
    checks: list[Check] = []
    grasps: list[GraspResult] = []
    stopped = any(steps and steps[0].skill == "stop" for steps in expected[1:])
    for (command_id, utterance), steps in zip(session.commands, expected, strict=True):
        final = recording.final(command_id) if command_id else None
        state = final.state if final else ""
        if not steps:
            checks.append(_answered(recording, state))
            continue
        if stopped and utterance is first:
            ok = state == "cancelled"
            checks.append(Check(name=f'"{utterance.text}" is cancelled', passed=ok, detail=state))
            continue
        if steps[0].skill == "stop":
            checks.append(_stands(recording))
            continue
        if state != "succeeded":
            said = final.detail if final else "no answer to the command"
            reasons.append(f'"{utterance.text}": {state or "not done"} ({said})')
        checks += judge.judge_steps(recording, world, command_id, steps)
        grasps += [
            judge.grasp(recording, world, s.object)
            for s in steps
            if s.skill == "pick" and s.object is not None
        ]
    liftable = {k.name for k in world.objects}
    wanted = [s.object for steps in expected for s in steps if s.skill == "pick" and s.object]
    held = {k.name for k in world.objects if any(k.matches(q) for q in wanted)}
    contacts = judge.forbidden_contacts(recording, liftable, held)
    reasons += [f"{c.name}: {c.detail}" for c in checks if not c.passed]
    if expected[0]:  # half a sentence is waited on longer before the robot asks, on purpose
        reasons += [
            f"{s.stage} took {s.milliseconds:.0f} ms; {s.limit:.0f} ms are allowed"
            for s in stages
            if not s.ok
        ]
    moved = any(steps and steps[0].skill != "stop" for steps in expected)
    if total is not None and total > contract.TOTAL_BUDGET.limit:
        reasons.append(f"first motion after {total:.0f} ms; {contract.TOTAL_BUDGET.limit:.0f} ms are allowed")
    if moved and expected[0] and total is None:
        reasons.append("nothing moved")
    if any(t.fallen for t in recording.truths):
        reasons.append("the robot fell")
    for touch in contacts[:5]:
        reasons.append(f"{touch.a} touched {touch.b} at {touch.stamp - begin:.1f} s with {touch.force:.0f} N")
    final = recording.final(session.commands[-1][0])
    path = path_of(recording.truths)
    clearance = min((t.clearance for t in recording.truths), default=None)
    return RunRecord(
        command="; ".join(u.text for u in options.utterances),
        heard=recording.transcripts[0].text if recording.transcripts else "",
        spoken=spoken, world=options.stack.world, engine=options.stack.engine, seed=options.stack.seed,
        started=started, passed=not reasons, state=final.state if final else "",
        answer=recording.said[-1][1] if recording.said else "", reasons=reasons, checks=checks,
        stages=stages, total_ms=total, total_limit_ms=contract.TOTAL_BUDGET.limit,
        path_length=path_length(path), clearance=clearance, contacts=contacts, grasps=grasps,
        real_time_factor=simulated / wall if wall > 0 else 0.0, ready_seconds=ready,
        simulated_seconds=simulated, wall_seconds=wall, path=path, events=session.events,
        versions=versions(), folder=str(options.folder),
    )  # fmt: skip


def _answered(recording: Recording, state: str) -> Check:
    """What is no command must be answered, and nothing may move."""
    first, last = recording.truths[0], recording.truths[-1]
    moved = float(np.hypot(last.robot[0] - first.robot[0], last.robot[1] - first.robot[1]))
    ok = moved < 0.05 and (state in ("asked", "rejected") or bool(recording.said))
    detail = f"{'answered' if recording.said or state else 'no answer'}, moved {moved:.3f} m"
    return Check(name="answered, not acted on", passed=ok, detail=detail)


def _stands(recording: Recording) -> Check:
    end = recording.truths[-1].stamp
    speed = judge.mean_speed(recording.between(end - 0.8, end))
    return Check(name="stands after the stop", passed=speed < judge.STOP_SPEED, detail=f"{speed:.3f} m/s")


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    found = {"vla_sim": vla_sim.__version__, "python": platform.python_version()}
    for name in ("mujoco", "numpy", "numba", "ros-jazzy-rclpy", "holosoma-inference", "pocketsphinx"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed by pip"
    return found


def write(options: RunOptions, record: RunRecord, recording: Recording, world: World) -> None:
    """`record.json` and `run.png` into the run's folder; a full disk is one clear error."""
    try:
        encoded = msgspec.json.format(msgspec.json.encode(record), indent=1)
        (options.folder / "record.json").write_bytes(encoded)
        if options.pictures:
            outside = outside_views(recording, world)
            picture.save(options.folder / "run.png", recording, record, world, outside)
    except OSError as error:
        raise StackError(f"cannot write the run's record to {options.folder}: {error.strerror}") from None


