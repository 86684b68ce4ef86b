"""Decides when each action of a scenario's script is due, and when the run is over.

It reads the recording and changes nothing: each tick returns what is to be done now, and the session does it.
"""

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.common.geometry import quaternion_from_yaw
from vla_sim.contract.records import Disturbance, Fault, Priority
from vla_sim.scenario import format
from vla_sim.scenario.format import Action, CommandAction, FaultAction, Move, Scenario, When
from vla_sim.scenario.recording import Given, Recording, heading, position
from vla_sim.scenario.targets import locate, object_name, query
from vla_sim.stages.voice.audio import SAMPLE_RATE
from vla_sim.world.semantic_map import World

SETTLE = 2.0  # [s] simulated: the robot stands still, and start-up's last work is done
HEARING_TIMEOUT = 12.0  # [s] simulated after the sound's end, until nothing was heard
AFTER_GRASP = 2.6  # [s] simulated that are watched after a grasp: longer than `judge.HOLD`
AFTER_FALL = 3.0  # [s] simulated in which a robot that has fallen says so
AFTER_MOTION = 2.0  # [s] simulated after anything else: a walk that is stopped ends with the step under way
LIFTED = 0.05  # [m]


@dataclass(frozen=True)
class Speak:
    """samples: (n,) int16 at 16 kHz."""

    samples: np.ndarray


@dataclass(frozen=True)
class TypeText:
    command_id: str
    text: str
    priority: Priority = "normal"


@dataclass(frozen=True)
class Deed:
    """Something to do now. text: what it is, in words; "" where nothing is shown."""

    text: str
    what: Speak | TypeText | Disturbance | Fault


@dataclass
class Awaited:
    """An event that is waited for. since: stamp at which it happened."""

    when: When
    since: float | None = None


@dataclass
class Waiting:
    """An action that is not done. samples: (n,) of what is heard; None of what is not. fault: what begins."""

    action: Action | FaultAction
    samples: np.ndarray | None
    due: Awaited
    fault: Fault | None = None


@dataclass
class Hearing:
    """A spoken command that the robot has not answered to. known: transcripts before it; until: stamp at
    which nothing was heard."""

    action: CommandAction
    stamp: float
    known: int
    until: float


