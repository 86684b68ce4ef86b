"""What every body must do: a robot that does it, and one for each way not to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from vla_sim.cli import common
from vla_sim.cli.main import main
from vla_sim.common.errors import EngineError
from vla_sim.hardware.unitree import robot
from vla_sim.hardware.unitree.network import domain_beside
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body, JointCommand
from vla_sim.simulation.conformance import body_checks
from vla_sim.simulation.conformance.bench import WORLD, Bench, BodyBench, outcome
from vla_sim.simulation.conformance.body_checks import CHECKS, check_body
from vla_sim.simulation.registry import make_simulator
from vla_sim.stages.control.policy import standing_policy

SILENCE = 0.1  # [s]
LEFT, RIGHT = (facts.ARM_INDEX[side] for side in ("left", "right"))


class Robot(Body):
    """The kinematic simulator with what a robot has besides: a clock, arming, an ear for silence."""

    def __init__(self):
        self._simulator = make_simulator("kinematic", WORLD)
        self._simulator.reset()
        self.now, self._commanded, self._armed = 0.0, 0.0, True

    def clock(self):
        return self.now

    def state(self):
        return self._simulator.state()

    @property
    def why(self):
        if not self._armed:
            return "not armed"
        return "no commands" if self.now - self._commanded > SILENCE else ""

    def command(self, command):
        self._simulator.command(command)
        self._commanded = self.now

    def step(self):
        if self.why:
            zero = np.zeros(len(facts.JOINTS))
            here = self._simulator.state().joint_position
            self._simulator.command(JointCommand(here, zero + 40.0, zero))
        self._simulator.step()
        self.now += CONTROL_PERIOD

    def arm(self):
        self._armed = True

    def disarm(self):
        self._armed = False


class SlowClock(Robot):
    def clock(self):
        return 1.05 * self.now


class HalfTime(Robot):
    def state(self):
        state = super().state()
        state.time *= 0.5
        return state


class OneState(Robot):
    def __init__(self):
        super().__init__()
        self._given = super().state()

    def state(self):
        new = super().state()
        for name, value in vars(new).items():
            if name != "time":
                getattr(self._given, name)[:] = value
        self._given.joint_position[0] += 1e-3 * new.time
        self._given.time = new.time
        return self._given


class NoNumber(Robot):
    def state(self):
        state = super().state()
        state.joint_effort[3] = np.nan
        return state


class AccelerationInG(Robot):
    def state(self):
        state = super().state()
        state.linear_acceleration_base /= 9.81
        return state


class OtherAxes(Robot):
    def state(self):
        state = super().state()
        state.linear_acceleration_base = np.roll(state.linear_acceleration_base, 1)
        return state


class Drifting(Robot):
    def state(self):
        state = super().state()
        state.odom_position[0] += 0.02 * state.time
        return state


class ArmsSwapped(Robot):
    def state(self):
        state = super().state()
        for name in ("joint_position", "joint_velocity"):
            value = getattr(state, name)
            value[LEFT], value[RIGHT] = value[RIGHT].copy(), value[LEFT].copy()
        return state


class TwoJointsSwapped(Robot):
    def state(self):
        state = super().state()
        for value in (state.joint_position, state.joint_velocity):
            value[RIGHT[[4, 6]]] = value[RIGHT[[6, 4]]]
        return state


class WrongWay(Robot):
    def command(self, command):
        command.position[LEFT[4]] *= -1.0
        super().command(command)


class Degrees(Robot):
    def state(self):
        state = super().state()
        state.joint_velocity = np.degrees(state.joint_velocity)
        return state


class GivesUp(Robot):
    """It stops by itself when an arm moves."""

    def command(self, command):
        super().command(command)
        moved = np.abs(command.position[RIGHT] - facts.DEFAULT_POSE[RIGHT]).max()
        self._armed = self._armed and moved < 0.1


class Refuses(Robot):
    """Its battery is low from the start."""

    why = "the battery is at 39.0 V"


class Obedient(Robot):
    """It takes every command."""

    def command(self, command):
        fields = (command.position, command.stiffness, command.effort, command.base_velocity)
        if all(np.isfinite(one).all() and one.shape != (5,) for one in fields):
            super().command(command)


class Deaf(Robot):
    """It does not notice that commands stop."""

    why = ""

    def step(self):
        self._simulator.step()
        self.now += CONTROL_PERIOD


class Unarmed(Robot):
    """It never obeys again."""

    @property
    def why(self):
        if self.now - self._commanded > SILENCE:
            self._armed = False
        return super().why


class Unstoppable(Robot):
    def disarm(self):
        pass


class Backwards(Robot):
    def command(self, command):
        command.base_velocity = -command.base_velocity
        super().command(command)


class Runaway(Robot):
    """It says that no commands come, and goes on by the last one."""

    def step(self):
        self._simulator.step()
        self.now += CONTROL_PERIOD


BROKEN = {
    "shapes of the state": (OneState, NoNumber),
    "pace": (SlowClock, HalfTime),
    "IMU at rest": (AccelerationInG, OtherAxes),
    "odometry at rest": (Drifting,),
    "order, direction and velocity of the arms' joints": (
        ArmsSwapped,
        TwoJointsSwapped,
        WrongWay,
        Degrees,
        GivesUp,
    ),
    "bad commands": (Obedient,),
    "silence": (Deaf, Unarmed),
    "stop": (Unstoppable,),
    "walks where it is told": (Backwards,),
    "silence while it walks": (Runaway,),
}


def bench_of(kind):
    body = kind()
    return BodyBench(body, standing_policy(), clock=body.clock)


def failed(outcomes):
    return [f"{one.name}: {one.figure}" for one in outcomes if not one.passed]


def test_a_robot_that_does_what_it_must_passes():
    outcomes = check_body(bench_of(Robot), True, lambda one: None)
    assert failed(outcomes) == []
    assert not any(one.skipped for one in outcomes)
    assert [one.name for one in outcomes] == list(BROKEN)


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in BROKEN.items() for kind in kinds])
def test_each_check_finds_a_body_that_is_broken(name, kind):
    one = next(one for one in CHECKS if one.name == name)
    assert not outcome(name, partial(one.check, bench_of(kind))).passed


def test_of_a_simulator_nothing_is_asked_that_only_a_robot_does_and_nothing_walks_unasked():
    made = make_simulator("kinematic", WORLD)
    asked = []
    outcomes = check_body(Bench(made, "kinematic"), False, asked.append)
    assert outcomes == asked
    assert failed(outcomes) == []
    skipped = {one.name for one in outcomes if one.skipped}
    assert skipped == {one.name for one in CHECKS if one.robot or one.legs}
    assert abs(made.truth().robot[0]) < 0.05


def test_the_command_says_in_a_line_what_cannot_be(capsys):
    for words, said in (
        (["nothing"], "body 'nothing' is not known; give one of mujoco, gazebo, kinematic, g1, or a class"),
        (["nowhere:Body"], "body 'nowhere:Body' cannot be used: ModuleNotFoundError"),
        (["os:Body"], "PACKAGE.MODULE:CLASS is allowed"),
        (["g1", "--interface", "eth77"], "there is no network interface 'eth77'"),
    ):
        assert main(["check-body", *words]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["arm"], EngineError.exit_code, "it does not obey within 0 s: the battery is at 39.0 V"),
        (["yes"], 2, "'yes' was typed, not arm: nothing was sent"),
        ([], 2, "'' was typed, not arm: nothing was sent"),
    ],
)
def test_a_robot_that_is_not_armed_or_does_not_obey_then_is_a_line(monkeypatch, capsys, typed, code, said):
    monkeypatch.setattr(body_checks, "OBEY_TIMEOUT", 0.2)
    monkeypatch.setattr(common, "typed_lines", lambda: iter(typed))
    assert main(["check-body", f"{__name__}:Refuses"]) == code
    assert capsys.readouterr().err == f"error: {said}\n"


def test_a_robot_that_has_stopped_by_itself_is_armed_anew_for_the_next_check_and_its_reason_is_said():
    outcomes = {one.name: one for one in check_body(bench_of(GivesUp), False, lambda one: None)}
    assert (
        outcomes["order, direction and velocity of the arms' joints"].figure == "it does not obey: not armed"
    )
    assert outcomes["bad commands"].passed


@pytest.mark.integration
@pytest.mark.scenario
@pytest.mark.variant
def test_a_g1_behind_its_own_protocol_is_a_body_too(ros_domain, tmp_path, monkeypatch):
    """But for its pace, which is the machine's."""
    pytest.importorskip("cyclonedds", reason="CycloneDDS is not installed")
    monkeypatch.setattr(robot, "FIND_TIMEOUT", 120.0)
    monkeypatch.setattr(common, "typed_lines", lambda: iter(["arm"]))
    domain, file = str(domain_beside(ros_domain)), tmp_path / "outcomes.json"
    words = ["g1", "--world", "corridor", "--dds-domain", domain]
    g1_process = subprocess.Popen(
        [sys.executable, "-m", "vla_sim.cli.main", *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        main(["check-body", "g1", "--dds-domain", domain, "--legs", "--json", str(file)])
    finally:
        g1_process.send_signal(signal.SIGINT)
        g1_process.wait(60)
    outcomes = json.loads(file.read_text())
    assert [one["name"] for one in outcomes] == list(BROKEN)
    assert [one for one in outcomes if not one["passed"] and one["name"] != "pace"] == []
