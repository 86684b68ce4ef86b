"""The scripted policy behind openpi's protocol, in this process or in a child of one that needs it."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from vla_sim.common.child_process import ChildServer
from vla_sim.common.errors import StackError
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.policy import openpi
from vla_sim.stages.policy.scripted_policy import ScriptedPolicy

METADATA = {"policy": "scripted"}
START_TIMEOUT = 240.0
"""[s] of a machine with nothing else to do: the first start on it compiles kernels."""


class OneAtATime:
    """A policy whose answers are given one after the other: planner and detector are shared."""

    def __init__(self, policy: ScriptedPolicy, lock: threading.Lock) -> None:
        self._policy, self._lock = policy, lock

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return self._policy.infer(observation)


def serve(host: str, port: int, ready: Callable[[int], object], latency: float = 0.0) -> None:
    """Answer until it is interrupted. ready: called with the port. latency: [s] of an answer at least. Raises
    `MissingError`, `StackError`."""
    planner, detector, lock = ArmPlanner(Kinematics.load()), ColourDetector(), threading.Lock()
    planner.warm()
    detector.warm()
    make = lambda: OneAtATime(ScriptedPolicy(planner, detector), lock)  # noqa: E731
    asyncio.run(openpi.serve(make, host, port, METADATA, ready, latency))


class ScriptedServer:
    """A child process that serves on a free port of the loopback interface; it ends with this one."""

    def __init__(self) -> None:
        self._server = ChildServer()

    def start(self) -> str:
        """Blocks until it answers; its address. Raises `StackError`."""
        command = [sys.executable, "-m", "vla_sim.stages.policy.scripted_server"]
        port = self._server.start(command, "port", START_TIMEOUT)
        if not port:
            raise StackError("the scripted policy's server did not start; vla-sim policy-server shows why")
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
    serve("127.0.0.1", 0, lambda port: print("port", port, flush=True))


if __name__ == "__main__":
    main()
