"""Whole goals with a robot that sways, drifts and does not walk quite as told."""

import math

import numpy as np
import pytest
from navigation_walker import Walker, drive, field_of, room, two_rooms

from vla_sim.contract.records import NavigationRequest
from vla_sim.robot.body_size import LEGS
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.dynamic_obstacles import Crossing
from vla_sim.stages.navigation.gait import relative
from vla_sim.stages.navigation.global_planner import plan_path
from vla_sim.stages.navigation.navigator import Navigator
from vla_sim.stages.navigation.route import NavigationFailure, Route
from vla_sim.world.semantic_map import World

pytestmark = pytest.mark.integration

ROOMS = two_rooms()
MAP = StaticMap.from_grids(ROOMS)
TRUTH = field_of(ROOMS)
TABLE = StaticMap.from_grids(room(boxes=((4.5, 1.2, 5.1, 2.8),)), room())
TABLE_TRUTH = field_of(room())
"""The lidar looks over the table."""


def go(x, y, yaw=0.0, mode="go", goal_id="goal", **more):
    return NavigationRequest(goal_id=goal_id, mode=mode, x=x, y=y, yaw=yaw, **more)


def run(
    static, truth, start, request, seconds=90.0, seed=0, world=None, drift=0.01, fine=True, person=None
):  # fmt: skip
    navigator, walker = Navigator(static), Walker(start, seed, drift=drift)
    navigator.state.fine = fine
    navigator.request(request)
    statuses, log = drive(navigator, walker, truth, seconds, world, person=person)
    return statuses, log, walker, navigator


@pytest.mark.parametrize(("seed", "fine"), [(0, True), (1, True), (0, False), (1, False)])
def test_it_goes_through_the_door_without_touching_the_frame_under_load_too(seed, fine):
    start = (1.0, 0.8 + 0.3 * seed, 2.0 * seed)
    statuses, log, walker, _ = run(MAP, TRUTH, start, go(5.0, 3.0, 1.57), seed=seed, fine=fine)
    assert statuses[-1].state == "succeeded", statuses[-1].detail
    assert log[:, 4].min() > 0.05
    error = relative(walker.pose, np.array([5.0, 3.0, 1.57]))
    assert math.hypot(error[0], error[1]) < 0.15
    assert abs(math.remainder(error[2], 2 * math.pi)) < 0.15


def test_commands_come_with_progress_and_end_with_zero():
    statuses, log, walker, navigator = run(MAP, TRUTH, (1.0, 2.0, 0.0), go(2.2, 2.0))
    assert {s.goal_id for s in statuses} == {"goal"}
    assert [s.state for s in statuses[:-1]] == ["active"] * (len(statuses) - 1)
    assert statuses[2].distance_remaining > statuses[-3].distance_remaining
    np.testing.assert_array_equal(navigator.tick(walker.time).command, 0.0)
    assert np.abs(log[:, 5]).max() <= 0.5 + 1e-9


def test_docking_ends_within_four_centimetres_and_four_degrees():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        start = (3.4 + rng.uniform(-0.1, 0.1), 2.0 + rng.uniform(-0.1, 0.1), rng.uniform(-0.3, 0.3))
        request = go(4.25, 2.0, mode="dock")
        statuses, log, walker, _ = run(TABLE, TABLE_TRUTH, start, request, seed=seed, drift=0)
        assert statuses[-1].state == "succeeded", statuses[-1].detail
        error = relative(walker.pose, np.array([4.25, 2.0, 0.0]))
        assert math.hypot(error[0], error[1]) < 0.045, seed
        assert abs(error[2]) < math.radians(4), seed
        assert log[:, 1].max() < 4.32, "never closer to the table than asked"


def test_docking_from_afar_walks_there_first():
    statuses, _, walker, _ = run(TABLE, TABLE_TRUTH, (1.0, 0.8, 3.0), go(4.25, 2.0, mode="dock"), drift=0)
    assert statuses[-1].state == "succeeded"
    assert np.hypot(*(walker.pose[:2] - (4.25, 2.0))) < 0.045


