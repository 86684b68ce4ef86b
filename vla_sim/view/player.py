"""A recorded run on the page: the same panels, and time that goes, stands and is chosen."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from vla_sim.common.errors import InputError, StackError, VlaSimError
from vla_sim.contract import topics
from vla_sim.recording.images import SUFFIX
from vla_sim.recording.reader import Recorded, Recording
from vla_sim.robot import facts
from vla_sim.robot.extrinsics import calibrated
from vla_sim.view import actions, snapshot
from vla_sim.view.actions import Action
from vla_sim.view.camera_picture import drawn
from vla_sim.view.state import ViewState
from vla_sim.world.semantic_map import World

RATE = 10.0
"""States a second."""
BACK = 3.0
"""[s] before the moment that is gone to, from which on what comes often is read; all else from the start."""
PICTURES = (topics.COLOR.name, topics.COLOR.name + SUFFIX)
OFTEN = frozenset(
    (
        topics.JOINT_STATES.name, topics.ODOM.name, topics.CMD_VEL.name, topics.SCAN.name,
        topics.OBJECTS.name, topics.GROUND_TRUTH.name, topics.CONTACTS.name, topics.CAMERA_INFO.name,
        topics.COSTMAP.name, *PICTURES,
    )
)  # fmt: skip
"""Of these the newest is enough: between two states all others are let pass."""


class Player:
    """Plays a recording in a thread of its own. world: as the robot knew it. show, show_picture: take what
    the page is to show.

    at: where it is [s, of the recording]. scene: the 3D scene, or None.
    """

    def __init__(
        self, recording: Recording, world: World, show: Callable[[dict[str, bytes]], None],
        show_picture: Callable[[Any, bytes], None], scene: Any = None,
    ) -> None:  # fmt: skip
        self.recording, self.scene = recording, scene
        self._show, self._show_picture = show, show_picture
        self.at, self.plays, self.speed = recording.start, True, 1.0
        self._drawn_world = snapshot.world_section(world)
        self.viewers = self.pictures = 0
        self.broken = ""
        """Which part of the file cannot be read, in words."""
        self._asked: queue.Queue[tuple[Action, Future[str]]] = queue.Queue()
        self._kinematics = calibrated("")
        self._sections = snapshot.Sections()
        self._topics = [name for name in ViewState().takes if name in recording.types]
        self._changed = True
        self._closing = threading.Event()
        self._begin(self.at)
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    # What the page asks for (`server.Answers`).

    def about(self) -> dict[str, Any]:
        return {
            "mode": "replay", "robot": facts.NAME, "world": self._drawn_world, "speed": self.speed,
        }  # fmt: skip

    def stop(self) -> None:
        raise StackError("this run is over: there is nothing to stop")

    def hear(self, samples: bytes) -> None:
        """Nobody listens any more."""

    def looked_at(self, viewers: int, pictures: int) -> None:
        self.viewers, self.pictures = viewers, pictures
        self._changed = True

    def act(self, action: Action) -> Future[str]:
        out: Future[str] = Future()
        self._asked.put((action, out))
        return out

    # In its own thread.

    def _run(self) -> None:
        before, watching = time.monotonic(), 0
        while not self._closing.wait(1.0 / RATE):
            now = time.monotonic()
            passed, before = now - before, now
            try:
                while True:
                    action, out = self._asked.get_nowait()
                    self._answer(action, out)
                    before = time.monotonic()  # what an answer takes is not played
            except queue.Empty:
                pass
            if self.plays and self.viewers:
                self._go(min(self.at + passed * self.speed, self.recording.end))
                self.plays = self.at < self.recording.end
                self._changed = True
            if self.scene is not None and self.scene.viewers != watching:
                # A scene is loaded after the page, when the run may stand still.
                watching, self._changed = self.scene.viewers, True
            if self._changed and self.viewers:
                self._changed = False
                self._tell()

    def _answer(self, action: Action, out: Future[str]) -> None:
        self._changed = True
        try:
            out.set_result(self._do(action))
        except VlaSimError as error:
            out.set_exception(error)

    def _do(self, action: Action) -> str:
        match action:
            case actions.Play(on):
                if on and self.at >= self.recording.end:
                    self._begin(self.recording.start)
                self.plays = on
            case actions.Seek(to):
                self._begin(min(self.recording.start + to, self.recording.end))
            case actions.Pace(factor):
                self.speed = factor
            case _:
                raise InputError("this run is over: it can be looked at, and no more")
        return ""

    def _begin(self, at: float) -> None:
        """Be at this moment, with what was known then."""
        self.at = at
        self.state = ViewState(lambda: self.at)
        self.state.zero = self.recording.start
        about = self.recording.about
        self.state.modelled = about.speed == 0.0 and about.stack.get("compute", "fixed") == "fixed"
        self._picture: Any = None
        seldom = [name for name in self._topics if name not in OFTEN]
        for one in self._read(seldom, end=at):
            self._take(one)
        often = [name for name in self._topics if name in OFTEN]
        self._newest(self._read(often, start=at - BACK, end=at))
        self._ahead = self._read(self._topics, start=at + 1e-9)
        self._next = next(self._ahead, None)

    def _read(
        self, topics: list[str], start: float | None = None, end: float | None = None
    ) -> Iterator[Recorded]:
        return self.recording.read(topics, start, end, self._left_out)

    def _left_out(self, error: Exception) -> None:
        self.broken = str(error)

    def _go(self, at: float) -> None:
        """On to a later moment."""
        self.at = at
        self._newest(self._until(at))

    def _until(self, at: float) -> Iterator[Recorded]:
        while self._next is not None and self._next.stamp <= at:
            yield self._next
            self._next = next(self._ahead, None)

    def _newest(self, found: Iterator[Recorded]) -> None:
        """Take these: all of what comes seldom, of each other topic the newest alone."""
        last: dict[str, Recorded] = {}
        for one in found:
            if one.topic in OFTEN:
                last[one.topic] = one
            else:
                self._take(one)
        order = sorted(last.values(), key=lambda one: one.topic in (*PICTURES, topics.SCAN.name))
        for one in order:  # where the robot is comes before what it saw there
            self._take(one)

    def _take(self, one: Recorded) -> None:
        try:
            self.state.take(one.topic, self.recording.content(one), one.stamp)
            self.state.heard[one.topic] = one.stamp  # not at the moment that is gone to
        except InputError as error:
            self._left_out(error)

    def _tell(self) -> None:
        run = self.recording
        if self.scene is not None:
            self.scene.show(self.state)
        sections = self._sections.of(self.state)
        sections["clock"]["real_time_factor"] = self.speed if self.plays else None
        sections |= {
            "can": dict.fromkeys(("command", "speak", "stop", "reset", "faults"), False) | {"speed": True},
            "replay": {
                "at_s": round(self.at - run.start, 1), "length_s": round(run.end - run.start, 1),
                "plays": self.plays, "broken": self.broken,
            },
        }  # fmt: skip
        self._show({name: snapshot.encode(one) for name, one in sections.items()})
        picture = self.state.picture
        if self.pictures and picture is not None and picture is not self._picture:
            self._picture = picture
            with suppress(InputError, OSError):
                self._show_picture(*drawn(
                    picture, self.state.camera_info, self.state.detected, self._kinematics, run.start
                ))  # fmt: skip
