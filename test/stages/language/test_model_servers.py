"""Every way in which a model's server answers: its plan is used, or one line says why not."""

import contextlib
import json
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installed import needs
from language_world import RULES, plan_of

from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.answer import Answer, delta
from vla_sim.stages.language.llm.errors import MAX_REASON, LlmError, SaidNoError
from vla_sim.stages.language.llm.event_stream import EventReader, NotJsonError
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.plan_format import read
from vla_sim.stages.language.llm.scripted_llm import GO_HOME, ScriptedLlm
from vla_sim.stages.language.llm.server_error import said_no
from vla_sim.stages.language.llm.server_habits import HABITS
from vla_sim.stages.language.llm.way import FORMS, Question, Way
from vla_sim.stages.language.params import LlmSettings
from vla_sim.stages.language.understanding.reference_resolver import Unresolved

pytestmark = pytest.mark.integration

needs("httpx2", "the language model's client (pip install httpx2) is not installed")

BOUND = 30.0  # [s]
WHY = {
    "thoughts_alone": "the model thought and did not answer",
    "thoughts_cut": "the answer was cut off, since max_tokens is 1000",
    "two_plans": "the answer has two plans that differ",
    "prose_alone": 'not a plan: no JSON in "I will gladly walk to the kitchen."',
    "error_in_200": "the server says 503 Service Unavailable: model is overloaded",
    "error_in_stream": "the server says 500 Internal Server Error: out of memory",
    "error_line": "the server says 500 Internal Server Error: out of memory",
    "error_text": 'it has no model "SmolLM2-135M-Instruct", it has scripted (language.model, --model): '
    "the server says 404 Not Found: model 'tiny' not found, try pulling it first",
    "error_object": 'it has no model "SmolLM2-135M-Instruct", it has scripted (language.model, --model): '
    "the server says 404 Not Found: no such model",
    "detail": "the server says 403 Forbidden: Not authenticated",
    "page_502": "the server says 502 Bad Gateway: <html>Bad Gateway</html>",
    "latin_1": "the server's answer is no chat completion but text/event-stream: 'utf-8' codec can't decode "
    "byte 0xe9 in position 3: unexpected end of data",
    "latin_1_error": 'the server says 500 Internal Server Error: {"error": "d\ufffdsol\ufffd"}',
    "too_long": "the server says 400 Bad Request: This model's context length is 512 tokens, the prompt "
    "has 900.",
    "cut_by_length": "the answer was cut off, since max_tokens is 1000",
    "filtered": "a filter of the server withheld the answer",
    "refusal": "the model refuses: I cannot help with that.",
    "no_choices": "the server's answer is no chat completion: KeyError 'choices'",
}
"""Of the habits that leave no plan."""
ASKED_FOR = {
    "no_json_schema": "JSON without a schema",
    "only_tools": "a tool's call",
    "only_text": "text",
    "no_schema_500": "JSON without a schema",
    "max_completion_tokens": "a JSON schema, max_completion_tokens",
    "only_default_temperature": "a JSON schema, no temperature",
    "new_model": "a JSON schema, max_completion_tokens, no temperature, no stream",
    "no_stream": "a JSON schema, no stream",
    "no_system": "a JSON schema, no system message",
    "extra_forbidden": "a tool's call, no usage",
    "bare": "text, no limit of tokens, no temperature, no usage",
}
"""Of the servers that refuse a part of the first request."""


@pytest.fixture
def told():
    """What the planner told of the way in which it asks."""
    return []


@pytest.fixture
def plan(told):
    """(plan, requests): plans "go to the kitchen" and the like with a server of one habit."""
    with ExitStack() as stack:

        def begin(*script):
            server = stack.enter_context(ScriptedLlm(script))
            settings = LlmSettings(server.base_url, timeout=BOUND)
            planner = stack.enter_context(LlmPlanner(RULES, settings, told.append))
            return lambda text: plan_of(planner.plan(text, Context())), server.requests

        yield begin


@pytest.mark.parametrize("habit", [habit for habit in HABITS if habit not in WHY])
def test_the_plan_is_used_and_the_way_found_kept_and_told_in_one_line(habit, plan, told):
    ask, requests = plan(habit)
    assert ask("go to the kitchen") == ["navigate kitchen"]
    refused = len(requests) - 1
    assert (0 < refused <= 4) == (habit in ASKED_FOR)
    assert ask("now go to the kitchen") == ["navigate kitchen"]
    assert len(requests) == refused + 2
    (line,) = told
    assert f"is asked for {ASKED_FOR.get(habit, 'a JSON schema')}" in line
    assert ("since the server says" in line) == (habit in ASKED_FOR)
    assert line.isprintable()
    assert len(line) <= MAX_REASON


@pytest.mark.parametrize("habit", WHY)
def test_where_there_is_no_plan_one_line_says_why(habit, plan):
    ask, _ = plan(habit)
    with pytest.raises(LlmError) as error:
        ask("go to the kitchen")
    assert str(error.value) == WHY[habit]


@pytest.mark.parametrize("habit", ["thoughts_alone", "thoughts_cut", "cut_by_length", "refusal", "filtered"])
def test_what_cannot_be_mended_is_not_asked_for_twice(habit, plan):
    ask, requests = plan(habit)
    with pytest.raises(LlmError):
        ask("go to the kitchen")
    assert len(requests) == 1


