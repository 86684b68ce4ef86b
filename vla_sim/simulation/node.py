"""The engine as a ROS node: simulated time, sensors out, velocities and trajectories in.

Joint-level control runs in here, in step with simulated time, as ros2_control does it.
"""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import rclpy
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from vla_sim.common.buffers import BufferPool, Lease
from vla_sim.common.errors import EngineError, InputError, VlaSimError
from vla_sim.common.params import StageParams, check, named_numbers, param
from vla_sim.contract import budgets, records, topics
from vla_sim.robot import g1, level_scan
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.sensor_frames import CameraFrame
from vla_sim.robot.state import CONTROL_PERIOD, RobotState
from vla_sim.ros import conversions
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.lockstep import Conductor
from vla_sim.ros.stage_node import StageNode, spin, to_seconds, to_stamp
from vla_sim.simulation import truth_records
from vla_sim.simulation.camera_thread import CameraThread
from vla_sim.simulation.choose import make_engine
from vla_sim.simulation.pacer import Pacer
from vla_sim.simulation.simulator import Randomisation
from vla_sim.stages.control.calibration import CALIBRATION
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import WalkingPolicy, load_policy

TRUTH_PERIOD = 0.04
"""Seconds; the contract asks for 20 Hz, this is the whole number of ticks next to it."""
SOLE = 0.037
"""Metres from the ankle roll joint down to the sole."""


@runtime_checkable
class MovableBase(Protocol):
    """An engine without legs that hold it up: it takes the velocity itself."""

    def move_base(self, forward: float, left: float, turn: float) -> None: ...


@dataclass(frozen=True)
class EngineParams(StageParams):
    engine: str = param("mujoco", "mujoco, gazebo or fake")
    real_world: str = param("", "what is simulated, where the stack knows of more; empty: world")
    seed: int = param(0, "of displacements and sensor noise", low=0)
    randomise_objects: float = param(0.0, "largest displacement of objects [m]", low=0.0, high=0.5)
    randomise_start: float = param(0.0, "largest displacement of the start [m]", low=0.0, high=2.0)
    randomise_start_yaw: float = param(0.0, "largest turn of the start [rad]", low=0.0, high=3.2)
    speed: float = param(1.0, "simulated seconds a second; 0 is as fast as possible", low=0.0, high=100.0)
    gui: bool = param(False, "the simulator's own window; gazebo only")
    camera: bool = param(True, "images at all")
    sensors: str = param("auto", "auto; native: the simulator's own; software: by ray casting, needs no GL")
    camera_rate: float = param(10.0, "images a simulated second", low=0.1, high=50.0)
    lidar_rate: float = param(10.0, "scans a simulated second", low=0.1, high=50.0)
    policy: str = param("fastsac", "walking policy: fastsac or ppo")
    compute: str = param("fixed", "what work costs in lock-step: fixed, or as measured")
    costs: str = param("", 'in lock-step, instead of the contract\'s: "voice=80 planning=1200" [ms]')