def test_leaving_a_table_begins_backwards():
    statuses, log, _, _ = run(TABLE, TABLE_TRUTH, (4.25, 2.0, 0.0), go(1.0, 2.0, 3.1))
    assert statuses[-1].state == "succeeded"
    turned = np.abs(log[:, 3]) > 0.5
    assert log[np.argmax(turned), 1] < 4.15
    assert log[:, 1].max() < 4.29


def test_turning_at_a_table_makes_room_first():
    statuses, log, walker, _ = run(
        TABLE, TABLE_TRUTH, (4.25, 2.0, 0.0), NavigationRequest(goal_id="t", mode="turn", angle=math.pi / 2)
    )
    assert statuses[-1].state == "succeeded"
    assert walker.pose[2] == pytest.approx(math.pi / 2, abs=0.08)
    assert log[np.argmax(log[:, 3] > 0.5), 1] < 4.15


@pytest.mark.parametrize("angle", [math.pi / 2, -math.pi / 2, math.pi, 2 * math.pi])
def test_turns_are_closed_on_odometry(angle):
    request = NavigationRequest(goal_id="t", mode="turn", angle=angle)
    statuses, _, walker, _ = run(MAP, TRUTH, (1.5, 2.0, 0.0), request, drift=0.0)
    assert statuses[-1].state == "succeeded"
    assert walker.pose[2] == pytest.approx(angle, abs=0.08)


@pytest.mark.parametrize(("distance", "lateral"), [(1.0, 0.0), (-0.5, 0.0), (0.0, 0.4)])
def test_moves_are_closed_on_odometry(distance, lateral):
    request = NavigationRequest(goal_id="m", mode="move", distance=distance, lateral=lateral)
    statuses, _, walker, _ = run(MAP, TRUTH, (1.2, 2.0, 0.0), request, drift=0.0)
    assert statuses[-1].state == "succeeded"
    np.testing.assert_allclose(walker.pose[:2], (1.2 + distance, 2.0 + lateral), atol=0.10)


LOW_TABLE = room(boxes=((2.4, 0.7, 3.4, 1.78),))
"""Its edge is 0.22 m beside the way at y = 2."""


def legs(log):
    """Clearance (n,) [m] of the trunk and legs to the low table's edge, sway left out."""
    beside = (log[:, 1] > 2.3) & (log[:, 1] < 3.5)
    return log[beside, 2] - 1.78 - LEGS[0, 2]


def test_the_arms_pass_above_what_the_legs_pass_beside():
    static = StaticMap.from_grids(LOW_TABLE, room(), high=room())
    request = NavigationRequest(goal_id="m", mode="move", distance=2.5)
    statuses, log, walker, _ = run(static, TABLE_TRUTH, (1.2, 2.0, 0.0), request, drift=0.0)
    assert statuses[-1].state == "succeeded", statuses[-1].detail
    np.testing.assert_allclose(walker.pose[:2], (3.7, 2.0), atol=0.10)
    assert legs(log).min() > -0.04


@pytest.mark.parametrize("seed", range(3))
def test_a_move_past_something_as_high_as_the_arms_does_not_squeeze_by(seed):
    static = StaticMap.from_grids(LOW_TABLE)
    request = NavigationRequest(goal_id="m", mode="move", distance=2.5)
    statuses, log, _, _ = run(static, field_of(LOW_TABLE), (1.2, 2.0, 0.0), request, drift=0.0, seed=seed)
    assert statuses[-1].state == "failed"
    assert "in the way" in statuses[-1].detail
    assert log[:, 4].min() > -0.01


def test_a_move_into_a_wall_stops_before_it_and_says_so():
    request = NavigationRequest(goal_id="m", mode="move", distance=3.0)
    statuses, log, _, _ = run(MAP, TRUTH, (1.0, 0.8, 0.0), request)
    assert statuses[-1].state == "failed"
    assert statuses[-1].detail.startswith("something is in the way, ")
    assert log[:, 4].min() > 0.0


