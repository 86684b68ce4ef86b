"""Have all nodes met? Discovery takes its time, and what is said before is not heard."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Meetings:
    """Built from every node's diagnostics: to what it listens, and how many listen to each of its
    topics. A node that has not reported yet has met nobody."""

    listens: dict[str, set[str]] = field(default_factory=dict)
    heard_by: dict[str, dict[str, int]] = field(default_factory=dict)

    def report(self, node: str, values: dict[str, str]) -> None:
        """Take one node's diagnostics."""
        if "listens" not in values:
            return
        self.listens[node] = set(values["listens"].split())
        self.heard_by[node] = {
            key.removeprefix("listeners "): int(value)
            for key, value in values.items()
            if key.startswith("listeners ")
        }

    def missing(self, nodes: set[str]) -> list[str]:
        """What is still waited for among these nodes, in words; empty when all have met."""
        absent = sorted(nodes - set(self.listens))
        if absent:
            return absent
        out = []
        for node in sorted(nodes):
            for topic, count in self.heard_by[node].items():
                expected = sum(topic in self.listens[other] for other in nodes)
                if count < expected:
                    out.append(f"{expected - count} listeners of {node} {topic}")
        return out
