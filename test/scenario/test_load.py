"""Scenario files: what is wrong with one is said with its place, and what is allowed."""

from __future__ import annotations

import gc
import json
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.common.assets import share_folder
from vla_sim.common.errors import InputError
from vla_sim.contract.records import ObjectQuery, Step
from vla_sim.scenario import load
from vla_sim.scenario.checks import base, objects, registry
from vla_sim.scenario.checks.base import CheckSpec
from vla_sim.scenario.format import CommandAction, Say

HEAD = "version: 1\nproves: That it can be read.\n"
SAY = f"{HEAD}script:\n  - {{do: say, words: hi, when: "
MEANS = f"{HEAD}script:\n  - {{do: say, words: hi, means: "
HELLO = f"{HEAD}script:\n  - {{do: say, words: hello}}\n"


def test_every_shipped_scenario_can_be_read_and_there_are_enough():
    files = [load.load(path) for path in load.shipped()]
    gc.unfreeze()
    gc.collect()  # msgspec 0.22 crashed here for a union in one of the types
    gc.freeze()
    assert len(files) >= 24
    assert len({f.name for f in files}) == len(files)
    assert all(f.scenario.proves.endswith(".") for f in files)


def test_the_shipped_schema_is_the_one_of_the_code():
    assert json.loads((share_folder("test/scenarios") / "schema.json").read_text()) == json.loads(
        load.schema()
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "s.yaml:1:1: a scenario is a mapping"),
        ("a: [", "not YAML"),
        ("- 1", "s.yaml:1:1: a scenario is a mapping"),
        (HEAD, "missing required field `script`"),
        (HEAD.replace("1", "7"), "s.yaml:1:10: version 7 is not known; this vla_sim reads version 1"),
        (f"{HEAD}script: []", "s.yaml:3:9: says nothing"),
        (f"{HEAD}script:\n  - {{do: say, wrods: hi}}", "s.yaml:4:15: 'wrods' is not known here; did you"),
        (f"{HEAD}script:\n  - {{do: sey, words: hi}}", "s.yaml:4:10: do 'sey' is not known; did you"),
        (f"{HEAD}script:\n  - {{words: hi}}", "s.yaml:4:5: needs do, one of say, play"),
        (SAY + "{at: 1, done: 2}}", "s.yaml:4:32: give exactly one of"),
        (SAY + "{done: 1}}", "the first command is given at a time"),
        (HELLO + "  - {do: type, words: hi, when: {done: 9}}", "s.yaml:5:40: there is no command 9"),
        (f"{HELLO}expect:\n  - {{check: grasp}}", "s.yaml:6:5: object missing required field `object`"),
        (f"{HELLO}expect:\n  - {{check: grab}}", "s.yaml:6:13: check 'grab' is not known; did"),
        (f"{HELLO}expect:\n  - {{check: latency, at_most: -3}}", ":6:31: at_most: expected `float` > 0.0"),
        (f"{HELLO}expect:\n  - {{check: zzz}}", "untouched; install the package of a check of your own"),
        (f"{HELLO}expect:\n  - {{check: outcome, command: 3}}", "s.yaml:6:31: there is no command 3"),
        (
            "version: 1\nproves: Something or other.\nscript:\n- {do: move, object: red_cup, to: [0, 0, 1]}\n"
            "- {do: type, words: go, when: {done: 1}}\n", "s.yaml:5:31: the first command is given at a time",
        ),
        (f"{HELLO}add: [{{model: crate, x: .nan, y: 0}}]\n", "x: expected `float`"),
        (f"{HELLO}start: {{x: .inf, y: 0}}\n", "x: expected `float`"),
        (f"{HELLO}expect:\n  - {{check: never}}", "s.yaml:6:5: give exactly one of faster_than"),
        (MEANS + "[{skill: turn}]}", "s.yaml:4:34: turn needs angle"),
        (MEANS + "[{skill: turn, distance: 1}]}", "s.yaml:4:34: turn takes angle; got distance"),
        (MEANS + "[{skill: fly}]}", "s.yaml:4:42: skill: invalid enum value 'fly'; known are navigate, "),
        (MEANS + "[{skill: turn, angel: 9}]}", "s.yaml:4:48: 'angel' is not known here; did you mean angle?"),
        ("version: 1\nproves: x\nscript: []", "s.yaml:2:9: proves: expected `str` of length >= 10"),
        (f"{HELLO}worlds: x", "s.yaml:5:1: 'worlds' is not known here; did you mean world?"),
        (f"{HELLO}world: a\nworld: b", "s.yaml:6:1: world is given twice"),
        (f"{HEAD}script:\n  - {{do: say, words: hi, priority: urgent}}", "s.yaml:4:26: what is spoken"),
        (f"{HEAD}script:\n  - {{do: type, words: hi, priority: urgnt}}", "'urgnt'; did you mean urgent?"),
        (f"{HELLO}scripted_llm: {{a: [{{skill: stop}}]}}", "s.yaml:5:1: nobody asks a language model: give"),
        (f"{HELLO}planner: auto\nscripted_llm: {{a: stop}}", ":6:15: scripted_llm: expected `array`"),
        (f"{HELLO}faults: [{{fault: freze}}]", "s.yaml:5:10: no fault is called 'freze'; did you mean"),
        (f"{HELLO}faults: [{{fault: kill, of: vioce}}]", "no node is called 'vioce'; did you mean voice?"),
        (f"{HELLO}faults: [{{fault: kill}}]", "kill needs a node: one of engine, perception"),
        (f"{HELLO}faults: [{{fault: drop, of: /scam}}]", "no topic is called '/scam'; did you mean /scan?"),
        (f"{HELLO}faults: [{{fault: nan, of: camera}}]", "no sensor is called 'camera'; known are lidar"),
        (f"{HELLO}faults: [{{fault: partition, of: voice}}]", "is between two nodes: say with at which"),
        (f"{HELLO}faults: [{{fault: delay, of: /scan, amount: 99}}]", "amount 99; 0.001 to 60 is allowed"),
        (f"{HELLO}faults: [{{fault: silent, of: imu, share: 0.5}}]", "silent takes no share"),
        (f"{HELLO}faults: [{{fault: cpu}}]", "s.yaml:5:18: cpu cannot be in lock-step: give pace: clock"),
        (f"{HELLO}faults: [{{fault: llm_down}}]", "nobody asks a language model: give planner auto or llm"),
        (f"{HELLO}faults: [{{fault: kill, of: voice, when: {{done: 4}}}}]", "there is no command 4"),
        (f"{HELLO}costs: {{dreaming: 3}}", "s.yaml:5:9: no work is called 'dreaming'; known are voice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text, words):
    with pytest.raises(InputError) as caught:
        load.loads(text, "s.yaml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(alphabet="{}[]:-,'\"\n &*!|>az", max_size=80)))
def test_no_text_is_a_traceback(text):
    for content in (text, f"{HEAD}script: {text}", f"{HELLO}expect: {text}"):
        try:
            load.loads(content)
        except InputError as error:
            said = str(error)
            assert "\n" not in said


def test_what_words_mean_is_read_as_steps():
    scenario = load.loads(f"""{HEAD}script:
  - do: type
    words: Fetch it
    means: [{{skill: find, object: red cup, place: kitchen}}, {{skill: carry, place: user}}]
  - {{do: say, words: Turn around, means: [{{skill: turn, angle: -180}}], when: {{done: 1}}}}
  - {{do: say, words: Nice weather, means: []}}
  - {{do: say, words: Whatever}}
""")
    cup = ObjectQuery(kind="cup", colour="red")
    assert [action.steps for action in scenario.script] == [
        (Step(skill="find", object=cup, place="kitchen"), Step(skill="carry", place="user")),
        (Step(skill="turn", angle=-math.pi),), (), None,
    ]  # fmt: skip


def test_every_shipped_scenario_says_what_its_words_mean():
    for path in load.shipped():
        commands = [a for a in load.load(path).scenario.script if isinstance(a, CommandAction)]
        assert all(a.means is not None for a in commands), path


def test_a_world_may_lie_beside_its_scenario(tmp_path):
    (tmp_path / "flat.sdf").write_text("")
    (tmp_path / "walk.yaml").write_text(f"{HELLO}world: flat.sdf\n")
    (tmp_path / "other.yaml").write_text(f"{HELLO}world: tabletop\n")
    assert load.load(tmp_path / "walk.yaml").scenario.world == str(tmp_path / "flat.sdf")
    assert load.load(tmp_path / "other.yaml").scenario.world == "tabletop"


def test_the_places_of_a_world_are_no_scenario(tmp_path):
    for name in ("places.yaml", "home.places.yaml", "my_places.yaml"):
        (tmp_path / name).write_text(HELLO)
    assert [path.name for path in load.find(str(tmp_path))] == ["my_places.yaml"]


def test_names_files_and_folders_are_found(tmp_path):
    first = load.load("fetch_cup").scenario.script[0]
    assert isinstance(first, Say)
    assert first.words == "Go to the kitchen and pick up the red cup"
    with pytest.raises(InputError, match="no scenario is called 'fetch_cap'; did you mean fetch_cup"):
        load.find("fetch_cap")
    with pytest.raises(InputError, match="holds no scenario"):
        load.find(str(tmp_path))
    with pytest.raises(InputError, match=r"my\.yaml: no such scenario"):
        load.find(str(tmp_path / "my.yaml"))
    (tmp_path / "my.yaml").write_text(HELLO)
    assert load.load(tmp_path / "my.yaml").name == "my"
    assert load.find(str(tmp_path)) == [tmp_path / "my.yaml"]
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load.load(tmp_path / "bad.yaml")


class KeptLeft(CheckSpec, frozen=True, kw_only=True, tag="kept_left"):
    """A user's check."""

    by: float = 0.1

    def judge(self, run):
        return base.outcome("kept left", True, f"{self.by}")


class Point:
    name, value = "kept_left", "here:KeptLeft"

    def __init__(self, kind):
        self.load = lambda: kind


def test_a_users_check_is_found_by_its_entry_point(monkeypatch):
    def install(kind):
        monkeypatch.setattr(registry.metadata, "entry_points", lambda group: [Point(kind)])
        registry.known.cache_clear()

    try:
        install(KeptLeft)
        scenario = load.loads(f"{HELLO}expect:\n  - {{check: kept_left, by: 2}}")
        assert scenario.expect == [KeptLeft(by=2.0)]
        with pytest.raises(InputError, match="known are by"):
            load.loads(f"{HELLO}expect:\n  - {{check: kept_left, bi: 2}}")
        install(int)
        with pytest.raises(InputError, match="is no subclass of CheckSpec"):
            load.loads(HELLO)
        install(objects.Grasp)
        with pytest.raises(InputError, match="a check 'grasp' exists already"):
            load.loads(HELLO)
    finally:
        monkeypatch.undo()
        registry.known.cache_clear()


def test_a_scenario_survives_a_round_trip():
    scenario = load.load("fetch_cup").scenario
    assert load.loads(msgspec.yaml.encode(scenario).decode()) == scenario


def test_two_files_of_one_name_are_not_taken_for_one(tmp_path):
    paths = [tmp_path / folder / "same.yaml" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(HELLO)
    first, second = map(load.load, paths)
    assert load.distinct([first, first]) == [first]
    with pytest.raises(InputError, match="two scenarios are called same"):
        load.distinct([first, second])
