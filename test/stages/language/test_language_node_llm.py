"""The language node with a model behind a server: its plans, and the rules' where the server hangs."""

import re
import threading
import time

import pytest
from installed import needs

from vla_sim.contract import topics
from vla_sim.contract.records import Command, DetectedObject, ObjectList, SafetyState
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
needs("httpx2", "the language model's client (pip install httpx2) is not installed")
pytestmark = pytest.mark.ros

BOUND = 60.0  # [s]


CUP = DetectedObject(
    track_id=1, kind="cup", colour="red", position=(1.0, 0.0, 0.8), size=(0.07, 0.07, 0.1), yaw=0.0,
    confidence=0.9, last_seen=100.0,
)  # fmt: skip


@pytest.fixture
def begin(ros_domain):
    """Starts the node with parameters: (node, desk, until, planned). planned: who plans a command."""
    from rclpy.executors import SingleThreadedExecutor

    from vla_sim.common.params import StageParams
    from vla_sim.ros.stage_node import StageNode
    from vla_sim.stages.language.node import LanguageNode

    class Desk(StageNode[StageParams]):
        def __init__(self):
            super().__init__("desk", StageParams)
            self.plans = {}
            self.listen(topics.PLAN, lambda plan: self.plans.setdefault(plan.command_id, plan))
            for topic in (topics.COMMAND, topics.OBJECTS, topics.SAFETY_STATE):
                self.publish(topic)
            self.odom = self.publish(topics.ODOM)
            self.map_to_odom = self.publish(topics.MAP_TO_ODOM)

    made = []

    def start(**values):
        arguments = [word for name in values for word in ("-p", f"language:{name}:={values[name]}")]
        rclpy.init(args=["--ros-args", *arguments], domain_id=ros_domain)
        executor = SingleThreadedExecutor()
        node, desk = LanguageNode(), Desk()
        made.extend((node, executor, desk))
        executor.add_node(node)
        executor.add_node(desk)

        def until(condition):
            end = time.monotonic() + BOUND
            while not condition():
                assert time.monotonic() < end, "it did not happen"
                executor.spin_once(timeout_sec=0.05)

        def planned(command_id, text):
            desk.send(topics.COMMAND, Command(command_id=command_id, text=text, sent_mono=0.0))
            until(lambda: command_id in desk.plans)
            return desk.plans[command_id].planner

        until(lambda: desk.count_subscribers("/vla/command") and node.count_subscribers("/vla/plan"))
        return node, desk, until, planned

    yield start
    node, executor, desk = made
    node.close()
    executor.shutdown()
    node.destroy_node()
    desk.destroy_node()
    rclpy.shutdown()


@pytest.mark.parametrize(
    ("url", "proxy", "why"),
    [
        ("http://[::1/v1", "", "is no address of a model's server"),
        ("http://192.0.2.1/v1", "socks5://127.0.0.1:9", "no HTTP client can be made with the proxies"),
    ],
)
def test_a_client_that_cannot_be_made_is_one_line_and_the_rules_plan(url, proxy, why, begin, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    node, _, until, planned = begin(planner="llm", base_url=f"'{url}'")
    until(lambda: why in node.status()["model"])
    assert planned("c1", "turn around") == "rules"
    assert node.status()["model failed"] == "1"


class Loading(ScriptedLlm):
    """Answers nobody until its model is loaded."""

    loaded = threading.Event()

    def _answer(self, http):
        self.loaded.wait(BOUND)
        super()._answer(http)


def test_a_model_plans_and_one_that_hangs_does_not_hold_up_the_node(begin):
    from geometry_msgs.msg import TransformStamped
    from nav_msgs.msg import Odometry

    with Loading(["good", "good", "keep_alive"]) as server:
        node, desk, until, planned = begin(
            planner="llm", base_url=server.base_url, model="scripted", timeout=3.0
        )
        until(lambda: all(desk.count_subscribers(f"/{t}") for t in ("odom", "safety/state")))
        frame, odometry = TransformStamped(), Odometry()
        frame.transform.translation.x, odometry.pose.pose.position.x = 4.0, -3.0
        desk.map_to_odom.publish(frame)
        desk.odom.publish(odometry)
        desk.send(topics.SAFETY_STATE, SafetyState(level="ok", reasons=[]))
        desk.send(topics.OBJECTS, ObjectList(stamp=0.0, objects=[CUP]))
        until(lambda: node.pose() is not None and node.gathered.safety and node.gathered.objects)
        until(lambda: node.status()["model"] == "loading")
        assert planned("c0", "go to the kitchen") == "rules"
        Loading.loaded.set()
        until(lambda: node.status()["model"] == "ready")
        assert planned("c1", "go to the kitchen") == "llm"
        told = server.requests[1]["messages"][-1]["content"]
        assert re.match(
            r"\[You stand in the [a-z ]+ at \(1, 0\), facing 0 degrees\. Safety: all clear\. "
            r"Seen: red cup (on|in) the [a-z ]+, [a-z ]+\.\]\ngo to the kitchen$",
            told,
        ), told
        assert planned("c2", "go to the kitchen") == "cache"
        assert planned("c3", "turn around") == "rules"
        told = node.status()
        assert (told["llm.sent"], told["llm.failed"], told["model failed"]) == ("3", "1", "2")
        desk.send(topics.COMMAND, Command(command_id="c4", text="turn right", sent_mono=0.0))
        until(lambda: len(server.requests) == 4)
        assert planned("c5", "stop") == "rules"
        until(lambda: server.left == 2)
        assert "c4" not in desk.plans
