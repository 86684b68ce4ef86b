"""What strangers would type, each sentence with its meaning: done as meant, asked back, or done wrongly."""

from collections import Counter

import pytest
from strangers import FILES, meaning, sentences

from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.world.semantic_map import World


@pytest.fixture(scope="module")
def rules() -> RulePlanner:
    return RulePlanner(World.load("apartment"))


@pytest.mark.parametrize(("name", "least"), FILES.items())
def test_what_strangers_type_is_done_as_meant_or_asked_back_and_never_done_wrongly(name, least, rules):
    counts, wrong, asked = Counter(), [], []
    for one in sentences(name):
        found = meaning(rules.plan(one.text, one.context), rules.world, one.held)
        if found in one.meanings:
            counts["as meant"] += 1
        elif found in ("none", "answer"):
            asked.append(one.text)
        else:
            wrong.append((one.text, found))
    total = counts["as meant"] + len(asked) + len(wrong)
    print(f"{name}: {total} sentences, {counts['as meant']} as meant, {len(asked)} asked back: {asked}")
    assert not wrong
    assert counts["as meant"] >= least * total
