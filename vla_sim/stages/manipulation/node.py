"""Manipulation as a ROS node: requests in, arm and gripper trajectories out."""

import time
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from vla_sim.common import clock
from vla_sim.common.asking import PATIENCE, Asking
from vla_sim.common.errors import StackError
from vla_sim.contract import records, topics
from vla_sim.contract.records import ManipulationRequest, ManipulationStatus, ObjectList, Refusal, SafetyState
from vla_sim.contract.stop_epoch import StopEpoch
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.ros import conversions
from vla_sim.ros.kept_state import KeptState
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.manipulation.arms import GripperCommand, Held
from vla_sim.stages.manipulation.manipulator import Manipulator
from vla_sim.stages.manipulation.params import ManipulationParams
from vla_sim.stages.manipulation.planning_scene import Observation, WorldModel
from vla_sim.stages.manipulation.policy_pick import PolicyPick
from vla_sim.stages.manipulation.trajectory import Trajectory
from vla_sim.stages.perception.last_images import LastImages
from vla_sim.stages.policy import mapping as policy_mapping
from vla_sim.stages.policy.client import Address, address, connect
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.mapping import Mapping
from vla_sim.stages.policy.names import OWN
from vla_sim.stages.policy.server import OwnServer
from vla_sim.world.semantic_map import World

LOADING = 240.0
"""[s] in which a server must have loaded the policy that it is told of."""


class Memory(msgspec.Struct, frozen=True):
    """What outlives a restart: what the arms hold, and `Actions.around`."""

    held: tuple[Held, ...] = ()
    around: tuple[records.Arm, ...] = ()


_memory = msgspec.json.Decoder(Memory)