@pytest.mark.parametrize("fine", [True, False])
def test_an_unknown_box_is_walked_around(fine):
    truth = field_of(room(boxes=((2.8, 1.7, 3.2, 2.3),)))
    statuses, log, _, navigator = run(
        StaticMap.from_grids(room()), truth, (1.0, 2.0, 0.0), go(5.0, 2.0), fine=fine
    )
    assert statuses[-1].state == "succeeded"
    assert log[:, 4].min() > 0.05
    assert navigator.state.localizer.accepted > 5


def test_a_blocked_door_is_waited_at_and_then_given_up_with_a_reason():
    shut = field_of(two_rooms(door=(2.0, 2.0)))
    statuses, log, _, _ = run(MAP, shut, (1.0, 2.0, 0.0), go(5.0, 2.0))
    assert statuses[-1].state == "failed"
    assert statuses[-1].detail.startswith("the way to (5.00, 2.00) is blocked")
    assert log[:, 4].min() > 0.0
    assert log[-1, 0] < 45.0


def test_two_ways_that_are_both_blocked_are_each_gone_to_once():
    """Each is out of sight from the other, for longer than what stands in it is known without being seen."""
    wall = (2.0, 1.5, 6.0, 3.5)
    both = (wall, (4.5, -1.0, 4.7, 1.6), (4.5, 3.4, 4.7, 9.0))
    known = StaticMap.from_grids(room(7.5, 5.0, boxes=(wall,)))
    statuses, log, _, _ = run(
        known, field_of(room(7.5, 5.0, boxes=both)), (0.8, 2.3, 0.0), go(6.8, 2.5), 60.0
    )
    assert statuses[-1].state == "failed"
    assert statuses[-1].detail.startswith("the way to (6.80, 2.50) is blocked")
    crossings = np.count_nonzero(np.diff(np.sign(log[:, 2] - 2.5)))
    assert crossings == 1


def test_who_has_let_somebody_pass_waits_for_a_blocked_way_as_long_as_ever(monkeypatch):
    navigator = Navigator(MAP)
    route = Route(navigator.state, (5.0, 2.0), 0.15, 0.5)
    for time, ahead, crossing, gives_up in (
        (0.0, 0.5, Crossing(), False), (8.0, math.inf, Crossing(0.1), False),
        (16.0, 0.5, Crossing(), False), (24.0, 0.5, Crossing(), False), (27.0, 0.5, Crossing(), True),
    ):  # fmt: skip
        navigator.state.time = time
        navigator.state.odometry(time, 1.0, 2.0, 0.0)
        if route.path is None:
            route.plan()
        monkeypatch.setattr(route, "_blocked_ahead", lambda ahead=ahead: ahead)
        monkeypatch.setattr(
            navigator.state.dynamic_obstacles, "crossing", lambda *_, crossing=crossing: crossing
        )
        if gives_up:
            with pytest.raises(NavigationFailure, match="is blocked"):
                route.step()
        else:
            assert not route.step().any()


@pytest.mark.parametrize(("step", "state"), [(1.0, "succeeded"), (0.1, "failed")])
def test_it_backs_up_as_often_as_it_gets_on_and_else_three_times(monkeypatch, step, state):
    navigator = Navigator(MAP)
    navigator.state.odometry(0.0, 1.0, 2.0, 0.0)
    route = Route(navigator.state, (5.0, 2.0), 0.15, 0.5)
    backed = []
    monkeypatch.setattr(route, "plan", lambda: None)
    monkeypatch.setattr(route, "path", plan_path(MAP.clearance, (1.0, 2.0), (5.0, 2.0)))
    monkeypatch.setattr(navigator, "_leave", lambda **_: iter([]))
    route.remaining, route.resume = 6.0, lambda: backed.append(route.remaining)

    def walk():
        route.remaining -= step
        route.wants_back_up = True
        return np.zeros(3)

    route.step = walk
    if state == "succeeded":
        assert not list(navigator._follow(route))
        assert len(backed) == 6
    else:
        with pytest.raises(NavigationFailure, match=r"I am stuck 5\.\d m before the goal"):
            list(navigator._follow(route))
        assert len(backed) == 3


