"""Gazebo's server in this process: stepped, and commanded and read in its callbacks."""

import os
import shutil
import signal
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array, inverse, pose7, rotation_from_quaternion, transform
from vla_sim.common.signals import ENDING
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand
from vla_sim.simulation.gazebo.bindings import Bindings
from vla_sim.simulation.gazebo.prepared_files import PHYSICS, prepared, prepared_robot
from vla_sim.simulation.mujoco.compile import Compiled
from vla_sim.world.sdf import reader

JOINT_COUNT = len(facts.JOINTS)
CHECK = "check GZ_SIM_SYSTEM_PLUGIN_PATH"
AT_REST = (0.03, 0.12)
"""[m/s], [rad/s]: what has been put down one step ago is slower, and need not be stopped at a reset."""


class Reading:
    """Gazebo's state after a step: joints (n,), applied forces (n,), pelvis pose (7,) and twist (6,),
    poses (7,) of loose models by name and of moving obstacles."""

    def __init__(self) -> None:
        self.position, self.velocity = np.zeros(JOINT_COUNT), np.zeros(JOINT_COUNT)
        self.force = np.zeros(JOINT_COUNT)
        self.root, self.twist = np.array([0.0, 0, 0, 1, 0, 0, 0]), np.zeros(6)
        self.objects: dict[str, Array] = {}
        self.movers: list[Array] = []


@dataclass(frozen=True)
class Placement:
    """Where things are put: the robot's model and loose models (7,), joints (joints,)."""

    root: Array
    joints: Array
    objects: dict[str, Array]


