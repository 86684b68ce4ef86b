"""A learned policy behind a server: what it is sent, what its answers mean, protocols; a scripted one."""

__all__ = ["chunk", "client", "errors", "mapping", "names", "observation", "reference_policy", "server"]
