import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract import metrics


@given(
    st.from_regex(r"[A-Za-z0-9_./-]{1,64}", fullmatch=True),
    st.sampled_from(["", "ms", "m/s", "% of a core"]),
    st.lists(st.floats(-1e6, 1e6)),
)  # fmt: skip
def test_what_is_recorded_is_read(type, unit, values):
    found = metrics.read(metrics.key(type, unit), metrics.text(values))
    assert found is not None
    assert found[:2] == (type, unit)
    assert all(math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-9) for a, b in zip(found[2], values, strict=True))


@given(st.text(), st.text())
def test_any_value_of_a_report_is_read_or_is_no_metric(key, text):
    for one in (key, metrics.PREFIX + key):
        found = metrics.read(one, text)
        assert found is None or all(map(math.isfinite, found[2]))


@pytest.mark.parametrize(("type", "unit"), [("", ""), ("two words", "s"), ("a" * 65, ""), ("a", "s" * 33)])
def test_what_cannot_be_a_metric_is_refused(type, unit):
    with pytest.raises(ValueError, match="1 to 64 letters"):
        metrics.key(type, unit)
