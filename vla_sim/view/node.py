"""The viewer as a ROS node: it watches like any node, and serves what it sees to browsers."""

import contextlib
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import numpy as np

from vla_sim.bringup.node_table import STACK
from vla_sim.common import clock, process_priority
from vla_sim.common.errors import InputError, MissingError, StackError, VlaSimError
from vla_sim.common.params import check
from vla_sim.contract import faults, topics
from vla_sim.contract.records import Command, FaultRequest
from vla_sim.contract.topics import Topic
from vla_sim.robot import facts
from vla_sim.robot.extrinsics import CAMERA, calibrated
from vla_sim.ros import conversions
from vla_sim.ros.kept_state import KeptState
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.view import actions, door, snapshot
from vla_sim.view.actions import Action
from vla_sim.view.camera_picture import drawn
from vla_sim.view.params import ViewParams
from vla_sim.view.peek import Peek
from vla_sim.view.state import LOG as LOG_NAME
from vla_sim.view.state import Memory, Picture, ViewState
from vla_sim.view.stop_line import StopLine
from vla_sim.world.semantic_map import World

RATE = 10.0
"""States a second."""
REMEMBERED = 1.0
"""[s] between two times at which it keeps what it knows, should it die; how far a command is, at once."""
SLOWER = 5
"""Niceness of the threads that only show something, beside the one that hears a stop."""
ANSWER_TIMEOUT = 20.0
"""[s] for whoever breaks things to answer: a node that is killed is waited for."""
ALWAYS = (
    topics.MAP_TO_ODOM, topics.TRANSCRIPT, topics.COMMAND, topics.PLAN, topics.VERDICT, topics.STATUS,
    topics.TRACE, topics.SAY, topics.SAFETY_STATE, topics.REFUSAL, topics.NAVIGATION_REQUEST,
    topics.NAVIGATION_STATUS, topics.MANIPULATION_STATUS, topics.GLOBAL_PATH, topics.MONITOR_STATE,
    topics.MONITOR_LOAD, topics.MONITOR_ALERTS, topics.DIAGNOSTICS, *topics.ARM_TRAJECTORY.values(),
)  # fmt: skip
"""What seldom comes, and must not be missed: a page that is opened late shows what was before."""


OFTEN = (
    topics.JOINT_STATES, topics.ODOM, topics.CMD_VEL, topics.SCAN, topics.OBJECTS, topics.GROUND_TRUTH,
    topics.CONTACTS, topics.COSTMAP,
)  # fmt: skip
"""While somebody looks."""
LOG = Topic(LOG_NAME, "rcl_interfaces/msg/Log")
_memory = msgspec.json.Decoder(Memory)


