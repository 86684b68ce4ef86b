"""Axes and curves are thinned and divided without losing what matters."""

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from vla_sim.report.svg import lowest, steps, tag, thin


def test_thinning_loses_neither_ends_nor_dips():
    line = [(float(i), 0.0 if i == 333 else 1.0) for i in range(1000)]
    assert thin(line, 10)[0] == line[0]
    assert thin(line, 10)[-1] == line[-1]
    assert len(thin(line, 10)) == 10
    assert (333.0, 0.0) in lowest(line, 50)
    assert len(lowest(line, 50)) <= 50


@given(st.floats(0.01, 1e5), st.integers(2, 12))
def test_an_axis_has_round_numbers_and_not_too_many(high, most):
    found = steps(0.0, high, most)
    assert found[0] == 0.0
    assert len(found) <= most + 1
    assert found[-1] <= high * (1 + 1e-6)


def test_markup_is_made_only_on_purpose():
    assert tag("text", "<i>", title='"') == '<text title="&#34;">&lt;i&gt;</text>'
    assert tag("g", Markup("<i/>"), None, class_="a", id=None) == '<g class="a"><i/></g>'
    assert tag("circle", cx=1, vector_effect="none") == '<circle cx="1" vector-effect="none"/>'
