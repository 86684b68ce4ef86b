"""The robot as a launch test sees it: commanded, waited for, and judged from the simulator's truth.

    robot.say("Go to the kitchen and pick up the red cup")
    robot.wait_until_done()
    robot.assert_holds(Grasp(object="red cup"), NoCollision(), Latency(at_most=2000))

The same director, recording and checks as in `vla-sim test`. In lock-step, simulated time stands still while
the test does anything but wait, so that one seed gives one run here too.
"""

import math
import os
import threading
import unittest
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.bringup.launched import LaunchedNodes
from vla_sim.bringup.node_table import StackOptions, nodes
from vla_sim.common.errors import InputError, StackError
from vla_sim.ros.lockstep import run_environment
from vla_sim.scenario.checks.base import CheckSpec, Run
from vla_sim.scenario.checks.registry import judge_all
from vla_sim.scenario.client import ClientThread
from vla_sim.scenario.director import Awaited
from vla_sim.scenario.format import AT_ONCE, Action, Say, Scenario, Type, When
from vla_sim.scenario.load import File
from vla_sim.scenario.preparation import Prepared, RunOptions, prepare, sound
from vla_sim.scenario.record import Check, RunRecord
from vla_sim.scenario.result import make_record, save_record, spoilt
from vla_sim.scenario.session import Logbook, Session
from vla_sim.scenario.terminal import Display

FREE = Scenario(version=1, proves="What its test says.", timeout=math.inf, script=[])
"""The scenario of a test that gives the commands itself."""


