"""The simulator as a ROS node, "engine": simulated time and sensors out, velocities and trajectories in."""

import gc

import numpy as np
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from vla_sim.common.errors import InputError, VlaSimError
from vla_sim.contract import budgets, topics
from vla_sim.contract.records import Disturbance, Fault
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body
from vla_sim.robot.kinematics import Kinematics
from vla_sim.robot.leg_odometry import LegOdometryBody
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.messages import to_stamp
from vla_sim.ros.pacer import RealTimePacer
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.simulation.fault_injection import FaultInjection
from vla_sim.simulation.params import SimulatorParams
from vla_sim.simulation.registry import check_pace, make_simulator
from vla_sim.simulation.sensor_publishers import CameraPublisher, ScanPublisher, TruthPublisher
from vla_sim.simulation.simulator import Randomisation
from vla_sim.stages.control.body_host import BodyHost
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.frame_publisher import PERIOD as FRAMES_PERIOD
from vla_sim.stages.control.frame_publisher import FramePublisher
from vla_sim.stages.control.policy import load_policy, standing_policy
from vla_sim.stages.control.velocity import CALIBRATION


class SimulatorNode(StageNode[SimulatorParams]):
    """Parameters: `SimulatorParams`; /sim/reset reads seed and randomise_* anew.

    Publishers: /clock, /joint_states, /imu, /odom at 50 Hz; /scan at lidar_rate, /points too while someone
    listens; the camera's three topics at camera_rate while someone listens; /sim/ground_truth and
    /sim/contacts at 25 Hz.
    Subscriptions: /cmd_vel, arm and gripper trajectories, /sim/disturb, /sim/faults, /monitor/load (fewer and
    smaller images, fewer joint states). Services: /sim/reset.
    Its time is the simulation's, which never goes back: a reset goes on from it.
    """

    conducts = True

    def __init__(self) -> None:
        super().__init__("engine", SimulatorParams)
        p = self.params
        kinematics = Kinematics.load()
        kinematics.warm()
        check_pace(p.engine, p.speed)
        world = p.real_world or p.world
        cable = (p.cable_jitter, p.cable_loss)
        self.simulator = make_simulator(p.engine, world, p.sensors, p.gui, cable)  # type: ignore[arg-type]
        name = p.walking_policy or facts.POLICIES[0]
        policy = standing_policy() if self.simulator.balanced else load_policy(name)
        controller = Controller(kinematics.arm, policy, CALIBRATION[name])
        self.simulator.reset(p.seed, _randomisation(p))
        self.pacer = RealTimePacer(CONTROL_PERIOD, p.speed)
        self.execution.charge_as(p.compute, budgets.costs_of(p.costs))
        self.clock = self.publish(topics.CLOCK)
        body: Body = self.simulator
        if p.odometry == "legs":
            if self.simulator.balanced:
                raise InputError(
                    f"odometry is legs, but the robot of engine {p.engine} does not stand on them; "
                    "mujoco and gazebo have legs"
                )
            body = LegOdometryBody(self.simulator, kinematics)
        self.host = BodyHost(self, body, controller)
        self.scan = ScanPublisher(self, self.simulator, self.host, kinematics, p.lidar_rate)
        self.camera: CameraPublisher | None = None
        if p.camera:
            threaded = not self.execution.deterministic
            self.camera = CameraPublisher(self, self.simulator, self.host, p.camera_rate, threaded=threaded)
        self.frames = FramePublisher(self, kinematics)
        self.truth = TruthPublisher(self, self.simulator, self.host)
        self.faults = FaultInjection(self.published, self.execution, self.host.unjumped, self.host.jump)
        self.listen(topics.DISTURB, self.on_disturb)
        self.create_service(Trigger, topics.RESET_SERVICE, self._on_reset)
        self.follow_load()

    def run(self, executor: SerialExecutor) -> None:
        """Simulate until ROS shuts down. Raises `EngineError` if the simulation cannot go on."""
        self.execution.simulate(self, executor, CONTROL_PERIOD)

    def tick(self) -> None:
        """One control period: what arrived, control, physics, what the sensors saw."""
        if self.camera is not None:
            self.camera.check()
        self.faults.tick()
        self.host.tick()
        stamp = to_stamp(self.now())
        self.clock.publish(Clock(clock=stamp))
        self.host.publish(stamp)
        if self.host.due(FRAMES_PERIOD):
            self.frames.tick(self.host.state, stamp)
        self.scan.tick(stamp)
        if self.camera is not None:
            self.camera.tick()
        self.truth.tick(self.pacer.real_time_factor)

    def on_params(self, params: SimulatorParams) -> None:
        """At another pace from now on; lock-step neither begins nor ends."""
        if 0.0 in (params.speed, self.params.speed) and params.speed != self.params.speed:
            raise InputError("lock-step (speed 0) is for a whole run: start it with --speed max")
        check_pace(params.engine, params.speed)
        self.pacer.speed = params.speed

    def on_failure(self, what: str) -> None:
        if hasattr(self, "host"):  # not while it is being made
            self.host.on_failure()

    def now(self) -> float:
        """Simulated seconds since the node began."""
        return self.host.now()

    def on_disturb(self, what: Disturbance) -> None:
        """Raises `EngineError` for what cannot be done, which ends the run: it would be judged wrongly."""
        self.simulator.put(what.name, np.array(what.pose))

    def on_faults(self, faults: list[Fault]) -> None:
        self.faults.follow(faults)

    def status(self) -> dict[str, str]:
        late = [1e3 * self.pacer.lateness(share) for share in (0.5, 0.99)]
        camera = self.camera
        return {
            "real_time_factor": f"{self.pacer.real_time_factor:.3f}",
            "tick_lateness_ms_median": f"{late[0]:.2f}",
            "tick_lateness_ms_p99": f"{late[1]:.2f}",
            "simulated_seconds": f"{self.now():.2f}",
            "camera_frames": str(camera.frames if camera else 0),
            "image_buffers_made": str(camera.buffers.made if camera else 0),
            "commands_refused": str(self.host.refused),
            "fallen": str(self.host.controller.fallen).lower(),
        }

    def close(self) -> None:
        """Release the simulator and its GL context. Idempotent."""
        if self.camera is not None:
            self.camera.close()
        self.simulator.close()

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            p = self.params
            if self.camera is not None:
                self.camera.restart()
            self.simulator.reset(p.seed, _randomisation(p))
            self.host.restart()
            self.truth.restart()
            response.success = True
        except VlaSimError as error:
            response.message = str(error)
        return response


def _randomisation(p: SimulatorParams) -> Randomisation:
    return Randomisation(p.randomise_objects, p.randomise_start, p.randomise_start_yaw)


def main() -> int:
    """Run the simulator until SIGINT, SIGTERM or shutdown; the exit code."""
    code = spin(SimulatorNode)
    gc.unfreeze()
    gc.collect()  # else ruckig's bindings complain at exit about objects that were not freed
    return code


if __name__ == "__main__":
    raise SystemExit(main())
