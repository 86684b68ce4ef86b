"""Gazebo Harmonic behind the engine door: its server in this process, stepped with the control loop.

Physics, joints and contacts are Gazebo's (DART). The files stay as they are; what Gazebo loads are copies
that do not pace themselves, since the node does, and that leave out what costs time and is not used
(`prepared`, `prepared_robot`). Scans and images come from Gazebo where it can render, else from
`vla_sim.simulation.sensors`. A twin in MuJoCo that never
steps knows the geometry: it draws the seeded start of everything, the same as on the embedded engine, and
measures clearances.
"""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from vla_sim.common.arrays import Array
from vla_sim.common.errors import EngineError, MissingError
from vla_sim.common.geometry import inverse, pose7, rotation_from_quaternion, transform
from vla_sim.robot import g1
from vla_sim.robot.sensor_frames import CameraFrame, LidarFrame
from vla_sim.robot.state import CONTROL_PERIOD, JointCommand, RobotState, checked
from vla_sim.simulation.gazebo.gui import GuiProcess
from vla_sim.simulation.gazebo.render import NativeSensors, render_engine
from vla_sim.simulation.mujoco.render import body_indices, body_poses
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.proprioception import Proprioception
from vla_sim.simulation.sensors.software import PoseSnapshot, SoftwareSensors
from vla_sim.simulation.simulator import Contact, Randomisation, Sensors, Simulator, Truth
from vla_sim.world.sdf import reader

JOINT_COUNT = len(g1.JOINTS)
SENSORS = "gz-sim-sensors-system"
UNUSED = (
    SENSORS, "gz-sim-imu-system", "gz-sim-joint-state-publisher-system",
    "gz-sim-odometry-publisher-system",
)  # fmt: skip
FOR_GUI = ("gz-sim-scene-broadcaster-system", "gz-sim-user-commands-system")
OWN = 0x02
"""Visibility flag of the robot's own visuals."""
PHYSICS = "gz-sim-physics-system"
CONTACT = "gz-sim-contact-system"
CHECK = "check GZ_SIM_SYSTEM_PLUGIN_PATH"
POLICIES = "{http://gazebosim.org/schema}policies"
AT_REST = (0.03, 0.12)
"""[m/s], [rad/s]: what has been put down one step ago is slower, and needs not be stopped at a reset."""
HELP = (
    "Gazebo Harmonic with its Python bindings is not in pip: install gz-harmonic, python3-gz-sim8, "
    "python3-gz-transport13, python3-gz-msgs10 and python3-gz-math7 from Gazebo's package repository, or "
    "ros-jazzy-ros-gz, or put a build's lib/python on PYTHONPATH"
)


@dataclass(frozen=True)
class Bindings:
    """The modules of the gz Python bindings."""

    math: Any
    sim: Any
    transport: Any
    contacts: Any


def load_bindings() -> Bindings:
    """Raises `MissingError` that says which module is missing and where it comes from."""
    found = {}
    # gz.math7 comes first: without it whatever returns a pose raises TypeError.
    for name in ("gz.math7", "gz.msgs10.contacts_pb2", "gz.transport13", "gz.sim8"):
        try:
            found[name] = importlib.import_module(name)
        except ImportError as error:
            raise MissingError(f"{name} cannot be imported ({error}){_others(name)}; {HELP}") from None
    return Bindings(
        found["gz.math7"], found["gz.sim8"], found["gz.transport13"], found["gz.msgs10.contacts_pb2"]
    )


def _others(name: str) -> str:
    """Other versions of a missing module `gz.<name><version>`, in words."""
    stem = name.split(".")[1].rstrip("0123456789")
    folders = getattr(sys.modules.get("gz"), "__path__", [])
    found = [f"gz.{m.name}" for m in pkgutil.iter_modules(folders) if m.name.rstrip("0123456789") == stem]
    return f"; {', '.join(sorted(found))} is there, but is not Harmonic's" if found else ""


