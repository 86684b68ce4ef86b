"""The reference policy on the robot's own legs, over several seeds that it has not learned from."""

import pytest
from manipulation_lockstep import Bench, pick_once
from policy_wire import Costs, Wired

from vla_sim.common import clock
from vla_sim.common.asking import Asking
from vla_sim.stages.manipulation.policy_pick import PolicyPick
from vla_sim.stages.policy import mapping, server

pytestmark = [pytest.mark.scenario, pytest.mark.variant]

SEEDS, FLOOR = range(10), 6
"""docs/policies.md has the rate that was measured; this is well below it."""


def test_it_picks_the_cup_up_more_often_than_its_floor():
    make = server.maker(server.REFERENCE)
    policy = PolicyPick(
        mapping.load("reference"), lambda: Asking(Wired(make()), None, 5.0), Bench.kinematics
    )  # fmt: skip
    clock.use(Costs(0.1))
    try:
        reports = [pick_once("red_cup", seed, policy=policy) for seed in SEEDS]
    finally:
        clock.use(None)
    assert sum(one.ok for one in reports) >= FLOOR, reports