def test_a_way_that_is_blocked_from_the_start_is_as_long_as_it_is():
    navigator = Navigator(MAP)
    navigator.state.odometry(0.0, 1.0, 2.0, 0.0)
    route = Route(navigator.state, (5.0, 2.0), 0.15, 0.5)
    route.plan()
    assert route.remaining == pytest.approx(4.0, abs=0.2)


def test_a_door_that_opens_again_is_gone_through():
    shut, free = field_of(two_rooms(door=(2.0, 2.0))), TRUTH
    statuses, _, _, _ = run(
        MAP, free, (1.5, 2.0, 0.0), go(4.5, 2.0), world=lambda t: shut if t < 6.0 else free
    )
    assert statuses[-1].state == "succeeded", statuses[-1].detail
    assert any("blocked" in s.detail or "in the way" in s.detail for s in statuses)


def test_an_unreachable_goal_fails_at_once_with_the_planners_reason():
    closed = StaticMap.from_grids(two_rooms(door=(2.0, 2.0)))
    statuses, log, _, _ = run(closed, TRUTH, (1.0, 2.0, 0.0), go(5.0, 2.0))
    assert statuses[-1].state == "failed"
    assert "no way to (5.00, 2.00): the nearest reachable point is" in statuses[-1].detail
    assert len(log) <= 5


def test_forbidden_zones_are_walked_around():
    zone = (2.5, 1.2, 3.5, 2.8)
    static = StaticMap.from_grids(room(), forbidden=(zone,))
    statuses, log, _, _ = run(static, field_of(room()), (1.0, 2.0, 0.0), go(5.0, 2.0))
    assert statuses[-1].state == "succeeded"
    x, y = log[:, 1], log[:, 2]
    assert not np.any((x > zone[0]) & (x < zone[2]) & (y > zone[1]) & (y < zone[3]))


def test_a_new_goal_ends_the_old_and_cancel_ends_all():
    navigator, walker = Navigator(MAP), Walker((1.0, 2.0, 0.0))
    navigator.request(go(5.0, 2.0, goal_id="old"))
    drive(navigator, walker, TRUTH, 2.0)
    navigator.request(go(1.0, 3.0, goal_id="new"))
    first = navigator.tick(walker.time).status[0]
    assert (first.goal_id, first.state, first.detail) == ("old", "cancelled", "a new goal came")
    navigator.request(NavigationRequest(goal_id="stop", mode="cancel"))
    out = navigator.tick(walker.time)
    assert [(s.goal_id, s.state) for s in out.status] == [("new", "cancelled")]
    assert not out.active
    np.testing.assert_array_equal(out.command, 0.0)


def test_a_robot_that_cannot_move_is_stuck_and_says_so():
    walker = Walker((1.0, 2.0, 0.0), gain=np.zeros(3))
    walker.offset[:] = 0.0
    navigator = Navigator(MAP)
    navigator.request(go(2.5, 3.0))
    statuses, log = drive(navigator, walker, TRUTH, 120.0)
    assert statuses[-1].state == "failed"
    assert statuses[-1].detail.startswith("I am stuck")
    assert log[-1, 0] < 100.0


def test_without_odometry_nothing_moves():
    navigator = Navigator(MAP)
    navigator.request(go(2.0, 2.0))
    np.testing.assert_array_equal(navigator.tick(0.0).command, 0.0)
    assert navigator.active


