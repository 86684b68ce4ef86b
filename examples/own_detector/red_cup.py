"""A detector of your own. This one knows red cups alone: it puts one where most of the red is.

`PYTHONPATH=. vla-sim run "pick up the red cup" --world tabletop --param perception.detector=red_cup:RedCup`
"""

import numpy as np

from vla_sim.stages.perception.detector import Detector
from vla_sim.stages.perception.pose_estimator import Detection

SIZE = (0.068, 0.068, 0.10)  # of a cup, along x, y, z [m]


class RedCup(Detector):
    def detect(self, rgb, depth, camera, pose):
        """rgb (h, w, 3) uint8; depth (h, w) float32 [m], NaN or inf where there is none; pose (4, 4) of the
        camera's optical frame (x right, y down, z forward) in the map."""
        r, g, b = np.moveaxis(rgb.astype(float), 2, 0)
        v, u = np.nonzero((r > 90) & (r > 2 * g) & (r > 2 * b) & np.isfinite(depth))
        if u.size < 50:
            return []
        z = depth[v, u]
        seen = np.stack([(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z], axis=1)
        points = seen @ pose[:3, :3].T + pose[:3, 3]
        low, high = np.quantile(points, [0.02, 0.98], axis=0)
        if np.any(high - low > 0.15):
            return []  # too large for a cup, or not one thing
        away = np.median(points, axis=0)[:2] - pose[:2, 3]
        distance = float(np.linalg.norm(away))
        # What is seen is the side towards the camera; the middle lies behind it.
        middle = pose[:2, 3] + away * (1 + 0.4 * SIZE[0] / distance)
        centre = np.array([*middle, high[2] - SIZE[2] / 2])
        box = (int(u.min()), int(v.min()), int(u.max()), int(v.max()))
        return [Detection("cup", "red", 0.9, centre, 0.0, SIZE, box, distance)]
