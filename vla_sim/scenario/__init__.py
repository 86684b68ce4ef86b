"""Scenarios: their format, playing them alone and in sweeps, checks and judgement, records and reports."""

__all__ = [
    "checks", "compare", "format", "junit", "launch_test_driver", "load", "preparation", "record", "report",
    "result", "run", "soak", "soak_report", "speech", "statistics", "sweep", "terminal",
]  # fmt: skip
