"""What the stages agree on: payload records and their JSON, topics, budgets, limits, words.

Units and axes follow REP-103 (metres, radians, seconds; x forward, y left, z up), frames REP-105
(`map`, `odom`, `base_link`). Two clocks appear and are never mixed:

* `stamp`: seconds of the ROS clock (simulated time in simulation), for behaviour;
* `mono`: seconds of the machine's monotonic clock (`time.monotonic()`), for latency.
"""

__all__ = [
    "budgets", "codec", "faults", "ids", "lease", "limits", "metrics", "phrases", "records", "stop_epoch",
    "topics", "vocabulary",
]  # fmt: skip
