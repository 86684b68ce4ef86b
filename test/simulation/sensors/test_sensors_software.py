"""Lidar and camera by ray casting, beside the simulator's own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from vla_sim.common import assets
from vla_sim.common.errors import EngineError
from vla_sim.common.numba_cache import kernels
from vla_sim.simulation.kinematic import KinematicSimulator
from vla_sim.simulation.mujoco.render import body_poses
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.sensors.depth_camera import DepthCamera
from vla_sim.simulation.sensors.software import SoftwareSensors
from vla_sim.world.sdf import reader
from vla_sim.world.sdf.elements import Noise


@pytest.fixture(scope="module")
def native():
    return MujocoSimulator(assets.find_world("apartment"), noise=False)


@pytest.fixture(scope="module")
def software():
    return MujocoSimulator(assets.find_world("apartment"), noise=False, sensors="software")


@pytest.mark.gl
def test_a_frame_is_what_the_simulators_renderer_draws(native, software):
    ours, theirs = software.render(software.snapshot()), native.render(native.snapshot())
    assert (ours.fx, ours.cx, ours.cy) == pytest.approx((theirs.fx, theirs.cx, theirs.cy))
    both = np.isfinite(ours.depth) & np.isfinite(theirs.depth)
    assert both.mean() > 0.98
    assert (np.abs(ours.depth - theirs.depth)[both] < 0.01).mean() >= 0.99
    difference = np.abs(ours.color.astype(int) - theirs.color.astype(int))
    assert np.median(difference) < 12


def test_a_scan_is_what_the_simulators_rays_measure(native, software):
    ours, theirs = software.scan(), native.scan()
    assert ours.position == pytest.approx(theirs.position, abs=1e-9)
    assert ours.orientation == pytest.approx(theirs.orientation, abs=1e-9)
    both = np.isfinite(ours.ranges) & np.isfinite(theirs.ranges)
    assert both.mean() > 0.97
    # Theirs meet collisions, ours visuals, which differ in details such as frames and skirtings.
    assert (np.abs(ours.ranges[both] - theirs.ranges[both]) < 0.01).mean() > 0.85


def test_the_robot_itself_is_in_the_picture_but_not_in_the_scan(software):
    scene = software._eyes.scene
    poses = body_poses(software.data, software._bodies)
    alone = poses.copy()
    alone[scene.own, :3, 3] += 100.0  # everything but the sensors' own links moved away
    eyes = software._eyes
    for link, _ in eyes._mount.values():
        alone[link] = poses[link]
    alone[eyes._base] = poses[eyes._base]
    rng = np.random.default_rng(0)
    assert eyes.scan(poses, 0.0, rng).ranges == pytest.approx(eyes.scan(alone, 0.0, rng).ranges)
    with_hands = eyes.render(eyes.snapshot(poses, 0.0, 0)).depth
    assert (with_hands != eyes.render(eyes.snapshot(alone, 0.0, 0)).depth).any()


def test_noise_is_the_same_for_the_same_seed_and_time():
    tree = reader.load_world(assets.find_world("tabletop"))
    eyes = SoftwareSensors(tree, "g1")
    rest = eyes.scene.rest
    frames = [eyes.render(eyes.snapshot(rest, time, seed)) for time, seed in ((1, 3), (1, 3), (1, 4), (2, 3))]
    assert np.array_equal(frames[0].color, frames[1].color)
    assert np.array_equal(frames[0].depth, frames[1].depth, equal_nan=True)
    for other in frames[2:]:
        assert not np.array_equal(frames[0].color, other.color)
        assert not np.array_equal(frames[0].depth, other.depth, equal_nan=True)
    scans = [eyes.scan(rest, 0.0, np.random.default_rng(seed)).ranges for seed in (1, 1, 2)]
    assert np.array_equal(scans[0], scans[1])
    assert not np.array_equal(scans[0], scans[2])


def test_without_a_lidar_or_camera_the_message_says_what_to_add():
    text = "<sdf version='1.10'><world name='w'><model name='g1'><link name='pelvis'/></model></world></sdf>"
    eyes = SoftwareSensors(reader.loads(text).world, "g1")
    with pytest.raises(EngineError, match="add a gpu_lidar 'head_lidar'"):
        eyes.scan(eyes.scene.rest, 0.0, np.random.default_rng(0))
    with pytest.raises(EngineError, match="add an rgbd_camera 'head_camera'"):
        eyes.render(eyes.snapshot(eyes.scene.rest, 0.0, 0))


def test_without_gl_the_camera_sees_by_ray_casting(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    engine = MujocoSimulator(assets.find_world("tabletop"), noise=False)
    assert np.isfinite(engine.render(engine.snapshot()).depth).mean() > 0.9


def test_an_image_larger_than_the_noise_at_hand_has_noise_everywhere():
    grey, depth = np.full((720, 1280, 3), 128, np.uint8), np.ones((720, 1280), np.float32)
    color, measured = DepthCamera(SimpleNamespace(noise=Noise(stddev=0.01))).noisy(
        grey, depth, seed=1, time=0.5
    )
    assert color.std(axis=(0, 1)) == pytest.approx(2.55, rel=0.05)
    assert measured.std() == pytest.approx(0.0035, rel=0.05)
    assert abs(np.corrcoef(measured[:360].ravel(), measured[360:].ravel())[0, 1]) < 0.01


def test_nothing_is_compiled_after_the_start():
    simulator = KinematicSimulator(assets.find_world("tabletop"))
    compiled = {name: list(one.signatures) for name, one in kernels().items()}
    simulator.scan()
    snapshot = simulator.snapshot()
    simulator.render(snapshot)
    simulator.view(snapshot, np.array([2.0, 2.0, 1.0]), np.zeros(3), (32, 24))
    simulator.truth()
    assert {name: list(one.signatures) for name, one in kernels().items()} == compiled
