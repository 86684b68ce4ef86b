"""Watches a running stack: metrics, thresholds and alerts, load shedding, a journal, and what is made of
it."""

__all__ = [
    "alert_rule", "core", "health", "health_report", "journal", "latency", "memory_growth", "metrics", "node",
    "perfetto_trace", "prometheus", "rate_meter", "shedding", "system", "top_view", "viewer",
]  # fmt: skip
