import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from language_world import HOME, RULES, looking, says, short

from vla_sim.common import clock
from vla_sim.contract import topics
from vla_sim.contract.codec import decode, encode
from vla_sim.contract.records import SILENT, Command, ObjectList, ObjectQuery, Status, Transcript
from vla_sim.stages.language.dialogue_context import DialogueTracker
from vla_sim.stages.language.llm.errors import LlmError
from vla_sim.stages.language.responder import EXECUTIVE_TIMEOUT, MISTAKE, Responder

WAIT = 10.0  # [s] bound for what another thread does


class Desk:
    """A responder whose records are collected; `model(text, context)` stands for the language model."""

    def __init__(self, model=None, mode="rules", gathered=None):
        self.sent, self.notes = [], []
        self.ready = threading.Event()
        pool = ThreadPoolExecutor(16)
        begin = lambda text, context, _: pool.submit(model, text, context)  # noqa: E731
        self.dialogue = DialogueTracker(HOME)
        self.now = 100.0
        self.gathered = gathered or looking(now=lambda: self.now)
        self.responder = Responder(
            RULES, self.dialogue, lambda topic, record: self.sent.append((topic, record)),
            self.gathered, begin if model else None, mode, note=self.notes.append, on_ready=self.ready.set,
        )  # fmt: skip

    def see(self, *objects):
        """Perception says what it sees."""
        self.gathered.on_objects(says(ObjectList(stamp=self.now, objects=list(objects))))
        self.responder.on_gathered()

    def say(self, text, command_id="c1", **more):
        self.responder.on_command(Command(command_id=command_id, text=text, sent_mono=1.0, **more))

    def hear(self, text, complete=True, reason=""):
        self.responder.on_transcript(
            Transcript(
                command_id="v1", text=text, confidence=0.9, complete=complete, speech_end_mono=2.0,
                reason=reason,
            )
        )  # fmt: skip

    def answers(self):
        assert self.ready.wait(WAIT)
        self.ready.clear()
        self.responder.on_answers()

    def of(self, topic):
        return [record for one, record in self.sent if one is topic]

    @property
    def plans(self):
        return [[short(step) for step in plan.steps] for plan in self.of(topics.PLAN)]


def test_under_load_the_rules_answer_and_the_model_is_not_asked():
    desk = Desk(fail, mode="llm")
    desk.responder.allowed = lambda: False
    desk.say("go to the kitchen")
    assert [plan.planner for plan in desk.of(topics.PLAN)] == ["rules"]
    assert desk.responder.counts == {"model spared under load": 1, "rules": 1}
    desk.responder.allowed = lambda: True
    desk.say("go to the kitchen", "c2")
    desk.answers()
    assert desk.responder.counts["model failed"] == 1


def to_kitchen(text, context):
    return RULES.plan("go to the kitchen", context)


def fail(text, context):
    raise LlmError("no")


def test_a_command_becomes_intent_plan_and_trace():
    desk = Desk()
    desk.say("go to the kitchen")
    order = [topics.INTENT, topics.TRACE, topics.PLAN, topics.TRACE]
    assert [topic for topic, _ in desk.sent] == order
    plan = desk.of(topics.PLAN)[0]
    assert (plan.command_id, plan.planner, plan.priority) == ("c1", "rules", "normal")
    assert plan.speech_end_mono == 1.0
    assert [event.stage for event in desk.of(topics.TRACE)] == ["intent", "planning"]
    for _, record in desk.sent:
        decode(type(record), encode(record))


def test_a_question_is_said_and_reported_and_nothing_is_planned():
    desk = Desk()
    desk.say("go to the garage")
    question = desk.of(topics.INTENT)[0].question
    assert "garage" in question
    assert desk.of(topics.SAY)[0].text == question
    assert (desk.of(topics.STATUS)[0].state, desk.of(topics.STATUS)[0].detail) == ("asked", question)
    assert not desk.plans


def test_an_answer_is_an_empty_plan_that_is_said():
    desk = Desk()
    desk.say("what are you holding")
    assert desk.of(topics.PLAN)[0].answer == desk.of(topics.SAY)[0].text == "I am holding nothing."
    assert desk.plans == [[]]
    assert desk.of(topics.STATUS)[0].state == "succeeded"


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ("", "silence", "I did not hear anything."), ("", "noise", "I heard a noise but no command."),
        ("pick up the red", "partial", 'I only understood "pick up the red". Please say it again.'),
        ("go to the kitchen", "partial", 'Did you say "go to the kitchen"?'),
    ],
)  # fmt: skip
def test_an_incomplete_transcript_is_answered_never_acted_on(text, reason, words):
    desk = Desk()
    desk.hear(text, complete=False, reason=reason)
    assert [say.text for say in desk.of(topics.SAY)] == [words]
    assert desk.of(topics.STATUS)[0].state == "asked"
    assert not desk.plans


