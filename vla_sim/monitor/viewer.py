"""The other end of the monitor's topics: what a viewer in another process receives from a running stack."""

import threading
import time
from dataclasses import replace
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import String

from vla_sim.bringup.visitor import Visitor
from vla_sim.contract import topics
from vla_sim.contract.codec import PayloadError, decode
from vla_sim.contract.records import Load, MonitorState
from vla_sim.monitor.core import MOST_NODES
from vla_sim.monitor.top_view import Seen

ENDED = 5  # alerts that are over and still shown


class Viewer(Visitor):
    """Listens in a ROS domain, from a thread; a context manager. It publishes nothing itself."""

    def __init__(self, domain: int, *, own_middleware: bool = True) -> None:
        super().__init__("top", domain, own_middleware)
        self._lock = threading.Lock()
        self._seen, self._came = Seen(domain), 0.0
        self.nodes: dict[str, float] = {}  # nodes that report in this domain, and when last [s, monotonic]
        for topic in (topics.MONITOR_STATE, topics.MONITOR_ALERTS, topics.MONITOR_LOAD):
            self._listen(String, topic, partial(self._on_record, topic.type))
        self._listen(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics)
        self._start()

    def seen(self) -> Seen:
        """What has come so far."""
        with self._lock:
            age = time.monotonic() - self._came if self._seen.state is not None else 0.0
            return replace(self._seen, age=age)

    def _on_record(self, kind: Any, message: String) -> None:
        try:
            record = decode(kind, message.data)
        except PayloadError:
            return  # a monitor of another version
        with self._lock:
            if isinstance(record, MonitorState):
                self._seen, self._came = replace(self._seen, state=record), time.monotonic()
            elif isinstance(record, Load):
                self._seen = replace(self._seen, load=record)
            elif not record.active:
                self._seen = replace(self._seen, ended=[*self._seen.ended, record][-ENDED:])

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name in self.nodes or len(self.nodes) < MOST_NODES:
                self.nodes[status.name] = time.monotonic()
