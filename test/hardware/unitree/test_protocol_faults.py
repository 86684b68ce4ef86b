"""What goes wrong between a robot and its driver: by what the robot is commanded, and by the truth."""

import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="CycloneDDS is not installed")
from protocol_rig import FAULTS, MOMENTS, Rig, play

from vla_sim.hardware.unitree import dds_types
from vla_sim.hardware.unitree.motion import ANKLE_PITCH, PARALLEL, State
from vla_sim.hardware.unitree.wire import ARM_SDK_WEIGHT, LowCommand
from vla_sim.robot import facts

pytestmark = pytest.mark.integration
LATEST = 0.1 + 0.002
"""[s] from a fault until nothing is commanded to move, and the tick in which that is seen."""


@pytest.mark.scenario
@pytest.mark.parametrize(
    ("fault", "moment"),
    [
        pytest.param(
            fault, moment, marks=[] if (fault, moment) == ("cable pulled", "walking") else pytest.mark.variant
        )
        for fault in FAULTS
        for moment in MOMENTS
    ],
)
def test_legs_and_arms_are_commanded_to_move_no_longer_and_what_is_held_stays_held(fault, moment):
    end = play(fault, moment)
    assert end.legs <= LATEST
    assert end.arms <= LATEST
    if FAULTS[fault][1]:
        assert end.why == FAULTS[fault][1]
    if fault == "L2 and B on the remote":
        assert end.state is State.DAMP  # it sinks: the vendor's stop
        return
    assert not end.fallen
    assert end.way < 0.3
    assert end.slip < 0.02


@pytest.mark.scenario
def test_with_jitter_and_loss_it_walks_and_reaches_as_without():
    rig = Rig(jitter=0.005, loss=0.01, seed=1)
    rig.run(2.5)
    assert rig.driver.why == ""
    rig.latched.clear()
    begin = rig.body.truth().robot
    rig.velocity[0] = 0.3
    rig.run(3.0)
    rig.velocity[0] = 0.0
    rig.run(1.5)
    walked = rig.body.truth()
    assert 0.5 < walked.robot[0] - begin[0] < 1.1
    goal = np.array([-0.6, -0.3, 0.0, 0.3, 0.0, 0.0, 0.0])
    rig.reach("right", goal, 2.0)
    rig.run(3.5)
    assert rig.latched == []  # it never was the worse for it
    assert not rig.body.truth().fallen
    np.testing.assert_allclose(rig.body.joint_position[facts.ARM_INDEX["right"]][:4], goal[:4], atol=0.1)


@pytest.mark.scenario
def test_the_stick_of_the_remote_has_it_walk_and_let_go_it_stands():
    rig = Rig()
    rig.alive = False
    rig.run(0.5)
    rig.robot.typed.append("stick ly 0.5")
    rig.run(3.0)
    walked = rig.body.truth().robot[0]
    assert 0.4 < walked < 1.2
    rig.robot.typed.append("stick ly 0")
    rig.run(2.0)
    stood = rig.body.truth()
    rig.run(1.0)
    assert abs(rig.body.truth().robot[0] - stood.robot[0]) < 0.03
    assert not stood.fallen


@pytest.mark.scenario
def test_a_person_who_stops_it_may_have_it_stand_again_at_once():
    rig = Rig()
    rig.run(2.5)
    rig.robot.typed.append("press L2+B")
    rig.run(0.03)
    assert rig.motion.state is State.DAMP
    rig.robot.typed.append("press R2+A")
    rig.run(2.0)
    assert rig.motion.state is State.WALK  # the driver does not damp it again
    assert rig.driver.why == "stopped by the remote control"
    assert not rig.body.truth().fallen


@pytest.mark.scenario
def test_when_the_bodys_program_ends_the_arms_are_given_back_and_the_legs_stand():
    rig = Rig()
    rig.run(2.5)
    rig.velocity[0] = 0.3
    rig.run(0.5)
    assert rig.legs_move
    rig.leave()
    rig.run(0.02)
    assert not rig.legs_move
    rig.run(0.5)
    assert 0.2 < rig.motion.arms.message.motors["q"][ARM_SDK_WEIGHT] < 0.8
    rig.run(0.7)
    assert rig.motion.arms.message.motors["q"][ARM_SDK_WEIGHT] < 0.02
    assert not rig.alive


@pytest.mark.scenario
def test_no_motor_is_commanded_while_the_robots_own_controller_has_it():
    rig = Rig(mode="low")
    rig.body.hang()
    rig.run(1.0)
    assert rig.motion.released
    assert rig.driver.why == ""
    assert rig.robot.refused == 0
    rig.motion.take_over()  # by a person, with the vendor's app
    rig.run(1.5)
    assert not rig.motion.released
    assert rig.driver.why == "the controller ai has taken the motors"


def test_two_programs_that_are_refused_are_each_told_once_and_not_in_turn():
    rig, bad = Rig(), dds_types.LowCommand.of(LowCommand())  # without its CRC
    sends = [
        rig._loop._topics._bus.writer(topic, dds_types.LowCommand) for topic in ("rt/lowcmd", "rt/arm_sdk")
    ]

    def send():
        for one in sends:
            one(bad)

    rig.run(0.2, send)
    assert rig.robot.refused > 10
    assert rig.lines == [
        f"{topic}: its CRC is wrong: it is not obeyed" for topic in ("rt/lowcmd", "rt/arm_sdk")
    ]


def test_the_state_is_of_parallel_ankles_only_while_a_program_has_the_motors():
    rig, message = Rig(), LowCommand()
    message.mode_pr, message.mode_machine = PARALLEL, 5
    message.seal()
    rig.motion.release()
    rig.run(0.1, lambda: rig._loop._topics.send_low(dds_types.LowCommand.of(message)))
    assert rig.robot._state.mode_pr == PARALLEL
    rig.motion.take_over()
    rig.run(0.004)
    assert rig.robot._state.mode_pr == 0
    ankles = rig.robot._state.motors["q"][ANKLE_PITCH]
    assert ankles == pytest.approx(rig.body.joint_position[ANKLE_PITCH], abs=0.01)