def test_half_a_sentence_that_says_stop_stops():
    desk = Desk()
    desk.hear("stop the", complete=False, reason="partial")
    assert desk.plans == [["stop"]]


@pytest.mark.parametrize(
    ("given", "text", "priority"),
    [
        ("normal", "go to the kitchen", "normal"), ("normal", "go to the kitchen now", "urgent"),
        ("urgent", "go to the kitchen", "urgent"), ("background", "go to the kitchen", "background"),
        ("stop", "go to the kitchen", "stop"), ("normal", "stop", "stop"),
    ],
)  # fmt: skip
def test_the_stronger_of_said_and_given_priority_counts(given, text, priority):
    desk = Desk()
    desk.say(text, priority=given)
    assert desk.of(topics.PLAN)[0].priority == priority


def test_the_model_plans_in_mode_llm_and_what_it_said_before_is_told_apart():
    known = []

    def model(text, context):
        known.append(text)
        return replace(to_kitchen(text, context), remembered=len(known) > 1)

    desk = Desk(model, "llm")
    for command_id in ("c1", "c2"):
        desk.say("off to where the food is", command_id)
        desk.answers()
    assert desk.plans == [["navigate kitchen"]] * 2
    assert [plan.planner for plan in desk.of(topics.PLAN)] == ["llm", "cache"]
    assert [event.stage for event in desk.of(topics.TRACE)] == ["intent", "planning"] * 2


def test_in_mode_auto_only_what_the_rules_cannot_read_goes_to_the_model():
    desk = Desk(to_kitchen, "auto")
    desk.say("turn around")
    assert [plan.planner for plan in desk.of(topics.PLAN)] == ["rules"]
    desk.say("off to where the food is", "c2")
    desk.answers()
    assert [plan.planner for plan in desk.of(topics.PLAN)] == ["rules", "llm"]


@pytest.mark.parametrize("model", [fail, lambda text, context: 1 / 0])
def test_where_the_model_fails_the_rules_answer(model):
    desk = Desk(model, "llm")
    desk.say("go to the kitchen")
    desk.answers()
    assert desk.plans == [["navigate kitchen"]]
    assert desk.of(topics.PLAN)[0].planner == "rules"
    assert len(desk.notes) == 1
    assert desk.notes[0].startswith("the rules answer c1, not the model: ")


def test_a_stop_overtakes_the_model_and_cancels_what_it_still_thinks_about():
    release = threading.Event()

    def slow(text, context):
        release.wait(WAIT)
        return to_kitchen(text, context)

    desk = Desk(slow, "llm")
    desk.say("off to where the food is")
    desk.say("stop", "c2")
    assert desk.plans == [["stop"]]
    assert [(s.command_id, s.state) for s in desk.of(topics.STATUS)] == [("c1", "cancelled")]
    release.set()
    assert not desk.ready.wait(0.1)
    desk.responder.on_answers()
    assert desk.plans == [["stop"]]


def test_too_many_waiting_commands_are_answered_by_the_rules():
    release = threading.Event()

    def slow(text, context):
        release.wait(WAIT)
        return to_kitchen(text, context)

    desk = Desk(slow, "llm")
    for i in range(9):
        desk.say(f"move forward {(i + 1) / 2} meters", f"c{i}")
    desk.answers()
    assert desk.plans == [["move 4.5 0"]]
    release.set()


def statuses(desk):
    return [(s.command_id, s.state, s.detail) for s in desk.of(topics.STATUS)]


def test_a_mistake_of_the_program_is_an_answer_and_the_next_command_is_understood(monkeypatch):
    desk = Desk()
    with monkeypatch.context() as broken:
        broken.setattr(RULES, "intent", lambda *_: {}["missing"])
        for give in (lambda: desk.say("go to the kitchen"), lambda: desk.hear("go to the kitchen")):
            with pytest.raises(KeyError):
                give()
    assert statuses(desk) == [("c1", "failed", MISTAKE), ("v1", "failed", MISTAKE)]
    desk.say("go to the kitchen", "c2")
    assert len(desk.plans) == 1


@pytest.fixture
def steady():
    now = [50.0]

    class Source:
        def mono(self):
            return now[0]

        def charge(self, work, seconds, most):
            return seconds

    clock.use(Source())
    yield now
    clock.use(None)


def test_an_executive_that_says_nothing_of_a_plan_is_told_once(steady):
    desk = Desk()
    for name in ("heard", "lost"):
        desk.say("go to the kitchen", name)
    desk.responder.on_status(Status(command_id="heard", state="accepted", mono=50.0))
    steady[0] += EXECUTIVE_TIMEOUT + 0.1
    desk.responder.check()
    desk.responder.check()
    assert statuses(desk) == [("lost", "failed", SILENT["executive"])]


