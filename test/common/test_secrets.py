"""No secret stands in what a run leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common import secrets


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "MY_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("text", "left"), [
    ("--base-url http://user:S3CRET@127.0.0.1:9/v1", "--base-url http://***@127.0.0.1:9/v1"),
    ("'https://S3CRET@host/a' and http://b", "'https://***@host/a' and http://b"),
    ("mail me@home.org, http://a/b@c", "mail me@home.org, http://a/b@c"),
    ('{"again": "http://u:p@h"}', '{"again": "http://***@h"}'),
])  # fmt: skip
def test_a_login_in_a_url_is_struck_out(text, left):
    assert secrets.strike(text) == left


def test_what_the_environment_names_like_a_secret_is_struck_out(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " sk-test-1234\n")
    monkeypatch.setenv("MY_TOKEN", "sk-test")
    monkeypatch.setenv("SHORT_KEY", "none")
    assert secrets.strike("Bearer sk-test-1234, sk-test, none") == "Bearer ***, ***, none"


@given(
    st.text(), st.text(st.characters(exclude_characters="/@'\"\\", exclude_categories=["Z", "C"]), min_size=3)
)
def test_no_text_around_it_keeps_a_login(before, login):
    assert f"//{login}@" not in secrets.strike(f"{before} http://{login}@host/v1")
