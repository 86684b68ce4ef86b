"""The benchmark suite: what the stack's parts cost, whether that meets the requirements, and whether one
result is slower than another."""

__all__ = ["benchmark", "compare", "report", "requirements", "result", "sets", "suite"]
