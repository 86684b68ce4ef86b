import contextlib
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installed import needs
from language_world import HOME, RULES, plan_of

from vla_sim.contract.records import ObjectQuery, SafetyState
from vla_sim.contract.vocabulary import PACES
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.errors import LlmError
from vla_sim.stages.language.llm.grounding import forgotten, ungrounded
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.plan_format import read, schema
from vla_sim.stages.language.llm.prompt import examples, head, messages
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm
from vla_sim.stages.language.params import LlmSettings
from vla_sim.stages.language.understanding.reference_resolver import Unresolved

pytestmark = pytest.mark.integration

needs("httpx2", "the language model's client (pip install httpx2) is not installed")

CUP_PLAN = (
    '{"steps":[{"skill":"navigate","place":"kitchen"},{"skill":"pick","object":"red cup"},'
    '{"skill":"carry","place":"user"}]}'
)


def ask(server: ScriptedLlm, text: str = "go to the kitchen", context: Context | None = None, **settings):
    with LlmPlanner(RULES, LlmSettings(server.base_url, **{"timeout": 5.0, **settings})) as planner:
        return planner.plan(text, context or Context())


@pytest.fixture(scope="module", autouse=True)
def client_imported():
    with ScriptedLlm() as server:
        LlmPlanner(RULES, LlmSettings(server.base_url)).connect()


def test_a_good_plan_is_expanded_like_one_of_the_rules():
    with ScriptedLlm(plan=CUP_PLAN) as server:
        found = ask(server, "get the red cup that is in the kitchen over to me")
    assert plan_of(found) == [
        "navigate kitchen", "find red cup in kitchen", "approach red cup", "pick red cup", "carry user",
        "say Here is the red cup.",
    ]  # fmt: skip


def test_a_model_says_how_fast_and_with_which_hand():
    plan = (
        '{"steps":[{"skill":"navigate","place":"kitchen","pace":"slowly"},'
        '{"skill":"pick","object":"red cup","hand":"left"},'
        '{"skill":"carry","place":"user","pace":"quickly"}]}'
    )
    with ScriptedLlm(plan=plan) as server:
        found = ask(server, "creep to the kitchen, get the red cup over to me left-handedly and at a trot")
        told = server.requests[0]["messages"][0]["content"]
    how = {step.skill: (step.speed, step.arm) for step in found.steps}
    assert how["navigate"] == (PACES["slowly"], None)
    assert how["pick"] == (None, "left")
    assert how["carry"] == (PACES["quickly"], None)
    assert '"pace" "slowly" or "quickly", "hand" "left" or "right"' in told


@pytest.mark.parametrize("how", ['"pace":"very fast"', '"speed":9.0', '"hand":"left"'])
def test_a_way_that_no_step_has_is_refused(how):
    with pytest.raises(LlmError, match="not a plan"):
        read(f'{{"steps":[{{"skill":"navigate","place":"kitchen",{how}}}]}}', RULES.lexicon, Context())


def test_the_request_carries_schema_settings_and_world():
    with ScriptedLlm() as server:
        ask(server, model="some-model", temperature=0.3, max_tokens=99)
        body = server.requests[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("some-model", 0.3, 99)
    assert body["response_format"]["type"] == "json_schema"
    places = body["response_format"]["json_schema"]["schema"]["$defs"]["Navigate"]["properties"]["place"]
    assert "kitchen" in places["enum"]
    assert "red cup" in body["messages"][0]["content"]
    assert body["messages"][-1]["content"] == "go to the kitchen"


@pytest.mark.parametrize("first", ["invalid_json", "wrong_schema", "unknown_name"])
def test_a_wrong_answer_goes_back_once_with_the_mistake(first):
    with ScriptedLlm([first, "good"]) as server:
        assert plan_of(ask(server)) == ["navigate kitchen"]
        repair = server.requests[1]["messages"][-1]["content"]
    assert repair.startswith("That is wrong: ")
    if first == "unknown_name":
        assert '"the moon" is no place; allowed are ["living room"' in repair


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("error429", "429 Too Many Requests"), ("error500", "500 Internal Server Error"), ("cut", "Error"),
        ("invalid_json", "not a plan"), ("wrong_schema", "not a plan"), ("unknown_name", "is no place"),
        ("empty", "answered nothing"), ("not_json", "no chat completion"),
    ],
)  # fmt: skip
def test_every_failure_of_the_server_is_one_error(behaviour, reason):
    with ScriptedLlm([behaviour]) as server, pytest.raises(LlmError, match=reason):
        ask(server)


def test_a_slow_server_is_given_up():
    begin = time.monotonic()
    with ScriptedLlm(["slow"], delay=20.0) as server, pytest.raises(LlmError, match=r"no plan within 0\.3 s"):
        ask(server, timeout=0.3)
    assert time.monotonic() - begin < 10.0


