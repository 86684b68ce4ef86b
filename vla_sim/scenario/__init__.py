"""Scenarios: files that say what is commanded, what goes wrong and what must hold; sessions that play them on
the running stack; checks that judge from the simulator's truth; records, sweeps and reports."""

__all__ = [
    "checks", "client", "fault_cases", "fault_client", "fault_course", "fault_host", "format", "junit",
    "launch_test_driver", "launch_tests", "load", "machine_load", "paired", "preparation", "record",
    "recording", "report", "result", "run", "sensitivity", "sequential", "session", "soak", "statistics",
    "sweep", "targets", "terminal", "variants",
]  # fmt: skip
