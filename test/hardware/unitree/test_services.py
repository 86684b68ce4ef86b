"""What the robot's services answer, also to what no client should send."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from robot_state import standing

from vla_sim.hardware.unitree import hands, services
from vla_sim.hardware.unitree.motion import Motion, State
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import standing_policy

KINEMATICS = Kinematics.load()


def made():
    motion = Motion(Controller(KINEMATICS.arm, standing_policy()), np.full(len(facts.JOINTS), 2.0))
    motion.update(standing())
    lines = []
    return motion, lines, {
        one.name: one
        for one in (
            services.Sport(motion, lines.append), services.ArmAction(motion, lines.append),
            services.MotionSwitcher(motion, lines.append),
            services.Voice(lines.append, lambda text: lines.append(f"says {text}")),
        )
    }  # fmt: skip


def ask(service, api, **parameter):
    code, data = service.answer(api, json.dumps(parameter))
    return code, json.loads(data) if data else None


def test_the_motion_controllers_state_is_read_and_set():
    motion, _, known = made()
    sport = known["sport"]
    assert ask(sport, 7001) == (0, {"data": 500})
    assert ask(sport, 7105, velocity=[0.3, 0.0, 0.1], duration=2.0) == (0, None)
    assert motion.walks
    assert ask(sport, 7101, data=1) == (0, None)
    assert ask(sport, 7001) == (0, {"data": int(State.DAMP)})
    assert ask(sport, 7105, velocity=[0.3, 0.0, 0.1]) == (7301, None)
    assert ask(sport, 7101, data=77) == (7302, None)
    assert ask(sport, 7106, data=9) == (7303, None)


def test_the_heights_of_the_vendors_client_are_lowest_and_highest():
    motion, _, known = made()
    assert ask(known["sport"], 7104, data=0) == (0, None)
    assert motion._way.depth == 0.5
    motion.update(standing(10.0))
    assert ask(known["sport"], 7104, data=2**32 - 1) == (0, None)
    assert motion._way.depth == 0.0


def test_the_motors_are_released_and_taken_again():
    motion, _, known = made()
    switcher = known["motion_switcher"]
    assert ask(switcher, 1001) == (0, {"form": "0", "name": "ai"})
    assert ask(switcher, 1003) == (0, None)
    assert ask(switcher, 1001)[1]["name"] == ""
    assert ask(known["arm"], 7106, data=26) == (services.WRONG_STATE, None)
    assert ask(switcher, 1002, name="ai") == (0, None)
    assert motion.state is State.DAMP
    assert ask(switcher, 1002, name="fast")[0] == services.BAD_PARAMETER


def test_speech_volume_and_lights_are_lines_of_the_log():
    _, lines, known = made()
    voice = known["voice"]
    assert ask(voice, 1006, volume=85) == (0, None)
    assert ask(voice, 1005) == (0, {"volume": 85})
    assert ask(voice, 1001, text="Hello", index=0, speaker_id=0) == (0, None)
    assert ask(voice, 1010, R=255, G=0, B=16) == (0, None)
    assert lines == ["volume 85", "says Hello", "light #ff0010"]
    assert ask(voice, 1010, R=256, G=0, B=0)[0] == services.BAD_PARAMETER


def test_gestures_are_listed_with_their_numbers():
    _, _, known = made()
    code, listed = ask(known["arm"], 7107)
    assert code == 0
    assert {"id": 27, "name": "shake hand"} in listed
    assert ask(known["arm"], 7106, data=27) == (0, None)
    assert ask(known["arm"], 7106, data=4711) == (services.UNKNOWN_ACTION, None)


PARAMETERS = st.text(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from([10**400, 7]) | st.text(max_size=5),
    lambda one: (
        st.lists(one, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "velocity", "duration", "text", "R", "name"]), one, max_size=4
        )
    ),
    max_leaves=8,
).map(json.dumps)


@given(
    st.sampled_from(["sport", "arm", "motion_switcher", "voice"]),
    st.sampled_from([1, 1001, 1002, 1006, 1010, 7001, 7101, 7102, 7103, 7104, 7105, 7106, 7107, 9999]),
    PARAMETERS,
)
def test_whatever_is_asked_there_is_an_answer(name, api, parameter):
    motion, _, known = made()
    code, data = known[name].answer(api, parameter)
    assert code in {0, 3203, 3204, 7301, 7302, 7303, 7400, 7402, 7404}
    assert isinstance(data, str)
    motion.update(standing(0.02))


@pytest.mark.parametrize("api", [7101, 7104])
def test_a_number_that_is_too_large_for_any_float_is_none(api):
    _, lines, known = made()
    assert ask(known["sport"], api, data=10**400) == (services.BAD_PARAMETER, None)
    assert lines[0].startswith(f"sport {api}: ")


@pytest.mark.parametrize("side", facts.SIDES)
def test_a_hand_is_as_open_as_the_gripper(side):
    for wide in (0.0, 0.04, facts.WIDEST):
        assert hands.opening(side, hands.motors(side, wide)) == pytest.approx(wide)
    assert hands.opening(side, np.zeros(6)) is None
    assert hands.opening(side, np.full(7, np.nan)) is None


def test_each_motor_of_a_hand_is_switched_on_by_its_number():
    """By the vendor's `g1_dex3_example.cpp`: number, 1 above it for on, and no watchdog of the hand's own."""
    dds_types = pytest.importorskip(
        "vla_sim.hardware.unitree.dds_types", reason="CycloneDDS is not installed"
    )
    modes = [one.mode for one in dds_types.hand_command(np.zeros(7)).motor_cmd]
    assert modes == [0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16]
