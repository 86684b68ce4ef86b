from dataclasses import replace

import numpy as np
import pytest
from perception_scene import HEAD, RED, Scene

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import rotation_from_rpy, transform
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.perception.pipeline import Frame, Perception

KINEMATICS = Kinematics.load()
SCENE = Scene().table(near=0.3).add("cylinder", (0.068, 0.068, 0.10), (0.6, 0.05, 0.80, 0), RED)


def frame(stamp=0.0, map_odom=None, sway=0.0, joints=facts.DEFAULT_POSE):
    """What the robot sees of `SCENE` when it stands at the origin of the true world."""
    base = transform((0, 0, 0.77), rotation_from_rpy(sway, sway, 0))
    pose = base @ KINEMATICS.frame("head_camera", joints) @ SENSOR_FROM_OPTICAL
    rgb, depth = SCENE.render(HEAD, pose, noise=0.005, seed=round(stamp * 10))
    map_odom = np.eye(4) if map_odom is None else map_odom
    return Frame(stamp, rgb, depth, HEAD, map_odom, base, joints)


def test_objects_come_in_map_through_waist_sway_and_odometry():
    perception = Perception(ColourDetector(), KINEMATICS)
    perception.warm()
    offset = transform((2.0, -1.0, 0.0), rotation_from_rpy(0, 0, 0.7))
    bent = facts.DEFAULT_POSE.copy()
    bent[facts.INDEX["waist_pitch_joint"]] = 0.05
    for i, (sway, joints) in enumerate([(0.0, facts.DEFAULT_POSE), (0.04, facts.DEFAULT_POSE), (0.0, bent)]):
        percept = perception.process(frame(0.1 * i, offset, sway, joints))
    (cup,) = percept.objects
    expected = (offset @ [0.6, 0.05, 0.80, 1.0])[:3]
    assert np.linalg.norm(np.array(cup.position) - expected) < 0.005
    assert np.nanmin(percept.ranges) == pytest.approx(0.3, abs=0.04)


def test_images_that_do_not_fit_are_refused():
    perception = Perception(ColourDetector(), KINEMATICS)
    good = frame()
    with pytest.raises(InputError, match=r"colour image is \(100, 320, 3\)"):
        perception.process(replace(good, rgb=good.rgb[:100]))
    with pytest.raises(InputError, match=r"depth image is \(240, 320\) float64; it must be"):
        perception.process(replace(good, depth=good.depth.astype(np.float64)))
