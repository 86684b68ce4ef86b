"""The viewer as a node: what it hears and when, and what leaves it for the robot."""

import asyncio
import contextlib
import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from ports import any_port
from waiting import wait_for

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("aiohttp")
pytest.importorskip("viser")

import aiohttp
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.executors import ExternalShutdownException
from std_srvs.srv import SetBool, Trigger

from vla_sim.common.params import StageParams
from vla_sim.contract import records, topics
from vla_sim.robot import facts
from vla_sim.ros import conversions
from vla_sim.ros.executor import SerialExecutor
from vla_sim.ros.messages import to_stamp
from vla_sim.ros.stage_node import StageNode
from vla_sim.scenario.client import NodeThread
from vla_sim.view.node import OFTEN, ViewNode

pytestmark = [pytest.mark.integration, pytest.mark.ros]
BOUND = 120.0  # [s]
MUCH = 0.25
"""[s] from a click to a stop: what the page promises."""


class Rest(StageNode[StageParams]):
    """The rest of the stack: hears what the page sends, and answers."""

    def __init__(self):
        super().__init__("rest", StageParams)
        self.commands, self.stops, self.sound, self.estops, self.resets = [], [], [], [], 0
        self.requests = []
        self.publish(topics.FAULTS)
        self.publish(topics.SAFETY_STATE)
        self.joints = self.publish(topics.JOINT_STATES)
        self.listen(topics.COMMAND, self.commands.append)
        self.listen(topics.STOP, lambda _: self.stops.append(time.monotonic()))
        self.listen(topics.AUDIO, lambda message: self.sound.append(list(message.data)))
        self.listen(topics.FAULT_REQUEST, self.on_request)
        self.create_service(SetBool, topics.ESTOP_SERVICE, self.on_estop)
        self.create_service(Trigger, topics.RESET_SERVICE, self.on_reset)
        self.create_service(SetParameters, "/engine/set_parameters", self.on_speed)
        self.repeat(0.02, self.tick, steady=True)
        self.periods = 0

    def on_request(self, request):
        self.requests.append(request)
        answer = {request.request_id: "" if request.begin is not None else "no such fault"}
        self.send(topics.FAULTS, records.FaultState(faults=[], answers=answer))

    def on_estop(self, request, response):
        self.estops.append(request.data)
        response.success = request.data
        response.message = "emergency stop latched" if request.data else "the robot lies; set it up first"
        return response

    def on_speed(self, request, response):
        """Where a node fails at it, the answer is empty."""
        speed = request.parameters[0].value.double_value
        if speed <= 10.0:
            response.results = [SetParametersResult(successful=speed <= 4.0, reason="too fast")]
        return response

    def on_reset(self, _, response):
        self.resets += 1
        response.success = True
        return response

    def tick(self):
        self.periods += 1
        message = conversions.StateMessages().joints
        message.position = np.full(len(facts.JOINTS), 0.001 * self.periods).tolist()
        message.header.stamp = to_stamp(0.02 * self.periods)
        self.joints.publish(message)
        self.send(topics.SAFETY_STATE, records.SafetyState(level="stopped", reasons=["stop was said"]))


@pytest.fixture(scope="module")
def stack(ros_domain):
    port = any_port()
    with NodeThread(ros_domain, lambda: ViewNode("view", {"world": "tabletop", "view_port": port})) as view:
        rest, executor = Rest(), SerialExecutor()
        executor.add_node(rest)

        def spin():
            with contextlib.suppress(ExternalShutdownException):
                executor.spin()

        threading.Thread(target=spin, daemon=True).start()
        wait_for(lambda: all(view.can().values()), BOUND)
        yield SimpleNamespace(view=view, rest=rest, url=f"http://127.0.0.1:{port}")
        view.close()


def visit(stack, call):
    async def go():
        async with aiohttp.ClientSession(stack.url, headers={"Origin": stack.url}) as session:
            return await asyncio.wait_for(call(session), BOUND)

    return asyncio.run(go())


async def until(condition):
    """As `wait_for`, and the session goes on meanwhile."""
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


async def ask(session, **action):
    async with session.post("/do", data=json.dumps(action)) as found:
        return found.status, (await found.json())["text"]


def test_nothing_that_comes_often_is_listened_to_while_nobody_looks(stack):
    view = stack.view
    wait_for(lambda: view.peek.open == (), BOUND)
    assert "joints" not in view.state.joints

    async def look(session):
        known = {}
        async with session.ws_connect("/state") as line:
            while "safety" not in known or known["safety"]["level"] != "stopped":
                known |= json.loads((await line.receive()).data)
            often = {topic.name for topic in OFTEN}
            await until(lambda: set(view.peek.open) == often)
            await until(lambda: view.state.joints)
            await line.send_str('{"pictures": true}')
            await until(lambda: set(view.peek.open) == often | {topics.COLOR.name, topics.CAMERA_INFO.name})
        return known

    known = visit(stack, look)
    assert known["safety"]["title"] == "Stopped"
    assert known["can"] == dict.fromkeys(("command", "speak", "stop", "reset", "speed", "faults"), True)
    wait_for(lambda: view.peek.open == (), BOUND)
    for topic in OFTEN:
        found = view.get_subscriptions_info_by_topic(topic.name)
        assert not [one for one in found if one.node_name.startswith("view")], topic.name


