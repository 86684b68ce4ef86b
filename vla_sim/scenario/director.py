"""Plays a scenario's script: gives commands and makes things go wrong when they are due, and knows when
the run is over. Ticked on simulated time; in lock-step it takes its turns as a node does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vla_sim.common import clock
from vla_sim.common.geometry import quaternion_from_yaw
from vla_sim.contract.records import Disturbance, Point
from vla_sim.scenario.checks import Given, locate, object_name, query
from vla_sim.scenario.expect import expected_steps
from vla_sim.scenario.format import (
    COMMANDS,
    Action,
    Blind,
    CpuHog,
    Freeze,
    Kill,
    Move,
    Play,
    Say,
    Scenario,
    Type,
    When,
)
from vla_sim.scenario.recording import Recording, heading, position
from vla_sim.world.semantic_map import World

SETTLE = 2.0  # [s] simulated: the robot stands still, and start-up's last work is done
HEARING = 12.0  # [s] simulated after the sound's end, until nothing was heard
WATCH = 2.6  # [s] simulated after a grasp: longer than `judge.HOLD`
REST = 2.0  # [s] simulated after anything else: a walk that is stopped ends with the step that it is in
LIFTED = 0.05  # [m]


class Hands(Protocol):
    """What a director can do to the robot and its world."""

    def speak(self, samples: np.ndarray) -> None: ...

    def type(self, command_id: str, text: str) -> None: ...

    def disturb(self, what: Disturbance) -> None: ...

    def kill(self, node: str) -> None: ...

    def freeze(self, node: str, stopped: bool) -> None: ...

    def hog(self, processes: int, nice: int, seconds: float) -> None: ...


@dataclass
class Awaited:
    """Something that is waited for. since: stamp at which its event became true."""

    when: When
    since: float | None = None


@dataclass
class Waiting:
    """An action that is not done. samples: (n,) of what is heard; None of what is not."""

    action: Action
    samples: np.ndarray | None
    due: Awaited


@dataclass
class Hearing:
    """A spoken command that the robot has not answered to. known: transcripts before it; until: stamp at
    which nothing was heard."""

    text: str
    stamp: float
    known: int
    until: float


class Director:
    """sounds: samples (n,) of each action that is heard, by its place in the script. tell: told in words
    what is done. begin: stamp of the first command; None before. puts: (stamp, object, where to [m]) of
    each object that was put somewhere else."""

    def __init__(
        self, scenario: Scenario, world: World, recording: Recording, hands: Hands,
        sounds: dict[int, np.ndarray], tell: Callable[[str], None], *, now: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.scenario, self.world, self.recording, self.hands = scenario, world, recording, hands
        self._tell, self._ready = tell, now
        self.begin: float | None = None
        self.commands: list[Given] = []
        self.puts: list[tuple[float, str, Point]] = []
        self.over = False
        self._waiting: list[Waiting] = []
        self._hearing: Hearing | None = None
        self._thaw: list[tuple[float, str]] = []
        self._end: float | None = None
        for k, action in enumerate(scenario.script):
            self.add(action, sounds.get(k))

    def add(self, action: Action, samples: np.ndarray | None = None) -> None:
        """One more action; a run that was over goes on."""
        self._waiting.append(Waiting(action, samples, Awaited(action.when)))
        self._end, self.over = None, False

    @property
    def undone(self) -> list[Action]:
        """What was never due."""
        return [w.action for w in self._waiting]

    def tick(self) -> None:
        """To be called some 50 times a simulated second."""
        r = self.recording
        if self.over or not r.truths:
            return
        if self.begin is None:
            if not self._ready() or r.stamp < SETTLE:
                return
            r.truths[:] = r.truths[-1:]
            r.touches.clear()
            self.begin = r.stamp
        self._listen()
        for node in [n for at, n in self._thaw if r.stamp >= at]:
            self.hands.freeze(node, stopped=False)
            self._thaw = [one for one in self._thaw if one[1] != node]
        for waiting in list(self._waiting):
            due = self.due(waiting.due)
            busy = self._hearing is not None and isinstance(waiting.action, COMMANDS)
            if due and not busy:
                self._waiting.remove(waiting)
                self._do(waiting.action, waiting.samples)
        self._see_the_end()

    # ------------------------------------------------------------------ when

    def due(self, awaited: Awaited) -> bool:
        """Whether an event has happened, and its delay is over. To be asked at every tick."""
        if awaited.since is None and self._happened(awaited.when):
            awaited.since = self.recording.stamp
        return awaited.since is not None and self.recording.stamp >= awaited.since + awaited.when.delay

    def _happened(self, when: When) -> bool:
        r, begin = self.recording, self.begin or 0.0
        truth = r.truths[-1]
        if when.at is not None:
            return r.stamp - begin >= when.at - 1e-6
        if when.done is not None:
            if len(self.commands) < when.done:
                return False
            command_id = self.commands[when.done - 1].command_id
            return not command_id or r.final(command_id) is not None
        if when.skill is not None:
            return any(m.status.state == "running" and m.status.skill == when.skill for m in r.statuses)
        if when.near is not None:
            if isinstance(when.near, str) and (name := when.near.replace(" ", "_")) in truth.objects:
                x, y = truth.objects[name][:2]
            else:
                x, y, _ = locate(self.world, when.near)
            return math.dist(position(truth), (x, y)) <= when.within
        if when.seen is not None:
            wanted = query(when.seen)
            return bool(r.sightings) and any(wanted.matches(o) for o in r.sightings[-1][1])
        name = object_name(self.world, when.lifted or "", r.truths[0])
        return truth.objects[name][2] > r.truths[0].objects[name][2] + LIFTED

    # ------------------------------------------------------------------ what

    def _do(self, action: Action, samples: np.ndarray | None) -> None:
        r = self.recording
        if isinstance(action, (Say, Play)):
            assert samples is not None
            text = action.words
            self._tell(f'spoken: "{text}"' if text else "a recording is played")
            self.hands.speak(samples)
            until = r.stamp + len(samples) / 16000.0 + HEARING
            self._hearing = Hearing(text, r.stamp, len(r.transcripts), until)
        elif isinstance(action, Type):
            self._tell(f'typed: "{action.words}"')
            command_id = f"typed-{len(self.commands) + 1}"
            self.hands.type(command_id, action.words)
            self._given(action.words, command_id, False, r.stamp)
        elif isinstance(action, Move):
            name = object_name(self.world, action.object, r.truths[0])
            pose = self._pose(action)
            self._tell(f"{name} is put at ({pose[0]:.2f}, {pose[1]:.2f}, {pose[2]:.2f})")
            self.hands.disturb(Disturbance(kind="move", name=name, pose=pose))
            self.puts.append((r.stamp, name, pose[:3]))
        elif isinstance(action, Kill):
            self._tell(f"{action.node} is killed")
            self.hands.kill(action.node)
        elif isinstance(action, Freeze):
            self._tell(f"{action.node} is frozen for {action.seconds:g} s")
            if clock.lockstep():
                self.hands.disturb(Disturbance(kind="freeze", name=action.node, seconds=action.seconds))
            else:
                self.hands.freeze(action.node, stopped=True)
                self._thaw.append((r.stamp + action.seconds, action.node))
        elif isinstance(action, Blind):
            self._tell(f"{action.sensor} is {action.how} for {action.seconds:g} s")
            self.hands.disturb(Disturbance(kind=action.how, name=action.sensor, seconds=action.seconds))
        elif isinstance(action, CpuHog):
            if clock.lockstep():
                self._tell("no cpu hog: lock-step does not depend on the machine")
            else:
                many = f"{action.processes} processes" if action.processes else "a process a core"
                self._tell(f"cpu hog: {many} for {action.seconds:g} s")
                self.hands.hog(action.processes, action.nice, action.seconds)

    def _pose(self, action: Move) -> tuple[float, float, float, float, float, float, float]:
        x, y, z = action.to
        yaw = 0.0
        if action.of == "robot":
            truth = self.recording.truths[-1]
            yaw = heading(truth)
            c, s = math.cos(yaw), math.sin(yaw)
            x, y = truth.robot[0] + c * x - s * y, truth.robot[1] + s * x + c * y
        w, i, j, k = (float(v) for v in quaternion_from_yaw(yaw))
        return (x, y, z, w, i, j, k)

    def _given(self, text: str, command_id: str, spoken: bool, stamp: float) -> None:
        steps = expected_steps(self.world, text) if text else []
        self.commands.append(Given(text, command_id, spoken, stamp, tuple(steps)))

    def _listen(self) -> None:
        """Give the spoken command its id once something was heard."""
        h, r = self._hearing, self.recording
        if h is None:
            return
        if len(r.transcripts) > h.known:
            heard = r.transcripts[h.known]
            # A recording of unknown words is judged by what was heard.
            text = h.text or (heard.text if heard.complete else "")
            self._given(text, heard.command_id, True, h.stamp)
            self._hearing = None
        elif r.stamp > h.until:
            self._given(h.text, "", True, h.stamp)
            self._hearing = None

    # ------------------------------------------------------------------ the end

    def _see_the_end(self) -> None:
        r, begin = self.recording, self.begin or 0.0
        ended = (
            not self._waiting
            and self._hearing is None
            and all(not g.command_id or r.final(g.command_id) is not None for g in self.commands)
        )
        if r.truths[-1].fallen or r.stamp - begin > self.scenario.timeout:
            self.over = True
        elif not ended:
            self._end = None
        elif self._end is None:
            picks = any(s.skill == "pick" for g in self.commands for s in g.steps)
            self._end = r.stamp + (WATCH if picks else REST)
        elif r.stamp >= self._end:
            self.over = True
