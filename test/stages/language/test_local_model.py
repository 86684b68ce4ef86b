from dataclasses import replace

import pytest
from language_world import HOME, plan_of

from vla_sim.common.errors import MissingError
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm import llm_planner, local_model
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.prompt import head
from vla_sim.stages.language.params import LlmSettings
from vla_sim.stages.language.rule_planner import RulePlanner


def installed() -> str:
    """Why the real model cannot run; "" if it can."""
    try:
        local_model.find_model()
    except MissingError as error:
        return str(error)
    return ""


def test_what_is_not_installed_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(local_model.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r'needs the package "xllamacpp"; pip install'):
        local_model.LocalModel().start()


@pytest.mark.skipif(bool(installed()), reason=installed() or "installed")
def test_a_real_model_answers_through_the_real_client(monkeypatch):
    pytest.importorskip("httpx2", reason="the language model's client (pip install httpx2) is not installed")

    # The whole prompt takes seconds to read on a busy machine.
    monkeypatch.setattr(llm_planner, "head", lambda lexicon: head(lexicon)[-2:])
    small = RulePlanner(replace(HOME, places=(), surfaces=()))
    server = local_model.LocalModel()
    try:
        with LlmPlanner(small, LlmSettings(server.start(), timeout=60.0, max_tokens=48)) as planner:
            assert plan_of(planner.plan("Pick up the red cup", Context()))[-1] == "pick red cup"
    finally:
        server.close()
