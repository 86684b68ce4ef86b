import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract import budgets, records
from vla_sim.contract.codec import PayloadError, command_id_in, decode, encode
from vla_sim.contract.records import Step, TraceEvent

RECORDS = [
    value
    for value in vars(records).values()
    if isinstance(value, type) and issubclass(value, records.Record) and value is not records.Record
]


def test_the_budget_adds_up_to_the_total():
    assert sum(b.limit for b in budgets.BUDGETS.values()) == budgets.TOTAL_BUDGET.limit
    assert set(budgets.BUDGETS) == set(records.STAGES)


def test_a_record_survives_the_journey():
    event = TraceEvent(command_id="c1", stage="voice", begin_mono=1.5, end_mono=1.75)
    assert decode(TraceEvent, encode(event)) == event
    assert event.milliseconds == pytest.approx(250.0)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("", "not a TraceEvent"),
        ("{}", "missing required field `command_id`"),
        ('{"command_id": "c", "stage": "smell", "begin_mono": 1, "end_mono": 2}', "smell"),
        ('{"command_id": "", "stage": "voice", "begin_mono": 1, "end_mono": 2}', "length"),
        ('{"command_id": "c", "stage": "voice", "begin_mono": NaN, "end_mono": 2}', "not a TraceEvent"),
        ('{"command_id": "c", "stage": "voice", "begin_mono": "x", "end_mono": 2}', "Expected `float`"),
        ('{"command_id": "c", "stage": "voice", "begin_mono": 1, "end_mono": 2, "z": 1}', "unknown field"),
    ],
)
def test_a_bad_payload_is_refused_with_its_reason(payload, words):
    with pytest.raises(PayloadError, match="TraceEvent") as error:
        decode(TraceEvent, payload)
    assert words in str(error.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_not_sent(bad):
    with pytest.raises(PayloadError, match=r"Step\.distance is"):
        encode(Step(skill="move", distance=bad))


@given(st.sampled_from(RECORDS), st.one_of(st.text(), st.binary()))
def test_no_payload_raises_anything_but_a_payload_error(kind, payload):
    try:
        decode(kind, payload)
    except PayloadError as error:
        assert kind.__name__ in str(error)  # noqa: PT017


def test_every_record_has_a_schema():
    for kind in RECORDS:
        assert msgspec.json.schema(kind)


def test_every_skill_says_what_it_takes():
    assert set(records.STEP_FIELDS) == set(records.SKILLS)


@pytest.mark.parametrize(("payload", "command_id"), [
    ('{"command_id":"voice-1","text":"go to the', "voice-1"), ('{"text":"go","command_id": "a b"', "a b"),
    ('{"command_id":"","text":"go"}', ""), ('{"command_id":"' + 65 * "x" + '"}', ""),
    ('{"comm\0nd_id":"a"}', ""),
    ('"command_id":7', ""), ("", ""),
])  # fmt: skip
def test_what_cannot_be_read_may_still_say_of_which_command_it_is(payload, command_id):
    assert command_id_in(payload) == command_id
