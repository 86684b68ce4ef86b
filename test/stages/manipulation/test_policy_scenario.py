"""On its own legs, the robot picks by a policy that sees what the camera sees: judged from the truth."""

import pytest
from policy_wire import pick

pytestmark = pytest.mark.scenario


@pytest.mark.parametrize("latency", [0.1, pytest.param(0.5, marks=pytest.mark.variant)])
def test_it_picks_a_cup_up_by_a_policy(latency):
    report = pick(0, latency)
    assert report.ok, report
    assert not report.touched, "the arm touched something else"
