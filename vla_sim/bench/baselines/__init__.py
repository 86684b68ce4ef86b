"""Libraries that a user would pick in place of our kernels, asked the same question on the same data."""

__all__ = ["collision", "fields", "inverse", "planning", "rates"]
