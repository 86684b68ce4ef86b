"""A trained detector behind the same interface: boxes and classes from ONNX, pose from depth.

The model takes an image (1, 3, H, W) float32 in 0..1 and gives (1, n, 6): x0, y0, x1, y1 [px of its
input], score, class; suppression of duplicates is inside the model. Its metadata `names` lists the classes
as a JSON list, or as a dictionary of number and name. This is what common exporters write "end to end".
"""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.compute_threads import onnx_session
from vla_sim.common.errors import InputError, MissingError
from vla_sim.common.geometry import Array
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.colour import name_pixels
from vla_sim.stages.perception.detector import ColourDetector, Detector
from vla_sim.stages.perception.pose_estimator import Detection, ObjectModels, suppress_duplicates
from vla_sim.world.colour_names import COLOURS


def load_session(path: Path) -> Any:
    """An onnxruntime session on one thread. Raises `MissingError` without onnxruntime, `InputError` for a
    file that is not there or not a model."""
    if not path.is_file():
        raise InputError(f"detector model {path} does not exist; give the path of an ONNX file")
    try:
        return onnx_session(path)
    except MissingError:
        raise
    except Exception as error:  # onnxruntime raises classes of its own that it does not export
        raise InputError(f"detector model {path} cannot be loaded: {str(error)[:200]}") from error


class OnnxDetector(Detector):
    """path: of the model. threshold: least score that counts."""

    def __init__(self, path: Path, models: ObjectModels | None = None, threshold: float = 0.4) -> None:
        super().__init__(models)
        self.threshold = threshold
        self.session = load_session(path)
        self.input = self.session.get_inputs()[0]
        shape = self.input.shape
        if len(shape) != 4 or shape[1] != 3 or self.input.type != "tensor(float)":
            raise InputError(f"model {path} takes {shape} {self.input.type}; it must be (1, 3, H, W) float")
        self.size = tuple(s if isinstance(s, int) and s > 0 else 0 for s in shape[2:])
        self.names = _names(self.session.get_modelmeta().custom_metadata_map.get("names", ""), path)

    def detect(
        self, rgb: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics, pose: Array
    ) -> list[Detection]:
        found = []
        labels = name_pixels(rgb)
        for box, score, kind in self._boxes(rgb):
            one = self._locate(box, kind, labels, depth, camera, pose)
            if one is not None:
                found.append(replace(one, confidence=one.confidence * score))
        return suppress_duplicates(found)

    def warm(self) -> None:
        super().warm()
        ColourDetector(self.models).warm()  # also what the model finds nothing for

    def _boxes(self, rgb: NDArray[np.uint8]) -> list[tuple[tuple[int, int, int, int], float, str]]:
        height, width = rgb.shape[:2]
        high, wide = self.size[0] or height, self.size[1] or width
        rows = (np.arange(high) * height) // high
        columns = (np.arange(wide) * width) // wide
        image = rgb[rows[:, None], columns].transpose(2, 0, 1)[None].astype(np.float32) / 255.0
        out = np.asarray(self.session.run(None, {self.input.name: np.ascontiguousarray(image)})[0])
        if out.ndim != 3 or out.shape[2] != 6:
            raise InputError(f"the detector model gave {out.shape}; it must give (1, n, 6)")
        result = []
        for x0, y0, x1, y1, score, number in out[0][np.isfinite(out[0]).all(axis=1)]:
            if score < self.threshold or int(number) not in self.names:
                continue
            left, right = int(x0 * width / wide), int(x1 * width / wide)
            top, bottom = int(y0 * height / high), int(y1 * height / high)
            box = (max(left, 0), max(top, 0), min(right, width - 1), min(bottom, height - 1))
            if box[0] < box[2] and box[1] < box[3]:
                result.append((box, float(min(score, 1.0)), self.names[int(number)]))
        return result

    def _locate(
        self, box: tuple[int, int, int, int], kind: str, labels: NDArray[np.uint8],
        depth: NDArray[np.float32], camera: Intrinsics, pose: Array,
    ) -> Detection | None:  # fmt: skip
        """Pose of what is in a box: the surface in its middle, of the colour that most of it has."""
        left, top, right, bottom = box
        part = depth[top : bottom + 1, left : right + 1]
        h, w = part.shape
        middle = part[h // 3 : 2 * h // 3 + 1, w // 3 : 2 * w // 3 + 1]
        middle = middle[np.isfinite(middle)]
        if middle.size == 0:
            return None
        near = np.abs(part - np.median(middle)) < 0.12
        inside = labels[top : bottom + 1, left : right + 1]
        votes = np.bincount(inside[near], minlength=len(COLOURS))
        votes[0] = 0
        if votes.max() == 0:
            return None
        label = int(votes.argmax())
        ids = np.zeros(depth.shape, np.int32)
        ids[top : bottom + 1, left : right + 1] = near & (inside == label)
        return self.estimator.estimate(
            ids, 1, int(votes[label]), box, depth, camera, pose, COLOURS[label], kinds=(kind,)
        )


def _names(text: str, path: Path) -> dict[int, str]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value or not all(isinstance(v, str) for v in value.values()):
        raise InputError(f"model {path} has no class names; set metadata names to, say, ['cup', 'ball']")
    return {int(k): v for k, v in value.items()}
