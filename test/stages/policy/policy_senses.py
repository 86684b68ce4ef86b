"""What a robot that stands with its arms raised senses."""

import numpy as np

from vla_sim.common.geometry import transform
from vla_sim.robot import facts
from vla_sim.stages.manipulation.planning_scene import Observation
from vla_sim.stages.manipulation.trajectory import READY
from vla_sim.stages.perception.camera import Images, Intrinsics

CAMERA = Intrinsics.from_field_of_view(1.2, 64, 48)
IMAGES = Images(
    1.0, np.full((48, 64, 3), 200, np.uint8), np.full((48, 64), 0.8, np.float32), CAMERA
)  # fmt: skip


def ready_joints() -> np.ndarray:
    q = facts.DEFAULT_POSE.copy()
    for side in facts.SIDES:
        q[facts.ARM_INDEX[side]] = READY[side]
    return q


def senses(images: Images | None = IMAGES, time: float = 10.0) -> Observation:
    base = transform((0.0, 0.0, facts.STANDING_HEIGHT))
    return Observation(time, ready_joints(), base, np.eye(4), images=images)
