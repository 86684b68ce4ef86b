"""States that a scene shows, without a run."""

from types import SimpleNamespace

import numpy as np

from vla_sim.contract.records import ContactPair, DetectedObject, GroundTruth
from vla_sim.robot import facts


def pose(x, y, z=0.0, quaternion=(1.0, 0.0, 0.0, 0.0)):
    return SimpleNamespace(position=(x, y, z), quaternion=quaternion)


def standing(**changed):
    """The robot stands at (1, 2), and nothing else is known."""
    state = {
        "stamp": 5.0, "joints": dict(zip(facts.JOINTS, facts.DEFAULT_POSE.tolist(), strict=True)),
        "truth": None, "true_base": None, "base": pose(1.0, 2.0, 0.77), "objects": {}, "people": {},
        "contacts": [], "detected": [], "scan": np.empty((0, 2)), "path": np.empty((0, 2)), "goal": None,
        "costmap": None, "arm_goals": {},
    }  # fmt: skip
    return SimpleNamespace(**{**state, **changed})


def truth(clearance=1.0):
    return GroundTruth(
        stamp=5.0, robot=(1, 2, 0.77, 1, 0, 0, 0), objects={}, fallen=False, clearance=clearance
    )


def touch(a, b):
    return ContactPair(a=a, b=b, force=3.0)


def cup(track=1, x=2.0, confidence=0.9):
    return DetectedObject(
        track_id=track, kind="cup", colour="red", position=(x, 0.0, 0.8), size=(0.07, 0.07, 0.1), yaw=0.5,
        confidence=confidence, last_seen=5.0,
    )  # fmt: skip