def test_what_was_answered_for_a_silent_planner_is_not_planned_any_more(steady):
    desk = Desk()
    desk.responder.on_status(Status(command_id="c1", state="failed", detail=SILENT["language"], mono=49.0))
    desk.say("go to the kitchen")  # given at 1 s, read late
    assert desk.sent == []
    desk.responder.on_status(Status(command_id="c1", state="failed", detail=SILENT["language"], mono=0.5))
    desk.say("go to the kitchen")  # given again after that
    assert len(desk.plans) == 1


def test_yes_to_what_was_half_heard_has_it_done():
    desk = Desk()
    desk.hear("go to the kitchen", complete=False, reason="partial")
    assert desk.plans == []
    desk.say("yes please", "c2")
    assert desk.plans == [["navigate kitchen"]]


def test_right_is_no_yes_where_it_may_be_a_side():
    desk = Desk()
    desk.hear("turn left", complete=False, reason="partial")
    desk.say("right", "c2")
    assert desk.plans == []
    desk.say("yes", "c3")
    assert desk.plans == [["turn 1.571"]]


@pytest.mark.parametrize(("reply", "said"), [("no", "All right."), ("Nope.", "All right.")])
def test_no_to_what_was_half_heard_has_nothing_done(reply, said):
    desk = Desk()
    desk.hear("go to the kitchen", complete=False, reason="partial")
    desk.say(reply, "c2")
    assert [plan for plan in desk.plans if plan] == []
    assert desk.of(topics.SAY)[-1].text == said


@pytest.mark.parametrize(
    ("text", "reply", "plan"),
    [
        ("put it on the table", "the kitchen table", ["place kitchen table"]),
        ("put it on the table", "the one in the kitchen", ["place kitchen table"]),
        ("go to the garage", "the kitchen", ["navigate kitchen"]),
        ("go to the garage", "to the kitchen please", ["navigate kitchen"]),
        ("move forward", "one meter", ["move 1 0"]), ("turn 90 degrees", "left", ["turn 1.571"]),
        ("find the red", "the ball", ["find red ball"]), ("find the red one", "the cup", ["find red cup"]),
        ("find the red thing", "the red ball", ["find red ball"]),
        ("go to the garage", "slowly walk to the bedroom", ["navigate bedroom"]),
        ("put it down", "the kitchen", ["place kitchen"]),
        ("move it", "the kitchen", ["carry kitchen"]),
        ("turn around and take the blue box", "on the nightstand",
         ["place nightstand", "turn 3.142", "find blue box", "approach blue box", "pick blue box"]),
        ("take the blue box", "next to the ball",
         ["place next to ball", "find blue box", "approach blue box", "pick blue box"]),
        ("take the blue box", "the nightstand",
         ["place nightstand", "find blue box", "approach blue box", "pick blue box"]),
    ],
)  # fmt: skip
def test_an_answer_completes_what_was_asked_back(text, reply, plan):
    desk = Desk()
    desk.dialogue.context = replace(
        desk.dialogue.context, held=ObjectQuery(kind="cup", colour="red"), place=""
    )
    desk.say(text)
    assert desk.plans == []
    desk.say("banana", "c2")  # which leaves the question open
    desk.say(reply, "c3")
    assert desk.plans == [plan]


@pytest.mark.parametrize(
    ("text", "reply", "plan"),
    [
        ("go to the kitchen", "no, the bedroom", ["navigate bedroom"]),
        ("find the red cup", "no, the green one", ["find green cup"]),
        ("find the red cup", "I meant the red ball", ["find red ball"]),
        ("find the red cup", "the other one", ["find green cup"]),
        ("turn left", "no, right", ["turn -1.571"]), ("move forward 1 meter", "no, 2 meters", ["move 2 0"]),
        ("go to the kitchen", "no, find the red ball", ["find red ball"]),
        ("find the red cup, take it from the kitchen to the bedroom", "no, from the living room", [
            "find red cup", "navigate living room", "find red cup in living room", "approach red cup",
            "pick red cup", "carry bedroom",
        ]),
    ],
)  # fmt: skip
def test_a_correction_takes_the_command_back_and_does_what_was_meant(text, reply, plan):
    desk = Desk()
    desk.see()
    desk.say(text)
    desk.say(reply, "c2")
    assert desk.plans[1:] == [plan]
    assert [(s.command_id, s.state) for s in desk.of(topics.STATUS)] == [("c1", "cancelled")]