class EngineNode(StageNode[EngineParams]):
    """Parameters: `EngineParams`; /sim/reset reads seed and randomise_* anew.

    Publishers: /clock, /joint_states, /imu, /odom at 50 Hz; /scan at lidar_rate, /points too while someone
    listens; the camera's three topics at camera_rate while someone listens; /sim/ground_truth and
    /sim/contacts at 25 Hz.
    Subscriptions: /cmd_vel, arm and gripper trajectories, /sim/disturb, /monitor/load (fewer and smaller
    images, fewer joint states). Services: /sim/reset.
    Its time is the simulation's, which never goes back: a reset goes on from it.
    """

    conducts = True

    def __init__(self) -> None:
        super().__init__("engine", EngineParams)
        p = self.params
        for name, value, allowed in (
            ("sensors", p.sensors, ("auto", "native", "software")),
            ("policy", p.policy, ("fastsac", "ppo")),
            ("compute", p.compute, ("fixed", "measured")),
        ):
            if value not in allowed:
                raise InputError(f"parameter {name} is {value!r}; it must be one of {', '.join(allowed)}")
        self.kinematics = Kinematics.load()
        self.kinematics.warm()
        policy = WalkingPolicy(load_policy(p.policy))  # type: ignore[arg-type]
        self.controller = Controller(self.kinematics.arm, policy, CALIBRATION[p.policy])
        world = p.real_world or p.world
        self.engine = make_engine(p.engine, world, p.sensors, p.gui)  # type: ignore[arg-type]
        self.pacer = Pacer(p.speed)
        self._epoch = 0.0
        self._tick = 0
        self._reset_mono = time.monotonic()
        self._blind: dict[str, tuple[float, str]] = {}
        self._messages = conversions.StateMessages()
        self._buffers = BufferPool()
        self._contacts = truth_records.ContactCollector()
        self._inputs: list[tuple[str, str, Any]] = []
        self._refused = 0
        self._clock_topic = self.publish(topics.CLOCK)
        self._scan = self.publish(topics.SCAN)
        self._points = self.publish(topics.POINTS)
        self._image_topics = [self.publish(t) for t in (topics.COLOR, topics.DEPTH, topics.CAMERA_INFO)]
        for topic in (
            topics.JOINT_STATES, topics.IMU, topics.ODOM, topics.GROUND_TRUTH, topics.CONTACTS,
        ):  # fmt: skip
            self.publish(topic)
        self.camera: CameraThread | None = None
        self.engine.reset(p.seed, self._randomisation(p))
        self.state: RobotState = self.engine.state()
        if isinstance(self.turns, Conductor):
            self.turns.charges(p.compute, costs_of(p.costs))
            self.pacer = Pacer(0.0)
        elif p.camera:
            self.camera = CameraThread(self._render, self._publish_images)
            self.camera.offer(self.engine.snapshot())  # compiles shaders now and shows whether it can render
        self.listen(topics.CMD_VEL, partial(self._store, "velocity", ""))
        for side in g1.SIDES:
            self.listen(topics.ARM_TRAJECTORY[side], partial(self._store, "arm", side))
            self.listen(topics.GRIPPER_TRAJECTORY[side], partial(self._store, "gripper", side))
        self.listen(topics.DISTURB, self._on_disturbance)
        self.create_service(Trigger, topics.RESET_SERVICE, self._on_reset)
        self.follow_load()
        self.caches.register("image buffers", self._forget_buffers)

    # ------------------------------------------------------------------ the loop

    def run(self, executor: SerialExecutor) -> None:
        """Simulate until ROS shuts down. Raises `EngineError` if the simulation cannot go on."""
        if isinstance(self.turns, Conductor):
            self._conduct(self.turns)
            return
        sys.setswitchinterval(5e-4)  # the camera's thread gives the interpreter back within a tick
        while rclpy.ok():
            self.pacer.tick(time.monotonic())
            self.tick()
            executor.drain()  # all of it, also when there is no time left to wait
            while (left := self.pacer.remaining(time.monotonic())) > 0.0:
                executor.spin_once(timeout_sec=left)

    def _conduct(self, turns: Conductor) -> None:
        """Simulate in lock-step with all nodes."""
        turns.meet(self.listeners, rclpy.ok)
        while rclpy.ok():
            self.pacer.tick(time.monotonic())
            self.tick()
            now = self.now()
            turns.advance(now, now + CONTROL_PERIOD)
            turns.mail.deliver()

    def tick(self) -> None:
        """One control period: what arrived, control, physics, what the sensors saw."""
        self._check_camera()
        self._apply_inputs()
        command = self.controller.update(self.state)
        self.engine.command(command)
        if isinstance(self.engine, MovableBase):
            self.engine.move_base(*self.controller.velocity.value.tolist())
        self.engine.step()
        self._tick += 1
        self.state = self.engine.state()
        stamp = to_stamp(self.now())
        self._clock_topic.publish(Clock(clock=stamp))
        self._messages.fill(self.state, stamp)
        load = self.load
        if self._due(1.0 / load.joint_rate):
            self.publish(topics.JOINT_STATES).publish(self._messages.joints)
            self.publish(topics.IMU).publish(self._messages.imu)
        self.publish(topics.ODOM).publish(self._messages.odometry)
        if self._due(1.0 / self.params.lidar_rate) and self._sees("lidar") != "silent":
            self._publish_scan(stamp)
        camera_rate = min(self.params.camera_rate, load.perception_rate)
        if self._due(1.0 / camera_rate, 1) and self._camera_wanted():
            self._look()
        self._contacts.add(self.engine.contacts())
        if self._due(TRUTH_PERIOD, 2):
            self._publish_truth()

    def now(self) -> float:
        """Simulated seconds since the node began."""
        return self._epoch + self.state.time

    def status(self) -> dict[str, str]:
        late = [1e3 * self.pacer.lateness(share) for share in (0.5, 0.99)]
        return {
            "real_time_factor": f"{self.pacer.real_time_factor:.3f}",
            "tick_lateness_ms_median": f"{late[0]:.2f}",
            "tick_lateness_ms_p99": f"{late[1]:.2f}",
            "simulated_seconds": f"{self.now():.2f}",
            "camera_frames": str(self.camera.frames if self.camera else 0),
            "image_buffers_made": str(self._buffers.counts["made"]),
            "commands_refused": str(self._refused),
            "fallen": str(self.controller.fallen).lower(),
        }

    def close(self) -> None:
        """Give back the simulator and its GL context. Idempotent."""
        if self.camera is not None:
            self.camera.close()
        self.engine.close()

    # ------------------------------------------------------------------ in

    def _store(self, kind: str, side: str, message: Any) -> None:
        self._inputs.append((kind, side, message))

    def _apply_inputs(self) -> None:
        inputs, self._inputs = self._inputs, []
        for kind, side, message in inputs:
            try:
                self._apply(kind, side, message)
            except InputError as error:
                self._refused += 1
                self.get_logger().warning(f"{side} {kind}: {error}".strip(), throttle_duration_sec=1.0)

    def _apply(self, kind: str, side: str, message: Any) -> None:
        if kind == "velocity":
            linear, angular = message.twist.linear, message.twist.angular
            self.controller.cmd_vel(linear.x, linear.y, angular.z, self.state.time)
            return
        names, times, positions, velocities = conversions.trajectory(message)
        if kind == "gripper":
            if names != [f"{side}_gripper"]:
                raise InputError(f"the gripper's only joint is {side}_gripper; got {', '.join(names)}")
            self.controller.gripper(side, float(positions[-1, 0]))
        else:
            stamp = to_seconds(message.header.stamp)
            self.controller.arm_trajectory(
                side, names, times, positions, velocities, message.header.frame_id,
                stamp - self._epoch if stamp > 0.0 else 0.0,
            )  # fmt: skip

    def _on_disturbance(self, what: records.Disturbance) -> None:
        """What a scenario does to the world. One that cannot be done ends the run: it would be judged
        wrongly."""
        if what.kind == "move":
            self.engine.put(what.name, np.array(what.pose))
        elif what.kind == "freeze":
            if isinstance(self.turns, Conductor):
                self.turns.hold(what.name, self.now() + what.seconds)
        else:
            self._blind[what.name] = (self.now() + what.seconds, what.kind)

    def _sees(self, sensor: str) -> str:
        """How a sensor fails now, "silent" or "nan"; empty if it works."""
        until, how = self._blind.get(sensor, (0.0, ""))
        return how if self.now() < until else ""

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._reset()
            response.success = True
        except VlaSimError as error:
            response.message = str(error)
        return response

    def _reset(self) -> None:
        values = {f.name: self.get_parameter(f.name).value for f in fields(EngineParams)}
        p = check(EngineParams(**values))
        self._epoch += self.state.time + CONTROL_PERIOD
        self.engine.reset(p.seed, self._randomisation(p))
        self._reset_mono = time.monotonic()
        self.controller.reset()
        self.state = self.engine.state()

    @staticmethod
    def _randomisation(p: EngineParams) -> Randomisation:
        return Randomisation(p.randomise_objects, p.randomise_start, p.randomise_start_yaw)

    # ------------------------------------------------------------------ out

    def _due(self, period: float, offset: int = 0) -> bool:
        """Whether something of this period [s] is due now; offsets spread the load over ticks."""
        every = max(1, round(period / CONTROL_PERIOD))
        return (self._tick + offset) % every == 0

    def _publish_scan(self, stamp: Any) -> None:
        points = level_scan.points_in_pelvis(self.engine.scan())
        q = self.state.joint_position
        level = level_scan.level_rotation(self.state.orientation)
        soles = [(level @ self.kinematics.frame(f"{side}_ankle_roll_link", q)[:3, 3])[2] for side in g1.SIDES]
        holding = [
            self.kinematics.frame(g1.TOOL_FRAME[side], q)[:3, 3]
            for side in g1.SIDES
            if self.controller.hand[side].holding(q[g1.FINGER_INDEX[side]])
        ]
        ranges = level_scan.flatten(points, self.state.orientation, SOLE - min(soles), holding)
        if self._sees("lidar") == "nan":
            ranges[:] = np.nan
        self._scan.publish(conversions.laser_scan(ranges, stamp, 1.0 / self.params.lidar_rate))
        if self.load.background and self._points.get_subscription_count():
            self._points.publish(conversions.point_cloud(points, stamp))

    def _publish_truth(self) -> None:
        truth, joints = self.engine.truth(), self.engine.state().joint_position
        record = truth_records.ground_truth(truth, joints, self.now(), self.pacer.real_time_factor)
        self.send(topics.GROUND_TRUTH, record)
        self.send(topics.CONTACTS, self._contacts.take(self.now()))

    def _camera_wanted(self) -> bool:
        if not self.params.camera or self._sees("camera") == "silent":
            return False
        return any(publisher.get_subscription_count() for publisher in self._image_topics)

    def _look(self) -> None:
        snapshot = self.engine.snapshot()
        if self.camera is not None:
            self.camera.offer(snapshot)
        elif self.turns is not None:
            self._publish_images(self._render(snapshot))

    def _render(self, snapshot: Any) -> CameraFrame:
        """In the camera's thread, where there is one."""
        return self.engine.render(snapshot, self.load.camera_shrink)

    def _publish_images(self, frame: CameraFrame) -> None:
        """In the camera's thread, where there is one."""
        if not rclpy.ok() or frame.capture_mono < self._reset_mono:
            return  # of a run that is over
        if self._sees("camera") == "nan":
            frame.depth[:] = np.nan
        color = self._buffers.lease(frame.color.shape, frame.color.dtype)
        depth = self._buffers.lease(frame.depth.shape, frame.depth.dtype)
        self._send_images(frame, color, depth)
        color.release()
        depth.release()

    def _send_images(self, frame: CameraFrame, color: Lease, depth: Lease) -> None:
        """The messages end with this call, unless somebody keeps them; then they keep their buffers."""
        stamp = to_stamp(self._epoch + frame.time)
        messages = conversions.camera_messages(frame, stamp, color, depth)
        for publisher, message in zip(self._image_topics, messages, strict=True):
            publisher.publish(message)

    def _forget_buffers(self) -> str:
        freed = self._buffers.cleanup()
        return f"{1e-6 * freed:.1f} MB" if freed else ""

    def _check_camera(self) -> None:
        if self.camera is not None and self.camera.error is not None:
            error = self.camera.error
            reason = str(error) or type(error).__name__
            raise EngineError(f"the camera cannot render: {reason}") from error


def costs_of(text: str) -> dict[str, float]:
    """Seconds by name of work, of "voice=80 planning=1200" [ms]. Raises `InputError`."""
    return {name: 1e-3 * ms for name, ms in named_numbers(text, budgets.COSTS, "cost").items()}


def main() -> int:
    """Run the engine until SIGINT, SIGTERM or shutdown; the exit code."""
    code = spin(EngineNode)
    gc.unfreeze()
    gc.collect()  # else ruckig's bindings complain at exit about objects that nobody freed
    return code


if __name__ == "__main__":
    raise SystemExit(main())
