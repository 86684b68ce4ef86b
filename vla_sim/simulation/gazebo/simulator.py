"""Gazebo Harmonic behind the simulator's door: its server in this process, stepped with the control loop.

Physics, joints and contacts are Gazebo's (DART). Scans and images come from Gazebo where it can render, else
from `vla_sim.simulation.sensors`. A twin in MuJoCo that never steps knows the geometry: it draws the seeded
start of everything, the same as on the embedded simulator, and measures clearances.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array, inverse, pose7, transform
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, CameraFrame, JointCommand, LidarFrame, RobotState, checked
from vla_sim.simulation.gazebo.bindings import load_bindings
from vla_sim.simulation.gazebo.contacts import ContactListener
from vla_sim.simulation.gazebo.gui import GuiProcess
from vla_sim.simulation.gazebo.native_sensors import NativeSensors
from vla_sim.simulation.gazebo.render_probe import chosen_render_engine
from vla_sim.simulation.gazebo.server import GazeboServer, Placement
from vla_sim.simulation.mujoco.render import body_indices, body_poses
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.physics_step import physics_step
from vla_sim.simulation.proprioception import Proprioception
from vla_sim.simulation.sensors.software import PoseSnapshot, SoftwareSensors
from vla_sim.simulation.simulator import Contact, Randomisation, Sensors, Simulator, Truth
from vla_sim.world import world_file
from vla_sim.world.semantic_map import ROBOT


class GazeboSimulator(Simulator):
    """The process's robot in one SDF world.

    gui: with Gazebo's window. Raises `MissingError` without Gazebo, `SdfError` for a bad world,
    `EngineError` if the server does not take it. One a process: Gazebo does not serve two.
    """

    def __init__(self, world: str | Path, *, sensors: Sensors = "auto", gui: bool = False) -> None:
        os.environ.setdefault("GZ_PARTITION", f"vla_sim-{os.getpid()}")
        os.environ.setdefault("GZ_IP", "127.0.0.1")
        gz = load_bindings()
        render = chosen_render_engine(sensors)
        self._gui = GuiProcess() if gui else None
        path = Path(world)
        tree = world_file.load(path)
        self.tree = replace(tree, step=physics_step(tree))
        self.twin = MujocoSimulator(self.tree, sensors="native", noise=False)
        self._eyes = SoftwareSensors(self.tree, ROBOT)
        self._bodies = body_indices(self.twin.model, self._eyes.scene.links)
        model = self.tree.model(ROBOT)
        self._root_in_model = model.frame_pose(facts.BASE_LINK)
        self.substeps = round(CONTROL_PERIOD / self.tree.step)
        axes = [model.joint(name).axis for name in facts.JOINTS]
        self._low = np.array([a.lower if a else -np.inf for a in axes])
        self._high = np.array([a.upper if a else np.inf for a in axes])
        self._imu = next((s.imu for s in model.sensors() if s.imu), None)
        self._origin = 0
        self._mirrored = -1
        self._server = GazeboServer(gz, self.twin.compiled, path, gui=gui, render=render)
        self._native = NativeSensors(gz.transport, model) if render else None
        self._contacts = ContactListener(gz, self.tree, self._server.names)
        self.reset()
        self._contacts.check()
        if self._gui is not None:
            self._gui.started()

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        if seed < 0:
            raise EngineError(f"the seed is {seed}; it must be 0 or more")
        self.seed = seed
        self.twin.reset(seed, randomisation)
        start = self.twin.truth()
        root = transform(start.robot[:3], start.robot[3:]) @ inverse(self._root_in_model)
        self._origin = self._server.count
        self._server.place(Placement(pose7(root), facts.DEFAULT_POSE.copy(), start.objects))
        self._steps = 0
        self._contacts.clear()
        self._lidar_rng = np.random.default_rng([seed, 4])
        gravity = np.array(self.tree.gravity)
        root_now = self._server.reading.root
        self._feel = Proprioception(seed, root_now, self._imu, gravity, noise=True)
        self._mirrored = -1
        self._state = self._measure()

    def put(self, name: str, pose: Array) -> None:
        self._mirror()
        self.twin.put(name, pose)  # which knows the models and sees whether there is room
        self._mirrored = -1
        self._server.puts[name] = pose

    def command(self, command: JointCommand) -> None:
        wanted = checked(command)
        if wanted.damping is not None:
            raise EngineError("Gazebo cannot change the damping of a joint while it runs; leave it out")
        wanted.position = np.clip(wanted.position, self._low, self._high)
        self._server.command = wanted

    def step(self) -> None:
        self._contacts.clear()
        self._server.run(self.substeps)
        self._steps += 1
        if self._gui is not None:
            self._gui.check()
        reading = self._server.reading
        if not (np.isfinite(reading.position).all() and np.isfinite(reading.root).all()):
            raise EngineError(f"the simulation diverged at {self.time:.3f} s; reset it")
        self._state = self._measure()

    @property
    def time(self) -> float:
        return self._steps * CONTROL_PERIOD

    def _measure(self) -> RobotState:
        r = self._server.reading
        effort = r.force - self._server.damping * r.velocity
        return self._feel.measure(self.time, r.position, r.velocity, effort, r.root, r.twist)

    def state(self) -> RobotState:
        return self._state.copy()

    def _mirror(self) -> None:
        """Bring the twin to Gazebo's state."""
        if self._mirrored != self._steps:
            r = self._server.reading
            self.twin.mirror(self.time, r.root, r.position, r.objects, r.movers)
            self._mirrored = self._steps

    def scan(self) -> LidarFrame:
        self._mirror()
        poses = body_poses(self.twin.data, self._bodies)
        if self._native is not None and self.time > self._native.period:
            distance = self._native.scan(self._server.count * self.tree.step)
            return self._eyes.lidar_frame(poses, self.time, distance, self._lidar_rng)
        return self._eyes.scan(poses, self.time, self._lidar_rng)

    def snapshot(self) -> PoseSnapshot:
        self._mirror()
        return self._eyes.snapshot(body_poses(self.twin.data, self._bodies), self.time, self.seed)

    def render(self, snapshot: PoseSnapshot, shrink: int = 1) -> CameraFrame:
        """Natively the frame that Gazebo took last before the snapshot, with its own time."""
        if self._native is None or snapshot.time <= self._native.period:  # nothing was due since the reset
            return self._eyes.render(snapshot, shrink)
        origin = self._origin * self.tree.step
        stamp, color, depth = self._native.frame(origin + snapshot.time)
        frame = self._eyes.camera.frame(color, depth, stamp - origin, snapshot.mono, snapshot.seed)
        return frame.shrunk(shrink)

    def view(
        self, snapshot: PoseSnapshot, eye: Array, target: Array, size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        return self._eyes.view(snapshot, eye, target, size)

    def contacts(self) -> list[Contact]:
        """Gazebo sends contacts as messages, so that one may be counted a control period late."""
        return self._contacts.contacts()

    def truth(self) -> Truth:
        self._mirror()
        return self.twin.truth()

    def close(self) -> None:
        if self._gui is not None:
            self._gui.close()
        self.twin.close()
        self._server.close()
