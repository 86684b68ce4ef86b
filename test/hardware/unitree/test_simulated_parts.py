"""What a person types at the simulated robot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.hardware.unitree.simulated_parts import HELP, PRESS_TIME, Parts


def test_keys_are_down_for_a_while_and_the_cable_is_out_for_as_long_as_is_said():
    parts = Parts()
    assert parts.typed("press L2+B", 10.0) == "press L2+B"
    assert parts.keys == {"L2", "B"}
    parts.tick(10.0 + PRESS_TIME)
    assert not parts.keys
    parts.typed("unplug 2", 10.0)
    assert [parts.plugged(t) for t in (9.9, 10.0, 11.9, 12.0)] == [False, False, False, True]


def test_the_battery_and_the_motors():
    parts = Parts()
    parts.typed("battery 39.5", 0.0)
    parts.typed("heat left_knee_joint 95", 0.0)
    assert parts.voltage == 39.5
    assert parts.temperature.max() == parts.temperature[3, 1] == 95


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("press Z", "there is no key Z"),
        ("battery much", "much is no number from 0 to 60"),
        ("battery nan", "nan is no number"),
        ("heat elbow 90", "there is no joint elbow"),
        ("", "'' is not known"),
    ],
)
def test_what_cannot_be_is_said_with_what_can(line, said):
    answer = Parts().typed(line, 0.0)
    assert said in answer
    assert answer.endswith(HELP)


@given(st.text(max_size=40))
def test_no_line_breaks_it(line):
    assert isinstance(Parts().typed(line, 0.0), str)