def test_a_typed_command_and_a_spoken_one_reach_the_robots_ears(stack):
    async def talk(session):
        assert await ask(session, do="command", text="  go to the kitchen ") == (
            200,
            'sent: "go to the kitchen"',
        )
        assert (await ask(session, do="command", text="  "))[0] == 400
        async with session.ws_connect("/audio") as line:
            await line.send_bytes(np.array([1, -2, 3], "<i2").tobytes())
            await until(lambda: stack.rest.sound)

    visit(stack, talk)
    wait_for(lambda: stack.rest.commands, BOUND)
    assert [one.text for one in stack.rest.commands] == ["go to the kitchen"]
    assert stack.rest.sound == [[1, -2, 3]]


class Hold:
    """A callback that has begun, and that the node's thread sleeps in until it may end."""

    def __init__(self):
        self.busy, self.ends = threading.Event(), threading.Event()

    def __call__(self, *_):
        self.busy.set()
        self.ends.wait(BOUND)


@pytest.fixture
def hold():
    made = Hold()
    yield made
    made.ends.set()


def test_a_stop_comes_at_once_while_the_node_is_busy(stack, hold):
    """The thread that shows everything sleeps in a callback meanwhile."""
    stack.view.repeat(0.01, hold, steady=True)
    wait_for(hold.busy.is_set, BOUND)
    before = len(stack.rest.stops)

    async def press(session):
        async with session.post("/stop") as found:
            assert found.status == 200
        assert await ask(session, do="estop", on=True) == (200, "emergency stop latched")
        return await ask(session, do="estop", on=False)

    began = time.monotonic()
    refused = visit(stack, press)
    hold.ends.set()
    wait_for(lambda: len(stack.rest.stops) >= before + 2, BOUND)
    assert stack.rest.estops[-2:] == [True, False]
    assert refused == (400, "the robot lies; set it up first")
    assert stack.rest.stops[before] - began < BOUND / 4, "it waited for the callback"


def test_a_page_whose_viewer_does_not_come_to_tell_it_anything_says_so(stack, hold):
    async def look(session):
        known = {}

        async def shows(title):
            while known.get("safety", {}).get("title") != title:
                known.update(json.loads((await line.receive()).data))

        async with session.ws_connect("/state") as line:
            await shows("Stopped")
            stack.view.repeat(0.01, hold, steady=True)
            await until(hold.busy.is_set)
            await shows("This page is told nothing")
            hold.ends.set()
            await shows("Stopped")

    visit(stack, look)


@pytest.mark.load
def test_a_stop_is_there_within_a_quarter_of_a_second(stack):
    async def press(session):
        took = []
        for _ in range(20):
            count, began = len(stack.rest.stops), time.monotonic()
            async with session.post("/stop"):
                pass
            await until(lambda count=count: len(stack.rest.stops) > count)
            took.append(stack.rest.stops[count] - began)
        return max(took)

    assert visit(stack, press) < MUCH


def test_a_page_that_is_opened_later_shows_the_speed_that_was_chosen(stack):
    async def choose(session):
        while (await ask(session, do="speed", factor=4.0))[0] != 200:  # until the service is discovered
            await asyncio.sleep(0.1)
        assert await ask(session, do="speed", factor=5.0) == (400, "too fast")
        assert await ask(session, do="speed", factor=20.0) == (
            400,
            "the simulator failed at it; its log says why",
        )
        async with session.get("/about") as found:
            return (await found.json())["speed"]

    assert visit(stack, choose) == 4.0


def test_what_has_no_stamp_does_not_set_the_clock_back(stack):
    """A monitor that has just begun says its state at 0 s."""
    moved = conversions.StateMessages().joints
    moved.header.stamp = to_stamp(1000.0)
    stack.view.take(topics.JOINT_STATES.name, moved)
    load = {"level": 0, "name": "full", "before": 0, "cause": "", "since": 0.0, "cpu": 1.0, "memory": 1.0}
    stack.view.take(topics.MONITOR_LOAD.name, records.Load(**load, missed=0.0, stamp=0.0, mono=1.0))
    moved.header.stamp = to_stamp(0.0)
    stack.view.take(topics.JOINT_STATES.name, moved)
    assert stack.view.state.stamp == 1000.0


def test_a_fault_begins_where_somebody_breaks_things_and_its_refusal_is_said(stack):
    async def wreck(session):
        fault = {"fault_id": "page-1", "kind": "freeze", "target": "voice", "seconds": 1.0}
        assert (await ask(session, do="fault", fault=fault))[0] == 200
        status, text = await ask(session, do="fault", fault=fault | {"target": "nobody"})
        assert (status, "no node is called 'nobody'" in text) == (400, True)
        assert await ask(session, do="mend", fault_id="x") == (400, "no such fault")
        assert (await ask(session, do="reset"))[0] == 200
        assert (await ask(session, do="seek", to=1.0))[0] == 400

    visit(stack, wreck)
    (begun, _) = stack.rest.requests
    assert begun.begin == records.Fault(fault_id="page-1", kind="freeze", target="voice", seconds=1.0)
    assert stack.rest.resets == 1