class ManipulationNode(StageNode[ManipulationParams]):
    """Parameters: `ManipulationParams`.

    Subscribes /safety/state, /manipulation/request, /joint_states, /odom, /localization/map_to_odom,
    /perception/objects, /safety/refusal (it ends the request, for the reason that it gives); for a learned
    policy a colour and a depth image and the camera's info too (which topics: by parameter).
    Publishes, for safety to pass on, /manipulation/{left,right}_{arm,gripper}/joint_trajectory;
    /manipulation/status (on change, and at `status_rate` while a request is under way), metric
    "grasp_planning" (what the robot waits for the plan of a grasp or a place).
    """

    def __init__(self) -> None:
        super().__init__("manipulation", ManipulationParams)
        p = self.params
        world = World.load(p.world)
        planner = ArmPlanner(Kinematics.load())
        if facts.HAND is not None:
            planner.warm()
        self.worker = self.execution.pool("arm-planner")
        around = WorldModel(world.surfaces, world.objects, world.rasterise())
        self.policy = self._policy(planner.kinematics)
        self.manipulator = Manipulator(planner, around, self.worker, self.policy)
        self.kept = KeptState("manipulation", _memory, self.get_logger().warning)
        before = self.kept.load()
        if before is not None:
            self.manipulator.held |= {held.arm: held for held in before.held}
            self.manipulator.around |= set(before.around)
        self.joints: Any = None
        self.odom: Any = None
        self.map_to_odom = np.eye(4)
        self.objects: tuple[records.DetectedObject, ...] = ()
        self.waiting: list[ManipulationRequest] = []
        self.sent: ManipulationStatus | None = None
        self.sent_at = 0.0
        self.worst_tick = self.began = 0.0
        self.refused: Refusal | None = None
        for topic in (*topics.ARM_WISH.values(), *topics.GRIPPER_WISH.values()):
            self.publish(topic)
        self.publish(topics.MANIPULATION_STATUS)
        self.stops = StopEpoch()
        self.listen(topics.SAFETY_STATE, self.on_safety)
        self.listen(topics.REFUSAL, self.on_refusal)
        self.listen(topics.MANIPULATION_REQUEST, self.on_request)
        self.listen(topics.JOINT_STATES, self.on_joints)
        self.listen(topics.ODOM, self.on_odom)
        self.listen(topics.MAP_TO_ODOM, self.on_map_to_odom)
        self.listen(topics.OBJECTS, self.on_objects)
        if self.eyes is not None:
            self.listen(replace(topics.CAMERA_INFO, name=p.camera_info), self.eyes.on_camera_info)
            self.listen(replace(topics.COLOR, name=p.color), self.eyes.on_color)
            self.listen(replace(topics.DEPTH, name=p.depth), self.eyes.on_depth)
        self.repeat(1.0 / p.rate, self.tick)

    def _policy(self, kinematics: Kinematics) -> PolicyPick | None:
        """Who picks in the planner's place. Raises `InputError`, `MissingError`, `StackError`."""
        p = self.params
        self.asker: Executor | None = None
        self.server: OwnServer | None = None
        self.eyes: LastImages | None = None
        if not p.policy or facts.HAND is None:
            return None
        mapping = policy_mapping.load(policy_mapping.chosen(p.policy, p.policy_mapping))
        url = p.policy
        if url in OWN:
            self.server = OwnServer(url)
            url = self.server.start()
        where = address(url)
        self._prepare(where, mapping)
        self.asker = self.execution.pool("policy")
        self.eyes = LastImages(p.pairing, self.get_logger().warning) if mapping.images else None
        return PolicyPick(mapping, lambda: self._ask(where, mapping), kinematics)

    def _prepare(self, where: Address, mapping: Mapping) -> None:
        """Tell the server what it has to know before the first pick. Raises `InputError`, `MissingError`,
        `StackError`."""
        client = connect(where, mapping, PATIENCE, self.params.policy_pickle)
        try:
            client.prepare(LOADING)
        except PolicyError as error:
            raise StackError(f"no policy for the arms: {error}") from None
        finally:
            client.close()

    def _ask(self, where: Address, mapping: Mapping) -> Asking:
        timeout = self.params.policy_timeout
        patience = PATIENCE if self.execution.deterministic else timeout
        return Asking(connect(where, mapping, patience, self.params.policy_pickle), self.asker, timeout)

    def close(self) -> None:
        for worker in (self.worker, self.asker):
            if worker is not None:
                worker.shutdown(wait=False, cancel_futures=True)
        if self.server is not None:
            self.server.close()

    def on_safety(self, state: SafetyState) -> None:
        """A stop ends the request, whoever made it, also where the executive does not say so."""
        if self.stops.advance(state.stop_epoch):
            waited, self.waiting = self.waiting, [ManipulationRequest(goal_id="stop", action="cancel")]
            for request in waited:
                if request.stop_epoch < state.stop_epoch:
                    self.send_void(request)
                else:
                    self.waiting.append(request)

    def on_request(self, request: ManipulationRequest) -> None:
        if facts.HAND is None:
            if request.action != "renew":
                self.send(topics.MANIPULATION_STATUS, without_hand(request))
            return
        if request.action == "renew":
            answer = self.manipulator.renew(request.goal_id)
            if answer is not None and not any(request.goal_id == one.goal_id for one in self.waiting):
                self.send(topics.MANIPULATION_STATUS, answer)
            return
        if request.action != "cancel" and self.stops.void(request.stop_epoch):
            self.send_void(request)
            return
        self.waiting.append(request)

    def send_void(self, request: ManipulationRequest) -> None:
        """It came before a stop and had not begun."""
        void = ManipulationStatus(
            goal_id=request.goal_id, action=request.action, state="cancelled", detail=records.STOP_SAID,
            holding=bool(self.manipulator.held),
        )  # fmt: skip
        self.send(topics.MANIPULATION_STATUS, void)

    def on_refusal(self, refusal: Refusal) -> None:
        """Safety did not let through what was wished for, or ended it."""
        if refusal.stamp >= self.began:
            self.refused = refusal

    def on_joints(self, message: Any) -> None:
        self.joints = message

    def on_odom(self, message: Any) -> None:
        if conversions.finite(message.pose.pose):
            self.odom = message

    def on_map_to_odom(self, message: Any) -> None:
        if conversions.finite(message.transform):
            self.map_to_odom = conversions.pose_matrix(message.transform)

    def on_objects(self, message: ObjectList) -> None:
        self.objects = tuple(message.objects)

    def observation(self) -> Observation | None:
        """What the latest messages say; None until the robot's state is known."""
        joints, odom = self.joints, self.odom
        if joints is None or odom is None:
            return None
        q = conversions.joint_positions(joints)
        if q is None:
            missing = ", ".join(sorted(set(facts.JOINTS) - set(joints.name)))
            self.get_logger().warning(
                f"/joint_states lacks {missing or 'positions'}; the arms stay still",
                throttle_duration_sec=5.0,
            )
            return None
        base = conversions.pose_matrix(odom.pose.pose)
        if not (np.isfinite(q).all() and np.isfinite(base).all()):
            return None
        now = to_seconds(joints.header.stamp)
        return Observation(
            now, q, base, self.map_to_odom, self.objects, conversions.joint_efforts(joints),
            self.eyes.last(now) if self.eyes is not None else None,
        )  # fmt: skip

    def tick(self) -> None:
        if not self.waiting and not self.manipulator.busy and not self.manipulator.held:
            return
        observation = self.observation()
        if observation is None:
            return
        begin = time.perf_counter()
        commands: list[Trajectory | GripperCommand] = []
        try:
            self.manipulator.check_lease(clock.mono())
            refused, self.refused = self.refused, None
            if refused is not None:
                self.manipulator.refused(refused)
            while self.waiting:
                self.began = observation.time
                self.manipulator.request(self.waiting.pop(0))
                commands += self.manipulator.tick(observation)
                self.report(observation.time)
            commands += self.manipulator.tick(observation)
        finally:
            self.report(observation.time)  # also how it failed
            self.kept.save(
                Memory(tuple(self.manipulator.held.values()), tuple(sorted(self.manipulator.around)))
            )
        for command in commands:
            if isinstance(command, Trajectory):
                self.send_arm(command, observation.time)
            else:
                self.send_gripper(command, observation.time)
        for seconds in self.manipulator.take_planned():
            self.record_metric("grasp_planning", seconds, "s")
        self.worst_tick = max(self.worst_tick, time.perf_counter() - begin)

    def report(self, now: float) -> None:
        """Publish the status if it changed or is due, and how what it took the place of ended."""
        for ended in self.manipulator.take_displaced():
            self.send(topics.MANIPULATION_STATUS, ended)
        status = self.manipulator.status
        due = status.state == "active" and abs(now - self.sent_at) >= 1.0 / self.params.status_rate
        if status != self.sent or due:
            self.send(topics.MANIPULATION_STATUS, status)
            self.sent, self.sent_at = status, now

    def send_arm(self, motion: Trajectory, now: float) -> None:
        names = list(facts.ARM_JOINTS[motion.side])
        message = conversions.joint_trajectory(
            names, motion.times, motion.positions, motion.stamp or now, motion.frame, motion.velocities
        )
        self.publish(topics.ARM_WISH[motion.side]).publish(message)

    def send_gripper(self, command: GripperCommand, now: float) -> None:
        message = conversions.joint_trajectory(
            [f"{command.side}_gripper"], np.zeros(1), np.array([[command.opening]], dtype=float), now, ""
        )
        self.publish(topics.GRIPPER_WISH[command.side]).publish(message)

    def status(self) -> dict[str, str]:
        state = self.manipulator.status
        return {
            "phase": state.phase, "state": state.state, "holding": str(bool(self.manipulator.held)),
            "planning ms": f"{state.planning_ms:.0f}", "worst tick ms": f"{self.worst_tick * 1e3:.1f}",
        }  # fmt: skip


def without_hand(request: ManipulationRequest) -> ManipulationStatus:
    """What a robot without a hand answers: its arms are the walking policy's, at home, and all else fails."""
    done = request.action in ("home", "cancel")
    return ManipulationStatus(
        goal_id=request.goal_id, action=request.action, state="succeeded" if done else "failed",
        detail="" if done else f"{facts.NO_HAND}.", hopeless=not done,
    )  # fmt: skip


def main() -> int:
    return spin(ManipulationNode)


if __name__ == "__main__":
    raise SystemExit(main())
