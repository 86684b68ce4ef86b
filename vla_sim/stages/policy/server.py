"""Our own policies behind openpi's protocol, in this process or in a child of one that needs them."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vla_sim.common.child_process import ChildServer
from vla_sim.common.errors import StackError
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.policy import openpi, reference_policy
from vla_sim.stages.policy.names import REFERENCE
from vla_sim.stages.policy.reference_policy import Network, ReferencePolicy
from vla_sim.stages.policy.scripted_policy import ScriptedPolicy

START_TIMEOUT = 240.0
"""[s] of a machine with nothing else to do: the first start on it compiles kernels."""


class OneAtATime:
    """A policy whose answers are given one after the other: what it computes with is shared."""

    def __init__(self, policy: openpi.Policy, lock: threading.Lock) -> None:
        self._policy, self._lock = policy, lock

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return self._policy.infer(observation)


def maker(name: str, weights: Path | None = None) -> Callable[[], openpi.Policy]:
    """Makes one of `OWN` for each pick. weights: of the reference policy, in the shipped ones' place. Raises
    `InputError`, `MissingError`."""
    if name == REFERENCE:
        network = Network(weights or reference_policy.shipped())
        return lambda: ReferencePolicy(network)
    planner, detector = ArmPlanner(Kinematics.load()), ColourDetector()
    planner.warm()
    detector.warm()
    return lambda: ScriptedPolicy(planner, detector)


def serve(
    make: Callable[[], openpi.Policy], name: str, host: str, port: int, ready: Callable[[int], object],
    latency: float = 0.0,
) -> None:  # fmt: skip
    """Answer until it is interrupted. make: see `maker`. ready: called with the port. latency: [s] of an
    answer at least. Raises `MissingError`, `StackError`."""
    lock = threading.Lock()
    asyncio.run(openpi.serve(lambda: OneAtATime(make(), lock), host, port, {"policy": name}, ready, latency))


class OwnServer:
    """A child process that serves one of `OWN` on a free port of the loopback interface; it ends with this
    one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._server = ChildServer()

    def start(self) -> str:
        """Blocks until it answers; its address. Raises `StackError`."""
        command = [sys.executable, "-m", "vla_sim.stages.policy.server", self._name]
        port = self._server.start(command, "port", START_TIMEOUT)
        if not port:
            raise StackError(
                f"the {self._name} policy's server did not start; "
                f"vla-sim policy-server {self._name} shows why"
            )
        return f"openpi://127.0.0.1:{port}"

    def close(self) -> None:
        """End the server. Idempotent."""
        self._server.close()


def main() -> None:
    """The child: serve until the parent's end of standard input is closed."""

    def watch() -> None:
        sys.stdin.read()
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    name = sys.argv[1]
    serve(maker(name), name, "127.0.0.1", 0, lambda port: print("port", port, flush=True))


if __name__ == "__main__":
    main()
