import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.robot.body_size import SWATH
from vla_sim.stages.safety.gate import gate, time_to_contact
from vla_sim.stages.safety.supervisor import Supervisor


def test_a_wall_far_ahead_lets_the_robot_walk():
    wall = np.column_stack((np.full(21, 2.0), np.linspace(-1, 1, 21)))
    assert gate(wall, 0.5, 0.0, 0.0) == (1.0, "")


def test_a_wall_close_ahead_stops_the_robot():
    wall = np.column_stack((np.full(21, 0.3), np.linspace(-1, 1, 21)))
    factor, reason = gate(wall, 0.5, 0.0, 0.0)
    assert factor == 0.0
    assert "contact predicted" in reason


def test_a_wall_ahead_does_not_stop_a_step_back():
    wall = np.column_stack((np.full(21, 0.3), np.linspace(-1, 1, 21)))
    assert gate(wall, -0.3, 0.0, 0.0)[0] == 1.0


def test_a_doorway_of_90_cm_is_passed_straight():
    posts = np.array([[x, side * 0.45] for x in np.linspace(-0.2, 0.8, 20) for side in (-1, 1)])
    assert gate(posts, 0.5, 0.0, 0.0)[0] == 1.0


def test_turning_into_a_post_beside_the_robot_is_stopped():
    post = np.array([[0.22, 0.2]])
    assert gate(post, 0.0, 0.0, -0.5)[0] < 1.0


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), max_size=30),
    st.floats(-1, 1), st.floats(-0.4, 0.4), st.floats(-1, 1),
)  # fmt: skip
def test_kernel_agrees_with_plain_numpy(points, vx, vy, wz):
    cloud = np.array(points, dtype=float).reshape(-1, 2)
    expected = _reference(cloud, vx, vy, wz)
    found = time_to_contact(cloud, vx, vy, wz, 0.2, 0.2, 0.3, 1.2, 0.1)
    assert found == expected or math.isclose(found, expected)


def test_no_points_and_points_at_no_place_are_no_obstacle():
    nowhere = np.array([[math.nan, 0.0], [0.3, math.nan], [math.inf, 0.0], [-math.inf, math.inf]])
    for points in (np.empty((0, 2)), nowhere):
        assert gate(points, 0.5, 0.1, 0.2) == (1.0, "")


def test_a_turn_that_takes_what_touches_already_deeper_does_not_pass():
    touching = np.array([[0.15, SWATH - 0.005]])
    assert gate(touching, 0.0, 0.0, 0.4)[0] == 0.0
    assert gate(touching, 0.0, 0.0, -0.4)[0] == 1.0
    assert gate(touching, -0.2, 0.0, 0.0)[0] == 1.0


def test_a_velocity_that_is_none_does_not_pass():
    for twist in ((math.nan, 0.0, 0.0), (0.1, math.inf, 0.0), (0.1, 0.0, math.nan)):
        assert gate(np.array([[0.3, 0.0]]), *twist) == (0.0, "the velocity is not finite")


def _reference(points, vx, vy, wz):
    def inside(p):
        return (np.abs(p[:, 0]) < 0.2) & (np.abs(p[:, 1]) < 0.3)

    def deep(p):
        return np.minimum(0.2 - np.abs(p[:, 0]), 0.3 - np.abs(p[:, 1]))

    now = inside(points)
    for k in range(1, 13):
        t = k * 0.1
        a = wz * t
        if abs(wz) > 1e-6:
            x = (vx * math.sin(a) - vy * (1 - math.cos(a))) / wz
            y = (vx * (1 - math.cos(a)) + vy * math.sin(a)) / wz
        else:
            a, x, y = 0.0, vx * t, vy * t
        d = points - (x, y)
        body = d @ np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
        leaving = now & (deep(body) <= deep(points) + 1e-4)
        leaving &= (body**2).sum(1) >= (points**2).sum(1) - 1e-4
        if (inside(body) & ~leaving).any():
            return t
    return math.inf


def test_what_is_lower_than_the_hands_has_to_clear_the_legs_alone():
    beside = np.array([[0.4, 0.28], [0.4, -0.28]])
    assert gate(np.zeros((0, 2)), 0.5, 0.0, 0.0, beside) == (1.0, "")
    assert gate(np.zeros((0, 2)), 0.5, 0.0, 0.0, beside, beside)[0] < 1.0
    assert gate(np.zeros((0, 2)), 0.5, 0.0, 0.0, np.array([[0.4, 0.22]]))[0] < 1.0


def test_a_depth_scan_that_says_nothing_of_heights_may_be_at_any():
    beside = np.full(91, np.inf, np.float32)
    beside[45 + 37] = math.hypot(0.4, 0.3)  # to the left ahead
    for at_arms, passes in (
        (None, False), (np.zeros(0, np.float32), False), (np.full(91, np.nan, np.float32), False),
        (np.full(91, np.inf, np.float32), True),
    ):  # fmt: skip
        core = ready()
        core.on_depth_scan(beside, -math.radians(45), math.radians(1), 1.02, 1.02, 1.02, at_arms)
        core.on_velocity(0.5, 0.0, 0.0, 1.0, 1.0)
        assert (core.output(1.02, 1.02) == (0.5, 0.0, 0.0)) == passes