class Robot:
    """One robot from launch to shutdown. Every assertion raises `AssertionError` with what was measured, or
    `unittest.SkipTest` where it is no verdict: others kept the machine busy, and only its speed was missed.

    The launch description calls `prepare` before the nodes start and `close` after; a test calls the rest.
    """

    def __init__(self) -> None:
        self.nodes: LaunchedNodes | None = None
        self.session: Session | None = None
        self._prepared: Prepared | None = None
        self._client: ClientThread | None = None
        self._gate, self._reached = threading.Condition(), threading.Event()
        self._until: Callable[[], bool] | None = None
        self._closed = self._keep = False
        self._asserted: list[CheckSpec] = []
        self._log = Logbook()

    def prepare(
        self, stack: StackOptions, folder: Path, file: File | None = None, *, keep: bool = False
    ) -> tuple[LaunchedNodes, StackOptions]:
        """The nodes to start, and with which options. folder: where the scenario's world is written and, with
        `keep`, the run's `record.json`. file: the scenario to play; left out, the test gives the commands.
        Raises `InputError`, `StackError`."""
        self._keep = keep
        file = file or File("launch_test", Path.cwd() / "launch_test", FREE)
        self._prepared = prepare(RunOptions(file, stack, folder, pictures="none"))
        stack = self._prepared.options.stack
        self.nodes = LaunchedNodes(lockstep=stack.speed == 0.0, specs=nodes(stack))
        return self.nodes, stack

    def on_output(self, name: str, line: str) -> None:
        """A line of a node's output."""
        if self.nodes is not None:
            self.nodes.said(name, line)
        self._log.add(name, line)

    def close(self) -> None:
        """Let the nodes end; nothing can be waited for any more. Idempotent."""
        with self._gate:
            self._closed = True
            self._gate.notify_all()
        self._reached.set()
        if self.nodes is not None:
            self.nodes.ending()
        if self._client is not None:
            self._client.__exit__()
            self._client = None
            if self.session is not None:
                self.session.faults.close()
                if self._keep and self.session.director.begin is not None:
                    save_record(self.session.prepared.options.folder, self.record())
        for name in (run_environment.SOCKET, run_environment.NODES):
            os.environ.pop(name, None)

    def say(self, words: str, when: When = AT_ONCE, **how: Any) -> None:
        """Speak to the robot; it hears it while the test waits. how: `means`, `voice`, `speed`, `noise` of
        `vla_sim.scenario.format.Say`."""
        self.do(Say(words=words, when=when, **how))

    def type(self, words: str, when: When = AT_ONCE, **how: Any) -> None:
        """Give the robot a typed command. how: `means` of `vla_sim.scenario.format.Type`."""
        self.do(Type(words=words, when=when, **how))

    def do(self, action: Action) -> None:
        """Any action of a scenario, see `vla_sim.scenario.format`. Faults are in its file (`faults:`)."""
        session = self._connected()
        options = session.prepared.options
        samples = sound(action, options.stack.seed, options.file.path.parent)
        with self._gate:  # the director is ticked with this held
            session.director.add(action, samples)

    def wait_until_done(self, timeout: float = 300.0) -> None:
        """Until every command has ended in any state, and the robot has rested. timeout: [s] simulated."""
        session = self._connected()
        director, recording = session.director, session.recording
        if not director.commands and not director.undone:
            raise AssertionError("no command was given; say something first")
        self._go_on(lambda: director.over, timeout, "every command has ended")
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

        what = " ".join(f"{name}={value!r}" for name, value in event.items())
        self._go_on(until, timeout, what)
        if not happened:
            raise AssertionError(f"{what} did not happen before the run was over ({self._doing()})")

    def wait(self, seconds: float) -> None:
        """Go on for so many simulated seconds."""
        recording = self._connected().recording
        end = recording.stamp + seconds
        self._go_on(lambda: recording.stamp >= end, math.inf, f"{seconds:g} s were over")

    def play(self) -> None:
        """Play the scenario's script to its end."""
        session = self._connected()
        self._go_on(lambda: session.director.over, math.inf, "the scenario's end")

    def assert_holds(self, *checks: CheckSpec) -> None:
        """Each check of a scenario, such as `NoFall()`, holds of what has happened so far."""
        session = self._connected()
        self._asserted += [c for c in checks if c not in self._asserted]
        director, begin = session.director, session.director.begin
        if begin is None:
            raise AssertionError("nothing has happened that could be judged; wait for something first")
        found: list[Check] = []

        def judge() -> bool:
            run = Run(session.prepared.world, session.recording, tuple(director.commands), begin)
            found[:] = judge_all(run, checks)
            return True

        if session.nodes.lockstep or session.client.closed:
            judge()  # nothing is recorded meanwhile
        else:
            self._go_on(judge, math.inf, "it was judged")
        busy = spoilt(found, session.recording.latency_source, session.others)
        if failed := [c for c in found if not c.passed]:
            reasons = [*filter(None, [busy]), *(f"{c.name}: {c.detail}" for c in failed)]
            _fail(reasons, busy if all(c.speed for c in failed) else "")

    def assert_passes(self) -> None:
        """Everything holds that the scenario expects."""
        record = self.record()
        if not record.passed:
            _fail([*record.reasons, *record.log[-5:]], record.unjudged)

    def assert_clean_exits(self) -> None:
        """After shutdown: every node that was not killed on purpose ended with exit code 0."""
        nodes = self.nodes
        assert nodes is not None
        codes = {name: nodes.codes.get(name) for name in nodes.names if name not in nodes.killed}
        if bad := [f"{n} ({'still running' if c is None else c})" for n, c in codes.items() if c != 0]:
            raise AssertionError(f"exit code other than 0: {', '.join(bad)}")

    def record(self) -> RunRecord:
        """The typed record of what has happened so far, judged by the scenario or by what was asserted."""
        session = self._connected()
        options = session.prepared.options
        if not options.file.scenario.script:
            scenario = msgspec.structs.replace(options.file.scenario, expect=self._asserted)
            options = replace(options, file=replace(options.file, scenario=scenario))
            session.prepared = replace(session.prepared, options=options)
        return make_record(session)

    def _connected(self) -> Session:
        """The session, once every node runs and has discovered the others. Raises `StackError`."""
        if self.session is not None:
            return self.session
        prepared, nodes = self._prepared, self.nodes
        if prepared is None or nodes is None:
            raise InputError("this robot was not prepared; take it from launch_tests.describe_test")
        if self._closed:
            raise InputError("the robot is shut down")
        os.environ.update(nodes.environment())
        self._client = ClientThread(nodes.domain.id)
        client = self._client.node
        session = Session(prepared, nodes, client, Display(), self._log)
        self._until = lambda: bool(session.recording.truths)
        client.on_tick = lambda: self._tick(session)
        session.wait_until_ready()
        self.session = session
        return session

    def _tick(self, session: Session) -> None:
        """In the client's thread. In lock-step no node gets a turn before this one ends: time stands."""
        with self._gate:
            session.tick()
            if self._until is not None and self._until():
                self._until = None
                self._reached.set()
            session.client.closed = session.director.over and self._until is None
            if session.nodes.lockstep:
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
        session.play(self._reached.is_set)
        if self._closed:
            raise StackError(f"the nodes were shut down before {what}")
        if late:
            raise AssertionError(f"not within {timeout:g} simulated s: {what} ({self._doing()})")

    def _doing(self) -> str:
        assert self.session is not None
        statuses = self.session.recording.statuses
        last = statuses[-1].status if statuses else None
        return f"last: {last.skill} {last.state}" if last else "it did nothing"


def _fail(reasons: list[str], unjudged: str) -> None:
    """End a test. unjudged: why it is skipped instead of failed; "": it is failed."""
    if unjudged:
        raise unittest.SkipTest("not judged: " + "; ".join(reasons))
    raise AssertionError("\n".join(reasons))
