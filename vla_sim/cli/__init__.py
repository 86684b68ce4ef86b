"""The program `vla-sim`: one file a command or group of commands, flags that several have in `common`."""

__all__ = ["main"]
