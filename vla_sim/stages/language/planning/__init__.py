"""From an intent to the skills that bring it about, and the rule planner that does both halves."""

__all__ = ["plan_expander", "rule_planner"]
