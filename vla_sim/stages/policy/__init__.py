"""A learned policy behind a server: what it is sent, what its answers mean, protocols; two of our own."""

__all__ = ["chunk", "client", "errors", "mapping", "names", "observation", "reference_policy", "server"]
