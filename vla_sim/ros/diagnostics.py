"""A node's report on /diagnostics."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from vla_sim.contract import topics
from vla_sim.ros.messages import to_stamp

if TYPE_CHECKING:
    from vla_sim.ros.stage_node import StageNode

PERIOD = 0.25
"""[s] between checks of whether a report is due."""
EVERY = 4
"""Checks between reports: 1 Hz."""
STARTING = 60
"""First checks, each of which reports, so that whoever starts the nodes sees soon that all have met."""


class DiagnosticsReporter:
    """Reports what the node publishes and subscribes to, its load, its own `status()` and `health()`."""

    def __init__(self, node: StageNode[Any]) -> None:
        self._node = node
        self._publisher = node.publish(topics.DIAGNOSTICS)
        self._checks = 0
        node.repeat(PERIOD, self._check, steady=True)

    def _check(self) -> None:
        self._checks += 1
        if self._node.load_follower is not None:
            self._node.load_follower.check()
        if self._checks % EVERY == 0:
            self._node.check_memory()
        if self._checks <= STARTING or self._checks % EVERY == 0:
            self._publisher.publish(self.report())

    def report(self) -> DiagnosticArray:
        """The message that is due now. In lock-step it holds nothing that depends on the machine."""
        node = self._node
        values = {f"rejected {name}": str(count) for name, count in node.rejected.items()}
        values["listens"] = " ".join(node.subscribed)
        values |= {f"listeners {name}": str(count) for name, count in node.listeners().items()}
        if not node.execution.deterministic:
            values["pid"] = str(os.getpid())
            values |= {f"published {name}": str(p.count) for name, p in node.published.items()}
        if node.load_follower is not None:
            values["load level"] = str(node.load_follower.index)
        if node.freed:
            values["memory freed"] = node.freed
        values |= node.status()
        level, text = node.health()
        entry = DiagnosticStatus(
            level=level, name=node.get_name(), message=text,
            values=[KeyValue(key=k, value=v) for k, v in values.items()],
        )  # fmt: skip
        message = DiagnosticArray(status=[entry])
        message.header.stamp = to_stamp(node.now())
        return message
