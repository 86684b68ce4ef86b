from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract.limits import LOAD_LEVELS
from vla_sim.stages.safety.node import every


@given(st.floats(50.0, 200.0), st.sampled_from(LOAD_LEVELS))
def test_under_no_load_does_the_gate_fall_under_50_hz(rate, level):
    assert rate / every(rate, level.gate_rate) >= 50.0


def test_a_faster_gate_comes_down_to_50_hz_under_the_last_level():
    assert every(200.0, LOAD_LEVELS[-1].gate_rate) == 4
    assert every(200.0, LOAD_LEVELS[-2].gate_rate) == 1
    assert every(50.0, LOAD_LEVELS[-1].gate_rate) == 1
