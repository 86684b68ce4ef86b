"""What every simulator must do, checked on one bench: `vla-sim check-engine`."""

__all__ = ["bench", "checks"]
