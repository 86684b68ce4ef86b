"""Safety as a ROS node: nothing moves without its word."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from std_srvs.srv import SetBool

from vla_sim.common import clock, process_priority
from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, yaw_from_quaternion
from vla_sim.contract import topics
from vla_sim.contract.records import Arm, Command, Plan, Refusal, Transcript, Verdict
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.ros import cdr, conversions
from vla_sim.ros.failures import WINDOW
from vla_sim.ros.kept_state import KeptState
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.safety import gate, surroundings
from vla_sim.stages.safety.arm_gate import ArmGate
from vla_sim.stages.safety.params import SafetyParams
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.stages.safety.stop_detection import is_stop, may_be_stop
from vla_sim.stages.safety.supervisor import ODOM_AGE, SCAN_AGE, STAND, Begun, FirstMotion, Supervisor
from vla_sim.stages.safety.trust import JointTrust, of_now
from vla_sim.world.semantic_map import World

TICK = 1e-6
"""[s] from the stamp of a permit to the next one's at least."""
STATE_EVERY = 5
"""Periods from one state to the next."""
FAILURE_HOLD = 1.0
"""[s] without a permit after a callback failed: what it would have learnt is not known."""
CARRY_STOPS = (topics.TRANSCRIPT.name, topics.COMMAND.name, topics.STOP.name, topics.ESTOP_SERVICE)


class Memory(msgspec.Struct, frozen=True):
    """What outlives a restart."""

    estop: bool
    epoch: int


_memory = msgspec.json.Decoder(Memory)


