"""See a run in a browser, while it goes on or later: a node that watches, its server, its page, and the 3D
scene in it. Or see it as a film."""

__all__ = ["door", "node", "player", "scene", "server", "video"]