def test_a_search_in_vain_is_made_once_and_forgotten(plan):
    ask, requests = plan(*["too_long"] * 6, "good")
    for _ in range(2):
        with pytest.raises(LlmError, match="context length"):
            ask("go to the kitchen")
    assert len(requests) == 6
    assert ask("go to the kitchen") == ["navigate kitchen"]
    assert requests[-1]["response_format"]["type"] == "json_schema"


def test_a_server_that_says_that_it_is_loading_is_asked_again():
    with (
        ScriptedLlm(["error503", "error503", "good"]) as server,
        LlmPlanner(RULES, LlmSettings(server.base_url, timeout=BOUND)) as planner,
    ):
        planner.warm(BOUND)
        assert len(server.requests) == 3


def test_a_model_that_is_loaded_when_it_is_asked_for_has_longer_than_a_command():
    with (
        ScriptedLlm(["slow", "good"], delay=0.5) as server,
        LlmPlanner(RULES, LlmSettings(server.base_url, timeout=0.1)) as planner,
    ):
        planner.warm(BOUND)
        planner.set(replace(planner.settings, timeout=BOUND))
        assert plan_of(planner.plan("go to the kitchen", Context())) == ["navigate kitchen"]


def test_a_server_that_never_says_a_word_is_not_waited_for_for_ever():
    with (
        ScriptedLlm(["keep_alive"]) as server,
        LlmPlanner(RULES, LlmSettings(server.base_url)) as planner,
        pytest.raises(LlmError, match=r"no answer within 0\.5 s"),
    ):
        planner.warm(0.5)


# --------------------------------------------------------------------------- parts

CHUNK = {"choices": [{"index": 0, "delta": {"content": "wörds"}}]}


@given(
    st.lists(st.sampled_from(["data: {}\n\n", "data:{}\r\n\r\n", ": c\n\ndata: {}\r\r"]), min_size=1),
    st.data(),
)
def test_a_stream_is_the_same_in_whichever_pieces_it_comes(events, data):
    whole = "".join(one.replace("{}", json.dumps(CHUNK)) for one in events).encode() + b"data: [DONE]\n\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    reader, found = EventReader(), []
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += reader.take(whole[begin:end])
    assert [*found, *reader.end()] == [CHUNK] * len(events)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n\n", b"\r", b"{", b"[DONE]", b"1"])))
def test_no_bytes_crash_the_reader(pieces):
    reader = EventReader()
    with contextlib.suppress(NotJsonError):
        for piece in pieces:
            reader.take(piece)
        reader.end()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "choices", "delta", "message", "content", "usage", "error", "detail", "code", "type",
            "tool_calls", "function", "arguments", "reasoning", "text", "finish_reason",
            "refusal", "prompt_tokens",
        ]),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300)
@given(JSON)
def test_no_event_is_more_than_a_delta_or_one_error(event):
    answer = Answer()
    with contextlib.suppress(LlmError):
        answer.take(delta(event))
        assert isinstance(answer.whole(100), str)


@given(JSON | st.binary(max_size=100), st.sampled_from([200, 302, 400, 404, 422, 429, 500, 599, 999]))
def test_no_error_of_a_server_is_more_than_one_line(body, status):
    error = said_no(status, body, {"location": "http://elsewhere/\x1b"})
    assert str(error).isprintable()
    assert 300 <= error.status < 1000


@given(st.text(max_size=60), st.sampled_from([400, 404, 422, 500, 501]), st.booleans())
def test_every_search_for_a_way_ends(complaint, status, guess):
    question = Question("m", 0.1, 100, {"type": "object"})
    said = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    way, tried = Way(), 0
    names = " max_tokens stream_options stream temperature system role schema tool"
    error = SaidNoError("no", status, (complaint + names).lower())
    while way is not None:
        body = way.body(question, said)
        assert body["messages"][-1]["content"].endswith("u")
        assert way.form in FORMS
        tried += 1
        assert tried < 10
        way = way.after(error, guess)


@settings(max_examples=200)
@given(st.text(st.sampled_from('{}[]":,stepskil navigate<think>/'), max_size=200))
def test_no_words_around_a_plan_crash_the_reader(text):
    for answer in (text, text + GO_HOME, GO_HOME + text):
        try:
            steps = read(answer, RULES.lexicon, Context())
        except (LlmError, Unresolved):
            continue
        assert [step.skill for step in steps] == ["navigate"]


@pytest.mark.parametrize("deep", ['{"a":' * 5000, '{"steps":' + "[" * 5000, "{" * 7000])
def test_depth_is_no_way_out(deep):
    with pytest.raises(LlmError):
        read(deep, RULES.lexicon, Context())


def test_what_stands_inside_another_object_is_no_plan():
    with pytest.raises(LlmError, match="not a plan"):
        read(json.dumps({"never do": json.loads(GO_HOME)}), RULES.lexicon, Context())


def test_a_way_without_a_system_message_loses_no_word():
    said = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
    ]
    body = replace(Way(), system=False).body(Question("m", 0.0, 9, None), said)
    assert body["messages"] == [{"role": "user", "content": "a\n\nb"}, said[2]]
