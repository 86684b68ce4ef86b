"""See a run in a browser, while it goes on or later: its server, its page; or see it as a film."""

__all__ = ["video"]
