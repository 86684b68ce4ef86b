import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract.codec import PayloadError, decode, encode
from vla_sim.contract.limits import LOAD_LEVELS
from vla_sim.contract.records import Load
from vla_sim.monitor.alert_rule import thresholds
from vla_sim.monitor.shedding import AFTER, FORGIVEN, LONGEST_REST, MISSED, REST, Pressure, Shedding, limits

TOP = len(LOAD_LEVELS) - 1
CALM = {"cpu": 30.0, "memory": 30.0, "missed": 0.0}


def shedding():
    return Shedding(limits(thresholds()))


def pressure(mono, **more):
    return Pressure(stamp=mono, mono=mono, **{**CALM, **more})


def play(core, seconds, begin=0.0, **more):
    """(time, level) of each of so many seconds."""
    return [(begin + k, core.decide(pressure(begin + k, **more)).level) for k in range(seconds)]


def steps(levels):
    """(time, by how much) of each change."""
    return [(t, b - a) for (_, a), (t, b) in zip([(0.0, 0), *levels], levels, strict=False) if b != a]


# ------------------------------------------------------------------ what the levels mean


def test_each_level_gives_up_what_the_one_before_did_and_more():
    for before, after in itertools.pairwise(LOAD_LEVELS):
        assert after != before
        assert before.background or not after.background
        assert before.language_model or not after.language_model
        assert before.fine_planning or not after.fine_planning
        assert after.standing_rate <= before.standing_rate
        assert after.perception_rate <= before.perception_rate
        assert after.camera_shrink >= before.camera_shrink
        assert after.state_rate <= before.state_rate
        assert after.gate_rate <= before.gate_rate
    assert LOAD_LEVELS[0].background
    assert LOAD_LEVELS[0].language_model


def test_no_level_goes_under_the_floors():
    for level in LOAD_LEVELS:
        assert min(level.perception_rate, level.standing_rate) >= 5.0
        assert level.state_rate >= 25.0
        assert level.gate_rate >= 50.0


def test_a_record_can_name_every_level_and_no_other():
    for index, level in enumerate(LOAD_LEVELS):
        load = Load(level=index, name=level.name, since=0.0, stamp=1.0, mono=1.0, **CALM)
        assert decode(Load, encode(load)) == load
    text = encode(load).replace(f'"level":{TOP}', f'"level":{TOP + 1}')
    with pytest.raises(PayloadError, match=f"<= {TOP}"):
        decode(Load, text)


# ------------------------------------------------------------------ when it is shed and given back


def test_pressure_sheds_one_level_after_the_other_and_calm_restores_them_in_reverse():
    core = shedding()
    hot = play(core, 30, cpu=100.0)
    assert [by for _, by in steps(hot)] == [1] * TOP
    assert steps(hot)[0][0] == AFTER
    assert hot[-1][1] == TOP
    cool = play(core, 60, begin=30.0)
    assert [b for (_, a), (_, b) in itertools.pairwise(cool) if a != b] == [*range(TOP - 1, -1, -1)]
    assert core.steps == 2 * TOP


def test_each_of_the_three_measures_sheds():
    for more in ({"cpu": 80.0}, {"memory": 80.0}, {"missed": MISSED}):
        core = shedding()
        load = [core.decide(pressure(float(k), **more)) for k in range(4)][-1]
        assert load.level == 1
        assert next(iter(more)) in load.cause
        assert load.fresh
        assert "shed: background commands wait" in str(load)


def test_a_threshold_of_the_users_moves_where_it_begins():
    core = Shedding(limits(thresholds("system.cpu=95")))
    assert play(core, 20, cpu=94.0)[-1][1] == 0
    assert play(core, 20, begin=20.0, cpu=96.0)[-1][1] == TOP


