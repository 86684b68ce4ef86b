"""The robot as a ROS node, "robot": what the simulator's node is in simulation."""

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from vla_sim.common import own_class
from vla_sim.common.errors import InputError
from vla_sim.hardware.params import RobotParams
from vla_sim.hardware.unitree.network import check_robot
from vla_sim.hardware.unitree.robot import UnitreeRobot
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body
from vla_sim.robot.extrinsics import calibrated
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.messages import to_stamp
from vla_sim.ros.pacer import RealTimePacer
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.control.body_host import BodyHost
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.frame_publisher import PERIOD as FRAMES_PERIOD
from vla_sim.stages.control.frame_publisher import FramePublisher
from vla_sim.stages.control.policy import load_policy, standing_policy
from vla_sim.stages.control.velocity import CALIBRATION, IDENTITY

MOST_APART = 0.05
"""[s] by which the robot's clock and this machine's may drift apart before that is made up for; a state is
some 20 ms old when it is used."""


class RobotNode(StageNode[RobotParams]):
    """Parameters: `RobotParams`; `armed` is set while it runs, by a person who sees the robot.

    Publishes /joint_states, /imu and /odom; obeys /cmd_vel and the arms' and grippers' trajectories, see
    `BodyHost`. Its time is the machine's. /diagnostics says why the robot does not obey, its warmest motor
    and its battery's voltage. It ends, with exit code 4, when the robot is not heard.
    """

    def __init__(self) -> None:
        super().__init__("robot", RobotParams)
        p = self.params
        if p.armed:
            raise InputError(
                "armed is true at the start: set it when the robot is in sight, and stands or hangs"
            )
        check_robot()
        kinematics = calibrated(p.extrinsics)
        kinematics.warm()
        policy, calibration = standing_policy(), IDENTITY
        if p.mode == "low":
            policy, calibration = load_policy(), CALIBRATION[facts.POLICIES[0]]
        controller = Controller(kinematics.arm, policy, calibration)
        self.body = self._make_body()
        self.pacer = RealTimePacer(CONTROL_PERIOD, 1.0)
        self.host = BodyHost(self, self.body, controller)
        self.frames = FramePublisher(self, kinematics)
        self.drifted = 0.0
        """How far the clocks have drifted apart in all [s]."""
        self._why, self._news = "", True
        self.follow_load()

    def _make_body(self) -> Body:
        p = self.params
        if p.body:
            return own_class.own("robot.body", p.body, Body, lambda kind: kind())  # type: ignore[type-abstract]
        mode: Any = p.mode
        return UnitreeRobot(p.interface, p.dds_domain, mode, p.log, p.dry_run)

    def run(self, executor: SerialExecutor) -> None:
        """Control until ROS shuts down. Raises `EngineError` when the robot is gone."""
        self.execution.simulate(self, executor, CONTROL_PERIOD)

    def tick(self) -> None:
        """One control period: what arrived, control, what the robot feels, if that is new: what was felt
        before gets no new stamp."""
        apart = self.now() - self.host.now()
        if self._news and abs(apart) > MOST_APART:
            self.host.jump(apart)
            self.drifted += apart if self.host.ticks else 0.0
        before = self.host.state.time
        self.host.tick()
        self._news = self.host.state.time != before
        if self._news:
            stamp = to_stamp(self.host.now())
            self.host.publish(stamp)
            if self.host.due(FRAMES_PERIOD):
                self.frames.tick(self.host.state, stamp)
        if self.body.why != self._why:
            self._why = self.body.why
            obeys = "it would obey: this is a dry run" if self.params.dry_run else "the robot obeys"
            self.get_logger().warning(f"the robot does not obey: {self._why}" if self._why else obeys)

    def on_params(self, params: RobotParams) -> None:
        why = self.body.why if self.body.why not in ("", "not armed", "no commands") else ""
        if params.armed and params == self.params and why:
            raise InputError(f"{why}; disarm the robot, then arm it")
        if params.armed and not self.params.armed:
            if why:
                raise InputError(f"{why}; the robot is not armed")
            self.host.controller.reset()
            self.body.arm()
        elif self.params.armed and not params.armed:
            self.body.disarm()

    def on_failure(self, what: str) -> None:
        if hasattr(self, "host"):  # not while it is being made
            self.host.on_failure()

    def status(self) -> dict[str, str]:
        return {
            "obeys": self.body.why or ("dry run" if self.params.dry_run else "yes"),
            **self.body.status(),
            "clocks drifted ms": f"{1e3 * self.drifted:.1f}",
            "tick_lateness_ms_p99": f"{1e3 * self.pacer.lateness(0.99):.2f}",
            "commands_refused": str(self.host.refused),
            "fallen": str(self.host.controller.fallen).lower(),
        }

    def health(self) -> tuple[bytes, str]:
        if self.params.armed and self.body.why:
            return DiagnosticStatus.ERROR, self.body.why
        return super().health()

    def close(self) -> None:
        """The robot is given back. Idempotent."""
        if hasattr(self, "body"):
            self.body.disarm()
            time.sleep(0.05)  # for the driver to hear of it
            self.body.close()


def main() -> int:
    return spin(RobotNode)


if __name__ == "__main__":
    raise SystemExit(main())
