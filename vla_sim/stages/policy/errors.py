"""Why a learned policy gave no motion."""

from vla_sim.common.printable import one_line

LONGEST = 300
"""Characters of what a message shows."""


class PolicyError(Exception):
    """The message is one printable line, whatever it quotes, and fit for speaking."""

    def __init__(self, reason: str) -> None:
        line = one_line(reason)
        super().__init__(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…")


class TooLateError(PolicyError):
    """No answer came in time."""
