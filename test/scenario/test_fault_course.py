"""Faults one after the other: which there are, when they begin, and what is said of them."""

import math
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from test_checks import WORLD, truth

pytest.importorskip("rclpy")

from vla_sim.common.errors import InputError
from vla_sim.contract.faults import KINDS, TOPICS
from vla_sim.contract.records import Contacts, Status
from vla_sim.scenario import fault_cases, fault_course
from vla_sim.scenario.director import Director
from vla_sim.scenario.fault_cases import Case, CaseResult
from vla_sim.scenario.fault_course import Course
from vla_sim.scenario.fault_host import FaultHost
from vla_sim.scenario.format import Scenario
from vla_sim.scenario.recording import Recording


class Stage:
    """A course, and the robot that a test plays. now: [s]."""

    def __init__(self, *cases, engine="mujoco"):
        self.recording, self.now, self.x = Recording(), 0.0, 0.0
        self.killed = []
        nodes = SimpleNamespace(lockstep=True, kill=self.killed.append, freeze=lambda name, stopped: None)
        host = FaultHost(nodes, SimpleNamespace(send=lambda *_: None), lambda: self.now, lambda _: None)
        scenario = Scenario(version=1, proves="what the test says", script=[], timeout=1e6)
        director = Director(scenario, WORLD, self.recording, {})
        session = SimpleNamespace(
            recording=self.recording, director=director, faults=host, nodes=nodes,
            prepared=SimpleNamespace(world=WORLD), tick=self.tick_session,
            client=SimpleNamespace(
                discovery=SimpleNamespace(topics={"safety": {"/scan"}, "scenario": {"/plan"}})
            ),
        )  # fmt: skip
        self.results = []
        self.course, self.host = Course(session, cases, engine, self.results.append), host
        self.director = director

    def tick_session(self):
        self.director.tick()
        self.host.tick()

    def go(self, seconds, speed=0.0, **values):
        """Go on for so long while the robot walks at this speed [m/s]."""
        for _ in range(round(seconds / 0.04)):
            self.now = round(self.now + 0.04, 6)
            self.x += 0.04 * speed
            now = truth(self.now, x=self.x, **values)
            self.recording.truths.append(msgspec.structs.replace(now, joints=[0.0] * 33))
            self.course.tick()

    def status(self, state, number):
        record = Status(command_id=f"typed-{number}", state=state, skill="move", detail=state, mono=0.0)
        self.recording.on_status(record)


FREEZE = Case("walking", "freeze", "navigation")


def test_a_case_begins_in_its_phase_and_is_judged_when_all_is_over():
    stage = Stage(FREEZE)
    stage.go(4.0)
    assert stage.host.spans == []
    stage.status("running", 1)
    stage.go(1.5, speed=0.5)
    assert len(stage.host.active) == 1
    stage.go(0.4, speed=0.5)
    stage.go(4.0)
    stage.go(1.0, speed=0.5)
    stage.status("succeeded", 1)
    stage.go(4.0)
    assert stage.course.over
    (result,) = stage.results
    assert result.held
    assert result.case == "walking: freeze navigation"
    assert result.state == "succeeded"
    assert 0.3 < result.safe < 1.3
    assert 0.0 < result.recovery < 4.0


@pytest.mark.parametrize(("end", "why"), [
    ("fall", "it fell"), ("silence", "the command was not answered"), ("walk", "it stood after"),
    ("touch", "1 collisions"),
])  # fmt: skip
def test_what_does_not_hold_is_said(end, why):
    stage = Stage(FREEZE, FREEZE)
    stage.go(4.0)
    stage.status("running", 1)
    stage.go(1.5, speed=0.5)
    if end == "touch":
        pair = {"a": "g1::pelvis::c", "b": "wall::l::c", "force": 9.0}
        stage.recording.on_contacts(msgspec.convert({"stamp": stage.now, "pairs": [pair]}, Contacts))
    if end == "fall":
        stage.go(0.2, fallen=True)
    elif end == "walk":
        stage.go(4.5, speed=0.5)
    if end in ("touch", "walk"):
        stage.status("failed", 1)
    stage.go(70.0, fallen=end == "fall")
    assert why in stage.results[0].why
    assert not stage.results[0].held


