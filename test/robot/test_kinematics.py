"""Kinematics and inverse kinematics, held against MuJoCo's own on the same SDF."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import quaternion_from_rotation, rotation_from_rpy, transform
from vla_sim.robot import facts
from vla_sim.robot.kinematics import MIRROR, Kinematics
from vla_sim.robot.kinematics_kernels import chain_jacobian, pose_error

WAIST = np.zeros(len(facts.WAIST_JOINTS))
BODY = len(facts.BODY_JOINTS)


@pytest.fixture(scope="module")
def kinematics() -> Kinematics:
    return Kinematics.load()


@pytest.fixture(scope="module")
def reference(kinematics: Kinematics) -> mujoco.MjModel:
    """The model's links, joints and masses, fixed at the pelvis, as a MuJoCo model."""
    spec, model = mujoco.MjSpec(), kinematics.model
    spec.compiler.autolimits = False
    bodies = {facts.BASE_LINK: spec.worldbody}
    inner = {joint.child: joint for joint in model.joints}
    waiting = [link for link in model.links if link.name != facts.BASE_LINK]
    while waiting:
        for link in list(waiting):
            joint = inner[link.name]
            if joint.parent not in bodies:
                continue
            pose = np.linalg.inv(model.frame_pose(joint.parent)) @ link.pose
            body = bodies[joint.parent].add_body(
                name=link.name, pos=pose[:3, 3], quat=quaternion_from_rotation(pose[:3, :3])
            )
            body.mass, body.ipos, body.inertia = link.inertial.mass, link.inertial.pose[:3, 3], [1e-3] * 3
            body.explicitinertial = True
            if joint.axis is not None:
                slides = joint.type == "prismatic"
                kind = mujoco.mjtJoint.mjJNT_SLIDE if slides else mujoco.mjtJoint.mjJNT_HINGE
                axis = joint.pose_in_child[:3, :3] @ joint.axis.xyz
                body.add_joint(name=joint.name, type=kind, axis=axis, pos=joint.pose_in_child[:3, 3])
            bodies[link.name] = body
            waiting.remove(link)
    for side in facts.SIDES:
        link, pose = model.in_link(facts.TOOL_FRAME[side])
        bodies[link].add_site(
            name=facts.TOOL_FRAME[side], pos=pose[:3, 3], quat=quaternion_from_rotation(pose[:3, :3])
        )
    return spec.compile()


def posed(reference: mujoco.MjModel, q: np.ndarray) -> mujoco.MjData:
    data = mujoco.MjData(reference)
    for name, value in zip(facts.JOINTS, q, strict=True):
        data.qpos[reference.joint(name).qposadr[0]] = value
    mujoco.mj_forward(reference, data)
    return data


def random_joints(seed: int) -> np.ndarray:
    q = np.random.default_rng(seed).uniform(-1.0, 1.0, len(facts.JOINTS))
    q[BODY:] = 0.0
    return q


@pytest.mark.parametrize("seed", range(5))
def test_every_link_is_where_mujoco_puts_it(kinematics, reference, seed):
    q = random_joints(seed)
    q[BODY:] = 0.03
    data = posed(reference, q)
    for link in kinematics.model.links:
        if link.name == facts.BASE_LINK:
            continue
        expected = transform(data.body(link.name).xpos, data.body(link.name).xmat.reshape(3, 3))
        assert kinematics.frame(link.name, q) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("side", facts.SIDES)
@pytest.mark.parametrize("seed", range(5))
def test_tool_jacobian_and_gravity_match_mujoco(kinematics, reference, side, seed):
    q, arm = random_joints(seed), kinematics.arm[side]
    data = posed(reference, q)
    arm_q, waist = q[facts.ARM_INDEX[side]], q[facts.WAIST_INDEX]
    site = data.site(facts.TOOL_FRAME[side])
    tool = arm.forward(arm_q, waist)
    assert tool == pytest.approx(transform(site.xpos, site.xmat.reshape(3, 3)), abs=1e-9)
    assert tool == pytest.approx(kinematics.frame(facts.TOOL_FRAME[side], q), abs=1e-12)
    linear, angular = np.zeros((3, reference.nv)), np.zeros((3, reference.nv))
    mujoco.mj_jacSite(reference, data, linear, angular, site.id)
    columns = [reference.joint(j).dofadr[0] for j in facts.ARM_JOINTS[side]]
    jacobian = chain_jacobian(arm.frames(arm_q, waist), arm.axis, len(WAIST))
    assert jacobian == pytest.approx(np.vstack([linear, angular])[:, columns], abs=1e-9)
    gravity = arm.gravity_torque(arm_q, waist, (0.0, 0.0, -9.81))
    assert gravity == pytest.approx(data.qfrc_bias[columns], abs=1e-9)
    held = arm.gravity_torque(arm_q, waist, (0.0, 0.0, -9.81), 0.3)
    assert held - gravity == pytest.approx(jacobian[2] * 0.3 * 9.81, abs=1e-9)