class SafetyNode(StageNode[SafetyParams]):
    """Parameters: `SafetyParams`.

    Subscribes /vla/plan, /voice/transcript, /vla/command, /safety/stop, /cmd_vel_nav, /scan,
    /perception/depth_scan, /perception/low_obstacles, /odom, /imu,
    /manipulation/{left,right}_{arm,gripper}/joint_trajectory, /joint_states, /points,
    /perception/near_points, /monitor/load; for the
    trace also /vla/status.
    Publishes /vla/verdict, /cmd_vel (50 Hz, and at once when navigation's changes),
    /{left,right}_{arm,gripper}/joint_trajectory (what may pass of manipulation's wishes),
    /safety/refusal (why one may not), /safety/state (10 Hz and on a stop), trace "safety" and "control"
    (verdict to the first velocity or trajectory of its plan), metric "reaction" (scan to the velocity that is
    lower for it, sent).
    An arm that pushes too hard on its way, before which something appears, or whose joints jump, is held, and
    that is a refusal too.
    Service /safety/estop (std_srvs/SetBool): true latches the emergency stop, false releases it.

    A callback that fails costs the permit: no velocity leaves for `FAILURE_HOLD`, and after repeated failures
    for as long as these last. Where it may have been a stop it is one. A restart is a stop as well; a latched
    emergency stop outlives it.
    """

    def __init__(self) -> None:
        super().__init__("safety", SafetyParams)
        p = self.params
        gate.warm()
        surroundings.warm()
        cdr.warm()
        self.checker = PlanChecker(World.load(p.world))
        self.core = Supervisor((p.max_forward, p.max_lateral, p.max_turn))
        self.publish(topics.VERDICT)
        self.publish(topics.SAFETY_STATE)
        self.twist = self.publish(topics.CMD_VEL)
        self.message = self.twist.msg_type()
        self.message.header.frame_id = "base_link"
        self.periods = 0
        self.stamp = 0.0
        """Of the last velocity [s]."""
        self.moves = False
        self.lowered: float | None = None
        """When the scan came that lowers the velocity, until that is sent [s, steady clock]."""
        self.first_motion = FirstMotion()
        self.withheld = -math.inf
        """Until when no permit is given [s, steady clock]."""
        self.kept = KeptState("safety", _memory, self.get_logger().warning)
        self._take_up(self.kept.load())
        self.arms = ArmGate(Kinematics.load())
        self.arms.warm()
        self.core.beyond = self.arms.beyond
        self.joints = JointTrust()
        for topic in (*topics.ARM_TRAJECTORY.values(), *topics.GRIPPER_TRAJECTORY.values(), topics.REFUSAL):
            self.publish(topic)
        # What is ready at once is taken in this order: stops, motions, then what is seen.
        self.listen(topics.TRANSCRIPT, self.on_transcript, malformed=self.on_malformed)
        self.listen(topics.COMMAND, self.on_command, malformed=self.on_malformed)
        self.listen(topics.STOP, lambda _: self.stop())
        self.listen(topics.PLAN, self.on_plan)
        self.listen(topics.CMD_VEL_NAV, self.on_velocity)
        for side in get_args(Arm):
            self.listen(topics.ARM_WISH[side], partial(self.on_wish, side, "arm"), serialised=True)
            self.listen(topics.GRIPPER_WISH[side], partial(self.on_wish, side, "gripper"), serialised=True)
        self.listen(topics.SCAN, self.on_scan)
        self.listen(topics.DEPTH_SCAN, self.on_depth_scan)
        self.listen(topics.LOW_OBSTACLES, self.on_low_obstacles)
        self.listen(topics.ODOM, self.on_odom)
        self.listen(topics.IMU, self.on_imu)
        self.listen(topics.STATUS, self.first_motion.status)
        self.listen(topics.JOINT_STATES, self.on_joints)
        self.listen(topics.POINTS, partial(self.on_cloud, "lidar", self.arms.on_points, SCAN_AGE))
        # What was near is near a while longer: without these points the arms would go by the lidar's alone.
        self.listen(topics.NEAR_POINTS, partial(self.on_cloud, "near", self.arms.on_near_points, math.inf))
        self.create_service(SetBool, topics.ESTOP_SERVICE, self.on_estop)
        self.follow_load()
        awake = p.keep_cores_awake and not self.execution.deterministic
        self.awake = process_priority.keep_cores_awake() if awake else None
        self.repeat(1.0 / p.rate, self.on_timer)

    def close(self) -> None:
        if self.awake is not None:
            self.awake.close()

    def _take_up(self, before: Memory | None) -> None:
        """Begin, or go on after a restart, which is a stop."""
        if not self.execution.deterministic:
            # Others hold the epoch of a safety node that has died: this one begins later than any of its own.
            self.core.epoch = int(1e3 * time.monotonic())
        if before is not None:
            self.core.epoch = max(self.core.epoch, before.epoch)
            self.core.estop = before.estop
        self.restarted = before is not None
        self.remember()

    def remember(self) -> None:
        self.kept.save(Memory(self.core.estop, self.core.epoch))

    def on_failure(self, what: str) -> None:
        lasts = self.failures.repeated
        self.withheld = max(self.withheld, clock.mono() + (WINDOW if lasts else FAILURE_HOLD))
        self.core.fault = "safety fails repeatedly" if lasts else "a callback of safety failed"
        if what in CARRY_STOPS:
            self.stop()

    def on_params(self, params: SafetyParams) -> None:
        self.core.limits = (params.max_forward, params.max_lateral, params.max_turn)

    def on_plan(self, plan: Plan) -> None:
        begin, started = clock.mono(), time.perf_counter()
        why = self.core.void(plan)
        reasons = [why] if why else self.checker.check(plan)
        clock.charge("safety", time.perf_counter() - started)
        allowed = not reasons
        if allowed and plan.steps and plan.priority != "stop":
            self.core.halted = False
        mono = clock.mono()
        verdict = Verdict(
            command_id=plan.command_id, allowed=allowed, reasons=reasons, plan=plan, mono=mono,
            stop_epoch=self.core.epoch,
        )  # fmt: skip
        self.send(topics.VERDICT, verdict)
        self.trace(plan.command_id, "safety", begin)
        self.first_motion.verdict(verdict)

    def on_transcript(self, transcript: Transcript) -> None:
        self._heard(transcript.command_id, is_stop(transcript.text))

    def on_command(self, command: Command) -> None:
        self._heard(command.command_id, command.priority == "stop" or is_stop(command.text))

    def _heard(self, command_id: str, stop: bool) -> None:
        """What follows a stop in the same breath ("stop and go to the kitchen") was asked for after it."""
        if stop:
            self.stop()
        self.core.on_command(command_id)

    def on_malformed(self, text: str) -> None:
        """A command or transcript that no record fits may be a stop all the same."""
        if may_be_stop(text):
            self.stop()

    def stop(self) -> None:
        self.core.on_stop(self.now())
        self.remember()
        self.arms.halt()
        self.tick()
        self.send(topics.SAFETY_STATE, self.core.state())

    def on_velocity(self, message: Any) -> None:
        before = self.core.velocity
        if not self.core.on_velocity(*conversions.velocity(message), *self.clocks()):
            self.get_logger().warning(
                "velocity from navigation is not finite: the robot stands", throttle_duration_sec=1.0
            )
        elif self.core.velocity != before:
            self.tick()  # what is new is not kept waiting for the next period

    def on_scan(self, message: Any) -> None:
        arrived = time.monotonic()
        ranges = np.asarray(message.ranges, dtype=np.float32)
        if self.moves:
            self.core.output(*self.clocks())  # the factor of what is wanted now, with the scan before
        before = self.core.factor
        stamp = to_seconds(message.header.stamp)
        if not self.core.on_scan(ranges, message.angle_min, message.angle_increment, stamp, *self.clocks()):
            self.get_logger().warning("lidar scan with too few numbers", throttle_duration_sec=1.0)
        elif self.moves:
            passed = self.core.output(*self.clocks())
            if self.core.factor < before and self.lowered is None:
                self.lowered = arrived
            if passed == STAND:
                self.tick()  # a stop is not kept waiting for the next period

    def on_odom(self, message: Any) -> None:
        if conversions.finite(message.pose.pose):
            (x, y, _), q = conversions.pose_parts(message.pose.pose)
            self.core.on_odom(x, y, yaw_from_quaternion(q), to_seconds(message.header.stamp), *self.clocks())

    def on_depth_scan(self, message: Any) -> None:
        ranges = np.asarray(message.ranges, dtype=np.float32)
        stamp = to_seconds(message.header.stamp)
        self.core.on_depth_scan(
            ranges, message.angle_min, message.angle_increment, stamp, *self.clocks(),
            np.asarray(message.intensities, dtype=np.float32),
        )  # fmt: skip

    def on_low_obstacles(self, message: Any) -> None:
        points = self.cloud("low obstacles", message)
        if points is not None:
            self.core.on_low_obstacles(points, to_seconds(message.header.stamp), *self.clocks())

    def on_imu(self, message: Any) -> None:
        q = message.orientation
        self.arms.on_attitude((q.w, q.x, q.y, q.z))
        if self.core.on_imu(to_seconds(message.header.stamp), (q.w, q.x, q.y, q.z), self.now()):
            self.get_logger().error("the robot has fallen")
            self.remember()
            self.tick()
            self.send(topics.SAFETY_STATE, self.core.state())

    def on_joints(self, message: Any) -> None:
        now, stamp = self.now(), to_seconds(message.header.stamp)
        position = conversions.joint_positions(message)
        if position is None or not of_now(stamp, now, ODOM_AGE):
            return
        if not self.joints.take(stamp, position, conversions.joint_velocities(message)):
            if self.joints.doubted:
                for side in self.arms.doubt_joints():
                    self.hold(side, "its joints jump")
            return
        for side in self.arms.on_joints(position, now, conversions.joint_efforts(message)):
            self.hold(side, "it pushes against something")

    def hold(self, side: Arm, reason: str) -> None:
        """An arm on its way stays where it is, whatever manipulation does."""
        self.get_logger().warning(f"{side} arm: {reason}")
        joints = list(facts.ARM_JOINTS[side])
        message = conversions.joint_trajectory(joints, np.zeros(0), np.zeros((0, 7)), self.now(), "")
        self.published[topics.ARM_TRAJECTORY[side].name].publish(message)
        self.send(topics.REFUSAL, Refusal(arm=side, part="arm", stamp=self.now(), reason=reason))

    def on_cloud(
        self, what: str, take: Callable[[Array, float], None], age: float, message: Any
    ) -> None:  # fmt: skip
        """age: of its stamp at the most [s]; an older cloud is none."""
        now = self.now()
        if not of_now(to_seconds(message.header.stamp), now, age):
            return
        try:
            take(conversions.cloud_points(message), now)
            for side in self.arms.obstructed(now):
                self.hold(side, "something came into its way")
        except InputError as error:
            self.get_logger().warning(f"{what} points: {error}", throttle_duration_sec=1.0)

    def on_wish(self, side: Arm, part: Literal["arm", "gripper"], data: bytes) -> None:
        """Manipulation wants an arm or a gripper to move: passed on as it came, or refused, with the reason.

        data: a serialised JointTrajectory."""
        started = time.perf_counter()
        try:
            reason = self.arm_reason(side, part, cdr.joint_trajectory(data))
        except InputError as error:
            self.arms.refused += 1
            reason = str(error)
        clock.charge("arm_gate", time.perf_counter() - started)
        if reason:
            self.get_logger().warning(f"{side} {part}: {reason}", throttle_duration_sec=1.0)
            self.send(topics.REFUSAL, Refusal(arm=side, part=part, stamp=cdr.stamp(data), reason=reason))
            return
        by_side = topics.ARM_TRAJECTORY if part == "arm" else topics.GRIPPER_TRAJECTORY
        self.published[by_side[side].name].publish(data)
        self.trace_control(self.first_motion.trajectory())

    def arm_reason(self, side: str, part: str, wish: cdr.Trajectory) -> str:
        """Why this may not pass; "" if it may."""
        arms = self.arms
        arms.estop, arms.stop_stamp = self.core.estop or self.core.fall.fallen, self.core.stop_stamp
        now = self.now()
        if part == "gripper":
            return arms.gripper(side, wish.names, wish.positions, wish.stamp, now)
        if wish.frame not in ("", "base_link", "odom"):
            arms.refused += 1
            return f"its frame is {wish.frame!r}, not base_link or odom"
        return arms.arm(side, wish.names, wish.times, wish.positions, wish.velocities, wish.stamp, now)

    def trace_control(self, begun: Begun | None) -> None:
        if begun is not None:
            self.trace(begun[0], "control", begun[1])

    def on_estop(self, request: Any, response: Any) -> Any:
        refused = self.core.on_estop(request.data, self.now())
        self.remember()
        if request.data:
            self.arms.halt()
        response.success = not refused
        response.message = refused or f"emergency stop {'latched' if request.data else 'released'}"
        self.tick()
        self.send(topics.SAFETY_STATE, self.core.state())
        return response

    def clocks(self) -> tuple[float, float]:
        """Now on the ROS clock and on the steady one [s]."""
        return self.now(), clock.mono()

    def on_timer(self) -> None:
        """At `rate`, or under load at what part of it is still 50 Hz."""
        self.periods += 1
        step = every(self.params.rate, self.load.gate_rate)
        if self.periods % step == 0:
            self.tick()
        if self.periods % (STATE_EVERY * step) == 0:
            self.send(topics.SAFETY_STATE, self.core.state())

    def tick(self) -> None:
        now = self.now()
        if self.restarted:
            self.restarted = False
            self.core.on_stop(now)
        permits = clock.mono() >= self.withheld
        if permits:
            self.core.fault = ""
        passed = self.core.output(now, clock.mono())
        self.moves = passed != STAND
        self.stamp = max(now, self.stamp + TICK)  # grows also where the clock stands, or goes back
        conversions.fill_velocity(self.message, passed, self.stamp)
        if permits:
            self.twist.publish(self.message)
        if self.lowered is not None:
            self.record_metric("reaction", 1e3 * (time.monotonic() - self.lowered), "ms")
            self.lowered = None
        self.trace_control(self.first_motion.velocity(self.moves))

    def status(self) -> dict[str, str]:
        state = self.core.state()
        return {
            "level": state.level,
            "reasons": "; ".join(state.reasons),
            "velocities rejected": str(self.core.bad_velocities),
            "trajectories refused": str(self.arms.refused),
        }


def every(rate: float, most: float) -> int:
    """How many periods of `rate` pass between two outputs at `most` [Hz] or a little more."""
    return max(1, int(rate / most))


def main() -> int:
    return spin(SafetyNode)


if __name__ == "__main__":
    raise SystemExit(main())
