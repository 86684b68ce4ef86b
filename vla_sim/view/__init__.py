"""See a run in a browser, while it goes on or later: a node that watches, its server, its page."""

__all__: list[str] = []