class GazeboSimulator(Simulator):
    """One robot, model `robot_name`, in one SDF world.

    gui: with Gazebo's window. Raises `MissingError` without Gazebo, `SdfError` for a bad world,
    `EngineError` if the server does not take it. One a process: Gazebo does not serve two.
    """

    def __init__(
        self, world: str | Path, *, sensors: Sensors = "auto", noise: bool = True, robot_name: str = "g1",
        gui: bool = False,
    ) -> None:  # fmt: skip
        os.environ.setdefault("GZ_PARTITION", f"vla_sim-{os.getpid()}")
        os.environ.setdefault("GZ_IP", "127.0.0.1")
        self.gz = load_bindings()
        self._render = _render_engine(sensors)
        self._gui = GuiProcess() if gui else None
        path = Path(world)
        self.tree = reader.load_world(path)
        self.noise = noise
        self.twin = MujocoSimulator(path, sensors="native", noise=False, robot_name=robot_name)
        self._eyes = SoftwareSensors(self.tree, robot_name, noise)
        self._native: NativeSensors | None = None
        self._origin = 0
        self._bodies = body_indices(self.twin.model, self._eyes.scene.links)
        self._robot_name = robot_name
        model = self.tree.model(robot_name)
        self.substeps = round(CONTROL_PERIOD / self.tree.step)
        axes = [model.joint(name).axis for name in g1.JOINTS]
        self._limit = np.array([a.effort if a else np.inf for a in axes])
        self._damping = np.array([a.damping if a else 0.0 for a in axes])
        self._low = np.array([a.lower if a else -np.inf for a in axes])
        self._high = np.array([a.upper if a else np.inf for a in axes])
        self._imu = next((s.imu for s in model.sensors() if s.imu), None)
        self._lock = threading.Lock()
        self._touches: dict[tuple[str, str], float] = {}
        self._error: BaseException | None = None
        self._joints: list[Any] = []
        self._stopped: list[Any] = []
        self._count = self._last = 0
        self._mirrored = -1
        self._start_server(path)
        self.reset()
        self._check_contacts()
        if self._gui is not None:
            self._gui.started()

    # ------------------------------------------------------------------ the server

    def _start_server(self, path: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vla_sim-gazebo-")
        folder = Path(self._folder.name)
        copy = folder / path.name
        copy.write_bytes(prepared(path, self._gui is not None, self._render))
        model = self.tree.model(self._robot_name)
        if model.directory.resolve() != path.parent.resolve():  # included
            file = reader.model_file(model.directory)
            theirs = folder / model.directory.name
            shutil.copytree(model.directory, theirs)
            (theirs / file.name).write_bytes(prepared_robot(file, self.tree.step, bool(self._render)))
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
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.getsignal(number) or signal.SIG_DFL)
        self._command = JointCommand(g1.DEFAULT_POSE.copy(), np.zeros(JOINT_COUNT), np.zeros(JOINT_COUNT))
        self._reading = Reading()
        self._placing: Placement | None = None
        self._puts: dict[str, Array] = {}
        if self._render:
            self._native = NativeSensors(self.gz.transport, model)
        self._node = self.gz.transport.Node()
        soles = self.gz.transport.SubscribeOptions()
        # They touch the ground at every step; a few times a control period will do, also at twice real time.
        soles.msgs_per_sec = round(4.0 / CONTROL_PERIOD)
        self._topics = []
        for sensor in (s for _, model, _ in self.tree.walk() for s in model.sensors()):
            if sensor.type == "contact" and sensor.topic:
                often = [] if "ankle" not in sensor.link else [soles]
                self._node.subscribe(self.gz.contacts.Contacts, sensor.topic, self._on_contacts, *often)
                self._topics.append(sensor.topic)

    def _check_contacts(self) -> None:
        """Raises `EngineError` if no one publishes contacts: a run without them would pass every check."""
        for topic in self._topics:
            publishers, _ = self._node.topic_info(topic)
            if not publishers:
                raise EngineError(
                    f"Gazebo does not publish contacts on {topic}: the world must name the plugin "
                    f"{CONTACT}, and GZ_SIM_SYSTEM_PLUGIN_PATH the folder of its library"
                )

    def _run(self, steps: int) -> None:
        """Raises `EngineError` if the server did not step, or what a callback raised."""
        self._last = self._count + steps
        while (left := self._last - self._count) > 0:
            self._server.run(True, left, False)
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._last - self._count == left:
                raise EngineError(
                    f"Gazebo did not step; it could not load the world: read its messages above, and {CHECK}"
                )

    def _find(self, ecm: Any) -> None:
        """The entities that are commanded and read."""
        sim = self.gz.sim
        world = sim.World(sim.world_entity(ecm))

        def model_of(name: str) -> Any:
            entity = world.model_by_name(ecm, name)
            if entity == sim.K_NULL_ENTITY:
                raise EngineError(f"Gazebo did not load model {name!r}; read its messages above")
            return sim.Model(entity)

        self._model = model_of(self._robot_name)
        self._joints = [sim.Joint(self._model.joint_by_name(ecm, name)) for name in g1.JOINTS]
        for name, joint in zip(g1.JOINTS, self._joints, strict=True):
            if not joint.valid(ecm):
                raise EngineError(f"Gazebo's {self._robot_name} has no joint {name!r}")
            joint.enable_position_check(ecm, True)
            joint.enable_velocity_check(ecm, True)
        self._pelvis = sim.Link(self._model.link_by_name(ecm, g1.BASE_LINK))
        self._pelvis.enable_velocity_checks(ecm, True)
        self._loose = {}
        for name, (body, link_in_model) in self.twin.compiled.loose.items():
            model = model_of(name)
            link = sim.Link(model.link_by_name(ecm, body.rpartition("::")[2]))
            link.enable_velocity_checks(ecm, True)
            self._loose[name] = (model, link, inverse(link_in_model))
        self._names = {
            sim.Link(link).collision_by_name(ecm, collision.name): f"{scoped}::{part.name}::{collision.name}"
            for scoped, model, _ in self.tree.walk()
            if "::" not in scoped
            for part in model.links
            for link in (model_of(scoped).link_by_name(ecm, part.name),)
            for collision in part.collisions
        }
        self._movers = []
        for follower in self.twin.compiled.followers:
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
        for name, pose in self._puts.items():
            model, link, _ = self._loose[name]
            model.set_world_pose_cmd(ecm, self._pose3d(pose))
            self._stop(ecm, [link])
        self._puts.clear()
        command = self._command
        position = np.array([joint.position(ecm)[0] for joint in self._joints])
        wanted = command.stiffness * (command.position - position) + command.effort
        force = self._reading.force = np.clip(wanted, -self._limit, self._limit)
        velocity = np.array([joint.velocity(ecm)[0] for joint in self._joints])
        applied = force - self._damping * velocity
        for joint, value in zip(self._joints, applied.tolist(), strict=True):
            joint.set_force(ecm, [value])

    def _after_step(self, info: Any, ecm: Any) -> None:
        """Gazebo's post-update, also while its window pauses it. A Gazebo that does not know the policy
        calls it in another thread, where an exception would end the process."""
        if info.paused:
            return
        self._count += 1
        if self._count == self._last:
            try:
                self._read(ecm)
            except BaseException as error:
                self._error = error

    def _read(self, ecm: Any) -> None:
        reading = self._reading
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
        """Put everything at its start, at rest.

        The server's own reset would lose this engine's callback, so that poses and joints are commanded.
        """
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
        """A velocity command stays in force for ever: what was stopped once is told its own velocity at
        each step (in its own frame), which changes nothing."""
        turn = link.world_pose(ecm).rot()
        link.set_linear_velocity(ecm, turn.rotate_vector_reverse(link.world_linear_velocity(ecm)))
        link.set_angular_velocity(ecm, turn.rotate_vector_reverse(link.world_angular_velocity(ecm)))

    def _pose3d(self, pose: Array) -> Any:
        math = self.gz.math
        x, y, z, qw, qx, qy, qz = map(float, pose)
        return math.Pose3d(math.Vector3d(x, y, z), math.Quaterniond(qw, qx, qy, qz))

    def _on_contacts(self, message: Any) -> None:
        """In transport's thread."""
        found: dict[tuple[str, str], float] = {}
        for contact in message.contact:
            a, b = (self._names.get(c.id, str(c.id)) for c in (contact.collision1, contact.collision2))
            force = 0.0
            for wrench, normal in zip(contact.wrench, contact.normal, strict=False):
                f = wrench.body_1_wrench.force
                force += abs(f.x * normal.x + f.y * normal.y + f.z * normal.z)
            key = (a, b) if a <= b else (b, a)
            found[key] = found.get(key, 0.0) + force
        with self._lock:
            for key, force in found.items():
                self._touches[key] = max(self._touches.get(key, 0.0), force)

    # ------------------------------------------------------------------ the door

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        if seed < 0:
            raise EngineError(f"the seed is {seed}; it must be 0 or more")
        self.seed = seed
        self.twin.reset(seed, randomisation)
        start = self.twin.truth()
        root_in_model = self.tree.model(self._robot_name).frame_pose(g1.BASE_LINK)
        root = transform(start.robot[:3], start.robot[3:]) @ inverse(root_in_model)
        self._command = JointCommand(g1.DEFAULT_POSE.copy(), np.zeros(JOINT_COUNT), np.zeros(JOINT_COUNT))
        self._reading = Reading()
        self._placing = Placement(pose7(root), g1.DEFAULT_POSE.copy(), start.objects)
        self._origin = self._count
        self._run(1)
        self._steps = 0
        self._touches.clear()
        self._lidar_rng = np.random.default_rng([seed, 4])
        gravity = np.array(self.tree.gravity)
        self._feel = Proprioception(seed, self._reading.root, self._imu, gravity, noise=self.noise)
        self._mirrored = -1
        self._state = self._measure()

    def put(self, name: str, pose: Array) -> None:
        self._mirror()
        self.twin.put(name, pose)  # which knows the models and sees whether there is room
        self._mirrored = -1
        self._puts[name] = pose

    def command(self, command: JointCommand) -> None:
        position, stiffness, effort = checked(command)
        self._command = JointCommand(np.clip(position, self._low, self._high), stiffness, effort)

    def step(self) -> None:
        with self._lock:
            self._touches.clear()
        self._run(self.substeps)
        self._steps += 1
        if self._gui is not None:
            self._gui.check()
        reading = self._reading
        if not (np.isfinite(reading.position).all() and np.isfinite(reading.root).all()):
            raise EngineError(f"the simulation diverged at {self.time:.3f} s; reset it")
        self._state = self._measure()

    @property
    def time(self) -> float:
        return self._steps * CONTROL_PERIOD

    def _measure(self) -> RobotState:
        r = self._reading
        effort = r.force - self._damping * r.velocity
        return self._feel.measure(self.time, r.position, r.velocity, effort, r.root, r.twist)

    def state(self) -> RobotState:
        return self._state.copy()

    def _mirror(self) -> None:
        """Bring the twin to Gazebo's state."""
        if self._mirrored != self._steps:
            r = self._reading
            self.twin.mirror(self.time, r.root, r.position, r.objects, r.movers)
            self._mirrored = self._steps

    def scan(self) -> LidarFrame:
        self._mirror()
        poses = body_poses(self.twin.data, self._bodies)
        if self._native is not None and self.time > self._native.period:
            distance = self._native.scan(self._count * self.tree.step)
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
        return self._eyes.camera_frame(replace(snapshot, time=stamp - origin), color, depth).shrunk(shrink)

    def view(
        self, snapshot: PoseSnapshot, eye: Array, target: Array, size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        return self._eyes.view(snapshot, eye, target, size)

    def contacts(self) -> list[Contact]:
        """Gazebo tells of contacts by message, so one may be counted a control period late."""
        with self._lock:
            return [Contact(a, b, force) for (a, b), force in sorted(self._touches.items())]

    def truth(self) -> Truth:
        self._mirror()
        return self.twin.truth()

    def close(self) -> None:
        if self._gui is not None:
            self._gui.close()
        self.twin.close()
        self._folder.cleanup()


class Reading:
    """Gazebo's state after a step: joints (33,), applied forces (33,), pelvis pose (7,) and twist (6,),
    poses (7,) of loose models by name and of moving obstacles."""

    def __init__(self) -> None:
        self.position, self.velocity = np.zeros(JOINT_COUNT), np.zeros(JOINT_COUNT)
        self.force = np.zeros(JOINT_COUNT)
        self.root, self.twist = np.array([0.0, 0, 0, 1, 0, 0, 0]), np.zeros(6)
        self.objects: dict[str, Array] = {}
        self.movers: list[Array] = []


@dataclass(frozen=True)
class Placement:
    """Where things are put: the robot's model and loose models (7,), joints (33,)."""

    root: Array
    joints: Array
    objects: dict[str, Array]


def prepared(path: Path, gui: bool = False, render: str = "") -> bytes:
    """The world file as Gazebo gets it: unpaced, and without the systems that nobody here listens to,
    which would be called at every step. gui: with what a GUI needs. render: with sensors by this render
    engine."""
    root = _parsed(path)
    for plugin in root.iterfind("world/plugin"):
        file = str(plugin.get("filename", ""))
        if render and SENSORS in file:
            for old in plugin.findall("render_engine"):
                plugin.remove(old)
            etree.SubElement(plugin, "render_engine").text = render
        elif any(name in file for name in (*UNUSED, *(() if gui else FOR_GUI))):
            plugin.getparent().remove(plugin)
        elif PHYSICS in file and plugin.find("contacts") is None:
            # Names are put together anew for each contact of each step: a quarter of all time (measured).
            etree.SubElement(etree.SubElement(plugin, "contacts"), "include_entity_names").text = "false"
    for physics in root.iterfind("world/physics"):
        dart = physics.find("dart")
        if dart is None:
            dart = etree.SubElement(physics, "dart")
        if dart.find("solver") is None:
            # Eight contact points hold a box where three would do. The default, Dantzig, answers with forces
            # in few of them and others each step, until a box between fingers with 22 N swings out of them
            # within 40 s; projected Gauss-Seidel shares them and holds it within 4 mm, as MuJoCo does.
            etree.SubElement(etree.SubElement(dart, "solver"), "solver_type").text = "pgs"
    for factor in root.iterfind("world/physics/real_time_factor"):
        factor.text = "0"
    for world in root.iterfind("world"):
        if world.find(POLICIES) is None:
            # Else each step wakes a thread a system and waits for it: a sixth of all CPU time, and far more
            # of the clock where other processes keep the cores busy (measured).
            policies = etree.SubElement(world, POLICIES, nsmap={"gz": "http://gazebosim.org/schema"})
            etree.SubElement(policies, "parallel_postupdates").text = "false"
    return bytes(etree.tostring(root))


def prepared_robot(path: Path, step: float, native: bool = False) -> bytes:
    """The robot's file as Gazebo gets it: without publishers that nobody listens to, and without the dry
    friction of its joints (0.1 Nm beside some Nms/rad of damping): in DART every such joint is a row of
    the contact problem, and 29 of them a fifth of all time (measured).

    The joints' damping D leaves DART too, which takes it implicitly in the free motion but not in the answer
    to contacts: a standing robot then leans forward against a moment of 7 Nm that nothing exerts, and a
    finger that pushes with 22 N holds with 22 N * m / (m + step * D). The engine applies it as an explicit
    force. With step * D on a revolute joint's inertia that is stable: what MuJoCo's (M + h D) a = f - D v
    does. A sliding link gets no more mass, which would weigh; it is stable while step * D is not above its
    mass. step [s]: of the physics. native: with a lidar that does not
    look for its own robot and sensors without noise, which is drawn here, the same on every engine."""
    root = _parsed(path)
    if native:
        for visual in root.iterfind(".//link/visual"):
            if visual.find("visibility_flags") is None:
                etree.SubElement(visual, "visibility_flags").text = str(OWN)
        for lidar in root.iterfind(".//sensor/lidar"):
            if lidar.find("visibility_mask") is None:
                etree.SubElement(lidar, "visibility_mask").text = str(0xFFFFFFFF & ~OWN)
        for noise in [*root.iterfind(".//sensor/camera/noise"), *root.iterfind(".//sensor/lidar/noise")]:
            noise.getparent().remove(noise)
    for plugin in list(root.iterfind(".//plugin")):
        if any(name in str(plugin.get("filename", "")) for name in UNUSED):
            plugin.getparent().remove(plugin)
    for friction in root.iterfind(".//joint/axis/dynamics/friction"):
        friction.text = "0"
    inertias = {link.get("name"): link.find("inertial/inertia") for link in root.iterfind(".//link")}
    for joint in root.iterfind(".//joint"):
        damping, inertia = joint.find("axis/dynamics/damping"), inertias.get(joint.findtext("child"))
        if damping is None or inertia is None:
            continue
        if joint.get("type") == "prismatic":
            damping.text = "0"
            continue
        axis = [float(v) for v in joint.findtext("axis/xyz").split()]
        for name, along in zip(("ixx", "iyy", "izz"), axis, strict=True):
            entry = inertia.find(name)
            # Half as much across the axis, else the three are no inertia (triangle inequality).
            more = step * float(damping.text) * (0.5 + 0.5 * along**2)
            entry.text = f"{float(entry.text) + more:.9g}"
        damping.text = "0"
    return bytes(etree.tostring(root))


def _parsed(path: Path) -> Any:
    return etree.fromstring(path.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))


def _render_engine(sensors: Sensors) -> str:
    """Of Gazebo's own sensors; "" if they are ray cast."""
    if sensors == "software":
        return ""
    try:
        return render_engine(in_time=sensors == "auto")
    except MissingError as error:
        if sensors == "native":
            raise
        logging.getLogger(__name__).warning("scans and images are ray cast: %s", error)
        return ""


def _moves(link: Any, ecm: Any) -> bool:
    velocities = link.world_linear_velocity(ecm), link.world_angular_velocity(ecm)
    return any(v is not None and v.length() > most for v, most in zip(velocities, AT_REST, strict=True))


def _pose7(pose: Any) -> Array:
    p, q = pose.pos(), pose.rot()
    return np.array([p.x(), p.y(), p.z(), q.w(), q.x(), q.y(), q.z()])
