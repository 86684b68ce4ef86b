import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.monitor import metrics
from vla_sim.monitor.metrics import LAST, LAST_OF_EACH, RATE_WINDOW, MetricStore, RateMeter

NAMES = st.tuples(st.sampled_from(["voice", "llm", "control"]), st.sampled_from(["latency", "rate"]))


@given(st.lists(st.tuples(NAMES, st.floats(allow_nan=False, allow_infinity=False)), max_size=250))
def test_the_last_of_each_series_are_kept_in_order(given_values):
    store = MetricStore()
    by_name = {}
    for k, ((component, kind), value) in enumerate(given_values):
        store.record_metric(component, kind, value, "ms", float(k))
        by_name.setdefault((component, kind), []).append(value)
    for (component, kind), values in by_name.items():
        series = store.series(component, kind)
        assert series.since().tolist() == values[-LAST_OF_EACH:]
        assert series.count == len(values)
    newest = [(m.component, m.type, m.value) for m in store.newest()]
    assert newest[::-1] == [(c, t, v) for (c, t), v in given_values][-LAST:]


def test_memory_is_bounded_and_never_grows():
    store = MetricStore()
    for k in range(3 * LAST + 7):
        store.record_metric("voice", "latency", float(k), "ms", float(k))
    assert [m.value for m in store.newest()] == list(map(float, range(3 * LAST + 6, 2 * LAST + 6, -1)))
    assert store.count == 3 * LAST + 7
    assert store.series("voice", "latency").since().size == LAST_OF_EACH


def test_a_window_looks_back_so_far_and_no_further():
    store = MetricStore()
    for k in range(10):
        store.record_metric("llm", "latency", 10.0 * k, "ms", float(k))
    assert store.series("llm", "latency").since(7.0).tolist() == [70.0, 80.0, 90.0]
    assert store.since("llm", "latency", 7.0).tolist() == [70.0, 80.0, 90.0]
    assert store.since("llm", "rate", 7.0).tolist() == []
    s = store.series("llm", "latency").summary(7.0)
    assert (s.average, s.min, s.max, s.count) == (80.0, 70.0, 90.0, 3)
    assert store.series("llm", "latency").summary(100.0) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_counted_and_dropped(bad):
    store = MetricStore()
    store.record_metric("voice", "latency", bad)
    assert (store.count, store.refused) == (0, 1)
    assert not store.series("voice", "latency").values


def test_names_from_outside_cannot_fill_the_memory(monkeypatch):
    monkeypatch.setattr(metrics, "MOST_SERIES", 5)
    store = MetricStore()
    for k in range(20):
        store.record_metric(f"node{k}", "cpu", 1.0)
    assert len(store.all_series()) == 5
    assert store.refused == 15


@given(st.floats(1.0, 200.0), st.floats(0.3, 1.2))
def test_an_even_rate_is_found_within_its_resolution(rate, every):
    meter = RateMeter()
    for k in range(30):
        meter.add(k * every, int(k * every * rate))
    assert meter.value == pytest.approx(rate, abs=1.01 * meter.resolution)
    assert RATE_WINDOW <= meter.span <= RATE_WINDOW + every


def test_it_says_nothing_before_it_can():
    meter = RateMeter()
    assert meter.value is None
    meter.add(1.0, 5.0)
    meter.add(2.0, 10.0)
    assert meter.value is None
    meter.add(3.0, 15.0)
    assert meter.value == pytest.approx(5.0)


def test_a_node_that_was_started_anew_begins_anew():
    meter = RateMeter()
    for k in range(5):
        meter.add(float(k), 50.0 * k)
    meter.add(5.0, 3.0)
    assert meter.value is None
    for k in range(6, 9):
        meter.add(float(k), 3.0 + 50.0 * (k - 5))
    assert meter.value == pytest.approx(50.0)


def test_a_clock_that_stands_still_divides_by_nothing():
    meter = RateMeter()
    for _ in range(3):
        meter.add(1.0, 2.0)
    assert meter.value is None
