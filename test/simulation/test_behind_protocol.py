"""The simulator "g1": what the stack sees of a robot behind its own protocol, and what it sees past it."""

import time

import numpy as np
import pytest
from installed import needs

from vla_sim.cli.main import main
from vla_sim.common.assets import find_world
from vla_sim.common.errors import EngineError, InputError
from vla_sim.hardware.unitree import robot
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, JointCommand
from vla_sim.simulation.registry import check_pace, import_mujoco, make_simulator
from vla_sim.simulation.simulator import Randomisation

needs("cyclonedds", "CycloneDDS is not installed")


@pytest.mark.integration
def test_it_stands_is_seen_and_its_objects_are_moved(ros_domain, monkeypatch):
    monkeypatch.setattr(robot, "FIND_TIMEOUT", 120.0)
    import_mujoco()
    from vla_sim.hardware.unitree.motion import TICK
    from vla_sim.simulation.behind_protocol import TRUTH_TICKS, ProtocolSimulator

    made = ProtocolSimulator(find_world("tabletop"), "software")
    try:
        with pytest.raises(EngineError, match="is off"):
            made.state()
        made.reset(3, Randomisation(objects=0.05))
        before = made.truth()
        stand = JointCommand(facts.DEFAULT_POSE, np.full(33, 40.0), np.zeros(33))
        begin, deadline = made.state().time, time.monotonic() + 60.0
        while made.state().time < begin + 1.0:
            assert time.monotonic() < deadline
            made.command(stand)
            made.step()
        stamps = []
        for _ in range(25):
            made.command(stand)
            made.step()
            stamps.append((made.state().time, made.snapshot().time))
        periods = np.diff([state for state, _ in stamps]) / CONTROL_PERIOD
        assert periods == pytest.approx(np.maximum(1, np.round(periods))), "or timers lose ticks"
        late = np.array([state - image for state, image in stamps]) / (TRUTH_TICKS * TICK)
        assert late == pytest.approx(np.maximum(0, np.round(late)), abs=1e-6), "nothing of the future is seen"
        truth = made.truth()
        assert not truth.fallen
        assert truth.robot[2] == pytest.approx(facts.STANDING_HEIGHT, abs=0.03)
        assert made.state().joint_position[3] == pytest.approx(facts.DEFAULT_POSE[3], abs=0.4)
        assert np.isfinite(made.scan().ranges).any()
        assert made.render(made.snapshot(), 4).color.any()
        name = next(iter(truth.objects))
        moved = truth.objects[name] + [0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0]
        made.put(name, moved)
        highest = -np.inf
        while highest < before.objects[name][2] + 0.1:
            assert time.monotonic() < deadline
            made.command(stand)
            made.step()
            highest = max(highest, made.truth().objects[name][2])
        with pytest.raises(EngineError, match="cannot be moved"):
            made.put("nothing", moved)
        with pytest.raises(EngineError, match=f"{name} cannot be put .* mm inside"):
            made.put(name, before.objects[name] - [0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0])
        made.command(stand)
        made.step()
    finally:
        made.close()


def test_a_bad_cable_is_its_alone():
    with pytest.raises(InputError, match="engine kinematic has no cable that could be a bad one; only g1"):
        make_simulator("kinematic", "corridor", cable=(5.0, 0.0))


def test_it_keeps_the_clocks_pace_and_no_other(capsys):
    check_pace("g1", 1.0)
    check_pace("mujoco", 0.0)
    with pytest.raises(InputError, match="--speed 1"):
        check_pace("g1", 0.0)
    assert main(["test", "go_to_kitchen", "--engine", "g1"]) == 2
    assert "engine g1 goes at the pace of the clock alone: --speed 1" in capsys.readouterr().err