def test_a_robot_that_falls_before_the_fault_ends_the_course():
    stage = Stage(FREEZE, FREEZE)
    stage.go(4.0)
    stage.go(5.0, fallen=True)
    assert stage.course.over
    assert stage.results == []
    assert stage.course.unreached == [FREEZE, FREEZE]


def test_what_is_touched_again_counts_again():
    stage = Stage(FREEZE, FREEZE)
    stage.go(4.0)
    for number in (1, 2):
        stage.status("running", number)
        stage.go(1.5, speed=0.5)
        pair = {"a": "g1::pelvis::c", "b": "wall::l::c", "force": 9.0}
        stage.recording.on_contacts(msgspec.convert({"stamp": stage.now, "pairs": [pair]}, Contacts))
        stage.status("failed", number)
        stage.go(6.0)
    assert [one.collisions for one in stage.results] == [1, 1]


def test_a_phase_that_does_not_come_is_told():
    stage = Stage(Case("grasping", "freeze", "manipulation"))
    stage.go(3.0, cup=(1.0, 0.0, 0.8))
    stage.status("failed", 1)
    stage.go(5.0, cup=(1.0, 0.0, 0.8))
    assert stage.course.over
    assert [c.name for c in stage.course.unreached] == ["grasping: freeze manipulation"]


def test_a_topic_that_nobody_hears_is_not_played():
    stage = Stage(Case("walking", "drop", "/plan"))
    stage.go(3.0)
    assert stage.course.over
    assert [one.state for one in stage.results] == [fault_cases.UNHEARD]


def test_every_node_and_topic_is_there_and_no_case_twice():
    found = fault_cases.cases()
    names = [case.name for case in found]
    assert len(names) == len(set(names)) > 250
    for node in fault_cases.NODES:
        for phase in fault_cases.PHASES:
            assert {f"{phase}: freeze {node}", f"{phase}: kill {node}"} <= set(names)
    disturbances = {k.name for k in KINDS.values() if k.group == "topic"}
    assert {(c.kind, c.target) for c in found if c.target in TOPICS} == {
        (kind, topic) for kind in disturbances for topic in TOPICS
    }
    for case in found:
        case.fault(1)


def test_a_killed_node_has_a_run_of_its_own():
    kill = Case("walking", "kill", "safety")
    split = list(fault_course.courses([FREEZE, kill, FREEZE, FREEZE], 2))
    assert sorted(map(len, split)) == [1, 1, 2]
    assert [kill] in split


def test_results_are_read_again_and_what_is_none_is_said(tmp_path):
    path = tmp_path / "results.jsonl"
    assert fault_cases.read(path) == {}
    one = CaseResult(
        case="a", phase="walking", fault="f", engine="mujoco", lockstep=True, held=True, safe=0.5
    )
    path.write_bytes(msgspec.json.encode(one) + b"\n")
    assert fault_cases.read(path) == {"mujoco a": one}
    assert fault_cases.table([one]).row_count == 1
    path.write_text("{}")
    with pytest.raises(InputError, match="no results of faults"):
        fault_cases.read(path)


def test_speeds_are_of_the_body_and_of_the_arms():
    before, after = truth(0.0), truth(1.0, x=0.5)
    assert fault_course.speed([before, after]) == pytest.approx(0.5)
    turned = msgspec.structs.replace(
        truth(1.0), robot=(*before.robot[:3], math.cos(0.1), 0.0, 0.0, math.sin(0.1))
    )
    assert fault_course.speed([before, turned]) == pytest.approx(0.2)
    joints = np.zeros(33)
    joints[fault_course.ARMS[0]] = 0.4
    one, two = (
        msgspec.structs.replace(truth(t), joints=q) for t, q in ((0.0, [0.0] * 33), (1.0, list(joints)))
    )
    assert fault_course.arm_speed([one, two]) == pytest.approx(0.4)
    assert fault_course.first(fault_course.still, [], 0.0) is None
