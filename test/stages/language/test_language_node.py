import time
from dataclasses import fields

import pytest

from vla_sim.contract import records, topics
from vla_sim.contract.records import Command, ObjectList, Status, Transcript

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
pytestmark = pytest.mark.ros

BOUND = 20.0  # [s]


@pytest.fixture(scope="module")
def desk(ros_domain):
    """The language node beside a node that talks to it, in a domain of their own."""
    from rclpy.executors import SingleThreadedExecutor

    from vla_sim.common.params import StageParams
    from vla_sim.ros.stage_node import StageNode
    from vla_sim.stages.language.node import LanguageNode

    class Desk(StageNode[StageParams]):
        def __init__(self):
            super().__init__("desk", StageParams)
            self.heard = []
            for topic in (topics.PLAN, topics.INTENT, topics.SAY, topics.STATUS):
                self.listen(topic, self.heard.append)
            for topic in (topics.COMMAND, topics.TRANSCRIPT, topics.OBJECTS, topics.STATUS):
                self.publish(topic)

        def wait(self, kind, command_id):
            end = time.monotonic() + BOUND
            while time.monotonic() < end:
                executor.spin_once(timeout_sec=0.05)
                for record in self.heard:
                    if isinstance(record, kind) and record.command_id == command_id:
                        return record
            raise AssertionError(f"no {kind.__name__} for {command_id} within {BOUND} s: {self.heard}")

    rclpy.init(domain_id=ros_domain)
    node, desk = LanguageNode(), Desk()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(desk)
    end = time.monotonic() + BOUND
    while desk.count_subscribers("/vla/command") < 1 or node.count_subscribers("/vla/plan") < 1:
        assert time.monotonic() < end, "the nodes did not find each other"
        executor.spin_once(timeout_sec=0.05)
    yield desk
    node.close()
    executor.shutdown()
    node.destroy_node()
    desk.destroy_node()
    rclpy.shutdown()


def test_a_typed_command_is_planned(desk):
    desk.send(topics.OBJECTS, ObjectList(stamp=0.0, objects=[]))
    command = Command(command_id="t1", text="Go to the kitchen and pick up the red cup", sent_mono=1.5)
    desk.send(topics.COMMAND, command)
    plan = desk.wait(records.Plan, "t1")
    assert [step.skill for step in plan.steps] == ["navigate", "find", "approach", "pick"]
    assert plan.speech_end_mono == 1.5


def test_what_was_picked_is_known_to_be_held(desk):
    done = Status(command_id="t1", state="succeeded", skill="pick", step=3, steps=4, mono=0.0)
    desk.send(topics.STATUS, done)
    desk.wait(Status, "t1")
    desk.send(topics.COMMAND, Command(command_id="t2", text="put it on the kitchen table", sent_mono=0.0))
    assert [step.skill for step in desk.wait(records.Plan, "t2").steps] == ["place"]


def test_noise_is_answered(desk):
    noise = Transcript(
        command_id="t3", text="", confidence=0.1, complete=False, speech_end_mono=0.0, reason="noise"
    )
    desk.send(topics.TRANSCRIPT, noise)
    assert desk.wait(records.Say, "t3").text == "I heard a noise but no command."
    assert desk.wait(Status, "t3").state == "asked"


def test_the_nodes_parameters_have_the_clients_defaults():
    from vla_sim.stages.language.node import LanguageParams
    from vla_sim.stages.language.params import LlmSettings

    params, settings = LanguageParams(), LlmSettings("")
    shared = {one.name for one in fields(LlmSettings)} - {"base_url", "model"}
    assert {name: getattr(params, name) for name in shared} == {n: getattr(settings, n) for n in shared}
