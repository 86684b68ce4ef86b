"""Watches a running stack: metrics, thresholds, alerts, load shedding, a journal and its reports."""

__all__ = [
    "alert_rule", "core", "health", "journal", "latency", "memory_growth", "metrics", "perfetto_trace",
    "prometheus", "system", "top_view", "viewer",
]  # fmt: skip
