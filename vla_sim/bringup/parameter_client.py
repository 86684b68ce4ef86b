"""The parameters of nodes that run, through ROS's own services for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient
from rclpy.task import Future

from vla_sim.bringup.visitor import Visitor
from vla_sim.common.errors import InputError, StackError

# A request is sent anew where no answer came [s]: a busy node may know of its client's requests before it
# knows of the reader of its answers, and drops its answers until then (rmw_fastrtps: "client will not receive
# response").
ASKED_AGAIN = 1.0


class ParameterClient(Visitor):
    """In a ROS domain; a context manager."""

    def __init__(self, domain: int, *, own_middleware: bool = True, timeout: float = 8.0) -> None:
        """own_middleware: see `Visitor`. timeout: for a node to be found, and for each of its answers [s]."""
        super().__init__("param", domain, own_middleware)
        self._domain, self._timeout = domain, timeout
        self._clients: dict[str, AsyncParameterClient] = {}

    def get(self, node: str, name: str) -> Any:
        """Raises `StackError` where the node does not answer."""
        (value,) = self._ask(node, lambda client: client.get_parameters([name])).values
        return parameter_value_to_python(value)

    def set(self, node: str, name: str, value: Any) -> None:
        """Raises `InputError` with the reason where the node refuses, `StackError` where it is silent."""
        parameters = [Parameter(name, value=value)]
        (result,) = self._ask(node, lambda client: client.set_parameters(parameters)).results
        if not result.successful:
            raise InputError(f"{node} refuses: {result.reason}")

    def _client(self, node: str) -> AsyncParameterClient:
        if node not in self._clients:
            client = AsyncParameterClient(self._node, node)
            deadline = time.monotonic() + self._timeout
            while not client.services_are_ready():
                if time.monotonic() > deadline:
                    raise StackError(
                        f"no node {node} is in ROS domain {self._domain}: the stack there runs without it, "
                        "still starts, or has ended"
                    )
                time.sleep(0.02)
            self._clients[node] = client
        return self._clients[node]

    def _ask(self, node: str, request: Callable[[AsyncParameterClient], Future]) -> Any:
        """The answer to a request, which does no harm when it is carried out again."""
        client = self._client(node)
        deadline = time.monotonic() + self._timeout
        futures: list[Future] = []
        while (left := deadline - time.monotonic()) > 0.0:
            futures.append(request(client))
            rclpy.spin_until_future_complete(self._node, futures[-1], timeout_sec=min(ASKED_AGAIN, left))
            for future in futures:  # a slow node answers an earlier one
                if future.done():
                    return future.result()
        raise StackError(
            f"{node} does not answer in ROS domain {self._domain}: it hangs, or is ending; look into its log"
        )
