"""Counts, tokens, cost and latency of the language model's requests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields

import numpy as np


@dataclass
class Statistics:
    """asked: replies wanted; remembered, shared: from the cache, or from a request already under way;
    sent: HTTP requests; repeated: those that were repetitions; failed: by the server's fault; wrong: answers
    that were no plan, the model's fault; refused: not sent at all; abandoned: all callers cancelled.
    unmetered: requests whose tokens the server did not report, mostly since they were given up; the pieces
    received count as tokens instead. milliseconds: of the last hundred answers of the server."""

    asked: int = 0
    remembered: int = 0
    shared: int = 0
    sent: int = 0
    repeated: int = 0
    failed: int = 0
    wrong: int = 0
    refused: int = 0
    abandoned: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    unmetered: int = 0
    cost: float = 0.0
    milliseconds: deque[float] = field(default_factory=lambda: deque(maxlen=100))

    def values(self) -> dict[str, str]:
        """For the node's diagnostics."""
        out = {f"llm.{f.name}": str(getattr(self, f.name)) for f in fields(self) if f.type == "int"}
        out["llm.hit_rate"] = f"{self.remembered / self.asked if self.asked else 0.0:.2f}"
        out["llm.cost"] = f"{self.cost:.4f}"
        if self.milliseconds:
            p50, p95 = np.percentile(list(self.milliseconds), (50, 95))
            out |= {"llm.p50_ms": f"{p50:.0f}", "llm.p95_ms": f"{p95:.0f}"}
        return out