def test_what_perception_keeps_in_mind_stops_the_feet_and_a_message_that_is_not_of_now_does_not():
    core, at_the_toes = ready(), np.array([[0.32, 0.05, 0.10], [np.nan, 0.0, 0.1]])
    assert not core.on_low_obstacles(at_the_toes, -5.0, 1.0, 1.0)
    assert core.output(1.02, 1.02) == (0.5, 0.0, 0.1)
    assert core.on_low_obstacles(at_the_toes, 1.0, 1.02, 1.02)
    assert core.output(1.02, 1.02) == (0.0, 0.0, 0.0)
    core.on_velocity(-0.3, 0.0, 0.0, 1.04, 1.04)
    assert core.output(1.04, 1.04) == (-0.3, 0.0, 0.0)
    for k in range(500):  # however long it stands there, with a picture in which there is nothing
        now = 1.04 + 0.02 * k
        core.on_odom(0.0, 1e-4 * (k % 2), 0.0, now, now, now)
        core.on_scan(np.full(360, np.inf, np.float32), -math.pi, math.radians(1), now, now, now)
        core.on_depth_scan(np.full(91, np.inf, np.float32), -0.8, math.radians(1), now, now, now)
        core.on_velocity(0.5, 0.0, 0.1, now, now)
        assert core.output(now, now) == (0.0, 0.0, 0.0)
    assert core.on_low_obstacles(np.zeros((0, 3)), now, now, now)
    assert core.output(now, now) == (0.5, 0.0, 0.1)


def ready(now=1.0):
    core = Supervisor()
    core.on_odom(0.0, 0.0, 0.0, now, now, now)
    core.on_scan(np.full(360, np.inf, dtype=np.float32), -math.pi, math.radians(1), now, now, now)
    core.on_depth_scan(np.full(91, np.inf, dtype=np.float32), -0.8, math.radians(1), now, now, now)
    core.on_velocity(0.5, 0.0, 0.1, now, now)
    return core


def test_a_fresh_command_passes():
    assert ready().output(1.02, 1.02) == (0.5, 0.0, 0.1)


def test_a_scan_does_not_count_before_odometry_says_from_where_it_is():
    """It would stand at odom's origin, metres away, and the way be free."""
    core = ready()
    core.on_velocity(0.5, 0.0, 0.0, 1.02, 1.02)
    near = np.full(360, 0.3, dtype=np.float32), -math.pi, math.radians(1)
    core.on_scan(*near, -1.0, -1.0, 1.04)  # the clock is set back, and the scan comes first
    core.on_odom(5.0, 3.0, 0.0, -0.99, -0.99, 1.05)
    core.on_depth_scan(np.full(91, np.inf, dtype=np.float32), *near[1:], -0.98, -0.98, 1.06)
    core.on_velocity(0.5, 0.0, 0.0, -0.98, 1.06)
    assert core.output(-0.98, 1.06) == (0.0, 0.0, 0.0)
    assert core.state().reasons == ["no lidar scan"]


def test_every_silent_source_stops_the_robot():
    cases = (
        ("odom", 0.12, "odometry"), ("scan", 0.25, "lidar scan"), ("depth", 1.05, "depth scan"),
        ("command", 0.12, "velocity"),
    )  # fmt: skip
    for source, silence, word in cases:
        core = ready()
        getattr(core, source).taken = 1.0 - silence
        assert core.output(1.0, 1.0) == (0.0, 0.0, 0.0)
        assert core.state().level == "stopped"
        assert word in " ".join(core.state().reasons)


def test_a_scan_of_nan_is_silence():
    core = ready()
    assert not core.on_scan(np.full(360, np.nan, dtype=np.float32), 0.0, 0.01, 5.0, 5.0, 5.0)
    assert core.scan.taken == 1.0


def test_a_velocity_that_is_not_finite_stops_the_robot():
    core = ready()
    assert not core.on_velocity(math.nan, 0.0, 0.0, 1.0, 1.0)
    assert core.output(1.0, 1.0) == (0.0, 0.0, 0.0)


def test_speeds_above_the_limits_are_cut():
    core = ready()
    core.on_velocity(5.0, -5.0, 5.0, 1.0, 1.0)
    assert core.output(1.0, 1.0) == (0.8, -0.4, 0.8)


def test_the_emergency_stop_is_latched():
    core = ready()
    core.estop = True
    assert core.output(1.0, 1.0) == (0.0, 0.0, 0.0)
    assert core.state().level == "estop"
    core.on_velocity(0.3, 0.0, 0.0, 1.0, 1.0)
    assert core.output(1.0, 1.0) == (0.0, 0.0, 0.0)


def test_a_spoken_stop_holds_until_released():
    core = ready()
    core.on_stop(1.0)
    assert core.output(1.0, 1.0) == (0.0, 0.0, 0.0)
    assert (core.state().stop_epoch, core.state().stop_stamp) == (1, 1.0)
    core.halted = False
    assert core.output(1.0, 1.0) == (0.5, 0.0, 0.1)


def test_an_arm_that_is_stretched_out_needs_room_too():
    ahead, beside = np.array([[0.75, 0.1]]), np.array([[0.3, 0.5]])
    assert gate(ahead, 0.3, 0.0, 0.0) == gate(beside, 0.3, 0.0, 0.0) == (1.0, "")
    assert gate(ahead, 0.3, 0.0, 0.0, beyond=(0.3, 0.0))[0] < 1.0
    assert gate(beside, 0.3, 0.0, 0.0, beyond=(0.0, 0.3))[0] < 1.0
    assert gate(np.array([[0.1, -0.45]]), 0.0, 0.2, 0.0, beyond=(0.0, 0.3)) == (1.0, "")  # it leaves
