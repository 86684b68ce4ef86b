"""The executor: everything that is ready runs, in order; shutdown and errors come out."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from waiting import spin_until, wait_for

rclpy = pytest.importorskip("rclpy")
from rclpy.executors import ExternalShutdownException  # noqa: E402
from rclpy.node import Node  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import SetBool  # noqa: E402

from vla_sim.ros.executor import SerialExecutor  # noqa: E402

WAIT = 30.0


@pytest.fixture
def node(ros_node):
    return ros_node(Node, "serial")


@pytest.fixture
def executor(node):
    made = SerialExecutor()
    made.add_node(node)
    yield made
    made.shutdown()


def test_every_message_arrives_in_order(node, executor):
    heard = []
    node.create_subscription(String, "t", lambda m: heard.append(m.data), 100)
    mouth = node.create_publisher(String, "t", 100)
    spin_until(executor, lambda: mouth.get_subscription_count() == 1)
    for k in range(50):
        mouth.publish(String(data=str(k)))
    spin_until(executor, lambda: len(heard) == 50)
    assert heard == [str(k) for k in range(50)]


def test_drain_takes_all_that_is_there_and_does_not_wait(node, executor):
    heard = []
    node.create_subscription(String, "t", heard.append, 100)
    mouth = node.create_publisher(String, "t", 100)
    spin_until(executor, lambda: mouth.get_subscription_count() == 1)
    for _ in range(20):
        mouth.publish(String())
    wait_for(lambda: len(heard) >= 20, WAIT, executor.drain)
    assert executor.spin_once(0.0) is False


def test_timers_run_and_a_cancelled_one_does_not(node, executor):
    ticks = {"kept": 0, "cancelled": 0}

    def count(name):
        ticks[name] += 1

    node.create_timer(0.01, lambda: count("kept"))
    node.create_timer(0.01, lambda: count("cancelled")).cancel()
    spin_until(executor, lambda: ticks["kept"] >= 5)
    assert ticks["cancelled"] == 0


def test_an_entity_made_while_it_spins_is_served(node, executor):
    executor.spin_once(0.0)
    ticks = []
    node.create_timer(0.01, lambda: ticks.append(1))
    spin_until(executor, lambda: ticks)


@pytest.fixture
def client_node(node):
    made = rclpy.create_node("client")
    yield made
    made.destroy_node()


def asked(executor, client, request):
    """The answer's future."""
    spin_until(executor, client.service_is_ready)
    return client.call_async(request)


def test_a_service_is_answered(node, client_node, executor):
    def answer(request, response):
        response.success = request.data
        return response

    node.create_service(SetBool, "s", answer)
    future = asked(executor, client_node.create_client(SetBool, "s"), SetBool.Request(data=True))
    spin_until(executor, lambda: rclpy.spin_once(client_node, timeout_sec=0.0) or future.done())
    assert future.result().success


def test_a_guard_condition_wakes_it_from_another_thread(node, executor):
    woken = threading.Event()
    guard = node.create_guard_condition(woken.set)
    executor.spin_once(0.0)
    thread = threading.Timer(0.1, guard.trigger)
    thread.start()
    spin_until(executor, woken.is_set)
    thread.join()


def test_an_error_in_a_callback_comes_out(node, executor):
    def fail():
        raise ValueError("from the callback")

    node.create_timer(0.001, fail)
    with pytest.raises(ValueError, match="from the callback"):
        spin_until(executor, lambda: False)


def test_a_shutdown_ends_a_wait_for_ever(node, executor):
    ended = threading.Event()

    def spin():
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()
        ended.set()

    thread = threading.Thread(target=spin)
    thread.start()
    time.sleep(0.2)  # it waits now
    rclpy.try_shutdown()
    assert ended.wait(WAIT)
    thread.join()


def test_a_callback_that_awaits_is_refused(node, client_node, executor):
    async def slow(request, response):
        await node.executor.create_task(lambda: None)
        return response

    node.create_service(SetBool, "slow", slow)
    asked(executor, client_node.create_client(SetBool, "slow"), SetBool.Request())
    with pytest.raises(RuntimeError, match="plain functions"):
        spin_until(executor, lambda: False)
