"""Who begins and ends faults: what it does to processes, and what it tells."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")

from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.contract.records import Fault, FaultRequest
from vla_sim.scenario.fault_host import FaultHost


class Stage:
    """A host with nodes that only note what is done to them. now: [s]."""

    def __init__(self, lockstep=False):
        self.now, self.done, self.said, self.notes = 0.0, [], [], []
        nodes = SimpleNamespace(
            lockstep=lockstep, kill=lambda name: self.done.append(("kill", name)),
            freeze=lambda name, stopped: self.done.append(("stop" if stopped else "go on", name)),
        )  # fmt: skip
        node = SimpleNamespace(send=lambda topic, record: self.said.append((topic, record)))
        self.host = FaultHost(nodes, node, lambda: self.now, self.notes.append)

    def ask(self, request_id, **values):
        self.host.on_request(FaultRequest(request_id=request_id, **values))
        return self.said[-1][1].answers[request_id]


def fault(kind, target="", fault_id="f", **values):
    return Fault(fault_id=fault_id, kind=kind, target=target, **values)


def test_a_frozen_node_goes_on_after_its_time():
    stage = Stage()
    stage.host.tick()
    assert stage.said[0] == (topics.FAULTS, stage.said[0][1])
    stage.host.begin(fault("freeze", "voice", seconds=2.0))
    assert stage.done[-1] == ("stop", "voice")
    assert [f.kind for f in stage.said[-1][1].faults] == ["freeze"]
    stage.now = 1.9
    stage.host.tick()
    assert stage.done[-1] == ("stop", "voice")
    stage.now = 2.0
    stage.host.tick()
    assert stage.done[-1] == ("go on", "voice")
    assert stage.said[-1][1].faults == []
    assert stage.notes == ["fault: freeze voice for 2 s", "over: freeze voice for 2 s"]
    assert [(s.begin, s.end) for s in stage.host.spans] == [(0.0, 2.0)]


def test_a_slow_node_is_stopped_and_let_go_on_in_turns():
    stage = Stage()
    stage.host.begin(fault("slow", "voice", amount=0.5))
    for k in range(100):
        stage.now = 0.02 * k + 0.001
        stage.host.tick()
    turns = [what for what, _ in stage.done[1:]]
    assert turns == (["stop", "go on"] * len(turns))[: len(turns)]
    assert len(turns) == pytest.approx(20, abs=2)
    stage.host.begin(fault("slow", "safety", "g", amount=0.1))
    stage.now += 0.1
    stage.host.tick()
    stage.host.close()
    assert {name: what for what, name in stage.done}["safety"] == "go on"


def test_in_lock_step_the_engine_holds_nodes():
    stage = Stage(lockstep=True)
    stage.host.begin(fault("slow", "voice"))
    stage.host.tick()
    assert ("stop", "voice") not in stage.done
    with pytest.raises(InputError, match="cannot be in lock-step"):
        stage.host.begin(fault("clock_jump", fault_id="g"))


def test_a_kill_is_done_and_nothing_is_in_force_then():
    stage = Stage()
    stage.host.begin(fault("kill", "voice"))
    assert stage.done == [("kill", "voice")]
    assert stage.said[-1][1].faults == []
    assert stage.host.spans[0].end == 0.0


def test_requests_are_answered():
    stage = Stage()
    assert stage.ask("a", begin=fault("drop", "/scan")) == ""
    assert "was there already" in stage.ask("b", begin=fault("drop", "/scan"))
    assert "did you mean voice" in stage.ask("c", begin=fault("freeze", "vioce", "g"))
    assert "no fault 'nothing' is in force; there are f" in stage.ask("d", end="nothing")
    assert stage.ask("e", end="f") == ""
    assert stage.ask("g", end="all") == ""
    for k in range(50):
        stage.ask(f"more{k}", end="all")
    assert len(stage.said[-1][1].answers) == 20


def test_what_is_in_force_is_never_forgotten():
    stage = Stage()
    stage.host.begin(fault("silent", "lidar", fault_id="by hand"))
    for k in range(5):
        stage.host.begin(fault("silent", "camera", fault_id=f"{k}", seconds=0.5))
        stage.now += 1.0
        stage.host.tick()
        stage.host.forget(2)
    assert [one.fault.fault_id for one in stage.host.spans] == ["by hand", "3", "4"]
    assert stage.ask("r", end="all") == ""
    assert stage.said[-1][1].faults == []


def test_what_is_taken_of_the_machine_is_given_back():
    stage = Stage()
    stage.host.begin(fault("memory", amount=20.0))
    (load,) = stage.host._load.values()
    assert load.running
    stage.host.end("all")
    assert load.running == []
