"""A name that the world does not have is told before anything starts."""

import pytest

from vla_sim.common.errors import InputError
from vla_sim.scenario import load, preparation
from vla_sim.scenario.preparation import RunOptions

HEAD = "version: 1\nproves: names are looked at before\n"
GO = "{do: type, words: go, means: [{skill: navigate, place: kitchen}]}"

WRONG = {
    "script: [{do: type, words: go, means: [{skill: navigate, place: kichen}]}]":
        r"mine\.yaml:3:10: no place is called 'kichen'; did you mean kitchen\?",
    "script: [{do: type, words: take, means: [{skill: pick, object: red cub}]}]":
        "no kind of object is called 'red cub'; did you mean red cup",
    f"script: [{GO}, {{do: move, object: purple_cup, to: [0, 0, 1], when: {{at: 1}}}}]":
        r"mine\.yaml:3:\d+: no object is called 'purple_cup'",
    f"script: [{GO}, {{do: type, words: stop, when: {{near: the moon}}}}]":
        r"mine\.yaml:3:\d+: no place or model is called 'the moon'",
    f"script: [{GO}]\nfaults: [{{fault: silent, of: lidar, when: {{lifted: purple cow}}}}]":
        r"mine\.yaml:4:\d+: no object is called 'purple cow'",
    f"script: [{GO}]\nexpect: [{{check: placed, object: red cup, on: kitchen count}}]":
        r"mine\.yaml:4:\d+: no surface is called 'kitchen count'; did you mean kitchen counter",
    f"script: [{GO}]\nexpect: [{{check: arrival, at: attic}}]":
        r"mine\.yaml:4:\d+: no place is called 'attic'",
    f"script: [{GO}]\nexpect: [{{check: never, below: 0.1, object: cupp}}]": "no object is called 'cupp'",
    f"script: [{GO}]\nexpect: [{{check: never, touched: kitchen tabel}}]":
        r"mine\.yaml:4:\d+: no model is called 'kitchen tabel'; did you mean kitchen_table\?",
    f"script: [{GO}]\nexpect: [{{check: no_collision, allow: [sofaa]}}]": "no model is called 'sofaa'",
    f"remove: [red_cup]\nscript: [{GO}, {{do: type, words: stop, when: {{lifted: red_cup}}}}]":
        r"mine\.yaml:4:\d+: no object is called 'red_cup'",
    f"world: apartmnt\nscript: [{GO}]": r"mine\.yaml:3:\d+: no world 'apartmnt' \(did you mean apartment\?\)",
}  # fmt: skip


def prepare(text, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + text)
    return preparation.prepare(RunOptions(load.load(path), folder=tmp_path / "run"))


@pytest.mark.parametrize("text", WRONG)
def test_a_name_that_is_not_in_the_world_is_told_with_the_nearest(text, tmp_path):
    with pytest.raises(InputError, match=WRONG[text]) as caught:
        prepare(text, tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "mine.yaml"))


def test_names_may_be_of_kinds_surfaces_and_models(tmp_path):
    script = f"""
script:
  - {GO}
  - {{do: type, words: stop, when: {{near: red_cup}}}}
  - {{do: type, words: stop, when: {{seen: cup}}}}
  - {{do: type, words: stop, when: {{near: [1.0, 2.0]}}}}
  - {{do: type, words: stop, when: {{near: kitchen_counter}}}}
add: [{{model: crate, name: pallet, x: 1.0, y: 0.6}}, {{model: person, name: ann, x: 5, y: 1}}]
expect:
  - {{check: placed, object: red cup, on: kitchen_counter}}
  - {{check: arrival, at: kitchen}}
  - {{check: never, touched: pallet}}
  - {{check: no_collision, allow: [ann, kitchen table]}}
"""
    assert prepare(script, tmp_path).world.name == "apartment"
