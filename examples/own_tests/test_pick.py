"""A scenario as a test of your own package, with pytest alone: `pytest test_pick.py`."""

from pathlib import Path

import pytest

from vla_sim.bringup.node_table import StackOptions
from vla_sim.scenario.load import load
from vla_sim.scenario.preparation import RunOptions
from vla_sim.scenario.run import run_once

SCENARIO = Path(__file__).parent / "pick_the_ball.yaml"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """One run in lock-step (speed 0): the same on any machine. `run.png` and the logs are in its folder."""
    options = RunOptions(load(SCENARIO), StackOptions(speed=0.0, seed=3), tmp_path_factory.mktemp("run"))
    return run_once(options)


def test_everything_holds_that_the_scenario_expects(record):
    assert record.passed, "\n".join(record.reasons)


def test_it_says_that_it_has_the_ball(record):
    assert record.commands[0].state == "succeeded"
    assert "ball" in record.answer


def test_the_ball_is_lifted_by_10_cm(record):
    before, after = record.objects["yellow_ball"]
    assert after[2] - before[2] > 0.10