def test_no_server_is_one_error():
    with ScriptedLlm() as server:
        url = server.base_url
    with (
        LlmPlanner(RULES, LlmSettings(url, timeout=2.0)) as planner,
        pytest.raises(LlmError, match="ConnectError"),
    ):
        planner.plan("go to the kitchen", Context())


def test_a_plan_for_other_words_is_refused():
    steps = '{"steps":[{"skill":"pick","object":"red cup"}]}'
    with ScriptedLlm([steps]) as server, pytest.raises(LlmError, match="does not speak of the red cup"):
        ask(server, "sing a song")


def test_a_plan_that_forgets_a_place_is_refused():
    steps = '{"steps":[{"skill":"pick","object":"red cup"}]}'
    with ScriptedLlm([steps]) as server, pytest.raises(LlmError, match='forgets the "kitchen"'):
        ask(server, "to the kitchen with you, red cup, bring it on")


def test_a_plan_for_a_thing_whose_name_is_near_is_refused():
    steps = '{"steps":[{"skill":"pick","object":"box"}]}'
    with ScriptedLlm([steps]) as server, pytest.raises(LlmError, match="does not speak of the box"):
        ask(server, "go get the xbox")


def test_a_grounded_plan_may_be_asked_not_to_be():
    steps = '{"steps":[{"skill":"pick","object":"yellow bottle"}]}'
    with ScriptedLlm([steps]) as server:
        assert plan_of(ask(server, "I am thirsty", grounded=False))[-1] == "pick yellow bottle"


def test_it_counts_as_spoken_of_through_the_context():
    steps = RULES.intent("pick up the red cup").intent
    held = Context(mentioned=ObjectQuery(kind="cup", colour="red"))
    assert ungrounded("would you kindly seize that one", steps, RULES.lexicon, held) == ""
    assert ungrounded("would you kindly seize that one", steps, RULES.lexicon, Context()) == "the red cup"
    assert ungrounded("sing a song", steps, RULES.lexicon, held) == "the red cup"
    assert forgotten("the red cup", steps, RULES.lexicon) == ""
    assert forgotten("the cup on the nightstand", steps, RULES.lexicon) == "nightstand"


@pytest.mark.parametrize(
    "text", ["don't go to the kitchen", "not the kitchen please", "you shouldn't go to the kitchen"]
)
def test_what_is_not_to_be_done_is_no_plan(text):
    with ScriptedLlm() as server, pytest.raises(LlmError, match="not to be done"):
        ask(server, text)


@pytest.mark.parametrize(
    ("text", "step", "wrong"),
    [
        ("advance one meter", {"skill": "move", "meters": 5}, "5 m"),
        ("sidle two steps to the left", {"skill": "sidestep", "meters": 2}, "2 m"),
        ("swing left by 90 degrees", {"skill": "turn", "degrees": 170}, "2.97 rad"),
        ("hang about for two minutes", {"skill": "wait", "seconds": 2}, "2 s"),
        ("advance one meter", {"skill": "move", "meters": -1}, ""),
        ("swing left by 90 degrees", {"skill": "turn", "degrees": -90}, "that way"),
        ("sidle two steps to the right", {"skill": "sidestep", "meters": 0.6}, "that way"),
        ("shuffle backward one meter", {"skill": "move", "meters": 1}, "that way"),
        (
            "seize the red cup, left hand",
            {"skill": "pick", "object": "red cup", "hand": "right"},
            "the right hand",
        ),
        ("swing left a third of a turn", {"skill": "turn", "degrees": 120}, ""),
        ("advance a meter and wait a second", {"skill": "move", "meters": 1}, ""),
        ("swing left", {"skill": "turn", "degrees": 45}, ""),
    ],
)
def test_an_amount_is_one_of_those_that_were_said(text, step, wrong):
    steps = read(json.dumps({"steps": [step]}), RULES.lexicon, Context())
    assert ungrounded(text, steps, RULES.lexicon, Context()) == wrong


def test_what_goes_next_to_a_thing_is_taken_first():
    beside = '{"skill":"place_next_to","object":"red ball"}'
    cup = ObjectQuery(kind="cup", colour="red")
    for before, context, picks in (
        ("", Context(mentioned=cup), 1), ("", Context(held=cup), 0),
        ('{"skill":"pick","object":"red cup"},', Context(), 1),
    ):  # fmt: skip
        steps = read(f'{{"steps":[{before}{beside}]}}', RULES.lexicon, context)
        assert [step.skill for step in steps] == ["pick"] * picks + ["place"]


def test_who_speaks_is_gone_to_only_from_elsewhere():
    here = '{"skill":"navigate","place":"user"}'
    with pytest.raises(Unresolved, match="I do not see where you are"):
        read(f'{{"steps":[{here}]}}', RULES.lexicon, Context())
    steps = read(f'{{"steps":[{{"skill":"navigate","place":"kitchen"}},{here}]}}', RULES.lexicon, Context())
    assert [step.place for step in steps] == ["kitchen", "user"]


