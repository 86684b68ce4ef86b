"""Ids of commands and goals."""


class Ids:
    """The ids of one owner's goals or commands: "navigation-1", "navigation-2", ...

    Each id carries its owner, so that nobody takes the result of another's goal for its own. process: tells
    the ids of a node that was restarted from those before ("navigation-3fa91c-1").
    """

    def __init__(self, owner: str, process: str = "") -> None:
        self._prefix = f"{owner}-{process}-" if process else f"{owner}-"
        self._count = 0

    def new(self) -> str:
        """An id that was not given before."""
        self._count += 1
        return f"{self._prefix}{self._count}"
