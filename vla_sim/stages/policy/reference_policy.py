"""Our reference policy: a small network that was taught by the scripted policy (docs/policies.md tells how it
was trained and how often it picks). It speaks the mapping `reference`.

The network is shown the image that came first, before a hand hid the thing, with the point of each pixel in
the pelvis frame, how the pelvis has moved since, what the words name, and where both arms are. It answers
where the arms and grippers are to be over the next 1.6 s.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vla_sim.common.assets import share_folder
from vla_sim.common.compute_threads import onnx_session
from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, inverse, transform
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.extrinsics import CAMERA
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.camera import Intrinsics, check_images
from vla_sim.stages.policy.errors import PolicyError

SHOWN = (60, 80)
"""Rows and columns of what the network is shown."""
HORIZON = 16
"""Actions of a chunk."""
PERIOD = 0.1
"""[s] from one action to the next: the mapping's."""


class View(NamedTuple):
    """color (60, 80, 3) uint8; points (60, 80, 3) float32 [m] in odom, NaN where the camera saw none."""

    color: NDArray[np.uint8]
    points: NDArray[np.float32]


class Senses(NamedTuple):
    """What an observation of the mapping holds: joints (joints,), base (4, 4) in odom."""

    joints: Array
    base: Array
    prompt: str
    view: View


def shipped() -> Path:
    """The weights that come with the package."""
    return share_folder("config") / "policies" / "reference.onnx"


def read(observation: dict[str, Any], kinematics: Kinematics) -> Senses:
    """Raises `PolicyError` for an observation that is not of the mapping."""
    try:
        q = np.asarray(observation["observation/joints"], dtype=float)
        base7 = np.asarray(observation["observation/base"], dtype=float)
        fx, fy, cx, cy = (float(one) for one in observation["observation/camera"])
        color, depth = observation["observation/color"], observation["observation/depth"]
        prompt = str(observation["prompt"])
        camera = Intrinsics(fx, fy, cx, cy, color.shape[1], color.shape[0])
        if q.shape != (len(facts.JOINTS),) or base7.shape != (7,):
            raise ValueError(f"joints {q.shape}, base {base7.shape}")
        check_images(color, depth, camera)
    except (AttributeError, IndexError, InputError, KeyError, TypeError, ValueError) as error:
        raise PolicyError(f"the observation is not of the mapping reference ({error!r})") from None
    base = transform(base7[:3], base7[3:])
    eye = base @ kinematics.frame(CAMERA, q) @ SENSOR_FROM_OPTICAL
    return Senses(q, base, prompt, View(_small(color), _points(depth, camera, eye)))


def _small(color: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(color).resize(SHOWN[::-1], Image.Resampling.BOX))


def _points(depth: NDArray[np.float32], camera: Intrinsics, eye: Array) -> NDArray[np.float32]:
    """(60, 80, 3) of every n-th pixel, by the camera's optical frame `eye` (4, 4)."""
    rows, columns = (
        ((np.arange(n) + 0.5) * size / n).astype(int)
        for n, size in zip(SHOWN, depth.shape, strict=True)
    )  # fmt: skip
    z = depth[np.ix_(rows, columns)].astype(float)
    z[~(np.isfinite(z) & (z > 0.0))] = np.nan
    fx, fy, cx, cy = camera.pinhole
    x, y = (columns[None, :] - cx) / fx * z, (rows[:, None] - cy) / fy * z
    points = np.stack([x, y, z], axis=-1) @ eye[:3, :3].T + eye[:3, 3]
    return points.astype(np.float32)


def seen_from(points: NDArray[np.float32], base: Array) -> NDArray[np.float32]:
    """Points (..., 3) of odom in the pelvis frame at `base` (4, 4); zeros where there is none."""
    to_base = inverse(base)
    out = points @ to_base[:3, :3].T.astype(np.float32) + to_base[:3, 3].astype(np.float32)
    return np.where(np.isfinite(out), out, np.float32(0.0)).astype(np.float32)


def state(joints: Array, before: Array) -> NDArray[np.float32]:
    """(18,): left arm [rad], its gripper's opening [m], the right ones; both openings at the observation
    before, whose joints are `before`."""
    now = [np.append(joints[facts.ARM_INDEX[side]], _opening(joints, side)) for side in facts.SIDES]
    return np.concatenate([*now, [_opening(before, side) for side in facts.SIDES]]).astype(np.float32)


def _opening(joints: Array, side: str) -> float:
    return float(joints[facts.FINGER_INDEX[side]].sum())


class Network:
    """Weights that were loaded, for any number of picks, from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Raises `InputError` for a file that is none."""
        try:
            self.session = onnx_session(path)
            about = self.session.get_modelmeta().custom_metadata_map
            self.words = tuple(about["words"].split())
            self.things: list[str] = json.loads(about["things"])
        except Exception as error:
            why = str(error).strip().splitlines()[0][:200]
            raise InputError(f"{path} holds no weights of the reference policy ({why})") from None
        self.kinematics = Kinematics.load()

    def chunk(self, senses: Senses, first: Senses, before: Array) -> NDArray[np.float32]:
        """(16, 16) actions. first: the senses that came first. before (joints,): those of the observation
        before. Raises `PolicyError` if the prompt names nothing that it was taught."""
        said = set(senses.prompt.lower().split())
        if not any(said.issuperset(thing.split()) for thing in self.things):
            known = ", ".join(self.things)
            raise PolicyError(f'"{senses.prompt}" names nothing that it was taught, which is: {known}')
        words = np.array([word in said for word in self.words], np.float32)
        given = {
            "color": first.view.color[None], "points": seen_from(first.view.points, first.base)[None],
            "moved": (inverse(senses.base) @ first.base).astype(np.float32)[None],
            "words": words[None], "state": state(senses.joints, before)[None],
        }  # fmt: skip
        out: NDArray[np.float32] = self.session.run(["actions"], given)[0][0]
        return out


class ReferencePolicy:
    """For one pick."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._first: Senses | None = None
        self._before: Array | None = None

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        """{"actions": (16, 16)}: left arm's joints as deltas from the observation's [rad], its gripper's
        opening [m], and the right ones. Raises `PolicyError`."""
        senses = read(observation, self._network.kinematics)
        if self._first is None:
            self._first = senses
        before = senses.joints if self._before is None else self._before
        actions = self._network.chunk(senses, self._first, before)
        self._before = senses.joints
        return {"actions": actions}
