"""The embedded simulator: an SDF world in MuJoCo.

2 ms physics with elliptic friction cones, ten steps to a control period. Gazebo system plugins that
a world or model names have their equivalents here: sensors, contacts, odometry, trajectory followers.
"""

import logging
import math
import time
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError, MissingError
from vla_sim.common.geometry import Array, pose7, quaternion_from_yaw, rotation_from_quaternion, transform
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, CameraFrame, JointCommand, LidarFrame, RobotState, checked
from vla_sim.simulation.movers import Movers
from vla_sim.simulation.mujoco.compile import compile_world
from vla_sim.simulation.mujoco.geoms import FIXED, LOOSE, ROBOT
from vla_sim.simulation.mujoco.randomise import Randomiser
from vla_sim.simulation.mujoco.render import Renderer, Snapshot, SoftwareRenderer, body_indices, body_poses
from vla_sim.simulation.mujoco.truth import Clearance, ContactLog, lowest_point
from vla_sim.simulation.proprioception import Proprioception
from vla_sim.simulation.sensors import lidar as lidar_model
from vla_sim.simulation.sensors.software import SoftwareSensors
from vla_sim.simulation.simulator import Contact, Randomisation, Sensors, Simulator, Truth, known_object
from vla_sim.world import world_file
from vla_sim.world.sdf import elements
from vla_sim.world.semantic_map import ROBOT as ROBOT_MODEL

JOINT_COUNT = len(facts.JOINTS)
FALLEN_HEIGHT, FALLEN_TILT = 0.585 * facts.STANDING_HEIGHT, 1.0
"""[m] of the pelvis above the floor, below which the robot lies, and [rad] beyond which."""
DEEPEST = 0.003
"""[m] that something that is put down may overlap: more would throw it away."""
BAND_STIFFNESS, BAND_DAMPING = 1000.0, 100.0
"""[N/m] and [Ns/m]"""
BAND_SHARE = 0.9
"""Of the robot's weight, by which it is stretched from the start."""
BAND_HEIGHT = 0.7
"""[m] above the pelvis, over the head, so that the robot hangs upright."""
_OBJ = mujoco.mjtObj
# MuJoCo would write its warnings to MUJOCO_LOG.TXT in the working folder.
mujoco.set_mju_user_warning(logging.getLogger(__name__).warning)


