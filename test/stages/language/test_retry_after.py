"""What a server may write into Retry-After, and what is made of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.language.llm.retry_after import MAX_PAUSE, pause_asked

SENT = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0), ("1.5", 1.5), (" 7 ", 7.0), ("60", 60.0), ("61", MAX_PAUSE), ("inf", MAX_PAUSE),
        ("1e12", MAX_PAUSE), ("9" * 400, MAX_PAUSE), ("nan", None), ("-1", None), ("-inf", None),
        ("", None), ("soon", None), ("\x00", None), ("Wed, 21 Oct 2026 07:28:09 GMT", 9.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0), ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_PAUSE),
        ("Wed, 21 Oct 2026 07:28:09", 9.0), ("Wed, 99 Oct 2026 07:28:09 GMT", None),
    ],
)  # fmt: skip
def test_seconds_and_dates_are_understood_and_bounded(text, seconds):
    assert pause_asked({"retry-after": text, "date": SENT}) == seconds


def test_a_date_needs_no_date_of_the_server():
    assert pause_asked({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": "?"}) == MAX_PAUSE
    assert pause_asked({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    assert pause_asked({}) is None


DATES = st.datetimes().map(lambda d: f"{d:%a, %d %b %Y %H:%M:%S GMT}")


@given(st.text(max_size=40) | st.floats().map(repr) | DATES)
def test_no_header_closes_the_client_for_good(text):
    pause = pause_asked({"retry-after": text})
    assert pause is None or (math.isfinite(pause) and 0.0 <= pause <= MAX_PAUSE)
