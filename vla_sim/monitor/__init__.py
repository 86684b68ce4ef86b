"""Watches a running stack: metrics, thresholds, alerts, load shedding, a journal and its reports."""

__all__ = [
    "alert_rule",
    "core",
    "health",
    "health_report",
    "journal",
    "latency",
    "memory_growth",
    "metrics",
    "node",
    "params",
    "perfetto_trace",
    "prometheus",
    "rate_meter",
    "shedding",
    "system",
    "top_view",
    "viewer",
]