def test_the_models_question_is_asked():
    with ScriptedLlm(['{"steps":[{"skill":"ask","question":"Which song?"}]}']) as server:
        assert ask(server, "sing a song").question == "Which song?"


def test_the_speaker_is_not_asked_about_an_amount_that_only_the_model_speaks_of():
    wrong = '{"steps":[{"skill":"move","meters":90}]}'
    right = '{"steps":[{"skill":"turn","degrees":90}]}'
    with ScriptedLlm([wrong, right]) as server:
        assert plan_of(ask(server, "Turn left 90 degrees")) == ["turn 1.571"]
        assert "asks for no such amount" in server.requests[1]["messages"][-1]["content"]
    with ScriptedLlm(['{"steps":[{"skill":"move","meters":50}]}']) as server:
        assert "not 50. How far?" in ask(server, "would you kindly advance fifty meters").question


def test_limits_hold_for_the_model_too():
    with pytest.raises(Unresolved, match="at a time, not 50"):
        read('{"steps":[{"skill":"move","meters":50}]}', RULES.lexicon, Context())


def test_a_fence_around_the_answer_is_taken_off():
    fenced = '```json\n{"steps":[{"skill":"stop"}]}\n```'
    assert [step.skill for step in read(fenced, RULES.lexicon, Context())] == ["stop"]


@settings(max_examples=50, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=5), st.just("pick")),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["steps", "skill", "object", "meters", "place"]), inner),
            max_leaves=8,
        ).map(json.dumps),
    )
)  # fmt: skip
def test_no_answer_of_a_model_crashes_the_reader(answer):
    with contextlib.suppress(LlmError, Unresolved):
        read(answer, RULES.lexicon, Context())


def test_every_example_of_the_prompt_is_a_valid_plan_of_its_command():
    pairs = examples(RULES.lexicon)
    assert len(pairs) >= 8
    for command, answer in pairs[1:]:
        steps = read(answer, RULES.lexicon, Context())
        assert RULES.plan(command).intent[-1].skill == steps[-1].skill
        assert ungrounded(command, steps, RULES.lexicon, Context()) == ""
        assert forgotten(command, steps, RULES.lexicon) == ""


def test_only_the_last_message_depends_on_the_command():
    one = messages(head(RULES.lexicon), HOME, Context(), "a")
    held = messages(head(RULES.lexicon), HOME, Context(held=ObjectQuery(kind="cup")), "b")
    assert one[:-1] == held[:-1]
    assert held[-1]["content"] == "b (you hold the cup)"


def test_the_schema_names_everything_of_the_world_and_nothing_else():
    kinds = schema(RULES.lexicon)["$defs"]
    assert set(kinds["Place"]["properties"]["surface"]["enum"]) == {s.name for s in HOME.surfaces}
    assert all(kind.get("additionalProperties") is False for kind in kinds.values())
    assert all(set(kind["required"]) == set(kind["properties"]) for kind in kinds.values())


def test_an_answer_is_remembered_under_the_situation_in_which_it_was_asked_for():
    here = Context(pose=(5.0, 0.0, 0.0), safety=SafetyState(level="ok", reasons=[]))
    sways = replace(here, pose=(5.03, -0.02, 0.05))
    near = replace(here, safety=SafetyState(level="slowed", reasons=["slowed: contact predicted in 0.9 s"]))
    away = replace(here, pose=(0.0, 0.0, 0.0))
    with ScriptedLlm() as server, LlmPlanner(RULES, LlmSettings(server.base_url)) as planner:
        asked = [
            planner.plan("go to the kitchen", context, priority).remembered
            for context, priority in (
                (here, "normal"), (sways, "background"), (near, "normal"), (away, "background"),
            )
        ]  # fmt: skip
        told = [body["messages"][-1]["content"] for body in server.requests]
        heads = [body["messages"][:-1] for body in server.requests]
    assert asked == [False, True, False, False]
    assert [line.partition("\n")[0] for line in told] == [
        "[You stand in the kitchen at (5, 0), facing 0 degrees. Safety: all clear.]",
        "[You stand in the kitchen at (5, 0), facing 0 degrees. Safety: slowed, obstacle near.]",
        "[You stand in the living room at (0, 0), facing 0 degrees. Safety: all clear.]",
    ]
    assert heads[0] == heads[1] == heads[2]


def test_requests_of_two_situations_that_are_under_way_at_once_share_no_answer():
    places = ((5.0, 0.0, 0.0), (5.0, 0.02, 0.0), (0.0, 0.0, 0.0))
    with (
        ScriptedLlm(["slow"], delay=0.5) as server,
        LlmPlanner(RULES, LlmSettings(server.base_url)) as planner,
    ):
        answers = [planner.begin("go to the kitchen", Context(pose=pose)) for pose in places]
        assert [plan_of(answer.result()) for answer in answers] == [["navigate kitchen"]] * 3
        assert len(server.requests) == 2
    assert planner.completions.statistics.shared == 1