@given(
    side=st.sampled_from(facts.SIDES),
    shares=st.lists(st.floats(0.1, 0.9), min_size=7, max_size=7),
    waist=st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_inverse_kinematics_comes_back_to_a_pose_it_is_near(kinematics, side, shares, waist):
    arm = kinematics.arm[side]
    q = arm.low + np.array(shares) * (arm.high - arm.low)
    target = arm.forward(q, waist)
    found = arm.inverse(target, waist, q + 0.02)
    assert found is not None
    assert np.all(found >= arm.low)
    assert np.all(found <= arm.high)
    error = pose_error(target, arm.forward(found, waist))
    assert np.abs(error[:3]).max() < 3e-4
    assert np.abs(error[3:]).max() < 2e-3


def test_inverse_kinematics_reaches_over_a_table_from_any_seed(kinematics):
    arm = kinematics.arm["right"]
    for x in (0.28, 0.32, 0.36):
        for y in (-0.08, -0.15, -0.22):
            target = transform((x, y, 0.04), rotation_from_rpy(0.0, 0.2, 0.2))
            q = arm.inverse(target, WAIST, facts.DEFAULT_POSE[facts.ARM_INDEX["right"]])
            assert q is not None, (x, y)
            assert arm.forward(q, WAIST)[:3, 3] == pytest.approx(target[:3, 3], abs=1e-3)


def test_out_of_reach_is_none(kinematics):
    arm = kinematics.arm["left"]
    assert arm.inverse(transform((0.9, 0.2, 0.1)), WAIST, arm.comfort) is None
    assert len(arm.solutions(transform((0.9, 0.2, 0.1)), WAIST)) == 0


def test_arms_mirror_each_other(kinematics):
    q = np.array([-0.3, 0.4, 0.2, 0.5, -0.2, 0.1, 0.3])
    left = kinematics.arm["left"].forward(q, WAIST)
    right = kinematics.arm["right"].forward(q * MIRROR, WAIST)
    assert right[:3, 3] == pytest.approx(left[:3, 3] * (1, -1, 1), abs=2e-3)


def test_differential_steps_converge_on_a_moving_target(kinematics):
    arm = kinematics.arm["right"]
    q = arm.solutions(transform((0.30, -0.15, 0.05)), WAIST)[0]
    for i in range(50):
        target = transform((0.30 + 0.001 * i, -0.15, 0.05))
        q = arm.differential_step(q, WAIST, target, 1.0, arm.comfort)
    assert np.linalg.norm(arm.forward(q, WAIST)[:3, 3] - target[:3, 3]) < 1e-3


def test_a_step_never_leaves_the_limits(kinematics):
    arm = kinematics.arm["right"]
    q = arm.high - 0.021
    for _ in range(20):
        q = arm.differential_step(q, WAIST, transform((0.8, 0.5, 0.9)), 1.0)
        assert np.all(q <= arm.high)
        assert np.all(q >= arm.low)


def test_an_unknown_frame_is_named_with_the_known_ones(kinematics):
    with pytest.raises(InputError, match=r"no frame 'tail'.*left_tool"):
        kinematics.frame("tail", facts.DEFAULT_POSE)


def test_sensors_and_tools_are_frames(kinematics):
    for name in ("head_camera", "head_lidar", "imu", "left_tool", "right_tool", facts.BASE_LINK):
        assert kinematics.frame(name, facts.DEFAULT_POSE).shape == (4, 4)
    assert kinematics.frame("head_camera", facts.DEFAULT_POSE)[2, 3] == pytest.approx(0.47, abs=0.02)


def test_half_a_turn_is_an_error_of_pi():
    for rpy in ((np.pi, 0, 0), (0, np.pi, 0), (0, 0, np.pi)):
        error = pose_error(transform((0, 0, 0), rotation_from_rpy(*rpy)), np.eye(4))
        assert np.linalg.norm(error[3:]) == pytest.approx(np.pi, abs=1e-6)