def test_a_leased_goal_that_nobody_renews_ends_and_one_by_hand_does_not():
    for lease, renews, state in ((0.0, False, "active"), (1.0, True, "active"), (1.0, False, "failed")):
        navigator, walker = Navigator(MAP), Walker((1.0, 2.0, 0.0))
        navigator.request(go(5.0, 2.0, lease=lease))
        statuses = []
        for k in range(30):
            if renews and k % 4 == 0:
                navigator.request(go(0.0, 0.0, mode="renew"))
            navigator.check_lease(0.05 * k)
            statuses += drive(navigator, walker, TRUTH, 0.05, stop=False)[0]
        navigator.check_lease(1.55)
        statuses += navigator.tick(walker.time).status
        assert statuses[-1].state == state
        if state == "failed":
            assert statuses[-1].detail == "nobody has asked for it for 1 s"
            assert not navigator.active


def test_renewing_what_has_ended_says_how_and_of_what_is_unknown_that_it_is():
    navigator, walker = Navigator(MAP), Walker((1.0, 2.0, 0.0))
    navigator.request(go(0.0, 0.0, mode="renew", goal_id="before"))
    status = navigator.tick(walker.time).status[0]
    assert (status.goal_id, status.state) == ("before", "failed")
    assert status.detail == "my navigation was restarted"
    navigator.request(go(5.0, 2.0))
    navigator.request(NavigationRequest(goal_id="goal", mode="cancel"))
    navigator.tick(walker.time)
    navigator.request(go(0.0, 0.0, mode="renew"))
    assert [(s.goal_id, s.state) for s in navigator.tick(walker.time).status] == [("goal", "cancelled")]


def test_a_clock_that_is_set_back_ends_the_goal():
    navigator = Navigator(MAP)
    navigator.state.time = 100.0
    navigator.request(go(5.0, 2.0))
    navigator.state.odometry(99.5, 1.0, 2.0, 0.0)
    assert navigator.tick(99.5).status[-1].state == "active"
    out = navigator.tick(90.0)
    assert [(one.state, one.detail) for one in out.status] == [("failed", "my clock was set back")]
    assert not out.active


def test_a_request_that_comes_twice_is_one():
    navigator, walker = Navigator(MAP), Walker((1.0, 2.0, 0.0))
    for _ in range(2):
        navigator.request(go(5.0, 2.0))
        drive(navigator, walker, TRUTH, 0.2, stop=False)
    assert navigator.active
    assert all(s.state == "active" for s in navigator.tick(walker.time + 1.0).status)


def test_a_mistake_of_the_program_fails_the_goal_and_the_next_one_is_taken(monkeypatch):
    navigator, walker = Navigator(MAP), Walker((1.0, 2.0, 0.0))
    navigator.request(go(5.0, 2.0))
    drive(navigator, walker, TRUTH, 0.5, stop=False)
    with monkeypatch.context() as broken:
        broken.setattr(navigator.state, "guard", lambda *_: {}["missing"])
        broken.setattr("vla_sim.stages.navigation.route.Route.step", lambda _: {}["missing"])
        with pytest.raises(KeyError):  # noqa: PT012
            for _ in range(20):
                navigator.tick(walker.time)
    out = navigator.tick(walker.time)
    assert [(s.state, s.detail) for s in out.status] == [("failed", "my navigation has made a mistake")]
    np.testing.assert_array_equal(out.command, 0.0)
    navigator.request(go(1.0, 3.0, goal_id="next"))
    drive(navigator, walker, TRUTH, 1.0, stop=False)
    assert navigator.active


@pytest.mark.parametrize("begin", [0.0, 3.0, 11.0])
def test_somebody_who_walks_to_and_fro_across_the_way_is_not_touched(begin):
    """Whatever he does when the robot comes, it finds a gap."""
    home = StaticMap.from_world(World.load("apartment"))
    motion = WaypointMotion(np.array([[3.2, -0.1], [5.0, 1.4]]), 0.4, True)

    def person(time):
        return motion.at((5.0, 1.4), time + begin)[:2]

    request = go(3.9, -0.9)
    statuses, log, _, _ = run(home, home.physical, (-0.7, -0.1, 0.0), request, 120.0, person=person)
    assert log[:, 4].min() > 0.0
    assert statuses[-1].state == "succeeded", statuses[-1].detail
