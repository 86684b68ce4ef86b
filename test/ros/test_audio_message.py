"""A piece of sound says how old it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="rclpy is not installed")
from std_msgs.msg import Int16MultiArray, MultiArrayDimension

from vla_sim.ros.conversions import AGE, LONGEST_AGE, audio_age, audio_message

pytestmark = pytest.mark.ros


@given(st.lists(st.integers(-32768, 32767), max_size=400), st.floats(-1.0, 10.0))
def test_sound_and_age_arrive(values, age):
    message = audio_message(np.array(values, np.int16), age)
    assert list(message.data) == values
    assert audio_age(message) == pytest.approx(min(max(age, 0.0), LONGEST_AGE), abs=1e-6)


def test_who_does_not_say_it_or_claims_nonsense_is_as_good_as_new():
    assert audio_age(Int16MultiArray()) == 0.0
    message = Int16MultiArray()
    message.layout.dim = [
        MultiArrayDimension(label="samples", size=320),
        MultiArrayDimension(label=AGE, size=2**31),
    ]
    assert audio_age(message) == 0.0
