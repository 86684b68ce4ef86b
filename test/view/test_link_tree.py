"""The nodes of the robot's links stand where its kinematics say, and only what has moved is sent."""

import numpy as np
import pytest

from vla_sim.common.geometry import transform
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.view.link_tree import STILL, LinkTree

KINEMATICS = Kinematics.load()
LINKS = [link.name for link in KINEMATICS.model.links]


class Node:
    def __init__(self, position, wxyz):
        self.position, self.wxyz = position, wxyz


class Nodes(dict):
    def add(self, name, link, pose, wxyz, position):
        self[name] = Node(position, wxyz)
        return self[name]

    def pose(self, name):
        """In the root."""
        parent = name.rpartition("/")[0]
        here = transform(self[name].position, self[name].wxyz)
        return here if parent == "/robot" else self.pose(parent) @ here


@pytest.fixture
def nodes():
    return Nodes()


@pytest.fixture
def tree(nodes):
    return LinkTree(KINEMATICS.model, facts.BASE_LINK, "/robot", LINKS, nodes.add)


def named(q):
    return dict(zip(facts.JOINTS, np.asarray(q).tolist(), strict=True))


def test_every_link_has_a_node_inside_the_one_that_carries_it(tree, nodes):
    assert set(tree.paths) == set(LINKS)
    for joint in KINEMATICS.model.joints:
        assert tree.paths[joint.child] == f"{tree.paths[joint.parent]}/{joint.child}"


def test_links_stand_as_the_kinematics_say(tree, nodes):
    rng = np.random.default_rng(5)
    low, high = KINEMATICS.of_joints("lower"), KINEMATICS.of_joints("upper")
    for q in [np.zeros(len(low)), facts.DEFAULT_POSE, *rng.uniform(low, high, (10, len(low)))]:
        tree.move(named(q))
        wanted = KINEMATICS.poses(LINKS, q)
        for link in LINKS:
            if link != facts.BASE_LINK:
                found = nodes.pose(tree.paths[link]) @ tree.offsets[link]
                np.testing.assert_allclose(found, wanted[link], atol=8 * STILL, err_msg=link)


def test_only_what_moved_is_sent(tree):
    q = np.array(facts.DEFAULT_POSE)
    moved = np.abs(q) > STILL
    assert tree.move(named(q)) == moved.sum()
    assert tree.move(named(q)) == 0
    assert tree.move(named(q + STILL / 2)) == 0  # an encoder's noise
    q[3] += 0.1
    assert tree.move(named(q)) == 1
    assert tree.move({"left_knee_joint": -0.05, "no_such_joint": 2.0}) == 1


def test_slow_motion_is_sent_in_the_end(tree):
    """What is too small to be sent is measured from what was sent last, not from the last look."""
    assert sum(tree.move({"left_knee_joint": 0.2 * step * STILL}) for step in range(21)) >= 3


def test_a_part_of_the_robot_can_have_nodes_alone(nodes):
    joints = facts.ARM_JOINTS["left"]
    links = {KINEMATICS.model.joint(name).child for name in joints}
    tree = LinkTree(KINEMATICS.model, KINEMATICS.model.joint(joints[0]).parent, "/reach", links, nodes.add)
    assert len(nodes) == len(joints)
    assert all(name.startswith("/reach/left_shoulder_pitch_link") for name in nodes)
    assert tree.move(named(np.full(len(facts.JOINTS), 0.3))) == len(joints)