class GazeboServer:
    """compiled: says which models are loose or follow waypoints. gui, render: see `prepared`.

    command: in force at every step. reading: the state after the last step of a `run`. puts: poses (7,) of
    loose models to set down at the next step. names: `model::link::collision` by collision entity. count:
    steps since the start. Raises `EngineError` in `run`, with what a callback raised.
    """

    def __init__(self, gz: Bindings, compiled: Compiled, path: Path, *, gui: bool, render: str) -> None:
        self.gz, self.tree = gz, compiled.world
        self.count = 0
        self.reading = Reading()
        self.puts: dict[str, Array] = {}
        self.names: dict[int, str] = {}
        self._compiled = compiled
        self._robot = robot = compiled.robot
        axes = [robot.joint(name).axis for name in facts.JOINTS]
        self._limit = np.array([a.effort if a else np.inf for a in axes])
        self.damping = np.array([a.damping if a else 0.0 for a in axes])
        self._error: BaseException | None = None
        self._joints: list[Any] = []
        self._stopped: list[Any] = []
        self._last = 0
        self._placing: Placement | None = None
        self.command = self._limp()
        self._start(path, gui, render)

    def _start(self, path: Path, gui: bool, render: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vla_sim-gazebo-")
        folder = Path(self._folder.name)
        copy = folder / path.name
        copy.write_bytes(prepared(path, gui, render))
        model = self._robot
        if model.directory.resolve() != path.parent.resolve():  # included
            file = reader.model_file(model.directory)
            theirs = folder / model.directory.name
            shutil.copytree(model.directory, theirs)
            (theirs / file.name).write_bytes(prepared_robot(file, self.tree.step, bool(render)))
        search = [str(folder), *(str(p) for p in reader.default_search(path))]
        known = os.environ.get("GZ_SIM_RESOURCE_PATH", "")
        os.environ["GZ_SIM_RESOURCE_PATH"] = os.pathsep.join([*search, *filter(None, [known])])
        self._fixture = self.gz.sim.TestFixture(str(copy))
        self._fixture.on_pre_update(self._before_step)
        self._fixture.on_post_update(self._after_step)
        self._fixture.finalize()
        self._server = self._fixture.server()
        # The server takes SIGINT and SIGTERM for itself; they are the node's.
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                signal.signal(number, signal.getsignal(number) or signal.SIG_DFL)

    def close(self) -> None:
        self._folder.cleanup()

    @staticmethod
    def _limp() -> JointCommand:
        return JointCommand(facts.DEFAULT_POSE.copy(), np.zeros(JOINT_COUNT), np.zeros(JOINT_COUNT))

    def run(self, steps: int) -> None:
        """Raises `EngineError` if the server did not step, or what a callback raised."""
        self._last = self.count + steps
        while (left := self._last - self.count) > 0:
            self._server.run(True, left, False)
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._last - self.count == left:
                raise EngineError(
                    f"Gazebo did not step; it could not load the world: read its messages above, and {CHECK}"
                )

    def place(self, placement: Placement) -> None:
        """Put everything at its start, at rest and limp, in one step."""
        self.command = self._limp()
        self.reading = Reading()
        self._placing = placement
        self.run(1)

    def _find(self, ecm: Any) -> None:
        """The entities that are commanded and read."""
        sim = self.gz.sim
        world = sim.World(sim.world_entity(ecm))

        def model_of(name: str) -> Any:
            entity = world.model_by_name(ecm, name)
            if entity == sim.K_NULL_ENTITY:
                raise EngineError(f"Gazebo did not load model {name!r}; read its messages above")
            return sim.Model(entity)

        self._model = model_of(self._robot.name)
        self._joints = [sim.Joint(self._model.joint_by_name(ecm, name)) for name in facts.JOINTS]
        for name, joint in zip(facts.JOINTS, self._joints, strict=True):
            if not joint.valid(ecm):
                raise EngineError(f"Gazebo's {self._robot.name} has no joint {name!r}")
            joint.enable_position_check(ecm, True)
            joint.enable_velocity_check(ecm, True)
        self._pelvis = sim.Link(self._model.link_by_name(ecm, facts.BASE_LINK))
        self._pelvis.enable_velocity_checks(ecm, True)
        self._loose = {}
        for name, (body, link_in_model) in self._compiled.loose.items():
            model = model_of(name)
            link = sim.Link(model.link_by_name(ecm, body.rpartition("::")[2]))
            link.enable_velocity_checks(ecm, True)
            self._loose[name] = (model, link, inverse(link_in_model))
        self.names |= {
            sim.Link(link).collision_by_name(ecm, collision.name): f"{scoped}::{part.name}::{collision.name}"
            for scoped, model, _ in self.tree.walk()
            if "::" not in scoped
            for part in model.links
            for link in (model_of(scoped).link_by_name(ecm, part.name),)
            for collision in part.collisions
        }
        self._movers = []
        for follower in self._compiled.followers:
            name, _, link = follower.body.partition("::")
            self._movers.append(sim.Link(model_of(name).link_by_name(ecm, link)))

    def _before_step(self, info: Any, ecm: Any) -> None:
        """Gazebo's pre-update: placement and joint forces. What it raises comes out of `run`."""
        if not self._joints:
            self._find(ecm)
        if self._placing is not None:
            self._place(ecm, self._placing)
            self._placing = None
            return
        for link in self._stopped:
            self._keep_velocity(ecm, link)
        for name, pose in self.puts.items():
            model, link, _ = self._loose[name]
            model.set_world_pose_cmd(ecm, self._pose3d(pose))
            self._stop(ecm, [link])
        self.puts.clear()
        command = self.command
        position = np.array([joint.position(ecm)[0] for joint in self._joints])
        wanted = command.stiffness * (command.position - position) + command.effort
        force = self.reading.force = np.clip(wanted, -self._limit, self._limit)
        velocity = np.array([joint.velocity(ecm)[0] for joint in self._joints])
        applied = force - self.damping * velocity
        for joint, value in zip(self._joints, applied.tolist(), strict=True):
            joint.set_force(ecm, [value])

    def _after_step(self, info: Any, ecm: Any) -> None:
        """Gazebo's post-update, also while its window pauses it. A Gazebo that does not know the policy
        calls it in another thread, where an exception would end the process."""
        if info.paused:
            return
        self.count += 1
        if self.count == self._last:
            try:
                self._read(ecm)
            except BaseException as error:
                self._error = error

    def _read(self, ecm: Any) -> None:
        reading = self.reading
        position = [joint.position(ecm) for joint in self._joints]
        if not all(position):
            raise EngineError(
                f"Gazebo has no physics: the world must name the plugin {PHYSICS}, a physics engine must be "
                f"there (GZ_SIM_PHYSICS_ENGINE_PATH): read its messages above, and {CHECK}"
            )
        reading.position = np.array(position)[:, 0]
        reading.velocity = np.array([joint.velocity(ecm)[0] for joint in self._joints])
        reading.root = _pose7(self._pelvis.world_pose(ecm))
        linear, angular = self._pelvis.world_linear_velocity(ecm), self._pelvis.world_angular_velocity(ecm)
        if linear is not None and angular is not None:
            reading.twist[:3] = linear.x(), linear.y(), linear.z()
            turn = np.array([angular.x(), angular.y(), angular.z()])
            reading.twist[3:] = rotation_from_quaternion(reading.root[3:]).T @ turn
        for name, (_, link, model_in_link) in self._loose.items():
            pose = _pose7(link.world_pose(ecm))
            if not np.array_equal(model_in_link, np.eye(4)):
                pose = pose7(transform(pose[:3], pose[3:]) @ model_in_link)
            reading.objects[name] = pose
        reading.movers = [_pose7(link.world_pose(ecm)) for link in self._movers]

    def _place(self, ecm: Any, placement: Placement) -> None:
        """The server's own reset would lose these callbacks, so that poses and joints are commanded."""
        for joint, value in zip(self._joints, placement.joints, strict=True):
            joint.reset_position(ecm, [float(value)])
            joint.reset_velocity(ecm, [0.0])
        self._model.set_world_pose_cmd(ecm, self._pose3d(placement.root))
        for name, pose in placement.objects.items():
            self._loose[name][0].set_world_pose_cmd(ecm, self._pose3d(pose))
        links = [self._pelvis, *(link for _, link, _ in self._loose.values())]
        self._stop(ecm, [*self._stopped, *(k for k in links if _moves(k, ecm))])

    def _stop(self, ecm: Any, links: list[Any]) -> None:
        """At rest from this step on."""
        known = {link.entity() for link in self._stopped}
        zero = self.gz.math.Vector3d(0.0, 0.0, 0.0)
        for link in links:
            link.set_linear_velocity(ecm, zero)
            link.set_angular_velocity(ecm, zero)
            if link.entity() not in known:
                known.add(link.entity())
                self._stopped.append(link)

    def _keep_velocity(self, ecm: Any, link: Any) -> None:
        """A velocity command stays in force: what was stopped once gets its own velocity as its
        command at each step (in its own frame), which changes nothing."""
        turn = link.world_pose(ecm).rot()
        link.set_linear_velocity(ecm, turn.rotate_vector_reverse(link.world_linear_velocity(ecm)))
        link.set_angular_velocity(ecm, turn.rotate_vector_reverse(link.world_angular_velocity(ecm)))

    def _pose3d(self, pose: Array) -> Any:
        math = self.gz.math
        x, y, z, qw, qx, qy, qz = map(float, pose)
        return math.Pose3d(math.Vector3d(x, y, z), math.Quaterniond(qw, qx, qy, qz))


def _moves(link: Any, ecm: Any) -> bool:
    velocities = link.world_linear_velocity(ecm), link.world_angular_velocity(ecm)
    return any(v is not None and v.length() > most for v, most in zip(velocities, AT_REST, strict=True))


def _pose7(pose: Any) -> Array:
    p, q = pose.pos(), pose.rot()
    return np.array([p.x(), p.y(), p.z(), q.w(), q.x(), q.y(), q.z()])
