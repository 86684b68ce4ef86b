"""What every simulator must do (`vla-sim check-engine`), and what every body must (`vla-sim check-body`)."""

__all__ = ["bench", "body_checks", "checks"]
