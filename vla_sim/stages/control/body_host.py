"""What a node needs to host a robot's body and its joint-level controller: commands in, state out."""

import math
from functools import partial
from typing import Any

from vla_sim.common import clock
from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.contract.records import SafetyState
from vla_sim.contract.stop_epoch import StopEpoch
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body
from vla_sim.ros import conversions
from vla_sim.ros.messages import to_seconds
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.control.controller import Controller

PERMIT_TIMEOUT = 0.1
"""[s] of the steady clock."""
ESTOP = "the emergency stop is on; release it first"


class BodyHost:
    """Joint-level control runs beside the body, in step with its time, as ros2_control does it.

    Publishes /odom, /joint_states and /imu at every control tick or at the load level's rate. Obeys /cmd_vel
    and the arms' and grippers' trajectories, all of them safety's alone: every stop halts legs and arms, what
    is older than it is refused, and so is everything while the emergency stop is latched. The velocities
    that safety lets pass 50 times a second, zero among them, are its permit: without one for
    `PERMIT_TIMEOUT` legs stand and arms hold. Their stamps are its sequence: one that is not newer than the
    newest is neither a permit nor a velocity. Legs stand and arms hold as well when obeying a message fails,
    and for as long as callbacks of its node fail repeatedly. Time is the body's, and goes on where a body
    starts anew.
    """

    def __init__(self, node: StageNode[Any], body: Body, controller: Controller) -> None:
        self._node, self._body, self.controller = node, body, controller
        self.state = body.state()
        self.ticks = 0
        self.refused = 0
        self._epoch = self._ahead = 0.0
        self._permitted = -math.inf
        """When a velocity came last [s, monotonic]."""
        self._sequence = -1
        """Stamp of that [ns]."""
        self._stops, self._stop_stamp, self._estop = StopEpoch(), 0.0, False
        self._fell = False
        """As safety says."""
        self._messages = conversions.StateMessages()
        self._pending: list[tuple[str, str, Any]] = []
        self._joint_states, self._imu, self._odometry = (
            node.publish(topic) for topic in (topics.JOINT_STATES, topics.IMU, topics.ODOM)
        )
        self._obey = node.guard("a command", self._apply_or_refuse)
        node.listen(topics.SAFETY_STATE, self._on_safety)
        node.listen(topics.CMD_VEL, self._on_velocity, renewed=self._new_safety)
        for side in facts.SIDES:
            node.listen(topics.ARM_TRAJECTORY[side], partial(self._store, "arm", side))
            node.listen(topics.GRIPPER_TRAJECTORY[side], partial(self._store, "gripper", side))

    def now(self) -> float:
        """Seconds of the body's time since the node began."""
        return self.at(self.state.time)

    def at(self, time: float) -> float:
        """The node's time [s] of the body's own `time` [s]."""
        return self._epoch + time

    def jump(self, seconds: float) -> None:
        """The node's time is ahead from now on by so many seconds more: as where a machine's clock is set."""
        self._epoch += seconds
        self._ahead += seconds

    def unjumped(self) -> float:
        """`now` as if it had never jumped."""
        return self.now() - self._ahead

    def due(self, period: float, offset: int = 0) -> bool:
        """Whether something of this period [s] is due at this tick; offsets spread the load over ticks."""
        return (self.ticks + offset) % max(1, round(period / CONTROL_PERIOD)) == 0

    def tick(self) -> None:
        """One control period: the commands that arrived, control, the body's step."""
        pending, self._pending = self._pending, []
        for command in pending:
            self._obey(*command)
        held = clock.mono() - self._permitted > PERMIT_TIMEOUT or self._node.failures.repeated
        self._body.command(self.controller.update(self.state, held))
        self._body.step()
        self.ticks += 1
        self.state = self._body.state()

    def publish(self, stamp: Any) -> None:
        """Send the state; stamp: builtin_interfaces/Time of now."""
        self._messages.fill(self.state, stamp)
        if not self.due(1.0 / self._node.load.state_rate, 1):  # in step with the images
            return
        self._joint_states.publish(self._messages.joints)
        self._imu.publish(self._messages.imu)
        self._odometry.publish(self._messages.odometry)

    def restart(self) -> None:
        """The body is at its start again, at its time 0; the node's time goes on from now."""
        self._epoch += self.state.time + CONTROL_PERIOD
        self._pending.clear()
        self.controller.reset()
        self.state = self._body.state()

    def _on_safety(self, state: SafetyState) -> None:
        if self._stops.advance(state.stop_epoch):
            self._stop_stamp = state.stop_stamp
            self._pending.clear()
            self.controller.halt()
        elif state.stop_epoch == self._stops.value:  # earlier, where the clock was set back
            self._stop_stamp = min(self._stop_stamp, state.stop_stamp)
        if self._fell and not state.fallen and self.controller.fallen:  # it was set up and released
            self.controller.reset()
        self._fell = state.fallen
        self._estop = state.level == "estop"

    def _new_safety(self) -> None:
        """Another safety node writes the permits now: its sequence is its own."""
        self._sequence = -1

    def _on_velocity(self, message: Any) -> None:
        stamp = message.header.stamp
        sequence = stamp.sec * 1_000_000_000 + stamp.nanosec
        if sequence <= self._sequence:
            self._refuse("velocity: its stamp is not newer than the one before: no permit")
            return
        self._sequence, self._permitted = sequence, clock.mono()
        self._store("velocity", "", message)

    def _store(self, kind: str, side: str, message: Any) -> None:
        self._pending.append((kind, side, message))

    def on_failure(self) -> None:
        """A callback of the node failed: what it would have said is not known."""
        self.controller.halt()

    def _apply_or_refuse(self, kind: str, side: str, message: Any) -> None:
        try:
            if self._node.failures.repeated:
                raise InputError("callbacks of this node fail repeatedly; see its log")
            self._apply(kind, side, message)
        except InputError as error:
            self._refuse(f"{side} {kind}: {error}".strip())

    def _refuse(self, why: str) -> None:
        self.refused += 1
        self._node.get_logger().warning(why, throttle_duration_sec=1.0)

    def _apply(self, kind: str, side: str, message: Any) -> None:
        stamp = to_seconds(message.header.stamp)
        if kind == "velocity":
            velocity = conversions.velocity(message)
            if self._estop and any(velocity):
                raise InputError(ESTOP)
            if stamp < self._stop_stamp and any(velocity):
                raise InputError(f"it is of {stamp:.2f} s, before the stop at {self._stop_stamp:.2f} s")
            self.controller.velocity.ask(*velocity, self.state.time)
            return
        if self._estop:
            raise InputError(ESTOP)
        if stamp < self._stop_stamp:
            raise InputError(f"it is of {stamp:.2f} s, before the stop at {self._stop_stamp:.2f} s")
        names, times, positions, velocities = conversions.trajectory(message)
        if kind == "gripper":
            if names != [f"{side}_gripper"]:
                raise InputError(f"the gripper's only joint is {side}_gripper; got {', '.join(names)}")
            if not len(positions):
                raise InputError("the gripper's trajectory has no points; give at least one")
            self.controller.hand[side].move(float(positions[-1, 0]))
        else:
            self.controller.arm_trajectory(
                side, names, times, positions, velocities, message.header.frame_id, stamp - self._epoch
            )
