"""The way of a stop from the page to safety: a node of its own in a thread of its own, which nothing that the
page shows can hold up."""

import contextlib
import os
import threading
from concurrent.futures import Future
from typing import Any

from rcl_interfaces.srv import SetParameters
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Empty
from std_srvs.srv import SetBool, Trigger

from vla_sim.common.errors import InputError, StackError, VlaSimError
from vla_sim.contract import topics
from vla_sim.ros.execution import NO_PUBLISHER_EVENTS, QOS

PACED = ("engine", "monitor")
"""Nodes that know how fast simulated time is to go."""


class StopLine:
    """Any thread may call it, and no call waits. speed: that the simulator was asked for here last, and
    took."""

    def __init__(self) -> None:
        self._node = Node(f"view_stop_{os.getpid()}", enable_rosout=False, start_parameter_services=False)
        self._stop = self._node.create_publisher(
            Empty, topics.STOP.name, QOS[topics.STOP.qos], event_callbacks=NO_PUBLISHER_EVENTS
        )
        self._estop = self._node.create_client(SetBool, topics.ESTOP_SERVICE)
        self._reset = self._node.create_client(Trigger, topics.RESET_SERVICE)
        self._pace = {
            name: self._node.create_client(SetParameters, f"/{name}/set_parameters") for name in PACED
        }
        self.speed: float | None = None
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="stop", daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    @property
    def simulated(self) -> bool:
        """Whether there is a simulator that can be reset."""
        return bool(self._reset.service_is_ready())

    def stop(self) -> None:
        """Raises `StackError` where nobody hears it."""
        self._stop.publish(Empty())
        if not self._stop.get_subscription_count():
            raise StackError("nobody hears the stop: safety is not there. Use the robot's own stop")

    def emergency_stop(self, on: bool) -> "Future[str]":
        """Latching is a stop at once as well, which needs no answer."""
        if on:
            with contextlib.suppress(StackError):
                self.stop()
        return self._ask(self._estop, SetBool.Request(data=on), "safety", _words)

    def reset(self) -> "Future[str]":
        def words(answer: Any) -> str:
            return _words(answer) or "the world is as at the beginning"

        return self._ask(self._reset, Trigger.Request(), "the simulator", words)

    def pace(self, factor: float) -> "Future[str]":
        """Simulated seconds a second."""
        request = SetParameters.Request(parameters=[Parameter("speed", value=factor).to_parameter_msg()])

        def words(answer: Any) -> str:
            (result,) = answer.results
            if not result.successful:
                raise InputError(result.reason)
            self.speed = factor
            if self._pace["monitor"].service_is_ready():
                self._pace["monitor"].call_async(request)
            return f"{factor:g} simulated seconds a second"

        return self._ask(self._pace["engine"], request, "the simulator", words)

    def close(self) -> None:
        self._executor.shutdown(0.5)
        self._thread.join(0.5)
        self._node.destroy_node()

    def _ask(self, client: Any, request: Any, who: str, words: Any) -> "Future[str]":
        """words: makes them of the answer, or raises."""
        out: Future[str] = Future()
        if not client.service_is_ready():
            out.set_exception(StackError(f"{who} does not answer"))
            return out

        def answered(future: Any) -> None:
            if out.cancelled():
                return
            try:
                out.set_result(words(future.result()))
            except VlaSimError as error:
                out.set_exception(error)
            except Exception:
                out.set_exception(StackError(f"{who} failed at it; its log says why"))

        client.call_async(request).add_done_callback(answered)
        return out


def _words(answer: Any) -> str:
    """Raises `InputError` with why it was refused."""
    if not answer.success:
        raise InputError(answer.message or "it was refused")
    return str(answer.message)