def test_a_single_late_second_sheds_nothing():
    core = shedding()
    for k in range(60):
        assert core.decide(pressure(float(k), missed=5.0 if k % 4 else 0.0, cpu=30.0)).level <= k // 3
    core = shedding()
    for k in range(60):
        assert core.decide(pressure(float(k), missed=5.0 if k % 10 == 0 else 0.0)).level == 0


def test_a_restore_that_had_to_be_undone_makes_the_next_one_wait_longer():
    """The worst case: calm at a level and pressure at the one below it, for ever."""
    core, levels = shedding(), []
    for k in range(1000):
        level = core.level
        levels.append((float(k), core.decide(pressure(float(k), cpu=60.0 if level else 95.0)).level))
    downs = [t for t, by in steps(levels) if by < 0]
    waits = [b - a for a, b in itertools.pairwise(downs)]
    assert waits == sorted(waits)
    assert waits[-1] >= LONGEST_REST
    assert len(downs) <= 12


def test_after_a_long_quiet_time_it_restores_as_soon_as_at_first():
    core = shedding()
    k = 0.0
    for _ in range(3):  # relapses
        while core.level < 1:
            core.decide(pressure(k := k + 1.0, cpu=95.0))
        while core.level:
            core.decide(pressure(k := k + 1.0))
    quiet = k + FORGIVEN
    while k < quiet:
        core.decide(pressure(k := k + 1.0))
    while core.level < 1:
        core.decide(pressure(k := k + 1.0, cpu=95.0))
    shed = k
    while core.level:
        core.decide(pressure(k := k + 1.0))
    assert k - shed <= REST + 1.0


def test_a_gap_in_the_measurements_counts_for_nothing():
    core = shedding()
    for k in range(20):
        assert core.decide(pressure(10.0 * k, cpu=100.0)).level == 0


SECONDS = st.lists(
    st.fixed_dictionaries({
        "cpu": st.sampled_from([0.0, 71.9, 72.0, 79.9, 80.0, 100.0]),
        "memory": st.sampled_from([10.0, 75.9, 76.0, 79.9, 80.0]),
        "missed": st.sampled_from([0.0, 0.49, 0.5, 0.99, 1.0, 30.0]),
    }),
    max_size=300,
)  # fmt: skip


@given(SECONDS)
def test_whatever_is_measured_it_goes_one_step_at_a_time_and_never_flaps(seconds):
    core, levels = shedding(), []
    for k, values in enumerate(seconds):
        levels.append((float(k), core.decide(pressure(float(k), **values)).level))
    changes = steps(levels)
    assert all(by in (-1, 1) for _, by in changes)
    assert all(0 <= level <= TOP for _, level in levels)
    for (before, _), (at, by) in itertools.pairwise(changes):
        assert at - before >= (AFTER if by > 0 else REST)
    for at, by in changes:
        during = seconds[int(at - (AFTER if by > 0 else REST)) : int(at) + 1]
        over = [v["cpu"] >= 80.0 or v["memory"] >= 80.0 or v["missed"] >= 1.0 for v in during]
        calm = [v["cpu"] < 72.0 and v["memory"] < 76.0 and v["missed"] < 0.5 for v in during]
        assert all(over if by > 0 else calm)
    turns = [t for (_, a), (t, b) in itertools.pairwise(changes) if a != b]
    # each relapse doubles the rest: 5, 10, 20, 40, 80, 160 s
    assert len(turns) <= 2 * (2 + math.log2(1 + len(seconds) / REST))


@given(st.lists(st.fixed_dictionaries({
    "cpu": st.floats(72.0, 79.99), "memory": st.floats(0.0, 79.99), "missed": st.floats(0.0, 0.99),
}), max_size=60), st.integers(0, TOP))  # fmt: skip
def test_between_the_limits_nothing_changes(seconds, level):
    core = shedding()
    k = 0.0
    while core.level < level:
        core.decide(pressure(k := k + 1.0, cpu=100.0))
    for values in seconds:
        k += 1.0
        assert core.decide(pressure(k, **values)).level == level
