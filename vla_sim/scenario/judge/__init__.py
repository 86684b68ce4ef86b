"""What a run's truth says, shared by checks and records: the steps that were done, latencies, contacts."""

__all__ = ["contacts", "latencies", "steps"]
