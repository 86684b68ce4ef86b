"""Has every node discovered the others? A message that is published before does not arrive everywhere."""

from dataclasses import dataclass, field


@dataclass
class Discovery:
    """Built from every node's diagnostics: to which topics it subscribes, and how many subscribers it sees on
    each topic that it publishes. A node that has not reported yet has discovered nothing."""

    topics: dict[str, set[str]] = field(default_factory=dict)
    subscribers: dict[str, dict[str, int]] = field(default_factory=dict)

    def report(self, node: str, values: dict[str, str]) -> None:
        """Take one node's diagnostics."""
        if "listens" not in values:
            return
        self.topics[node] = set(values["listens"].split())
        self.subscribers[node] = {
            key.removeprefix("listeners "): int(value)
            for key, value in values.items()
            if key.startswith("listeners ")
        }

    def missing(self, nodes: set[str]) -> list[str]:
        """What is still missing among these nodes, in words; empty when each sees every other."""
        if absent := sorted(nodes - set(self.topics)):
            return absent
        out = []
        for node in sorted(nodes):
            for topic, count in self.subscribers[node].items():
                expected = sum(topic in self.topics[other] for other in nodes)
                if count < expected:
                    out.append(f"{expected - count} subscribers of {node} {topic}")
        return out
