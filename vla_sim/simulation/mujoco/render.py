"""The head camera and free views: MuJoCo's renderer in a thread of its own."""

import math
import os
import threading
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError, MissingError
from vla_sim.common.geometry import Array
from vla_sim.robot.body import CameraFrame
from vla_sim.simulation.mujoco.geoms import ROBOT_VISUAL, WORLD_VISUAL
from vla_sim.simulation.sensors.depth_camera import DepthCamera
from vla_sim.simulation.sensors.software import PoseSnapshot, SoftwareSensors
from vla_sim.world.sdf.elements import Camera

OFF = ("disable", "disabled", "off", "false", "0")
"""What MUJOCO_GL may say for no GL at all."""
HELP = "install Mesa (apt install libegl1 libgl1-mesa-dri), or set MUJOCO_GL=glfw where there is a display"


@dataclass(frozen=True)
class Snapshot:
    """All that a picture needs, copied: generalised positions, mocap poses, times."""

    time: float
    mono: float
    seed: int
    qpos: Array
    mocap_pos: Array
    mocap_quat: Array

    def pose(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Bring `data` to it: positions of bodies and geoms."""
        data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = self.qpos, self.mocap_pos, self.mocap_quat
        data.time = self.time
        mujoco.mj_kinematics(model, data)


def make_context(width: int, height: int) -> Any:
    """A GL context of this thread: EGL without a display, else what MUJOCO_GL says."""
    kind = os.environ.get("MUJOCO_GL", "").lower() or ("glfw" if os.environ.get("DISPLAY") else "egl")
    try:
        if kind == "egl":
            from mujoco.egl import GLContext
        elif kind == "osmesa":
            from mujoco.osmesa import GLContext
        elif kind in OFF:
            raise RuntimeError("GL is turned off")
        else:
            from mujoco.glfw import GLContext
        context = GLContext(width, height)
        context.make_current()
    except Exception as error:  # the back ends raise ImportError, AttributeError, RuntimeError and GL errors
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        if isinstance(error, AttributeError):  # of the None that PyOpenGL has in the library's place
            first = "its library is not installed"
        raise MissingError(f"no GL for MUJOCO_GL={kind}: {first}; {HELP}") from None
    return context


class Renderer:
    """Pictures of snapshots. Made and used in one thread, since a GL context belongs to one."""

    def __init__(self, model: mujoco.MjModel, camera: str, optics: Camera, noise: bool = True) -> None:
        self.model, self.optics = model, optics
        self.sensor = DepthCamera(optics, noise)
        self.data = mujoco.MjData(model)
        self.gl = make_context(optics.width, optics.height)
        self._thread = threading.get_ident()
        self.context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self.context)
        self.scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 50)
        for flag in ("mjRND_SHADOW", "mjRND_REFLECTION", "mjRND_HAZE"):
            self.scene.flags[getattr(mujoco.mjtRndFlag, flag)] = False
        self.option = mujoco.MjvOption()
        self.option.geomgroup[:] = 0
        self.option.geomgroup[[WORLD_VISUAL, ROBOT_VISUAL]] = 1
        self.head = mujoco.MjvCamera()
        self.head.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self.head.fixedcamid = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, camera)

    def pose(self, snapshot: Snapshot) -> None:
        """Bring this thread's data to the snapshot: positions of bodies, geoms, cameras and lights."""
        snapshot.pose(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def draw(self, camera: mujoco.MjvCamera, width: int, height: int, depth: bool) -> tuple[Any, Any]:
        self.gl.make_current()  # another renderer of this thread may have been, and may have ended since
        mujoco.mjv_updateScene(
            self.model, self.data, self.option, None, camera, mujoco.mjtCatBit.mjCAT_ALL.value, self.scene
        )
        viewport = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(viewport, self.scene, self.context)
        color = np.empty((height, width, 3), np.uint8)
        z = np.empty((height, width), np.float32) if depth else None
        mujoco.mjr_readPixels(color, z, viewport, self.context)
        return color[::-1], None if z is None else z[::-1]

    def frame(self, snapshot: Snapshot, shrink: int = 1) -> CameraFrame:
        """The head camera's colour and depth from one pass, with noise."""
        optics = self.optics
        width, height = optics.width // shrink, optics.height // shrink
        self.pose(snapshot)
        color, buffer = self.draw(self.head, width, height, depth=True)
        # The buffer holds reversed or plain window depth d in 0..1 with 1 at the far plane.
        near, far = np.float32(self.model.vis.map.znear), np.float32(self.model.vis.map.zfar)
        depth = near / (np.float32(1.0) - buffer * (np.float32(1.0) - near / far))
        times = snapshot.time, snapshot.mono
        return self.sensor.frame(np.ascontiguousarray(color), depth, *times, snapshot.seed)

    def view(self, snapshot: Snapshot, eye: Array, target: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
        """A picture (height, width, 3) from `eye` towards `target` [m]; size: (width, height)."""
        width, height = size
        most = (self.model.vis.global_.offwidth, self.model.vis.global_.offheight)
        if not (0 < width <= most[0] and 0 < height <= most[1]):
            raise EngineError(f"a picture of {width}x{height} was asked for; at most {most[0]}x{most[1]}")
        self.pose(snapshot)
        camera = mujoco.MjvCamera()
        offset = np.asarray(target, dtype=float) - np.asarray(eye, dtype=float)
        distance = float(np.linalg.norm(offset)) or 1.0
        camera.lookat[:] = target
        camera.distance = distance
        camera.azimuth = math.degrees(math.atan2(offset[1], offset[0]))
        camera.elevation = math.degrees(math.asin(max(-1.0, min(1.0, offset[2] / distance))))
        color, _ = self.draw(camera, width, height, depth=False)
        return np.ascontiguousarray(color)

    def close(self) -> None:
        if threading.get_ident() == self._thread:  # elsewhere it cannot be made current
            self.gl.make_current()  # else it would free what another context calls by the same numbers
        self.context.free()
        self.gl.free()


class SoftwareRenderer:
    """The same pictures of the same snapshots by ray casting, where there is no GL."""

    def __init__(self, model: mujoco.MjModel, sensors: SoftwareSensors) -> None:
        self.model, self.sensors = model, sensors
        self.data = mujoco.MjData(model)
        self.bodies = body_indices(model, sensors.scene.links)

    def posed(self, snapshot: Snapshot) -> PoseSnapshot:
        snapshot.pose(self.model, self.data)
        return PoseSnapshot(snapshot.time, snapshot.mono, snapshot.seed, body_poses(self.data, self.bodies))

    def frame(self, snapshot: Snapshot, shrink: int = 1) -> CameraFrame:
        return self.sensors.render(self.posed(snapshot), shrink)

    def view(self, snapshot: Snapshot, eye: Array, target: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
        return self.sensors.view(self.posed(snapshot), eye, target, size)

    def close(self) -> None:
        pass


def body_indices(model: mujoco.MjModel, links: list[str]) -> NDArray[np.int32]:
    """(m,) body index of each link `model::link`."""
    return np.array([mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name) for name in links], np.int32)


def body_poses(data: mujoco.MjData, bodies: NDArray[np.int32]) -> Array:
    """(m, 4, 4) poses in the world, after `mj_kinematics`."""
    poses = np.zeros((len(bodies), 4, 4))
    poses[:, :3, :3] = data.xmat[bodies].reshape(-1, 3, 3)
    poses[:, :3, 3] = data.xpos[bodies]
    poses[:, 3, 3] = 1.0
    return poses