def test_a_correction_of_what_has_ended_takes_nothing_back():
    desk = Desk()
    desk.say("go to the kitchen")
    desk.dialogue.on_status(Status(command_id="c1", state="succeeded", mono=1.0))
    desk.say("no, the bedroom", "c2")
    assert desk.plans == [["navigate kitchen"], ["navigate bedroom"]]
    assert statuses(desk) == []


@pytest.mark.parametrize("words", ["never mind", "wait", "hold on", "don't move", "that's enough"])
def test_what_is_said_after_a_stop_is_done_in_place_of_what_runs(words):
    desk = Desk()
    desk.say("go to the kitchen")
    desk.say(f"{words}, go to the bedroom", "c2")
    assert desk.plans == [["navigate kitchen"], ["navigate bedroom"]]
    assert statuses(desk) == [("c1", "cancelled", "stop was said")]


def test_where_safety_stops_what_runs_the_executive_answers_it():
    desk = Desk()
    desk.say("go to the kitchen")
    desk.say("stop and go to the bedroom", "c2")
    assert desk.plans == [["navigate kitchen"], ["navigate bedroom"]]
    assert statuses(desk) == []


def test_what_waits_for_its_plan_is_dropped_by_a_stop_and_what_follows_it():
    release = threading.Event()
    desk = Desk(lambda text, context: release.wait(WAIT) and to_kitchen(text, context), "auto")
    try:
        desk.say("off to where the food is")
        desk.say("stop and go to the bedroom", "c2")
        assert desk.plans == [["navigate bedroom"]]
        assert statuses(desk) == [("c1", "cancelled", "stop was said")]
    finally:
        release.set()


@pytest.mark.parametrize("words", ["no!", "No no no!", "no, don't", "don't!"])
def test_no_stops_what_runs_and_otherwise_nothing(words):
    desk = Desk()
    desk.say("go to the kitchen")
    desk.dialogue.on_status(Status(command_id="c1", state="running", mono=1.0))
    desk.say(words, "c2")
    assert desk.plans == [["navigate kitchen"], ["stop"]]


def test_no_stops_what_has_run_for_long():
    desk = Desk()
    desk.say("go to the kitchen")
    desk.dialogue.on_status(Status(command_id="c1", state="running", mono=1.0))
    desk.now += 40.0
    desk.say("no", "c2")
    assert desk.plans == [["navigate kitchen"], ["stop"]]


def test_no_to_what_waits_for_its_plan_has_it_dropped():
    release = threading.Event()
    desk = Desk(lambda text, context: release.wait(WAIT) and to_kitchen(text, context), "llm")
    try:
        desk.say("off to where the food is")
        desk.say("no", "c2")
        assert desk.plans == [["stop"]]
        assert statuses(desk) == [("c1", "cancelled", "stop was said")]
    finally:
        release.set()


def test_no_to_an_answer_that_waits_for_its_plan_has_it_dropped():
    desk = Desk()
    desk.now += 5.0  # perception is silent
    desk.say("take the red")
    desk.say("the ball", "c2")
    assert desk.plans == []
    desk.say("no", "c3")
    desk.now += 2.0
    desk.responder.on_gathered()
    assert desk.plans == [["stop"]]


def test_a_correction_of_what_waits_for_its_plan_has_it_dropped():
    release = threading.Event()
    desk = Desk(lambda text, context: release.wait(WAIT) and RULES.plan(text, context), "llm")
    desk.say("go to the kitchen")
    desk.say("no, the bedroom", "c2")
    release.set()
    desk.answers()
    desk.responder.on_answers()
    assert desk.plans == [["navigate bedroom"]]
    assert statuses(desk) == [("c1", "cancelled", "you corrected it")]


def test_after_half_a_minute_words_are_read_by_themselves():
    desk = Desk()
    desk.say("go to the garage")
    desk.now += 40.0
    desk.see()
    desk.say("the red ball", "c2")
    assert desk.plans == []


def test_who_has_to_wait_is_told_once(steady):
    answer = threading.Event()
    desk = Desk(lambda text, context: answer.wait(WAIT) and RULES.plan(text, context), mode="llm")
    try:
        desk.say("go to the kitchen")
        desk.responder.check()
        assert desk.of(topics.SAY) == []
        steady[0] += 0.5
        desk.responder.check()
        desk.responder.check()
        assert [say.text for say in desk.of(topics.SAY)] == ["One moment."]
    finally:
        answer.set()


def test_how_much_is_said_is_a_choice():
    desk = Desk()
    desk.responder.talk = "much"
    desk.say("go to the kitchen and turn left")
    assert desk.of(topics.SAY)[-1].text == "I go to the kitchen, then turn 90 degrees."
    desk.responder.talk = "normal"
    desk.say("go to the bedroom", "c2")
    assert len(desk.of(topics.SAY)) == 1
