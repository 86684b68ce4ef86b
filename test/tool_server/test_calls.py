"""What a client may ask is bounded, and what it is told is one short line."""

import math
from typing import get_args

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.simulation.registry import SIMULATORS
from vla_sim.tool_server import calls
from vla_sim.tool_server.server import Tools


def test_the_engines_are_those_that_there_are():
    assert get_args(calls.Engine) == SIMULATORS


@pytest.mark.parametrize("number", [math.nan, math.inf, -1.0, 1e9, "soon"])
def test_a_number_that_is_none_is_refused(tmp_path, number):
    tools = Tools(tmp_path, None)

    async def ask():
        await tools.call("verdict", {"wait": number}, None)

    with pytest.raises(InputError, match="wait: expected `float`"):
        anyio.run(ask)


def test_each_tool_says_what_it_does_and_what_each_argument_is(tmp_path):
    tools = Tools(tmp_path, None).listed()
    assert len(tools) <= 8
    for tool in tools:
        assert len(tool.description) > 40
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        for name, argument in tool.input_schema["properties"].items():
            assert argument["description"], name
            bounded = {"enum", "maximum", "maxLength", "maxProperties"} & argument.keys()
            assert bounded or argument.get("type") == "boolean" or name == "at", name


@given(st.text())
def test_a_text_that_goes_out_is_one_short_line(text):
    assert calls.short(text).isprintable()
    assert len(calls.short(text)) <= calls.MOST_CHARACTERS


def test_a_secret_of_the_environment_does_not_go_out(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "abcdef-123456")
    assert calls.short("refused: abcdef-123456 is no key") == "refused: *** is no key"
