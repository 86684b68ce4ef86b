"""Odometry, follower, rays, the kinematic simulator, the choice of engines."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common import assets
from vla_sim.common.errors import EngineError, InputError
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand
from vla_sim.simulation.kinematic import KinematicSimulator
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.proprioception import Odometry
from vla_sim.simulation.registry import make_simulator
from vla_sim.simulation.simulator import Randomisation
from vla_sim.simulation.waypoint_motion import WaypointMotion


def test_odometry_without_drift_is_the_truth() -> None:
    odometry = Odometry(np.random.default_rng(0), 1.0, 2.0, 0.5, drift=0.0)
    for i in range(1, 50):
        pose = (1 + 0.05 * i, 2 - 0.02 * i, 0.5 + 0.03 * i)
        odometry.update(*pose)
    assert (odometry.x, odometry.y, odometry.yaw) == pytest.approx(pose)


def test_odometry_errs_by_about_half_a_percent_and_a_third_of_a_degree_a_metre() -> None:
    distance, heading = [], []
    for seed in range(200):
        odometry = Odometry(np.random.default_rng(seed), 0.0, 0.0, 0.0)
        for i in range(1, 101):
            odometry.update(0.01 * i, 0.0, 0.0)
        distance.append(odometry.x - 1.0)
        heading.append(math.degrees(odometry.yaw))
    assert np.std(distance) == pytest.approx(0.005, rel=0.3)
    assert np.std(heading) == pytest.approx(0.3, rel=0.3)


@given(st.floats(0, 1000))
def test_a_follower_stays_on_its_path(time: float) -> None:
    points = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0]])
    x, y, _ = WaypointMotion(points, 0.4, True).at((0.0, 0.0), time)
    legs = list(zip(points, np.roll(points, -1, axis=0), strict=True))
    assert min(_distance(np.array([x, y]), a, b) for a, b in legs) < 1e-6


def test_a_follower_that_does_not_loop_stops_at_its_last_waypoint() -> None:
    assert WaypointMotion(np.array([[1.0, 0.0]]), 0.5, False).at((0, 0), 99.0)[:2] == (1.0, 0.0)


def _distance(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    share = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return float(np.linalg.norm(p - a - share * (b - a)))


def test_rays_agree_with_mujoco() -> None:
    kinematic = make_simulator("kinematic", "tabletop")
    real = MujocoSimulator(assets.find_world("tabletop"), noise=False)
    real.data.qpos[real._root_q + 2] = facts.STANDING_HEIGHT
    real.step()
    ours, theirs = kinematic.scan(), real.scan()
    assert ours.position == pytest.approx(theirs.position, abs=0.01)
    both = np.isfinite(ours.ranges) & np.isfinite(theirs.ranges)
    assert both.mean() > 0.8
    assert np.median(np.abs(ours.ranges[both] - theirs.ranges[both])) < 0.02


@pytest.fixture(scope="module")
def kinematic() -> KinematicSimulator:
    engine = make_simulator("kinematic", "tabletop")
    assert isinstance(engine, KinematicSimulator)
    return engine


def test_the_kinematic_one_moves_as_told(kinematic: KinematicSimulator) -> None:
    kinematic.reset()
    start = kinematic.base.copy()
    position = facts.DEFAULT_POSE + 0.1
    kinematic.command(JointCommand(position, np.ones(33), np.zeros(33), np.array([0.5, 0.0, 0.0])))
    for _ in range(50):
        kinematic.step()
    state = kinematic.state()
    assert state.time == pytest.approx(1.0)
    assert np.hypot(*(kinematic.base - start)[:2]) == pytest.approx(0.5)
    assert state.joint_position[:29] == pytest.approx(position[:29])
    assert kinematic.truth().robot[:2] == pytest.approx(state.odom_position[:2])


def test_the_kinematic_one_sees(kinematic: KinematicSimulator) -> None:
    kinematic.reset()
    frame = kinematic.render(kinematic.snapshot())
    assert frame.color.shape == (240, 320, 3)
    red = (frame.color[..., 0] > 100) & (frame.color[..., 1] < 60)
    assert red.sum() > 50  # a cup
    assert np.isfinite(frame.depth).mean() > 0.9


def test_the_kinematic_one_refuses_a_bad_command(kinematic: KinematicSimulator) -> None:
    with pytest.raises(EngineError, match="33 finite numbers"):
        kinematic.command(JointCommand(np.zeros(3), np.zeros(33), np.zeros(33)))


def test_both_engines_put_the_tools_at_the_same_place(kinematic: KinematicSimulator) -> None:
    kinematic.reset()
    real = MujocoSimulator(assets.find_world("tabletop"), noise=False)
    lift = real.truth().robot[2] - facts.STANDING_HEIGHT
    for name, position in real.truth().tools.items():
        assert kinematic.truth().tools[name] == pytest.approx(position - (0, 0, lift), abs=1e-6)


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="mujoco, gazebo, kinematic"):
        make_simulator("unreal", "tabletop")


def test_fingers_hold_what_is_between_them_and_set_it_down_where_they_open(
    kinematic: KinematicSimulator,
) -> None:
    kinematic.reset()
    fingers = facts.FINGER_INDEX["right"]

    def move(opening: float, elbow: float) -> None:
        position = facts.DEFAULT_POSE.copy()
        position[fingers] = opening / 2
        position[facts.INDEX["right_elbow_joint"]] = elbow
        kinematic.command(JointCommand(position, np.ones(33), np.zeros(33)))
        kinematic.step()

    move(0.1, 0.2)
    tool = kinematic.truth().tools["right_tool"]
    kinematic.put("red_cup", np.array([*tool, 1.0, 0.0, 0.0, 0.0]))
    move(0.0, 0.2)
    width = kinematic.state().joint_position[fingers].sum()
    assert width == pytest.approx(0.068, abs=0.006)
    move(0.0, -0.4)
    lifted = kinematic.truth()
    assert lifted.objects["red_cup"][2] > tool[2] + 0.03
    assert lifted.objects["red_cup"][:3] == pytest.approx(lifted.tools["right_tool"], abs=0.01)
    move(0.1, -0.4)
    assert kinematic.truth().objects["red_cup"][2] == pytest.approx(0.05, abs=1e-3)


def test_objects_are_displaced_on_what_they_stand_on(kinematic: KinematicSimulator) -> None:
    kinematic.reset()
    start = kinematic.truth().objects
    for seed in range(5):
        kinematic.reset(seed, Randomisation(objects=0.1))
        for name, pose in kinematic.truth().objects.items():
            assert pose[2] == start[name][2]
            assert np.abs(pose[:2] - start[name][:2]).max() <= 0.1
