"""See a run in a browser, while it goes on or later, or as a film: a node that watches, its server, its page,
the 3D scene in it, and videos."""

__all__ = ["door", "node", "player", "scene", "server", "video"]
