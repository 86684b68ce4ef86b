"""The body's sizes are those of the model, in the pose in which the robot stands and walks."""

import numpy as np
import pytest

from vla_sim.robot import body_size, facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.world.solids import extent
from vla_sim.world.world_file import OBSTACLE_HEIGHTS

ARM_WORDS = ("shoulder", "elbow", "wrist", "finger")


@pytest.fixture(scope="module")
def boxes():
    """Link name, lowest and highest corner (3,) in base_link of each collision."""
    robot = Kinematics.load()
    found = []
    for link in robot.model.links:
        for one in link.collisions:
            pose = robot.frame(link.name, facts.DEFAULT_POSE) @ one.pose
            half = extent(one.geometry, one.where, pose[:3, :3])
            found.append((link.name, pose[:3, 3] - half, pose[:3, 3] + half))
    return found


def outline(boxes, *words):
    """Lowest and highest corner (3,) of the links with one of these words in their names."""
    mine = [b for b in boxes if any(word in b[0] for word in words)]
    return np.min([b[1] for b in mine], axis=0), np.max([b[2] for b in mine], axis=0)


def test_the_gates_footprint_holds_torso_feet_and_hands(boxes):
    for words in (("torso", "pelvis"), ("ankle",), ("elbow",)):
        low, high = outline(boxes, *words)
        assert high[0] < body_size.FRONT
        assert low[0] > -body_size.BACK
    low, high = outline(boxes, *ARM_WORDS)
    assert max(high[1], -low[1]) < body_size.SWATH


def test_the_hands_are_the_widest_part(boxes):
    """More closely in `test/simulation/test_swept_room.py`: these boxes are loose."""
    low, high = outline(boxes, *ARM_WORDS)
    assert max(high[1], -low[1]) == pytest.approx(body_size.HANDS, abs=0.025)


def test_the_docked_outline_ends_at_the_toes_and_behind_the_heels(boxes):
    low, high = outline(boxes, "ankle", "torso")
    assert high[0] == pytest.approx(body_size.DOCKED_FRONT, abs=0.01)
    assert low[0] > -body_size.DOCKED_BACK


@pytest.mark.parametrize("discs", [body_size.WALKING_BODY, body_size.PIVOTING_BODY])
def test_discs_hold_the_middle_of_every_link_to_2_cm(boxes, discs):
    for name, low, high in boxes:
        centre = (low[:2] + high[:2]) / 2
        assert (np.hypot(*(discs[:, :2] - centre).T) < discs[:, 2] + 0.02).any(), name


def test_docking_discs_hold_what_is_above_a_table_but_the_hands(boxes):
    for name, low, high in boxes:
        if any(word in name for word in ("pelvis", "torso", "shoulder")):
            centre = (low[:2] + high[:2]) / 2
            discs = body_size.DOCKING_BODY
            assert (np.hypot(*(discs[:, :2] - centre).T) < discs[:, 2]).any(), name


def test_heights_hold_head_and_hands(boxes):
    top = max(high[2] for _, _, high in boxes) + facts.STANDING_HEIGHT
    assert top < OBSTACLE_HEIGHTS[1]
    hands = min(low[2] for name, low, _ in boxes if any(w in name for w in ARM_WORDS)) + facts.STANDING_HEIGHT
    assert hands > body_size.ARMS_HEIGHTS[0]


def test_the_sole_is_where_it_stands(boxes):
    low = outline(boxes, "ankle")[0][2]
    ankle = Kinematics.load().frame("left_ankle_roll_link", facts.DEFAULT_POSE)[2, 3]
    assert ankle - low == pytest.approx(body_size.SOLE_BELOW_ANKLE, abs=0.003)
    assert -low == pytest.approx(facts.STANDING_HEIGHT, abs=0.02)


def test_limbs_and_hands_are_within_their_radius():
    links = Kinematics.load().model.links
    limbs = [one for one in links if "elbow" in one.name or "shoulder" in one.name]
    assert all(c.geometry.size[0] < body_size.LIMB_RADIUS for one in limbs for c in one.collisions)
    assert 2 * facts.FINGER_STROKE < body_size.HELD_RADIUS < body_size.HAND_RADIUS