class MujocoSimulator(Simulator):
    """The process's robot in one SDF world.

    sensors: "native" is MuJoCo's own rays and renderer, "software" the ray caster, "auto" native unless
    there is no GL library. noise: False turns every sensor's noise and the odometry's drift off. period: of
    `step` [s], a multiple of 2 ms.
    Raises `SdfError` for a bad world, `EngineError` if MuJoCo refuses it. With native sensors `render` and
    `view` raise `MissingError` if there is no GL library.
    """

    def __init__(
        self, world: str | Path | elements.World, *, sensors: Sensors = "auto", noise: bool = True,
        robot_name: str = ROBOT_MODEL, period: float = CONTROL_PERIOD,
    ) -> None:  # fmt: skip
        tree = world if isinstance(world, elements.World) else world_file.load(world)
        self.compiled = compiled = compile_world(tree, robot_name, facts.JOINTS)
        self.model = m = compiled.model
        self.data = mujoco.MjData(m)
        self.sensors, self.noise = sensors, noise
        self.period, self.substeps = period, round(period / m.opt.timestep)

        joints = [self._id(_OBJ.mjOBJ_JOINT, f"{robot_name}::{name}") for name in facts.JOINTS]
        self._q = m.jnt_qposadr[joints]
        self._v = m.jnt_dofadr[joints]
        self._low, self._high = m.jnt_range[joints].T.copy()
        self._dof_damping = m.dof_damping[:, 0] if m.dof_damping.ndim == 2 else m.dof_damping
        self._damping = self._dof_damping[self._v]
        self.model_damping = self._damping.copy()
        self._armature = m.dof_armature[self._v]
        self._pelvis = self._id(_OBJ.mjOBJ_BODY, f"{robot_name}::{facts.BASE_LINK}")
        self._root_q = int(m.jnt_qposadr[m.body_jntadr[self._pelvis]])
        self._root_v = int(m.jnt_dofadr[m.body_jntadr[self._pelvis]])
        self._loose = {n: self._id(_OBJ.mjOBJ_BODY, body) for n, (body, _) in compiled.loose.items()}
        self._model_in_link = {
            n: None if np.allclose(link, np.eye(4)) else np.linalg.inv(link)
            for n, (_, link) in compiled.loose.items()
        }
        """(4, 4) where a loose model's frame is not its root body's."""
        self._mocap = [int(m.body_mocapid[self._id(_OBJ.mjOBJ_BODY, f.body)]) for f in compiled.followers]
        self._mover_names = [f.model for f in compiled.followers]
        starts = [(float(f.pose[0, 3]), float(f.pose[1, 3])) for f in compiled.followers]
        motions = [f.motion for f in compiled.followers]
        self._movers = Movers(list(zip(motions, starts, strict=True)), tree)
        self._tools = {name: self._id(_OBJ.mjOBJ_SITE, name) for name in facts.TOOL_FRAME.values()}
        self._imu = next((s.imu for s in compiled.robot.sensors() if s.imu), None)

        self._lidar_site = mujoco.mj_name2id(m, _OBJ.mjOBJ_SITE, "head_lidar")
        if compiled.lidar is not None:
            self._rays = lidar_model.directions(compiled.lidar)
            self._hit = np.zeros(len(self._rays), np.int32)
            self._distance = np.zeros(len(self._rays))
        self._seen = np.zeros(6, np.uint8)
        self._seen[[FIXED, LOOSE]] = 1

        self._mass = float(m.body_subtreemass[self._pelvis])
        self._band: Array | None = None
        """(3,) [m] where it holds the pelvis."""
        self._renderer: Renderer | SoftwareRenderer | None = None
        self._eyes: SoftwareSensors | None = None
        if sensors == "software":
            self._eyes = SoftwareSensors(tree, robot_name, noise)
            self._bodies = body_indices(m, self._eyes.scene.links)
        self._contacts = ContactLog(m)
        mujoco.mj_forward(m, self.data)
        self._clearance = Clearance(m, self.data)
        self.reset()

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        if seed < 0:
            raise EngineError(f"the seed is {seed}; it must be 0 or more")
        m, d = self.model, self.data
        mujoco.mj_resetData(m, d)
        self.seed = seed
        self._contacts.clear()
        m.actuator_gainprm[:] = 0.0
        m.actuator_biasprm[:] = 0.0
        d.qpos[self._q] = facts.DEFAULT_POSE
        d.ctrl[:] = facts.DEFAULT_POSE
        self._damp(self.model_damping)
        self._command = JointCommand(facts.DEFAULT_POSE.copy(), np.zeros(JOINT_COUNT), np.zeros(JOINT_COUNT))
        self._movers.reset(seed)
        self._follow()
        mujoco.mj_forward(m, d)
        if randomisation is not None:
            mover = Randomiser(m, d, self._clearance)
            if randomisation.start or randomisation.start_yaw:
                rng = np.random.default_rng([seed, 1])
                self._stand()
                mover.start(self._pelvis, rng, randomisation.start, randomisation.start_yaw)
            if randomisation.objects:
                mover.objects(self._loose, np.random.default_rng([seed, 2]), randomisation.objects)
        self._stand()
        self._lidar_rng = np.random.default_rng([seed, 4])
        root = d.qpos[self._root_q : self._root_q + 7]
        self._feel = Proprioception(
            seed, root, self._imu, m.opt.gravity, noise=self.noise, period=self.period
        )
        self._state = self._measure()

    def _stand(self) -> None:
        """Feet on the ground: the soles' lowest point 1 mm above the floor (z = 0)."""
        d = self.data
        mujoco.mj_forward(self.model, d)
        d.qpos[self._root_q + 2] -= lowest_point(self.model, d, ROBOT) - 0.001
        mujoco.mj_forward(self.model, d)

    def command(self, command: JointCommand) -> None:
        wanted = checked(command)
        self.data.ctrl[:] = np.clip(wanted.position, self._low, self._high)
        if not np.array_equal(wanted.stiffness, self._command.stiffness):
            self.model.actuator_gainprm[:, 0] = wanted.stiffness
            self.model.actuator_biasprm[:, 1] = -wanted.stiffness
        if not np.array_equal(wanted.effort, self._command.effort):
            self.model.actuator_biasprm[:, 0] = wanted.effort
        self._damp(self.model_damping if wanted.damping is None else wanted.damping)
        self._command = wanted

    def _damp(self, damping: Array) -> None:
        """Implicitly, as the model's is: see `compile`."""
        if not np.array_equal(damping, self._damping):
            self._damping = damping.copy()
            self._dof_damping[self._v] = damping
            more = self.model.opt.timestep * (damping - self.model_damping)
            self.model.dof_armature[self._v] = self._armature + more

    def step(self) -> None:
        m, d = self.model, self.data
        self._contacts.clear()
        self._movers.step(self.period, d.qpos[self._root_q : self._root_q + 2])
        self._follow()
        for _ in range(self.substeps):
            if self._band is not None:
                self._pull(self._band)
            mujoco.mj_step(m, d)
            self._contacts.record(d)
        bad = mujoco.mjtWarning
        for kind in (bad.mjWARN_BADQPOS, bad.mjWARN_BADQVEL, bad.mjWARN_BADQACC):
            if d.warning[kind].number:
                raise EngineError(
                    f"the simulation diverged at {d.time:.3f} s ({kind.name[7:]}); reset it, and look for "
                    "colliding models or stiffness that is too high"
                )
        self._state = self._measure()

    def _follow(self) -> None:
        """Carry the moving obstacles to where they are now."""
        poses = self._movers.poses(self.data.time)
        for follower, index, (x, y, yaw) in zip(self.compiled.followers, self._mocap, poses, strict=True):
            self.data.mocap_pos[index] = (x, y, follower.pose[2, 3])
            self.data.mocap_quat[index] = quaternion_from_yaw(yaw)

    @property
    def joint_position(self) -> Array:
        """(joints,) the true one."""
        return np.array(self.data.qpos[self._q])

    @property
    def time(self) -> float:
        """Simulated seconds."""
        return float(self.data.time)

    def state(self) -> RobotState:
        return self._state.copy()

    def _measure(self) -> RobotState:
        """Read all of the robot's sensors once, so that noise is drawn once a control period."""
        d = self.data
        qd = d.qvel[self._v]
        return self._feel.measure(
            d.time, d.qpos[self._q], qd, d.actuator_force - self._damping * qd,
            d.qpos[self._root_q : self._root_q + 7], d.qvel[self._root_v : self._root_v + 6],
        )  # fmt: skip

    def scan(self) -> LidarFrame:
        lidar = self.compiled.lidar
        if lidar is None:
            name = self.compiled.robot.name
            raise EngineError(f"model {name!r} has no lidar; add a gpu_lidar 'head_lidar'")
        d = self.data
        if self._eyes is not None:
            return self._eyes.scan(body_poses(d, self._bodies), d.time, self._lidar_rng)
        rotation = d.site_xmat[self._lidar_site].reshape(3, 3)
        origin = d.site_xpos[self._lidar_site]
        rays = (self._rays @ rotation.T).reshape(-1)
        mujoco.mj_multiRay(
            self.model, d, origin, rays, self._seen, True, -1, self._hit, self._distance, None,
            len(self._rays), lidar.range_max,
        )  # fmt: skip
        base = d.xmat[self._pelvis].reshape(3, 3)
        poses = base, d.xpos[self._pelvis], rotation, origin
        return lidar_model.frame(lidar, self._distance, self._lidar_rng, d.time, *poses, self.noise)

    def snapshot(self) -> Snapshot:
        d = self.data
        return Snapshot(
            d.time, time.monotonic(), self.seed, d.qpos.copy(), d.mocap_pos.copy(), d.mocap_quat.copy()
        )

    def hang(self) -> None:
        """From now on a band above its head holds the robot where it is, as one hangs up a robot to try its
        motors."""
        self._band = self._hook()[0]

    def _hook(self) -> tuple[Array, Array]:
        """Where the band is tied to the robot [m], and from the pelvis to there; (3,) each, in the world."""
        arm = self.data.xmat[self._pelvis].reshape(3, 3)[:, 2] * BAND_HEIGHT
        return self.data.xpos[self._pelvis] + arm, arm

    def _pull(self, anchor: Array) -> None:
        """The band's force for the next step."""
        d = self.data
        hook, arm = self._hook()
        force = BAND_STIFFNESS * (anchor - hook) - BAND_DAMPING * d.qvel[self._root_v : self._root_v + 3]
        force -= BAND_SHARE * self._mass * self.model.opt.gravity
        d.xfrc_applied[self._pelvis] = [*force, *np.cross(arm, force)]

    def put(self, name: str, pose: Array) -> None:
        m, d = self.model, self.data
        body = self._loose[known_object(name, self._loose)]
        self._move(name, pose)
        speed = int(m.jnt_dofadr[m.body_jntadr[body]])
        d.qvel[speed : speed + 6] = 0.0
        mujoco.mj_forward(m, d)
        for contact in d.contact[: d.ncon]:
            bodies = [int(m.geom_bodyid[geom]) for geom in contact.geom]
            if body in bodies and contact.dist < -DEEPEST:
                other = m.body(bodies[0] if bodies[1] == body else bodies[1]).name
                where = ", ".join(f"{v:.3f}" for v in pose[:3])
                raise EngineError(
                    f"{name} cannot be put at ({where}): it would be {-1e3 * contact.dist:.0f} mm inside "
                    f"{other}; the position is that of the model's origin"
                )

    def mirror(
        self, stamp: float, base: Array, joints: Array, objects: dict[str, Array],
        movers: list[Array] | None = None,
    ) -> None:  # fmt: skip
        """Take over a moment of another simulator or of a record, without physics: pelvis pose (7,), joint
        positions (joints,), poses (7,) of loose models by name, and of the moving obstacles in the order of
        `compiled.followers` (None: where they are at `stamp`). `truth`, `scan` and `snapshot` are then of
        that moment."""
        m, d = self.model, self.data
        d.time = stamp
        d.qpos[self._root_q : self._root_q + 7] = base
        d.qpos[self._q] = joints
        for name, pose in objects.items():
            if name in self._loose:
                self._move(name, pose)
        if movers is None:
            self._follow()
        else:
            for index, pose in zip(self._mocap, movers, strict=True):
                d.mocap_pos[index], d.mocap_quat[index] = pose[:3], pose[3:]
        mujoco.mj_kinematics(m, d)

    def render(self, snapshot: Snapshot, shrink: int = 1) -> CameraFrame:
        return self._draw().frame(snapshot, shrink)

    def view(self, snapshot: Snapshot, eye: Array, target: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
        return self._draw().view(snapshot, eye, target, size)

    def _draw(self) -> Renderer | SoftwareRenderer:
        """The renderer, made at the first call in the thread that calls."""
        if self._renderer is not None:
            return self._renderer
        camera = next((s for s in self.compiled.robot.sensors() if s.camera), None)
        if camera is None or camera.camera is None:
            raise EngineError(f"model {self.compiled.robot.name!r} has no camera; add 'head_camera'")
        if self.sensors != "software":
            try:
                self._renderer = Renderer(self.model, camera.name, camera.camera, noise=self.noise)
                return self._renderer
            except MissingError as error:
                if self.sensors == "native":
                    raise
                logging.getLogger(__name__).warning("images are ray cast: %s", error)
        eyes = self._eyes
        if eyes is None:  # else they are warm, and their lidar is the control loop's
            eyes = SoftwareSensors(self.compiled.world, self.compiled.robot.name, self.noise)
        self._renderer = SoftwareRenderer(self.model, eyes)
        return self._renderer

    def contacts(self) -> list[Contact]:
        return self._contacts.contacts()

    def truth(self) -> Truth:
        d = self.data
        root, objects, movers = self.poses()
        upright = rotation_from_quaternion(root[3:])[2, 2]
        tilt = math.acos(max(-1.0, min(1.0, upright)))
        return Truth(
            d.time, root, objects, bool(root[2] < FALLEN_HEIGHT or tilt > FALLEN_TILT),
            self._clearance.measure(d),
            {name: d.site_xpos[site].copy() for name, site in self._tools.items()}, movers,
        )  # fmt: skip

    def poses(self) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        """(7,) of the pelvis, of loose models and of movers by name, all in the world."""
        d = self.data
        movers = {
            name: np.concatenate([d.mocap_pos[i], d.mocap_quat[i]])
            for name, i in zip(self._mover_names, self._mocap, strict=True)
        }
        objects = {name: self._object_pose(name) for name in self._loose}
        return d.qpos[self._root_q : self._root_q + 7].copy(), objects, movers

    def _object_pose(self, name: str) -> Array:
        """(7,) pose of a loose model's frame."""
        q = self._root_of(name)
        model_in_link = self._model_in_link[name]
        return q.copy() if model_in_link is None else pose7(transform(q[:3], q[3:]) @ model_in_link)

    def _root_of(self, name: str) -> Array:
        """(7,) view of the generalised positions: the pose of a loose model's root body."""
        address = int(self.model.jnt_qposadr[self.model.body_jntadr[self._loose[name]]])
        root: Array = self.data.qpos[address : address + 7]
        return root

    def _move(self, name: str, pose: Array) -> None:
        """Bring a loose model's frame to a pose (7,)."""
        self._root_of(name)[:] = pose7(transform(pose[:3], pose[3:]) @ self.compiled.loose[name][1])

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _id(self, kind: mujoco.mjtObj, name: str) -> int:
        found = mujoco.mj_name2id(self.model, kind, name)
        if found < 0:
            raise EngineError(f"model {self.compiled.robot.name!r} lacks {name!r}, which its profile names")
        return int(found)
