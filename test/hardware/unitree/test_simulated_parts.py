"""What a person types at the simulated robot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.hardware.unitree.simulated_parts import HELP, PRESS_TIME, Parts


def no_cable(seconds):
    raise AssertionError("nobody has unplugged it")


def test_a_stick_stays_where_it_is_pushed_to():
    parts = Parts(no_cable)
    parts.typed("stick ly 0.5", 1.0)
    parts.tick(100.0)
    assert parts.sticks == {"lx": 0.0, "ly": 0.5, "rx": 0.0, "ry": 0.0}


def test_keys_are_down_for_a_while_and_the_cable_is_out_for_as_long_as_is_said():
    unplugged = []
    parts = Parts(unplugged.append)
    assert parts.typed("press L2+B", 10.0) == "press L2+B"
    assert parts.keys == {"L2", "B"}
    parts.tick(10.0 + PRESS_TIME)
    assert not parts.keys
    parts.typed("unplug 2", 10.0)
    assert unplugged == [2.0]


def test_the_battery_and_the_motors():
    parts = Parts(no_cable)
    parts.typed("battery 39.5", 0.0)
    parts.typed("heat left_knee_joint 95", 0.0)
    assert parts.voltage == 39.5
    assert parts.temperature.max() == parts.temperature[3, 1] == 95


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("press Z", "there is no key Z"),
        ("stick up 1", "there is no stick up; there are lx, ly, rx, ry"),
        ("stick ly 2", "2 is no number from -1 to 1"),
        ("battery much", "much is no number from 0 to 60"),
        ("battery nan", "nan is no number"),
        ("heat elbow 90", "there is no joint elbow"),
        ("", "'' is not known"),
    ],
)
def test_what_cannot_be_is_said_with_what_can(line, said):
    answer = Parts(no_cable).typed(line, 0.0)
    assert said in answer
    assert answer.endswith(HELP)


@given(st.text(max_size=40))
def test_no_line_breaks_it(line):
    assert isinstance(Parts(lambda seconds: None).typed(line, 0.0), str)
