"""The executive as a ROS node: runs the plans that safety allowed."""

from collections import deque
from typing import Any

import msgspec
import numpy as np

from vla_sim.common import clock
from vla_sim.common.geometry import Array
from vla_sim.contract import records, topics
from vla_sim.contract.codec import command_id_in
from vla_sim.robot.body import planar_base_in_map
from vla_sim.ros import conversions
from vla_sim.ros.kept_state import KeptState
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.executive.core import Executive, Memory
from vla_sim.stages.executive.params import ExecutiveParams
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.safety.stop_detection import is_stop, may_be_stop
from vla_sim.world.semantic_map import World

_memory = msgspec.json.Decoder(Memory)
MEETING = 2.0
"""[s] that whoever listens to /vla/status takes to find this node when this node has found it."""
LONGEST_MEETING = 10.0
"""[s] after a restart in which as many have to be found as listened before."""


class ExecutiveNode(StageNode[ExecutiveParams]):
    """Parameters: `ExecutiveParams`.

    Subscribes /vla/command, /voice/transcript, /vla/status, /vla/plan, /vla/verdict, /navigation/status,
    /manipulation/status, /perception/objects, /safety/state, /odom, /localization/map_to_odom, /monitor/load
    (background commands wait).
    Publishes /vla/status, /navigation/request, /manipulation/request, /perception/object_name, /voice/say.
    """

    def __init__(self) -> None:
        super().__init__("executive", ExecutiveParams)
        world = World.load(self.params.world)
        self.ctx = SkillContext(
            world, world.rasterise(), pose=world.start, goal_ids=self.execution.ids("executive")
        )
        self.core = Executive(self.ctx, self.params.plan_timeout)
        self.on_params(self.params)
        self.kept = KeptState("executive", _memory, self.get_logger().warning)
        self.before = self.kept.load()
        """What was kept before a restart, until it is answered."""
        self.met = self.ticks = 0
        """Ticks since the restart: with as many listeners as before, and all. What a frozen node misses is
        not among them."""
        if self.before is not None:
            self.core.restore(self.before)
        self.own: deque[records.Status] = deque(maxlen=256)
        """Statuses that were sent here; they come back like those of others."""
        self.map_to_odom = np.eye(4)
        self.odom: Array | None = None
        self.listen(topics.STATUS, self.on_status)  # before what it may have answered
        self.listen(topics.TRANSCRIPT, self.on_transcript, malformed=self.on_malformed)
        self.listen(topics.COMMAND, self.on_command, malformed=self.on_malformed)
        self.listen(topics.PLAN, lambda plan: self.core.on_plan(plan, clock.mono()))
        self.listen(topics.VERDICT, self.on_verdict)
        self.listen(topics.NAVIGATION_STATUS, self.on_navigation)
        self.listen(topics.MANIPULATION_STATUS, self.on_manipulation)
        self.listen(topics.OBJECTS, self.on_objects)
        self.listen(topics.SAFETY_STATE, self.on_safety)
        self.listen(topics.ODOM, self.on_odom)
        self.listen(topics.MAP_TO_ODOM, self.on_map_to_odom)
        for topic in (
            topics.STATUS, topics.NAVIGATION_REQUEST, topics.MANIPULATION_REQUEST, topics.OBJECT_NAME,
        ):  # fmt: skip
            self.publish(topic)  # discovered before the first command, not at it
        self.publish(topics.SAY)
        self.follow_load()
        self.repeat(1.0 / self.params.rate, self.tick)

    def on_params(self, params: ExecutiveParams) -> None:
        self.core.talkative = params.talk != "little"
        self.ctx.search_time = params.search_time

    def on_status(self, status: records.Status) -> None:
        if status not in self.own:
            self.core.on_status(status, clock.mono())

    def on_transcript(self, transcript: records.Transcript) -> None:
        self.core.on_command(transcript.command_id, clock.mono(), stop=is_stop(transcript.text))

    def on_command(self, command: records.Command) -> None:
        stop = command.priority == "stop" or is_stop(command.text)
        self.core.on_command(command.command_id, clock.mono(), stop=stop)

    def on_malformed(self, payload: str) -> None:
        """What was said cannot be read, by language neither perhaps: then it is answered all the same."""
        if command_id := command_id_in(payload):
            self.core.on_command(command_id, clock.mono(), stop=may_be_stop(payload))

    def on_verdict(self, verdict: records.Verdict) -> None:
        self.update_pose()
        self.core.accept(verdict, clock.mono())
        self.tick()  # the first request leaves now, not at the next tick

    def on_navigation(self, status: records.NavigationStatus) -> None:
        self.ctx.navigation, self.ctx.navigation_received = status, self.now()

    def on_manipulation(self, status: records.ManipulationStatus) -> None:
        lost = self.ctx.on_manipulation(status, self.now())
        if lost is not None and status.action not in ("place", "open"):
            self.get_logger().warning(f"lost the {lost.called}")

    def on_objects(self, objects: records.ObjectList) -> None:
        self.ctx.objects, self.ctx.objects_stamp = objects.objects, objects.stamp

    def on_safety(self, state: records.SafetyState) -> None:
        self.core.on_safety(state)
        self.flush()

    def on_odom(self, message: Any) -> None:
        if conversions.finite(message.pose.pose):
            self.odom = conversions.pose_matrix(message.pose.pose)

    def on_map_to_odom(self, message: Any) -> None:
        if conversions.finite(message.transform):
            self.map_to_odom = conversions.pose_matrix(message.transform)

    def update_pose(self) -> None:
        if self.odom is not None:
            self.ctx.pose = planar_base_in_map(self.map_to_odom, self.odom)

    def tick(self) -> None:
        self.ctx.now, self.ctx.mono = self.now(), clock.mono()
        self.ctx.background = self.load.background
        self.update_pose()
        try:
            self.core.watch(self.ctx.mono)
            if self.before is not None and self.found_again(self.before.listeners):
                before, self.before = self.before, None
                self.core.restarted(before)
            self.core.tick()
        finally:
            self.flush()  # also how it failed

    @property
    def heard_by(self) -> int:
        """How many listen to the statuses."""
        return int(self.published[topics.STATUS.name].get_subscription_count())

    def found_again(self, listeners: int) -> bool:
        """At a tick after a restart: whether it is time to answer those who listened before."""
        self.ticks += 1
        self.met += self.heard_by >= listeners
        rate = self.params.rate
        return self.met > MEETING * rate or self.ticks > LONGEST_MEETING * rate

    def flush(self) -> None:
        outbox, self.ctx.outbox = self.ctx.outbox, []
        for topic, record in outbox:
            if isinstance(record, records.Status):
                self.own.append(record)
            self.send(topic, record)
        if self.before is None:
            self.kept.save(msgspec.structs.replace(self.core.memory, listeners=self.heard_by))

    def status(self) -> dict[str, str]:
        job = self.core.job
        return {
            "running": job.plan.text if job else "",
            "waiting": ", ".join(f"{n} {name}" for name, n in self.core.queue.waiting().items() if n) or "0",
            "holding": str(self.ctx.holding.kind) if self.ctx.holding else "",
        }


def main() -> int:
    return spin(ExecutiveNode)


if __name__ == "__main__":
    raise SystemExit(main())
