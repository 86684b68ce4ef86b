"""A server that answers by a file: what stands in for a language model in a scenario."""

import json

import pytest
from installed import needs
from language_world import RULES, plan_of

from vla_sim.common.errors import InputError
from vla_sim.contract.records import ObjectQuery
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm, load_answers
from vla_sim.stages.language.params import LlmSettings

pytestmark = pytest.mark.integration

needs("httpx2", "the language model's client (pip install httpx2) is not installed")

ANSWERS = {
    "Relocate yourself to the kitchen!": [{"skill": "navigate", "place": "kitchen"}],
    "put it down": [{"skill": "place", "surface": "nightstand"}],
}


def test_it_answers_by_the_words_of_the_command_in_any_situation():
    here = Context(pose=(0.0, 0.0, 0.0), held=ObjectQuery(kind="cup"))
    with (
        ScriptedLlm(answers=ANSWERS) as server,
        LlmPlanner(RULES, LlmSettings(server.base_url, grounded=False)) as planner,
    ):
        assert plan_of(planner.plan("relocate yourself to the kitchen", here)) == ["navigate kitchen"]
        assert plan_of(planner.plan("now put it down", here))[-1].startswith("place")
        assert planner.plan("sing", here).question == "This server is scripted and has no answer to that."


def test_a_file_of_answers_is_read_or_its_mistake_is_said(tmp_path):
    file = tmp_path / "answers.yaml"
    file.write_text(json.dumps(ANSWERS))
    assert load_answers(file) == ANSWERS
    file.write_text("sing: loudly")
    with pytest.raises(InputError, match=r"answers\.yaml:1:1: expected `array`"):
        load_answers(file)
    with pytest.raises(InputError, match="cannot be read"):
        load_answers(tmp_path / "nowhere.yaml")
