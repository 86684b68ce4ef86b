"""A sensor is believed while it is fresh on both clocks, in order and plausible; the unseen is not free."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.robot import facts
from vla_sim.robot.body_size import BACK, FRONT, SWATH
from vla_sim.stages.safety.gate import gate
from vla_sim.stages.safety.supervisor import (
    CALM,
    COMMAND_TIMEOUT,
    ODOM_TIMEOUT,
    SCAN_TIMEOUT,
    STAND,
    Supervisor,
)
from vla_sim.stages.safety.surroundings import edge
from vla_sim.stages.safety.trust import (
    BELIEVED,
    CONSISTENT,
    FROZEN,
    SECTOR,
    STEADY,
    UNEXPLAINED,
    UNKNOWN,
    Freshness,
    JointTrust,
    OdometryTrust,
    unknown_sectors,
)

BEAM = math.radians(1.0)
FREE = np.full(360, np.inf, np.float32)
DEPTH = np.full(91, np.inf, np.float32)


class Drive:
    """A supervisor that is fed at 50 Hz as by a robot that walks as it is let."""

    def __init__(self, speed=(0.5, 0.0, 0.0)):
        self.core, self.speed = Supervisor(), speed
        self.now, self.mono, self.x = 10.0, 500.0, 0.0
        self.scan, self.silent = FREE, set()
        self.frozen = False

    def tick(self, dt=0.02, mono=None):
        self.now += dt
        self.mono += dt if mono is None else mono
        core, clocks = self.core, (self.now, self.mono)
        if "odom" not in self.silent:
            core.on_odom(self.x, 0.0, 0.0, self.now, *clocks)
        if "scan" not in self.silent:
            core.on_scan(self.scan, -math.pi, BEAM, self.now, *clocks)
        if "depth" not in self.silent:
            core.on_depth_scan(DEPTH, -math.pi / 4, BEAM, self.now, *clocks)
        if "velocity" not in self.silent:
            core.on_velocity(*self.speed, *clocks)
        passed = core.output(*clocks)
        if not self.frozen:
            self.x += passed[0] * 0.02
        return passed

    def run(self, ticks, **how):
        return [self.tick(**how) for _ in range(ticks)]

    def reasons(self):
        return " ".join(self.core.state().reasons)


CALM_TICKS = round(CALM / 0.02)


def test_all_is_well():
    assert Drive().run(100)[-1] == (0.5, 0.0, 0.0)


@pytest.mark.parametrize(
    ("source", "limit"),
    [("odom", ODOM_TIMEOUT), ("scan", SCAN_TIMEOUT), ("velocity", COMMAND_TIMEOUT), ("depth", 1.0)],
)
def test_a_clock_that_stands_still_or_goes_back_keeps_nothing_passing(source, limit):
    for dt in (0.0, -0.001, -1.0):
        drive = Drive()
        drive.run(20)
        drive.silent = {source}
        passed = drive.run(round((limit + STEADY) / 0.02) + 3, dt=dt, mono=0.02)
        assert passed[-1] == STAND


def test_after_time_went_back_what_is_fresh_by_the_new_time_passes():
    drive = Drive()
    drive.run(20)
    drive.silent = {"odom", "scan", "depth", "velocity"}
    assert drive.tick(dt=-5.0, mono=0.02) == STAND
    drive.silent = set()
    assert drive.run(2)[-1] == (0.5, 0.0, 0.0)


@pytest.mark.parametrize(
    ("source", "limit"), [("odom", ODOM_TIMEOUT), ("scan", SCAN_TIMEOUT), ("velocity", COMMAND_TIMEOUT)]
)
def test_what_comes_and_goes_makes_it_stand_not_start_again_and_again(source, limit):
    """Each start takes the robot to the side: through a door it would drift into the post."""
    drive = Drive()
    drive.run(50)
    passed = []
    for _ in range(10):
        drive.silent = {source}
        passed += drive.run(round(limit / 0.02) + 4)
        drive.silent = set()
        passed += drive.run(3)
    starts = sum(before == STAND != after for before, after in itertools.pairwise(passed))
    assert starts == 0
    assert drive.reasons().endswith("a moment ago")
    assert drive.run(CALM_TICKS + 1)[-1] == (0.5, 0.0, 0.0)


@given(st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(0.0, 3.0), st.floats(-3.0, 3.0)), max_size=40))
def test_freshness_is_never_older_than_its_limits(steps):
    one = Freshness(0.5, 0.2)
    now, mono, taken = 0.0, 0.0, []
    for step, steady, late in steps:
        now, mono = now + step, mono + steady
        if one.take(now - late, now, mono):
            assert -0.1 <= late <= 0.5 + 1e-9
            assert not taken or now - late > taken[-1][0]
            taken.append((now - late, mono))
        if one.fresh(now, mono):
            assert mono - taken[-1][1] <= 0.2 + STEADY


def test_a_jump_of_odometry_makes_it_stand_until_it_is_consistent_again():
    drive = Drive()
    drive.run(20)
    drive.x += 1.0
    assert drive.tick() == STAND
    assert "odometry jumps" in drive.reasons()
    passed = drive.run(CONSISTENT + CALM_TICKS + 1)
    assert passed[CONSISTENT + CALM_TICKS - 2] == STAND
    assert passed[-1] == (0.5, 0.0, 0.0)


@given(
    st.lists(
        st.tuples(st.floats(0.005, 0.1), st.floats(-1, 1), st.floats(-1, 1), st.floats(-2, 2)), min_size=1
    )
)
def test_what_legs_can_do_is_plausible_and_what_they_cannot_is_not(steps):
    trust = OdometryTrust()
    t = x = y = yaw = 0.0
    trust.take(t, x, y, yaw)
    for dt, vx, vy, wz in steps:
        t, x, y, yaw = t + dt, x + vx * dt, y + vy * dt, yaw + wz * dt
        assert trust.take(t, x, y, yaw)
    assert trust.consistent
    assert not trust.take(t + 0.02, x + 0.3, y, yaw)
    assert not trust.consistent


def test_odometry_that_does_not_change_while_walking_is_frozen_and_released_by_rest():
    drive = Drive()
    drive.run(20)
    drive.frozen = True
    passed = drive.run(round(FROZEN / 0.02) + 5)
    assert passed[-1] == STAND
    assert "odometry is frozen" in drive.reasons()
    assert set(drive.run(100)) == {STAND}, "it stays so while it is asked"
    drive.speed = STAND
    drive.run(60)
    assert drive.reasons() == ""


def test_a_robot_that_stands_has_no_frozen_odometry():
    drive = Drive(speed=STAND)
    drive.run(200)
    assert drive.core.state().level == "ok"


def test_a_lidar_that_repeats_itself_while_the_robot_walks_is_frozen():
    drive = Drive()
    drive.run(5)
    drive.scan = np.full(360, 3.0, np.float32)
    passed = drive.run(40)
    assert passed[-1] == STAND
    assert "the lidar is frozen" in drive.reasons()
    drive.run(100)
    assert "the lidar is frozen" in drive.reasons(), "it stands, and the lidar is no better for that"
    drive.scan = np.full(360, 2.9, np.float32)
    assert drive.run(CALM_TICKS + 1)[-1] == (0.5, 0.0, 0.0)


def test_a_lidar_without_noise_is_not_frozen_where_the_robot_stands():
    drive = Drive(speed=STAND)
    drive.scan, drive.silent, drive.x = np.full(360, 3.0, np.float32), {"odom"}, 0.7
    drive.run(5)  # where the robot is is not known yet
    drive.silent = set()
    for _ in range(100):
        drive.x += 0.005  # odometry drifts
        drive.tick()
    assert drive.core.state().level == "ok"
    drive.speed = (0.5, 0.0, 0.0)
    assert drive.tick() == (0.5, 0.0, 0.0)


def unseen(heading, width, bad=math.nan):
    """What the gate is given where nothing is seen around this heading, over this width [rad]."""
    ranges = FREE.copy()
    middle, half = round((heading + math.pi) / BEAM), round(width / 2 / BEAM)
    ranges[np.arange(middle - half, middle + half + 1) % 360] = bad
    return edge(unknown_sectors(ranges, -math.pi, BEAM), FRONT)


@given(
    st.floats(-math.pi, math.pi), st.floats(0.03, 0.8), st.floats(3 * SECTOR, math.pi),
    st.sampled_from([math.nan, -1.0, 0.0]),
)  # fmt: skip
def test_a_motion_into_a_sector_that_is_not_known_does_not_pass(heading, speed, width, bad):
    motion = speed * math.cos(heading), speed * math.sin(heading), 0.0
    assert gate(unseen(heading, width, bad), *motion)[0] == 0.0


@pytest.mark.parametrize("heading", [0.0, math.pi / 2, math.pi, -math.pi / 2])
def test_a_motion_away_from_a_sector_that_is_not_known_does(heading):
    motion = -0.3 * round(math.cos(heading)), -0.3 * round(math.sin(heading)), 0.0
    assert gate(unseen(heading, 3 * SECTOR), *motion)[0] == 1.0


def passed(beams, begin, step, heading, speed):
    """Of this speed, where a lidar's beams from `begin` on meet nothing, and it has no others."""
    core, velocity = Supervisor(), (speed * math.cos(heading), speed * math.sin(heading), 0.0)
    core.on_odom(0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
    core.on_scan(np.full(beams, np.inf, np.float32), begin, step, 1.0, 1.0, 1.0)
    core.on_depth_scan(DEPTH, -math.pi / 4, BEAM, 1.0, 1.0, 1.0)
    core.on_velocity(*velocity, 1.0, 1.0)
    return core.output(1.0, 1.0) == velocity


@given(
    st.integers(180, 314), st.floats(-math.pi, math.pi), st.sampled_from([1, -1]), st.floats(0.05, 0.35)
)  # fmt: skip
def test_what_a_lidar_has_no_beams_for_is_not_free(beams, begin, sign, speed):
    step = sign * BEAM
    assert not passed(beams, begin, step, begin + step * (beams + 359) / 2, speed)


def test_what_it_has_beams_for_is():
    assert passed(270, math.radians(-135.0), BEAM, 0.0, 0.35)
    assert passed(360, -math.pi, BEAM, math.pi, 0.35)


@pytest.mark.parametrize(("beams", "step"), [(179, BEAM), (360, 0.49 * BEAM), (8, math.pi / 4), (9, 1e-12)])
def test_a_lidar_that_looks_nowhere_near_all_around_is_blind(beams, step):
    free, core = np.full(beams, np.inf, np.float32), Supervisor()
    core.on_odom(0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
    assert not core.on_scan(free, 0.0, step, 1.0, 1.0, 1.0)


@given(st.floats(-math.pi, math.pi))
def test_the_edge_is_just_outside_of_the_footprint(bearing):
    points = edge(np.array([bearing]), FRONT)
    inside = (points[:, 0] < FRONT) & (points[:, 0] > -BACK) & (np.abs(points[:, 1]) < SWATH)
    assert not inside.any()
    assert (np.hypot(*points.T) < math.hypot(FRONT, SWATH) + 0.01).all()


def swinging(stamp):
    """Position [rad] and speed [rad/s] of joints that swing as fast as an arm may, (joints,) each."""
    phase = 4.0 * stamp + np.arange(len(facts.JOINTS))
    return 0.5 * np.sin(phase), 2.0 * np.cos(phase)


def felt(trust, begin, end, off=0.0, period=0.02, noise=0.0, rng=None):
    """Whether each message from begin to end [s] is used, of joints that are said to be off [rad]."""
    used = []
    for stamp in np.arange(begin, end, period):
        q, v = swinging(stamp)
        if rng is not None:
            q = q + noise * rng.standard_normal(len(q))
        used.append(trust.take(stamp, q + off, v))
    return used


@pytest.mark.parametrize("period", [0.005, 0.02, 0.1])
def test_joints_that_move_as_fast_as_they_say_are_believed(period):
    rng = np.random.default_rng(0)
    assert all(felt(JointTrust(), 0.0, 20.0, period=period, noise=0.005, rng=rng))


@given(
    st.floats(2.0 * UNEXPLAINED, 3.0) | st.floats(-3.0, -2.0 * UNEXPLAINED), st.floats(0.02, BELIEVED - 0.1)
)
def test_joints_that_jump_are_not_believed_until_they_are_back(off, seconds):
    trust = JointTrust()
    felt(trust, 0.0, 1.0)
    assert not any(felt(trust, 1.0, 1.0 + seconds, off))
    assert trust.doubted
    back = felt(trust, 1.0 + seconds, 2.0 + seconds)
    assert all(back[1:])


def test_noise_is_doubted_and_forgotten():
    trust = JointTrust()
    felt(trust, 0.0, 1.0)
    noisy = felt(trust, 1.0, 4.0, noise=0.2, rng=np.random.default_rng(1))
    assert not any(noisy[1:])
    assert all(felt(trust, 4.0, 5.0)[1:])


def test_joints_that_stay_elsewhere_are_believed_there_in_the_end():
    trust = JointTrust()
    felt(trust, 0.0, 1.0)
    used = felt(trust, 1.0, 2.0 + BELIEVED, 0.3)
    assert not any(used[: round(BELIEVED / 0.02) - 1])
    assert used[-1]


def test_after_a_silence_joints_may_be_anywhere_and_what_is_late_is_not_used():
    trust = JointTrust()
    felt(trust, 0.0, 1.0)
    assert trust.take(1.0 + 2.0 * UNKNOWN, *swinging(0.3))
    assert not trust.take(1.0 + 1.5 * UNKNOWN, *swinging(0.3))
    assert not trust.doubted
    assert trust.take(-5.0, *swinging(0.1))  # a clock that went back


def test_without_speeds_nothing_is_doubted():
    trust = JointTrust()
    felt(trust, 0.0, 1.0)
    assert trust.take(1.02, swinging(1.0)[0] + 1.0, None)
