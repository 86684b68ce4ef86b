"""The robot as a launch test knows it: told what to do, waited for, and judged from the simulator's truth.

    robot.say("Go to the kitchen and pick up the red cup")
    robot.wait_until_done()
    robot.assert_holds(Grasp(object="red cup"), NoCollision(), Latency(at_most=2000))

The same director, recording and checks as in `vla-sim test`. In lock-step, simulated time stands still while
the test does anything but wait, so that one seed is one run here too.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from vla_sim.bringup.launched import LaunchedNodes
from vla_sim.bringup.node_table import StackOptions, nodes
from vla_sim.common.errors import InputError, StackError
from vla_sim.ros.lockstep import run_environment
from vla_sim.scenario import run
from vla_sim.scenario.checks import CheckSpec, Run, judge_all
from vla_sim.scenario.client import ClientThread
from vla_sim.scenario.director import Awaited
from vla_sim.scenario.display import Display
from vla_sim.scenario.format import AT_ONCE, Action, Say, Scenario, Type, When
from vla_sim.scenario.load import File
from vla_sim.scenario.record import Check, RunRecord
from vla_sim.scenario.run import RunOptions, Session
from vla_sim.world.semantic_map import World

FREE = Scenario(version=1, proves="What its test says.", timeout=math.inf, script=[])
"""What a test plays that says by itself what is to be done."""


class Robot:
    """One robot from launch to shutdown. Every assertion raises `AssertionError` with what was measured.

    Whoever starts the nodes calls `prepare` before and `close` after; a test calls the rest.
    """

    def __init__(self) -> None:
        self.nodes: LaunchedNodes | None = None
        self.session: Session | None = None
        self._options: RunOptions | None = None
        self._world: World | None = None
        self._client: ClientThread | None = None
        self._gate = threading.Condition()
        self._until: Callable[[], bool] | None = None
        self._reached = threading.Event()
        self._closed = self._keep = False
        self._asserted: list[CheckSpec] = []
        self._log: deque[str] = deque(maxlen=run.LOG_LINES)
        self._began = time.monotonic()
        self._started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._ready = self._wall = self._simulated = 0.0

    # ------------------------------------------------------------------ for whoever starts the nodes

    def prepare(
        self, stack: StackOptions, folder: Path, file: File | None = None, *, keep: bool = False
    ) -> tuple[LaunchedNodes, StackOptions]:
        """The nodes to start, and with what. folder: where the scenario's world is written, and, to `keep`,
        the run's `record.json`. file: the scenario to play; left out, the test gives the commands. Raises
        `InputError`, `StackError`."""
        self._keep = keep
        file = file or File("launch_test", Path.cwd() / "launch_test", FREE)
        if file.scenario.script:
            stack = run.stack_options(file.scenario, stack, folder)
        self._world = World.load(stack.world)  # before any node starts: a wrong name is said at once
        self._options = RunOptions(file, stack, folder, pictures=False)
        self.nodes = LaunchedNodes(lockstep=stack.speed == 0.0, specs=nodes(stack))
        return self.nodes, stack

    def hear_log(self, name: str, line: str) -> None:
        """A line of a node's output."""
        if self.nodes is not None:
            self.nodes.said(name, line)
        if "[WARN]" in line or "[ERROR]" in line or "[FATAL]" in line or line.startswith("error:"):
            self._log.append(f"{name}: {line}")

    def close(self) -> None:
        """Leave the nodes to end; nothing can be waited for any more. Safe to call twice."""
        with self._gate:
            self._closed = True
            self._gate.notify_all()
        self._reached.set()
        if self.nodes is not None:
            self.nodes.ending()
        if self._client is not None:
            self._client.__exit__()
            self._client = None
            if self._keep and self.session is not None and self.session.director.begin is not None:
                run.save_record(self.session.options.folder, self.record())
        for name in (run_environment.SOCKET, run_environment.NODES):
            os.environ.pop(name, None)

    # ------------------------------------------------------------------ for tests: what is done

    def say(self, words: str, when: When = AT_ONCE, **how: Any) -> None:
        """Speak to the robot; it hears it while the test waits. how: `voice`, `speed`, `noise` of
        `vla_sim.scenario.format.Say`."""
        self.do(Say(words=words, when=when, **how))

    def type(self, words: str, when: When = AT_ONCE) -> None:
        """Give the robot a typed command."""
        self.do(Type(words=words, when=when))

    def do(self, action: Action) -> None:
        """Any action of a scenario: a command, or something that goes wrong (`Kill`, `Move`, `Blind`)."""
        session = self._connected()
        options = session.options
        samples = run.sound(action, options.stack.seed, options.file.path.parent)
        with self._gate:  # the director is ticked with this held
            session.director.add(action, samples)

    # ------------------------------------------------------------------ for tests: what is waited for

    def wait_until_done(self, timeout: float = 300.0) -> None:
        """Until every command has ended, however, and the robot has rested. timeout: [s] simulated."""
        session = self._connected()
        if not session.director.commands and not session.director.undone:
            raise AssertionError("nothing was said that could be done; say something first")
        self._go_on(lambda: session.director.over, timeout, "every command has ended")
        director, recording = session.director, session.recording
        open_ = [g.text for g in director.commands if g.command_id and not recording.final(g.command_id)]
        if open_ or director.undone:
            why = "the robot fell" if recording.truths[-1].fallen else self._doing()
            raise AssertionError(f"not done: {'; '.join(open_) or 'a later action'} ({why})")

    def wait_until(self, timeout: float = 300.0, **event: Any) -> None:
        """Until something happens, in the words of `vla_sim.scenario.format.When`:
        `wait_until(skill="navigate", delay=3.0)`, `wait_until(near="kitchen")`. timeout: [s] simulated."""
        session = self._connected()
        awaited = Awaited(When(**event))
        happened = False

        def until() -> bool:
            nonlocal happened
            happened = session.director.begin is not None and session.director.due(awaited)
            return happened or session.director.over

        told = " ".join(f"{name}={value!r}" for name, value in event.items())
        self._go_on(until, timeout, told)
        if not happened:
            raise AssertionError(f"{told} did not happen before all was over ({self._doing()})")

    def wait(self, seconds: float) -> None:
        """Go on watching for so many simulated seconds."""
        recording = self._connected().recording
        end = recording.stamp + seconds
        self._go_on(lambda: recording.stamp >= end, math.inf, f"{seconds:g} s were over")

    def play(self) -> None:
        """Play the scenario's script to its end."""
        session = self._connected()
        self._go_on(lambda: session.director.over, math.inf, "the scenario's end")

    # ------------------------------------------------------------------ for tests: what must hold

    def assert_holds(self, *checks: CheckSpec) -> None:
        """Each check of a scenario, such as `NoFall()`, holds of what has happened so far."""
        session = self._connected()
        self._asserted += [c for c in checks if c not in self._asserted]
        director, begin = session.director, session.director.begin
        if begin is None:
            raise AssertionError("nothing has happened that could be judged; wait for something first")
        found: list[Check] = []

        def judge() -> bool:
            seen = Run(session.world, session.recording, tuple(director.commands), begin)
            found[:] = judge_all(seen, checks)
            return True

        if session.stack.lockstep or session.client.closed:
            judge()  # nothing is recorded meanwhile
        else:
            self._go_on(judge, math.inf, "it was judged")
        failed = [c for c in found if not c.passed]
        if failed:
            raise AssertionError("\n".join(f"{c.name}: {c.detail}" for c in failed))

    def assert_passes(self) -> None:
        """Everything holds that the scenario expects."""
        record = self.record()
        if not record.passed:
            raise AssertionError("\n".join([*record.reasons, *record.log[-5:]]))

    def assert_clean_exits(self) -> None:
        """After shutdown: every node that was not killed on purpose ended with exit code 0."""
        nodes = self.nodes
        assert nodes is not None
        codes = {name: nodes.codes.get(name) for name in nodes.names if name not in nodes.killed}
        bad = {name: code for name, code in codes.items() if code != 0}
        if bad:
            told = ", ".join(f"{n} ({'still running' if c is None else c})" for n, c in bad.items())
            raise AssertionError(f"exit code other than 0: {told}")

    def record(self) -> RunRecord:
        """The typed record of what has happened so far, judged by the scenario or by what was asserted."""
        session, options = self._connected(), self._options
        assert options is not None
        if not options.file.scenario.script:
            scenario = msgspec.structs.replace(options.file.scenario, expect=self._asserted)
            session.options = replace(options, file=replace(options.file, scenario=scenario))
        return run.make_record(
            session.options, session.world, session, started=self._started, ready=self._ready,
            wall=self._wall, simulated=self._simulated, log=list(self._log),
        )  # fmt: skip

    # ------------------------------------------------------------------ time

    def _connected(self) -> Session:
        """The session, once every node runs and all have met. Raises `StackError`."""
        if self.session is not None:
            return self.session
        options, nodes, world = self._options, self.nodes, self._world
        if options is None or nodes is None or world is None:
            raise InputError("this robot was not prepared; take it from launch_descriptions.describe_test")
        if self._closed:
            raise InputError("the robot is shut down")
        os.environ.update(nodes.environment())
        heard = run.sounds(options.file, options.stack.seed)
        self._client = ClientThread(nodes.domain.id)
        client = self._client.node
        session = Session(options, nodes, client, world, Display(Console(highlight=False)), heard)
        self._until = lambda: bool(session.recording.truths)
        client.on_tick = lambda: self._tick(session)
        session.wait_until_ready()
        self._ready = time.monotonic() - self._began
        self.session = session
        return session

    def _tick(self, session: Session) -> None:
        """In the client's thread. In lock-step nobody gets a turn before this one ends: time stands."""
        with self._gate:
            session.tick()
            if self._until is not None and self._until():
                self._until = None
                self._reached.set()
            session.client.closed = session.director.over and self._until is None
            if session.stack.lockstep:
                self._gate.wait_for(lambda: self._until is not None or self._closed)

    def _go_on(self, until: Callable[[], bool], timeout: float, what: str) -> None:
        """Let simulated time go on until that is so, asked in the client's thread at every tick."""
        session = self.session
        assert session is not None
        limit = session.recording.stamp + timeout
        late = False

        def reached() -> bool:
            nonlocal late
            there = until()
            late = not there and session.recording.stamp > limit
            return there or late

        with self._gate:
            self._reached.clear()
            self._until = reached
            session.client.closed = False
            self._gate.notify_all()
        wall, simulated = session.play(self._reached.is_set)
        if self._closed:
            raise StackError(f"the nodes were shut down before {what}")
        self._wall, self._simulated = self._wall + wall, self._simulated + simulated
        if late:
            raise AssertionError(f"not within {timeout:g} simulated s: {what} ({self._doing()})")

    def _doing(self) -> str:
        assert self.session is not None
        statuses = self.session.recording.statuses
        last = statuses[-1].status if statuses else None
        return f"last: {last.skill} {last.state}" if last else "it did nothing"