class ViewNode(StageNode[ViewParams]):
    """Parameters: `ViewParams`.

    Subscribes what tells of commands, plans, safety, latencies and alerts; while somebody looks, also joints,
    odometry, velocities, the scan, objects and the simulator's truth, and while somebody looks at it the
    camera. Publishes, for whoever sits at the page, /vla/command, /voice/audio, /safety/stop, /sim/fault.
    It lives on the machine's clock.
    """

    def __init__(self, name: str = "view", values: dict[str, Any] | None = None) -> None:
        """values: of parameters, where it is not started with arguments, but looks at a stack of others."""
        super().__init__(name, ViewParams)
        if values is not None:
            self.params = check(replace(self.params, **values))
        p = self.params
        door.library("aiohttp")
        from vla_sim.view.server import Server

        entrance = door.Door.of_environment(p.view_host)
        self.state, self.sections = ViewState(), snapshot.Sections()
        self.kept = KeptState("view", _memory, self.get_logger().warning)
        if (before := self.kept.load()) is not None:
            self.state.restore(before)
        self._drawn_world = snapshot.world_section(World.load(p.world))
        self.viewers = self.pictures = 0
        self._asked: dict[str, tuple[Future[str], float]] = {}
        self._commands = self.execution.ids("page")
        self._shown: Picture | None = None
        self._renamed = {p.color: topics.COLOR.name, p.camera_info: topics.CAMERA_INFO.name}
        self.publish(topics.COMMAND)
        self.publish(topics.AUDIO)
        self.publish(topics.FAULT_REQUEST)
        port = p.view_port or door.free_port(p.view_host)
        self.line = StopLine()
        self.server = Server(
            self, entrance, port, log=self.get_logger().error, outlived=values is not None,
            old={"safety": snapshot.encode(snapshot.UNTOLD)},
        )  # fmt: skip
        for topic in ALWAYS:  # before the page can be opened: what is asked for there must not be missed
            self.listen(topic, partial(self.take, topic.name))
        self.listen(topics.FAULTS, self.on_faults_state)
        self.listen(LOG, partial(self.take, LOG.name))
        self.server.start()
        process_priority.thread(SLOWER)  # this one, and those that it makes from now on
        self.peek = Peek()
        self.kinematics = calibrated(p.extrinsics)
        self.kinematics.frame(CAMERA, facts.DEFAULT_POSE)  # compiles it
        self.artist = self.execution.worker("pictures", self.draw, capacity=1, newest=True)
        self.scene = self._scene()
        self.get_logger().info(f"the page is at {door.url(p.view_host, port)}")
        self.repeat(1.0 / RATE, self.tick, steady=True)
        self.repeat(REMEMBERED, lambda: self.kept.save(self.state.memory()), steady=True)

    def _scene(self) -> Any:
        """The 3D scene; None where its library is missing."""
        try:
            from vla_sim.view.scene import Scene

            scene = Scene(self.params.world)
        except (ImportError, MissingError) as error:
            self.get_logger().warning(f"no 3D scene: {error}")
            return None
        self.server.embed("127.0.0.1", scene.port)
        return scene

    def _aged(self, topic: Topic, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Of the run's time it knows what messages say, so that none of them has an age."""
        return callback

    def now(self) -> float:
        """As the run has it, so far as this node has heard."""
        return self.state.stamp if hasattr(self, "state") else 0.0

    def take(self, name: str, message: Any) -> None:
        name = self._renamed.get(name, name)
        stamp = self.state.stamp  # of what has none, or comes from a node that does not know the time yet
        header = getattr(message, "header", None)
        if header is not None and name != topics.DIAGNOSTICS.name:
            stamp = to_seconds(header.stamp) or stamp
        elif isinstance(getattr(message, "stamp", None), float):
            stamp = message.stamp or stamp
        self.state.take(name, message, stamp)
        if name in (topics.PLAN.name, topics.STATUS.name):  # seldom, and what one looks at
            self.kept.save(self.state.memory())

    def on_faults_state(self, state: Any) -> None:
        self.take(topics.FAULTS.name, state)
        for name, answer in state.answers.items():
            if name in self._asked:
                future, _ = self._asked.pop(name)
                _settle(future, answer)

    def tick(self) -> None:
        """Ten times a second: what has changed, for those who look."""
        now = time.monotonic()
        asked = list(self._asked.items())  # the server's thread may add one meanwhile
        for name in [name for name, (_, until) in asked if now > until]:
            future, _ = self._asked.pop(name)
            _settle(future, "the stack does not answer")
        self._peek()
        if not self.viewers:
            return
        self.peek.take(self.take)
        if self.scene is not None:
            self.scene.show(self.state)
        self.server.show({
            name: snapshot.encode(one) for name, one in
            {**self.sections.of(self.state), "can": self.can()}.items()
        })  # fmt: skip
        picture = self.state.picture
        if self.pictures and picture is not None and picture is not self._shown:
            self._shown = picture
            self.artist.put(picture)

    def _peek(self) -> None:
        """At what is needed for those who look now."""
        if self.viewers and self.pictures:
            self.peek.listen(
                *OFTEN,
                replace(topics.COLOR, name=self.params.color),
                replace(topics.CAMERA_INFO, name=self.params.camera_info),
            )
        elif self.viewers:
            self.peek.listen(*OFTEN)
        else:
            self.peek.listen()

    def draw(self, picture: Picture) -> None:
        """In a thread of its own."""
        state = self.state
        self.server.show_picture(
            *drawn(picture, state.camera_info, state.detected, self.kinematics, state.zero)
        )

    def can(self) -> dict[str, Any]:
        """What whoever sits at the page can do now."""
        simulated = self.line.simulated
        return {
            "command": self.published[topics.COMMAND.name].get_subscription_count() > 0,
            "speak": self.published[topics.AUDIO.name].get_subscription_count() > 0,
            "stop": True, "reset": simulated, "speed": simulated,
            "faults": self.published[topics.FAULT_REQUEST.name].get_subscription_count() > 0,
        }  # fmt: skip

    # What the page asks for; in the server's thread.

    def about(self) -> dict[str, Any]:
        return {
            "mode": "live", "robot": facts.NAME, "world": self._drawn_world,
            "speed": self.line.speed or self.params.speed,
        }  # fmt: skip

    def stop(self) -> None:
        self.line.stop()

    def hear(self, samples: bytes) -> None:
        sound = np.frombuffer(samples, "<i2").astype(np.int16)
        self.published[topics.AUDIO.name].publish(conversions.audio_message(sound, 0.0))

    def looked_at(self, viewers: int, pictures: int) -> None:
        self.viewers, self.pictures = viewers, pictures

    def act(self, action: Action) -> "Future[str]":
        match action:
            case actions.EmergencyStop(on):
                return self.line.emergency_stop(on)
            case actions.Reset():
                return self.line.reset()
            case actions.Pace(factor):
                return self.line.pace(factor)
            case actions.Break() | actions.Mend():
                return self._fault(action)
        out: Future[str] = Future()
        try:
            out.set_result(self._do(action))
        except VlaSimError as error:
            out.set_exception(error)
        return out

    def _do(self, action: Action) -> str:
        match action:
            case actions.Say(text, priority):
                words = text.strip()
                if not words:
                    raise InputError("a command needs words")
                command = Command(
                    command_id=self._commands.new(), text=words, sent_mono=clock.mono(), priority=priority
                )
                if not self.published[topics.COMMAND.name].get_subscription_count():
                    raise StackError("nobody hears commands: the stack is not there, or is starting")
                self.send(topics.COMMAND, command)
                return f'sent: "{words}"'
        raise InputError("that cannot be done with a run that goes on")

    def _fault(self, action: "actions.Break | actions.Mend") -> "Future[str]":
        """The answer comes by /sim/faults."""
        out: Future[str] = Future()
        name = uuid.uuid4().hex[:12]
        try:
            if isinstance(action, actions.Mend):
                request = FaultRequest(request_id=name, end=action.fault_id)
            else:
                begin = faults.check(action.fault, [spec.name for spec in STACK])
                request = FaultRequest(request_id=name, begin=begin)
            if not self.published[topics.FAULT_REQUEST.name].get_subscription_count():
                raise StackError("nobody breaks anything here: only vla-sim run, stack and soak do")
        except VlaSimError as error:
            out.set_exception(error)
            return out
        self._asked[name] = (out, time.monotonic() + ANSWER_TIMEOUT)
        self.send(topics.FAULT_REQUEST, request)
        return out

    def status(self) -> dict[str, str]:
        return {"viewers": str(self.viewers), "of the camera": str(self.pictures)}

    def close(self) -> None:
        for name in ("server", "scene", "artist", "line", "peek"):
            one = getattr(self, name, None)
            if one is not None:
                with contextlib.suppress(Exception):
                    one.close()


def _settle(future: "Future[str]", refused: str) -> None:
    if not future.done():
        if refused:
            future.set_exception(InputError(refused))
        else:
            future.set_result("done")


def main() -> int:
    return spin(ViewNode)


if __name__ == "__main__":
    raise SystemExit(main())
