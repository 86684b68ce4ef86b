"""The servo stands where it was told, whatever the gait's quirks."""

import math

import numpy as np
import pytest
from navigation_walker import Walker

from vla_sim.stages.navigation.docking import PoseServo, ServoSettings
from vla_sim.stages.navigation.gait import PoseFilter, relative

pytestmark = pytest.mark.integration


def dock(seed, goal, settings=None, start=(0.0, 0.0, 0.0), seconds=60.0, stuck=False):
    walker, filter = Walker(start, seed), PoseFilter()
    servo = PoseServo(settings or ServoSettings(line_up=0.3))
    goal = np.array(goal, float)
    k = 0
    while walker.time < seconds and servo.state not in ("done", "failed"):
        filter.odometry(walker.time, *walker.swayed(walker.odom))
        if k % 5 in (0, 2):
            command = servo.step(walker.time, goal, filter.mean(), filter.raw, filter.velocity)
            filter.command(command)
            walker.command = command * (not stuck)
        walker.step()
        k += 1
    return servo, relative(walker.pose, goal), walker


def test_twenty_seeds_end_within_four_centimetres_and_four_degrees():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        goal = (0.55 + rng.uniform(-0.1, 0.1), rng.uniform(-0.15, 0.15), rng.uniform(-0.3, 0.3))
        servo, error, walker = dock(seed, goal)
        assert servo.state == "done", seed
        assert math.hypot(error[0], error[1]) < 0.04, seed
        assert abs(error[2]) < math.radians(4), seed
        assert walker.time < 25.0, seed


def test_it_stands_still_at_the_end():
    _, error, walker = dock(1, (0.5, 0.0, 0.0))
    for _ in range(100):
        walker.step()
    assert np.hypot(*(relative(walker.pose, np.array([0.5, 0.0, 0.0])) - error)[:2]) < 0.001


@pytest.mark.parametrize(
    "goal", [(-0.5, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, math.pi / 2), (2.0, 0.0, 0.0)]
)
def test_it_goes_backward_sideways_around_and_far(goal):
    servo, error, _ = dock(3, goal, ServoSettings(speed=0.5))
    assert servo.state == "done"
    assert math.hypot(error[0], error[1]) < 0.04


def test_a_full_turn_is_a_full_turn():
    servo, _, walker = dock(0, (0.0, 0.0, 2 * math.pi), ServoSettings(position=0.2))
    assert servo.state == "done"
    assert walker.pose[2] == pytest.approx(2 * math.pi, abs=0.08)


def test_near_the_goal_it_lines_up_before_it_goes_on():
    servo = PoseServo(ServoSettings(line_up=0.3))
    still = np.zeros(3)
    command = servo.step(0.0, np.array([0.2, 0.15, 0.0]), still, still, still)
    for k in range(1, 10):
        command = servo.step(0.05 * k, np.array([0.2, 0.15, 0.0]), still, still, still)
    assert command[0] < 0.01
    assert command[1] > 0.05


def test_a_robot_that_does_not_obey_is_not_called_done():
    servo, _, _ = dock(0, (0.5, 0.0, 0.0), stuck=True, seconds=15.0)
    assert servo.state == "walking"


def test_it_gives_up_after_its_attempts():
    servo = PoseServo(ServoSettings(attempts=2))
    goal, here, off = np.zeros(3), np.array([-0.035, 0.012, 0.0]), np.array([0.3, 0.0, 0.0])
    time = 0.0
    while servo.state != "failed" and time < 60.0:
        raw = off if servo.state == "settling" else here
        servo.step(time, goal, here, raw, np.zeros(3))
        if servo.state == "walking":
            here = here + servo.error  # as if it walked there at once
        time += 0.05
    assert servo.state == "failed"
    assert servo.error[0] == pytest.approx(-0.3)
    assert time < 60.0
