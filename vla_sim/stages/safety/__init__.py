"""What may move: plans are checked before they run, velocities pass a gate, and a stop is heard at once."""

__all__ = ["arm_gate", "gate", "node", "params", "plan_check", "stop_detection", "supervisor"]
