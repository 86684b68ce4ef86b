"""What every ROS node is made of: parameters, topics, diagnostics, load, and how its work is run (at the
clock's pace or in lock-step)."""

__all__ = [
    "cdr", "conversions", "execution", "executor", "failures", "kept_state", "lockstep", "messages",
    "one_writer", "pacer", "spin", "stage_node",
]  # fmt: skip