class Director:
    """sounds: samples (n,) of each action that is heard, by its place in the script. microphone: whether
    somebody speaks besides: what is understood of that is a command, and the run goes on until it is ended
    from outside. begin: stamp of the first command; None before."""

    def __init__(
        self, scenario: Scenario, world: World, recording: Recording, sounds: dict[int, np.ndarray],
        seed: int = 0, microphone: bool = False,
    ) -> None:  # fmt: skip
        self.scenario, self.world, self.recording = scenario, world, recording
        self.microphone = microphone
        self._overheard = 0
        """Transcripts that were looked at, of what somebody speaks."""
        self.begin: float | None = None
        self.commands: list[Given] = []
        self.over = False
        self._waiting: list[Waiting] = []
        self._hearing: Hearing | None = None
        self._sounds_until = -math.inf
        self._end: float | None = None
        self._fell = math.inf
        for k, action in enumerate(scenario.script):
            self.add(action, sounds.get(k))
        for k, fault in enumerate(scenario.faults):
            self._waiting.append(Waiting(fault, None, Awaited(fault.when), fault.made(k + 1, seed)))

    def add(self, action: Action, samples: np.ndarray | None = None) -> None:
        """One more action; a run that was over goes on."""
        self._waiting.append(Waiting(action, samples, Awaited(action.when)))
        self._end, self.over = None, False

    @property
    def undone(self) -> list[Action | FaultAction]:
        """The actions that were not due yet."""
        return [w.action for w in self._waiting]

    def tick(self) -> list[Deed]:
        """What is to be done now. To be called some 50 times a simulated second, once all nodes are ready."""
        r = self.recording
        if self.over or not r.truths:
            return []
        if self.begin is None:
            if r.stamp < SETTLE:
                return []
            r.truths[:] = r.truths[-1:]
            r.touches.clear()
            r.alerts.clear()  # what still holds is said again, and kept once
            self.begin = r.stamp
        self._listen()
        deeds = []
        for waiting in list(self._waiting):
            due = self.due(waiting.due)
            busy = self._hearing is not None and isinstance(waiting.action, CommandAction)
            if due and not busy:
                self._waiting.remove(waiting)
                deeds.append(self._deed(waiting))
        self._see_the_end()
        return deeds

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
            return len(self.commands) >= when.done and self._ended(self.commands[when.done - 1])
        if when.skill is not None:
            return any(m.status.state == "running" and m.status.skill == when.skill for m in r.statuses)
        if when.near is not None:
            poses = truth.objects | truth.movers
            if isinstance(when.near, str) and (name := when.near.replace(" ", "_")) in poses:
                x, y = poses[name][:2]
            else:
                x, y, _ = locate(self.world, when.near)
            return math.dist(position(truth), (x, y)) <= when.within
        if when.seen is not None:
            wanted = query(when.seen)
            return bool(r.sightings) and any(wanted.matches(o) for o in r.sightings[-1][1])
        name = object_name(self.world, when.lifted or "", r.truths[0])
        return truth.objects[name][2] > r.truths[0].objects[name][2] + LIFTED

    def _deed(self, waiting: Waiting) -> Deed:
        r, action = self.recording, waiting.action
        if waiting.fault is not None:
            return Deed("", waiting.fault)  # who begins it says so
        if isinstance(action, format.Type):
            command_id = f"typed-{len(self.commands) + 1}"
            self.commands.append(Given(action.words, command_id, False, r.stamp, action.steps))
            how = "typed" if action.priority == "normal" else f"typed, {action.priority}"
            return Deed(f'{how}: "{action.words}"', TypeText(command_id, action.words, action.priority))
        if isinstance(action, CommandAction):
            assert waiting.samples is not None
            self._sounds_until = r.stamp + len(waiting.samples) / SAMPLE_RATE
            until = self._sounds_until + HEARING_TIMEOUT
            self._hearing = Hearing(action, r.stamp, len(r.transcripts), until)
            text = f'spoken: "{action.words}"' if action.words else "a recording is played"
            return Deed(text, Speak(waiting.samples))
        assert isinstance(action, Move)
        name = object_name(self.world, action.object, r.truths[0])
        pose = self._pose(action)
        text = f"{name} is put at ({pose[0]:.2f}, {pose[1]:.2f}, {pose[2]:.2f})"
        return Deed(text, Disturbance(name=name, pose=pose))

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

    def _listen(self) -> None:
        """Give the spoken command its id once something was heard. What else is said, at the microphone or
        later in a recording, is a command too."""
        h, r = self._hearing, self.recording
        if h is None or self.microphone:
            for heard in r.transcripts[self._overheard :]:
                if heard.complete:
                    self.commands.append(Given(heard.text, heard.command_id, True, r.stamp))
            self._overheard = len(r.transcripts)
        if h is None:
            return
        if len(r.transcripts) > h.known:
            heard = r.transcripts[h.known]
            self._overheard = max(self._overheard, h.known + 1)
            self._given(h, heard.text if heard.complete else "", heard.command_id)
        elif r.stamp > h.until:
            self._given(h)

    def _given(self, h: Hearing, heard: str = "", command_id: str = "") -> None:
        """A spoken command has its id; "": the robot has heard nothing."""
        self.commands.append(Given(h.action.words or heard, command_id, True, h.stamp, h.action.steps))
        self._hearing = None

    def _ended(self, given: Given) -> bool:
        return not given.command_id or self.recording.final(given.command_id) is not None

    def _see_the_end(self) -> None:
        r, begin = self.recording, self.begin or 0.0
        ended = not self._waiting and self._hearing is None and r.stamp >= self._sounds_until
        ended = ended and all(map(self._ended, self.commands))
        if r.truths[-1].fallen:
            self._fell = min(self._fell, r.stamp)
        if r.stamp - self._fell > AFTER_FALL or r.stamp - begin > self.scenario.timeout:
            self.over = True
            if self._hearing is not None:  # else nobody would ask what became of it
                self._given(self._hearing)
        elif self.microphone or not ended:
            self._end = None
        elif self._end is None:
            picks = any(s.skill == "pick" for g in self.commands for s in r.steps(g))
            self._end = r.stamp + (AFTER_GRASP if picks else AFTER_MOTION)
        elif r.stamp >= self._end:
            self.over = True
